import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Request, Understudy, UnderstudyAnswer } from '../platform.ts';
import { nodeClock } from './clock.ts';
import { serve, type TestServer } from './testing.ts';
import { understudies } from './understudy.ts';

const TIMES = { inMs: 0, everyMs: 60_000, retryMs: 60_000, timeoutMs: 10_000 };

let server: TestServer;
let ids: (string | undefined)[];
let answer: (response: ServerResponse) => void;
let open: () => Understudy | undefined;
const opened: Understudy[] = [];
beforeEach(async () => {
  ids = [];
  answer = (response) => void response.writeHead(201, { 'Retry-After': '7' }).end('{"ü": 1}');
  server = await serve(({ headers }, response) => {
    ids.push(headers['x-request-id']?.toString());
    answer(response);
  });
  open = understudies(() => ({ address: '127.0.0.1', family: 4 }));
});
afterEach(() => {
  for (const each of opened.splice(0)) each.stop();
  server.close();
});

function understudy(): Understudy {
  const one = open();
  if (!one) throw new Error('no understudy');
  opened.push(one);
  return one;
}
const request = (): Request => ({
  method: 'PUT',
  url: `${server.url}/beat`,
  headers: { authorization: 'License key', 'x-request-id': 'of the main thread' },
  body: '{"ß": 1}',
});
async function answered(one: Understudy, count = 1): Promise<UnderstudyAnswer[]> {
  const all: UnderstudyAnswer[] = [];
  await expect.poll(() => all.push(...one.drain()), { interval: 5 }).toBeGreaterThanOrEqual(count);
  return all;
}

describe('an understudy', () => {
  test('sends the planned request, and keeps the answer with its time of sending', async () => {
    const one = understudy();
    const before = nodeClock.now();
    one.plan(request(), TIMES);
    const [first] = await answered(one);
    const after = nodeClock.now();
    expect(first?.response).toMatchObject({ status: 201, body: '{"ü": 1}' });
    expect(first?.response.header('retry-after')).toBe('7');
    expect(first?.response.header('x-not-there')).toBeUndefined();
    expect(server.bodies).toEqual(['{"ß": 1}']);
    for (const clock of ['wallMs', 'monotonicMs'] as const) {
      expect(first?.sentAt[clock]).toBeGreaterThanOrEqual(before[clock] - 1);
      expect(first?.sentAt[clock]).toBeLessThan(after[clock]);
    }
    expect(one.drain()).toEqual([]);
  });

  test('sends again, each time with another request id', async () => {
    const one = understudy();
    one.plan(request(), { ...TIMES, everyMs: 20 });
    const answers = await answered(one, 2);
    expect(new Set(ids).size).toBe(ids.length);
    expect(answers.map(({ request: { headers } }) => headers['x-request-id'])).toEqual(
      ids.slice(0, answers.length),
    );
    expect(ids).not.toContain('of the main thread');
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ['is cut', (response) => response.destroy()],
    [
      'ends early',
      (response) => response.writeHead(200, { 'content-length': 9 }).write('{', () => response.destroy()),
    ],
    ['is larger than 1 MiB', (response) => void response.end('x'.repeat(1_048_577))],
    ['does not end in time', (response) => void response.writeHead(200).write('{')],
    ['is not HTTP', (response) => void response.socket?.end('HTTP/1.1 banana\r\n\r\n')],
  ])('reports nothing if the answer %s, and tries again', async (_, faulty) => {
    const good = answer;
    answer = (response) => {
      answer = good;
      faulty(response);
    };
    const one = understudy();
    one.plan(request(), { ...TIMES, retryMs: 20, timeoutMs: 500 });
    expect(await answered(one)).toHaveLength(1);
    expect(ids).toHaveLength(2);
  });

  test('sends nothing that was replaced or canceled before it was due', async () => {
    const [one, other] = [understudy(), understudy()];
    one.plan(request(), { ...TIMES, inMs: 50 });
    one.plan({ ...request(), body: 'newer' }, { ...TIMES, inMs: 50 });
    other.plan(request(), { ...TIMES, inMs: 50 });
    other.cancel();
    expect(await answered(one)).toHaveLength(1);
    expect(server.bodies).toEqual(['newer']);
    expect(other.drain()).toEqual([]);
  });

  test('goes on when another seat of the program ends, and starts anew after the last', async () => {
    const [one, other] = [understudy(), understudy()];
    other.stop();
    other.stop();
    one.plan(request(), TIMES);
    await answered(one);
    one.stop();
    const next = understudy();
    next.plan(request(), TIMES);
    expect(await answered(next)).toHaveLength(1);
  });

  test('sends nothing while no address of the server is known', async () => {
    open = understudies(() => undefined);
    const one = understudy();
    one.plan(request(), TIMES);
    expect(() => one.cancel()).not.toThrow();
    expect(one.drain()).toEqual([]);
  });
});
