import { expect, test } from 'vitest';
import { describeReal } from '../../testing/real-parts.ts';
import { runs } from '../../testing/runs.ts';
import { realBackend } from '../../testing/seats/backend.ts';
import { commandStats, fillShard } from '../../testing/seats/many-licenses.ts';
import { respRequester } from '../../testing/servers/resp-requester.ts';
import { openRedisMaintenance } from './redis-maintenance.ts';

const SHARD = '07';
const EXPIRED = 100;

describeReal('redis-server', 'the cost of a sweep', () => {
  test('grows with the number of expired leases, not with the number of licenses and sessions', async () => {
    const counts = [];
    for (const count of [1_000, runs(20_000, 100_000)]) {
      const backend = await realBackend();
      try {
        const nowMs = Date.now();
        await backend.setClock(nowMs);
        await fillShard(backend.redis, { shard: SHARD, count, expired: EXPIRED, nowMs });
        const seatMaintenance = openRedisMaintenance(respRequester(backend.redis), backend.includes);
        await backend.redis.command(['CONFIG', 'RESETSTAT']);
        let expired = 0;
        for (let due: readonly string[] | undefined; due === undefined || due.length > 0; ) {
          const news = await seatMaintenance.expire(SHARD, due ?? []);
          expired += news.expired;
          due = news.due;
        }
        expect(expired).toBe(EXPIRED);
        const stats = await commandStats(backend.redis);
        counts.push(Object.fromEntries([...stats].map(([name, { calls }]) => [name, calls])));
      } finally {
        await backend.close();
      }
    }
    const [few, many] = counts;
    expect(many).toEqual(few);
    // On the wire: a first check, then one for each 32 licenses.
    expect(Number(few?.evalsha)).toBe(1 + Math.ceil(EXPIRED / 32));
    expect(few?.xadd).toBe(EXPIRED);
    expect(few).not.toHaveProperty('scan');
  });
});
