import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ACCESS_TOKEN_SECONDS } from '../domain/access-token.ts';
import { Unavailable } from '../errors.ts';
import { openSqliteRecords } from '../local/sqlite-records.ts';
import { BARS } from '../ports/collections.ts';
import type { Records } from '../ports/records.ts';
import type { SeatMaintenance } from '../ports/seat-maintenance.ts';
import { barUser, restoreBars, unbarUser } from './bars.ts';

const START_MS = Date.UTC(2026, 10, 29);

let nowMs: number;
let records: Records;
/** Until when each user is barred, by tenant and user. */
let barred: Map<string, number>;
let isDown: boolean;
beforeEach(() => {
  nowMs = START_MS;
  records = openSqliteRecords(':memory:');
  barred = new Map();
  isDown = false;
});
afterEach(() => records.close());

const seatMaintenance = {
  async bar(tenantId: string, bars: readonly { userId: string; untilMs: number }[]) {
    if (isDown) throw new Unavailable('seats', 'unavailable in this test');
    for (const { userId, untilMs } of bars) barred.set(`${tenantId}:${userId}`, untilMs);
  },
  async unbar(tenantId: string, userId: string) {
    barred.delete(`${tenantId}:${userId}`);
  },
} as SeatMaintenance;
const clock = { nowMs: () => nowMs };
const deps = () => ({ records, seatMaintenance, clock });

describe('a bar', () => {
  test('lasts longer than every access token that was issued before it', async () => {
    await barUser('ten_a', 'usr_ada', deps());
    const untilMs = (await records.get(BARS, 'ten_a:usr_ada'))?.untilMs ?? 0;
    expect(untilMs).toBeGreaterThan(nowMs + ACCESS_TOKEN_SECONDS * 1000);
    expect([...barred]).toEqual([['ten_a:usr_ada', untilMs]]);
  });

  test('is extended by a second one, and never shortened', async () => {
    await barUser('ten_a', 'usr_ada', deps());
    const first = await records.get(BARS, 'ten_a:usr_ada');
    nowMs -= 60_000;
    await barUser('ten_a', 'usr_ada', deps());
    expect(await records.get(BARS, 'ten_a:usr_ada')).toEqual(first);
    nowMs += 120_000;
    await barUser('ten_a', 'usr_ada', deps());
    expect(await records.get(BARS, 'ten_a:usr_ada')).toMatchObject({
      untilMs: (first?.untilMs ?? 0) + 60_000,
    });
  });

  test('that the seat store has lost, or never got, is restored until it ends', async () => {
    isDown = true;
    for (const [tenantId, userId] of [
      ['ten_a', 'usr_ada'],
      ['ten_a', 'usr_bob'],
      ['ten_b', 'usr_ada'],
    ] as const)
      await expect(barUser(tenantId, userId, deps())).rejects.toThrow(Unavailable);
    isDown = false;
    await restoreBars(deps());
    expect([...barred.keys()].toSorted()).toEqual(['ten_a:usr_ada', 'ten_a:usr_bob', 'ten_b:usr_ada']);
    const [untilMs = 0] = barred.values();
    barred.clear();
    nowMs = untilMs + 1;
    await restoreBars(deps());
    expect([...barred]).toEqual([]);
  });

  test('is not restored after it was removed', async () => {
    await barUser('ten_a', 'usr_ada', deps());
    await unbarUser('ten_a', 'usr_ada', deps());
    await restoreBars(deps());
    expect([...barred]).toEqual([]);
  });

  test('costs a sweep one query if there is none', async () => {
    const query = vi.spyOn(records, 'query');
    await restoreBars(deps());
    expect(query).toHaveBeenCalledTimes(1);
  });
});
