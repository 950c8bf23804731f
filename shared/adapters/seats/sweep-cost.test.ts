import { expect, test } from 'vitest';
import type { SeatMaintenance } from '../../ports/seat-maintenance.ts';
import { sweepUntilDone } from '../../testing/contracts/seat-maintenance/sweep.ts';
import { describeReal } from '../../testing/real-parts.ts';
import { runs } from '../../testing/runs.ts';
import { realBackend, type SeatsBackend } from '../../testing/seats/backend.ts';
import { commandStats, fillShard } from '../../testing/seats/many-licenses.ts';
import { respRequester } from '../../testing/servers/resp-requester.ts';
import { openRedisMaintenance } from './redis-maintenance.ts';

const SHARD = '07';
const EXPIRED = 100;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const IDLE_COMMANDS = 4;

/** What the test itself sends. */
const OURS = /^(config|info)/;

describeReal('redis-server', 'the cost of a sweep', () => {
  /** Commands by name, those of scripts included. */
  async function countCommands(backend: SeatsBackend, work: () => Promise<unknown>) {
    await backend.redis.command(['CONFIG', 'RESETSTAT']);
    await work();
    const stats = await commandStats(backend.redis);
    return Object.fromEntries(
      [...stats].flatMap(([name, { calls }]) => (OURS.test(name) ? [] : [[name, calls]])),
    );
  }

  async function onRedis(
    use: (backend: SeatsBackend, seatMaintenance: SeatMaintenance, nowMs: number) => Promise<void>,
  ): Promise<void> {
    const backend = await realBackend();
    try {
      // Once an hour a visit also forgets; not at this time.
      const nowMs = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS + MINUTE_MS;
      await backend.setClock(nowMs);
      const seatMaintenance = openRedisMaintenance(respRequester(backend.redis), backend.includes);
      // Loads the script.
      await seatMaintenance.expire(SHARD, []);
      await use(backend, seatMaintenance, nowMs);
    } finally {
      await backend.close();
    }
  }

  test('is four commands for a shard in which nothing is due', async () => {
    await onRedis(async (backend, seatMaintenance, nowMs) => {
      await fillShard(backend.redis, { shard: SHARD, count: 100, expired: 0, nowMs });
      const counts = await countCommands(backend, () => seatMaintenance.expire(SHARD, []));
      // The script, its clock, what is due, and the oldest event.
      expect(counts).toEqual({ evalsha: 1, get: 1, zrangebyscore: 1, xrange: 1 });
      expect(Object.keys(counts)).toHaveLength(IDLE_COMMANDS);
    });
  });

  test('grows with the number of expired seats, not with the number of licenses and sessions', async () => {
    const counts: Readonly<Record<string, number>>[] = [];
    for (const count of [1_000, runs(20_000, 100_000)]) {
      await onRedis(async (backend, seatMaintenance, nowMs) => {
        await fillShard(backend.redis, { shard: SHARD, count, expired: EXPIRED, nowMs });
        let expired = 0;
        counts.push(
          await countCommands(backend, async () => {
            for (const news of await sweepUntilDone({ seatMaintenance }, SHARD)) expired += news.expired;
          }),
        );
        expect(expired).toBe(EXPIRED);
      });
    }
    const [few, many] = counts;
    expect(many).toEqual(few);
    // On the wire: a first check, then one for each 32 licenses.
    expect(few?.evalsha).toBe(1 + Math.ceil(EXPIRED / 32));
    expect(few?.xadd).toBe(EXPIRED);
    expect(few).not.toHaveProperty('scan');
  });

  test('is at most 25,000 commands a minute for 100,000 licenses of one seat that is kept by heartbeats', async () => {
    await onRedis(async (backend, seatMaintenance, nowMs) => {
      const licenses = 320;
      /** Heartbeats have renewed all seats, and leave the sweep's time to look as it is. */
      const sweepAt = async (atMs: number) => {
        await fillShard(backend.redis, {
          shard: SHARD,
          count: licenses,
          expired: 0,
          nowMs: atMs,
          dueMs: atMs - 1,
        });
        await backend.setClock(atMs);
        return countCommands(backend, async () => {
          for (const { expired } of await sweepUntilDone({ seatMaintenance }, SHARD)) expect(expired).toBe(0);
        });
      };
      const calls = 1 + licenses / 32;
      const looks = await sweepAt(nowMs);
      // One command a look; five for each call: the script, its clock, when to look again, what is due, and the outbox.
      expect(looks).toEqual({
        evalsha: calls,
        get: calls,
        zrange: licenses,
        zadd: calls - 1,
        zrangebyscore: calls,
        xrange: calls,
      });
      // Once an hour one more, for what can be forgotten.
      const hourly = await sweepAt(nowMs + HOUR_MS - 2 * MINUTE_MS);
      expect(hourly).toEqual({ ...looks, exists: licenses });

      // Without the first call, which is the same for any number of licenses.
      const total = Object.values(looks).reduce((sum, each) => sum + each, 0) - IDLE_COMMANDS;
      // A seat lasts 360 s from each heartbeat, and heartbeats come every 300 s: so do the looks at its end.
      const looksAMinute = 100_000 * (MINUTE_MS / 300_000);
      const aMinute = (total / licenses) * looksAMinute + 100_000 / 60;
      expect(aMinute).toBeLessThanOrEqual(25_000);
    });
  });
});
