import { expect, test } from 'vitest';
import { createCall, createSend } from '../api-call.ts';
import { Problem } from '../problem.ts';
import { readHealth } from './health.ts';

function callThatGets(status: number, body: unknown) {
  const send = createSend(async () => Response.json(body, { status }));
  return createCall(send, { authorization: async () => undefined, renew: async () => undefined });
}
const { signal } = new AbortController();

test('a server that ails says which part is away', async () => {
  const parts = { seats: 'ok', records: 'unavailable', events: 'ok', signing: 'ok' };
  const call = callThatGets(503, { status: 'unavailable', parts });
  expect(await readHealth(call, signal)).toEqual(parts);
});

test('a part that nothing is said of is not called well', async () => {
  const call = callThatGets(200, { status: 'ok', parts: { seats: 'ok' } });
  expect(await readHealth(call, signal)).toMatchObject({ seats: 'ok', records: 'unavailable' });
});

test('where the server itself does not answer, nothing is said of its parts', async () => {
  const call = callThatGets(503, { code: 'RECORDS_UNAVAILABLE', title: 'Not now.' });
  await expect(readHealth(call, signal)).rejects.toThrow(Problem);
});
