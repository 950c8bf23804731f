import { expect, test } from 'vitest';
import { createCall, createSend } from '../api-call.ts';
import { Problem } from '../problem.ts';
import { readHealth } from './health.ts';

function callReturning(status: number, body: unknown) {
  const send = createSend(async () => Response.json(body, { status }));
  return createCall(send, { authorization: async () => undefined, renew: async () => undefined });
}
const { signal } = new AbortController();

const REPORT = {
  status: 'ok',
  dependencies: { seats: 'ok', records: 'ok', events: 'ok', signing: 'ok', billing: 'ok' },
  sweep: { status: 'ok', succeeded_at: '2026-11-29T10:00:00.000Z' },
  backlog: { status: 'ok', events: 0, oldest_age_seconds: null },
  version: '1.2.3',
  commit: '0123456789abcdef0123456789abcdef01234567',
};

async function read(status: number, change: object) {
  const { checks, ...rest } = await readHealth(callReturning(status, { ...REPORT, ...change }), signal);
  return { ...rest, failed: checks.filter(({ isOk }) => !isOk).map(({ name, status }) => [name, status]) };
}

test('returns each status and the release', async () => {
  expect(await read(200, {})).toEqual({ isOk: true, failed: [], release: '1.2.3 (0123456789ab)' });
  expect((await read(200, { commit: null })).release).toBe('1.2.3');
});

test('returns the statuses of a 503 response', async () => {
  const dependencies = { ...REPORT.dependencies, seats: 'memory', records: 'unavailable' };
  const sweep = { status: 'late', succeeded_at: null };
  expect(await read(503, { status: 'unavailable', dependencies, sweep })).toMatchObject({
    isOk: false,
    failed: [
      ['Seats (Redis)', 'Full'],
      ['Records (Firestore)', 'Unavailable'],
      ['Last sweep', 'Late'],
    ],
  });
});

test('shows that payments are unavailable, or are not configured', async () => {
  const having = (billing: string) => read(200, { dependencies: { ...REPORT.dependencies, billing } });
  expect(await having('unavailable')).toMatchObject({
    isOk: false,
    failed: [['Payments (Stripe)', 'Unavailable']],
  });
  expect(await having('off')).toMatchObject({ isOk: true, failed: [] });
});

test('treats what is not reported as unknown', async () => {
  const change = { dependencies: { seats: 'ok' }, backlog: undefined, version: undefined };
  const { isOk, failed } = await read(200, change);
  expect(isOk).toBe(false);
  expect(failed).toContainEqual(['Records (Firestore)', 'Unknown']);
  expect(failed).toContainEqual(['Unpublished events', 'Unknown']);
});

test('throws for a 503 response without statuses', async () => {
  const call = callReturning(503, { code: 'RECORDS_UNAVAILABLE', title: 'Not now.' });
  await expect(readHealth(call, signal)).rejects.toThrow(Problem);
});
