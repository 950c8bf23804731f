import { afterAll, beforeAll, expect, test } from 'vitest';
import { Unavailable } from '../shared/errors.ts';
import type { Seats } from '../shared/ports/seats.ts';
import { openTestSuite, type Reply, type TestLicense, type TestSuite } from './testing/suite.ts';

/** What clients in every language rely on beside the body: see clients/docs/protocol.md. */
const ACQUIRE = '/api/v1/licenses/acquire';
const REQUEST_ID = '5e0c4a51-0d0b-4d6a-9a4e-6e4c3f0a7b10';

let suite: TestSuite;
let license: TestLicense;
let acquire: Seats['acquire'] | undefined;
beforeAll(async () => {
  suite = await openTestSuite({}, (deps) => ({
    ...deps,
    seats: { ...deps.seats, acquire: (request) => (acquire ?? deps.seats.acquire)(request) },
  }));
  license = await suite.createLicense({ max: 1 });
});
afterAll(() => suite.close());

function ask(method: string, path: string, body?: unknown, key = license.key): Promise<Reply> {
  return suite.call(method, path, {
    authorization: `License ${key}`,
    headers: { 'x-request-id': REQUEST_ID },
    body,
  });
}

test('every answer has the date, the id of its request, and the header that lets a browser read both', async () => {
  const seat = await ask('POST', ACQUIRE, { fingerprint: 'a' });
  const { session_id } = seat.body;
  acquire = async () => ({ verdict: 'TOO_OFTEN', retryAfterSeconds: 7 });
  const tooOften = await ask('POST', ACQUIRE, { fingerprint: 'a' });
  acquire = async () => {
    throw new Unavailable('seats', 'connection refused');
  };
  const unavailable = await ask('POST', ACQUIRE, { fingerprint: 'a' });
  acquire = async () => {
    throw new Error('a bug');
  };
  const broken = await ask('POST', ACQUIRE, { fingerprint: 'a' });
  acquire = undefined;

  const answers: [number, Reply][] = [
    [201, seat],
    [200, await ask('PUT', '/api/v1/licenses/heartbeat', { session_id })],
    [200, await ask('POST', '/api/v1/licenses/sign', { session_id })],
    [409, await ask('POST', ACQUIRE, { fingerprint: 'b' })],
    [204, await ask('POST', '/api/v1/licenses/release', { session_id })],
    [404, await ask('PUT', '/api/v1/licenses/heartbeat', { session_id })],
    [400, await ask('POST', ACQUIRE, {})],
    [401, await ask('POST', ACQUIRE, { fingerprint: 'a' }, 'nonsense')],
    [405, await ask('GET', ACQUIRE)],
    [429, tooOften],
    [500, broken],
    [503, unavailable],
  ];
  for (const [expected, { status, headers, body, text }] of answers) {
    expect(status, text).toBe(expected);
    expect(Math.abs(Date.parse(headers.get('date') ?? '') - Date.now())).toBeLessThan(60_000);
    expect(headers.get('x-request-id')).toBe(REQUEST_ID);
    expect(headers.get('access-control-expose-headers')).toBe('*');
    if (status >= 400) expect(body.request_id).toBe(REQUEST_ID);
  }
  const waits = answers.filter(([status]) => [409, 429, 503].includes(status));
  expect(waits.map(([, { headers }]) => Number(headers.get('retry-after')))).toEqual([360, 7, 2]);
});
