import { describe, expect, test } from 'vitest';
import { Lease } from './lease.ts';

const SENT_AT_MS = 5_000;
const leaseOf = (ttlSeconds: number, heartbeatSeconds: number) =>
  new Lease({ sentAtMs: SENT_AT_MS, ttlSeconds, heartbeatSeconds });

describe.each([
  ['of the default length', 360, 300],
  ['whose heartbeats are due early', 60, 20],
  ['whose heartbeat is due at once', 360, 0],
  ['that is cut by the end of its license', 20, 20],
  ['of ninety days', 90 * 86_400, 300],
])('a lease %s', (_, ttl, heartbeat) => {
  const lease = leaseOf(ttl, heartbeat);

  test('is used for less than its length, because clocks run at different speeds', () => {
    expect(lease.endsAtMs).toBe(SENT_AT_MS + ttl * 995);
  });

  test('has time for three tries after its heartbeat is due, each with its timeout', () => {
    const dueAtMs = lease.nextHeartbeatAtMs(0);
    expect(dueAtMs + 3 * lease.pauseMs).toBeCloseTo(lease.endsAtMs);
    expect(lease.timeoutMs).toBeLessThanOrEqual(lease.pauseMs * 0.75);
    expect(lease.timeoutMs).toBeLessThanOrEqual(10_000);
  });

  test('spreads heartbeats over the tenth of the interval before they are due', () => {
    const dueMs = lease.nextHeartbeatAtMs(0) - SENT_AT_MS;
    expect(dueMs).toBe(lease.heartbeatMs);
    expect(lease.nextHeartbeatAtMs(1) - SENT_AT_MS).toBeCloseTo(dueMs * 0.9);
  });
});

test('a heartbeat is due when the server says, but not later than five sixths of the lease', () => {
  expect([leaseOf(360, 300), leaseOf(60, 20), leaseOf(60, 60)].map((each) => each.heartbeatMs)).toEqual([
    300_000, 20_000, 50_000,
  ]);
});

test('a lease that has no time left asks the server once a second, and not in a loop', () => {
  const lease = leaseOf(0, 0);
  expect(lease.endsAtMs).toBe(SENT_AT_MS);
  expect([lease.heartbeatMs, lease.pauseMs, lease.timeoutMs]).toEqual([1_000, 250, 250]);
});
