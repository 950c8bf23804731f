import { respClient } from '../../shared/adapters/seats/resp-client.ts';
import { openUpkeep } from '../../shared/adapters/seats/upkeep.ts';
import { commandStats, fillShard } from '../../shared/testing/many-licenses.ts';
import { startRedisServer } from '../../shared/testing/redis-server.ts';
import { respRequester } from '../../shared/testing/resp-requester.ts';
import { medianOf } from './median.ts';

const SHARD = '07';
const REPEATS = 15;
const SIZES = [1_000, 100_000] as const;
const EXPIRED = [100, 1_000] as const;

/** What a sweep costs Redis, by how many licenses there are and how many of them have a lease that ran out. */
export async function benchSweep(): Promise<string[]> {
  const servers = [];
  for (const count of SIZES) {
    const server = await startRedisServer();
    const redis = respClient(server);
    await fillShard(redis, { shard: SHARD, count, expired: 0, nowMs: Date.now() });
    servers.push({ count, server, redis, upkeep: openUpkeep(respRequester(redis)) });
  }
  const lines: string[] = [];
  try {
    for (const expired of EXPIRED) {
      const samples = servers.map((): { micros: number; longest: number; commands: number }[] => []);
      // In turns, so that whatever slows the machine slows both.
      for (let repeat = 0; repeat < REPEATS; repeat += 1) {
        for (const [i, { redis, upkeep }] of servers.entries()) {
          await fillShard(redis, { shard: SHARD, count: expired, expired, nowMs: Date.now() });
          samples[i]?.push(await sweepOnce(redis, upkeep, expired));
        }
      }
      const costs = samples.map((each) => ({
        ...medianOf(each.map(({ micros }) => micros)),
        longest: medianOf(each.map(({ longest }) => longest)).median,
        commands: each[0]?.commands ?? 0,
      }));
      for (const [i, cost] of costs.entries()) {
        const ratio = cost.median / (costs[0]?.median ?? 1);
        lines.push(
          `${expired} expired of ${SIZES[i]} licenses: ${(cost.median / 1000).toFixed(2)} ms of Redis in ` +
            `${cost.commands} commands, the longest ${(cost.longest / 1000).toFixed(2)} ms ` +
            `(x ${ratio.toFixed(2)}; spread ${cost.spread.toFixed(1)})`,
        );
      }
    }
  } finally {
    for (const { redis, server } of servers) {
      redis.close();
      await server.stop();
    }
  }
  return lines;
}

async function sweepOnce(
  redis: ReturnType<typeof respClient>,
  upkeep: ReturnType<typeof openUpkeep>,
  expired: number,
): Promise<{ micros: number; longest: number; commands: number }> {
  await redis.command(['CONFIG', 'RESETSTAT']);
  let [found, longest, before, commands] = [0, 0, 0, 0];
  for (let due: readonly string[] | undefined; due === undefined || due.length > 0; ) {
    const news = await upkeep.expire(SHARD, due ?? []);
    due = news.due;
    found += news.expired;
    commands += 1;
    const { micros = 0 } = (await commandStats(redis)).get('evalsha') ?? {};
    longest = Math.max(longest, micros - before);
    before = micros;
  }
  if (found !== expired) throw new Error(`${found} leases had run out, not ${expired}`);
  await redis.command(['DEL', `outbox:{s${SHARD}}`]);
  return { micros: before, longest, commands };
}
