import { expect, test } from 'vitest';
import { serving } from '../../shared/testing/servers/redis-over-http.ts';
import { type Answer, type Ask, drive, eachOnce, errorsOf, just, type Turn } from './load.ts';

const get = (url: string, expected = [200]): Ask => ({ verb: 'get', method: 'GET', url, expected });

function* asking(...asks: readonly Ask[]): Turn {
  for (const ask of asks) yield ask;
}

test('counts each request under its verb, and each unexpected response as an error', async () => {
  const url = await serving((response, { url: path }) => {
    response.writeHead(path === '/full' ? 409 : 200).end();
  });
  const turns = [
    asking(get(`${url}/free`), { ...get(`${url}/full`), verb: 'other' }),
    asking(get(`${url}/full`, [200, 409]), get(`${url}/full`)),
  ];
  const measured = await drive({ clients: 1, nextTurn: () => turns.shift() });
  expect([...measured].map(([verb, { count, errors }]) => [verb, count, errors])).toEqual([
    ['get', 3, 1],
    ['other', 1, 1],
  ]);
  expect(errorsOf(measured.values())).toBe(2);
});

test('passes each expected response to the turn, and undefined for an unexpected or missing one', async () => {
  const url = await serving((response, { url: path = '' }) => {
    if (path === '/lost') response.destroy();
    else response.writeHead(path === '/wrong' ? 500 : 201).end(`at ${path}`);
  });
  const got: (Answer | undefined)[] = [];
  function* turn(): Turn {
    for (const path of ['/right', '/wrong', '/lost', '/again']) got.push(yield get(`${url}${path}`, [201]));
  }
  const turns = [turn()];
  const measured = await drive({ clients: 1, nextTurn: () => turns.shift() });
  expect(got).toEqual([
    { status: 201, text: 'at /right' },
    undefined,
    undefined,
    { status: 201, text: 'at /again' },
  ]);
  expect(measured.get('get')).toMatchObject({ count: 4, errors: 2 });
});

test('counts every request to a closed port as an error, and does not hang', async () => {
  const measured = await eachOnce(4, [1, 2, 3, 4, 5], () => just(get('http://127.0.0.1:1/')));
  expect(measured.get('get')).toMatchObject({ count: 5, errors: 5, perSecond: 0 });
});

test('gives each client its own connection with one request at a time', async () => {
  const busy = new Map<unknown, number>();
  let most = 0;
  const url = await serving((response, { socket }) => {
    const open = (busy.get(socket) ?? 0) + 1;
    busy.set(socket, open);
    most = Math.max(most, open);
    setImmediate(() => {
      busy.set(socket, open - 1);
      response.end();
    });
  });
  await eachOnce(5, Array.from({ length: 50 }), () => just(get(url)));
  expect(busy.size).toBe(5);
  expect(most).toBe(1);
});

test('sends at most `atOnce` concurrent requests to an origin', async () => {
  let [inside, most] = [0, 0];
  const url = await serving((response) => {
    inside += 1;
    most = Math.max(most, inside);
    setTimeout(() => {
      inside -= 1;
      response.end();
    }, 2);
  });
  const turns = Array.from({ length: 60 }, () => just(get(url)));
  const measured = await drive({ clients: 20, atOnce: 3, nextTurn: () => turns.shift() });
  expect(measured.get('get')).toMatchObject({ count: 60, errors: 0 });
  expect(most).toBe(3);
});
