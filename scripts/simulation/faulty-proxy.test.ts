import { afterEach, expect, onTestFinished, test } from 'vitest';
import { cannedServer } from '../../shared/testing/servers/canned-server.ts';
import { type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts';
import type { Fate } from './request-faults.ts';

const BODY = '{"session_id":"ses_1","ttl":360,"expires_at":"2026-01-01T00:00:00.000Z"}';
const proxies: FaultyProxy[] = [];
afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});

/** A proxy that applies this fate to every request, in front of a server that records them. */
async function proxyOf(fate: Fate) {
  const received: string[] = [];
  const target = await cannedServer((response, { method, url }) => {
    received.push(`${method} ${url}`);
    response.writeHead(200, { 'content-type': 'application/json', 'x-of': 'the server' }).end(BODY);
  });
  onTestFinished(target.close);
  const recorded: string[] = [];
  const proxy = await startFaultyProxy({
    targetUrl: target.url,
    nextFate: () => fate,
    noteAnswer: ({ path }, { body }) => recorded.push(`${path} ${body}`),
  });
  proxies.push(proxy);
  return { received, recorded, send: () => fetch(`${proxy.url}/acquire`, { method: 'POST', body: '{}' }) };
}

test('returns a response unchanged', async () => {
  const { send, recorded } = await proxyOf({ arrivesAfterMs: 0, answer: { how: 'none', afterMs: 0 } });
  const answer = await send();
  expect([answer.status, answer.headers.get('x-of'), await answer.text()]).toEqual([200, 'the server', BODY]);
  expect(recorded).toEqual([`/acquire ${BODY}`]);
});

test('drops a request, or only its response', async () => {
  const before = await proxyOf({ arrivesAfterMs: undefined, answer: { how: 'RESET', afterMs: 0 } });
  await expect(before.send()).rejects.toThrow();
  expect(before.received).toEqual([]);

  const after = await proxyOf({ arrivesAfterMs: 0, answer: { how: 'RESET', afterMs: 0 } });
  await expect(after.send()).rejects.toThrow();
  expect(after.received).toEqual(['POST /acquire']);
});

test('forwards a request a second time', async () => {
  const fate: Fate = { arrivesAfterMs: 0, againAfterMs: 1, answer: { how: 'none', afterMs: 0 } };
  const { send, received } = await proxyOf(fate);
  await (await send()).text();
  await expect.poll(() => received).toEqual(['POST /acquire', 'POST /acquire']);
});

test('sends the body slowly and completely', async () => {
  const { send } = await proxyOf({ arrivesAfterMs: 0, answer: { how: 'none', afterMs: 40 } });
  const { body } = await send();
  const pieces: string[] = [];
  for await (const piece of body ?? []) pieces.push(Buffer.from(piece).toString());
  expect(pieces.length).toBeGreaterThan(1);
  expect(pieces.join('')).toBe(BODY);
});

test('cuts a response in the middle, distorts it, or invents one', async () => {
  const cut = await proxyOf({ arrivesAfterMs: 0, answer: { how: 'cut in the middle', afterMs: 0 } });
  await expect(cut.send().then((answer) => answer.text())).rejects.toThrow();

  const distorted = await proxyOf({ arrivesAfterMs: 0, answer: { how: 'ttl of decades', afterMs: 0 } });
  expect(await (await distorted.send()).json()).toMatchObject({ session_id: 'ses_1', ttl: 1e9 });

  const invented = await proxyOf({ arrivesAfterMs: undefined, answer: { how: 'unavailable', afterMs: 0 } });
  const answer = await invented.send();
  expect([answer.status, answer.headers.get('retry-after'), invented.received]).toEqual([503, '1', []]);
});
