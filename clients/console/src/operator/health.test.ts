import { expect, test } from 'vitest';
import { createCall, createSend } from '../api-call.ts';
import { Problem } from '../problem.ts';
import { readHealth } from './health.ts';

function callReturning(status: number, body: unknown) {
  const send = createSend(async () => Response.json(body, { status }));
  return createCall(send, { authorization: async () => undefined, renew: async () => undefined });
}
const { signal } = new AbortController();

test('returns the dependencies that a 503 response lists', async () => {
  const parts = { seats: 'ok', records: 'unavailable', events: 'ok', signing: 'ok' };
  const call = callReturning(503, { status: 'unavailable', parts });
  expect(await readHealth(call, signal)).toEqual(parts);
});

test('treats a missing dependency as unavailable', async () => {
  const call = callReturning(200, { status: 'ok', parts: { seats: 'ok' } });
  expect(await readHealth(call, signal)).toMatchObject({ seats: 'ok', records: 'unavailable' });
});

test('throws for a 503 response that lists no dependencies', async () => {
  const call = callReturning(503, { code: 'RECORDS_UNAVAILABLE', title: 'Not now.' });
  await expect(readHealth(call, signal)).rejects.toThrow(Problem);
});
