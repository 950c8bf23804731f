import { ErrorReply } from '@redis/client';
import type { RedisEngine } from '../../adapters/redis/engine.ts';
import { redisEngine } from '../../adapters/redis/redis-protocol.ts';
import type { RespClient, RespReply } from '../../local/redis/resp-client.ts';
import { type RedisCluster, startRedisCluster } from '../servers/redis-cluster.ts';
import { CLOCK_KEYS, MOVED_CLOCK, type SeatsBackend } from './backend.ts';

/** Commands on all keys: each primary runs them. */
const ON_ALL = new Set(['KEYS', 'FLUSHALL', 'SCRIPT']);

/** A real cluster with a moved clock. `redis` sends each command to the primary of its key, or to all. */
export async function clusterBackend(): Promise<SeatsBackend & { readonly cluster: RedisCluster }> {
  const cluster = await startRedisCluster();
  const [seed] = cluster.nodes;
  if (!seed) throw new TypeError('A cluster has nodes.');
  const openEngine = (timeoutMs?: number): RedisEngine =>
    redisEngine({ url: cluster.url, isCluster: true, timeoutMs });
  const redis = clientOf(openEngine(10_000), cluster);
  let clockMs = Date.now();
  const writeClock = () => redis.pipeline(CLOCK_KEYS.map((key) => ['SET', key, String(clockMs)]));
  return {
    host: seed.host,
    port: seed.port,
    redis,
    openEngine,
    includes: MOVED_CLOCK,
    movesKeyExpiry: false,
    async setClock(ms) {
      if (ms < Date.now() - 60_000) throw new RangeError('Keys would expire before their time.');
      clockMs = ms;
      await writeClock();
    },
    async flush() {
      await redis.command(['FLUSHALL']);
      await writeClock();
    },
    async close() {
      redis.close();
      await cluster.stop();
    },
    cluster,
  };
}

function clientOf(engine: RedisEngine, cluster: RedisCluster): RespClient {
  async function command(args: readonly string[]): Promise<RespReply> {
    if (!ON_ALL.has(String(args[0]))) return (await engine.command(args)) as RespReply;
    const replies: RespReply[] = [];
    for (const node of await cluster.primaries()) {
      const reply = await node.redis.command(args);
      if (reply instanceof ErrorReply) throw reply;
      replies.push(...(Array.isArray(reply) ? reply : []));
    }
    return replies;
  }

  return {
    command,
    async pipeline(commands) {
      // Commands on all nodes are barriers; the others keep their order on each node.
      const replies: RespReply[] = [];
      let some: Promise<RespReply>[] = [];
      for (const each of commands) {
        if (ON_ALL.has(String(each[0]))) {
          replies.push(...(await Promise.all(some)), await command(each));
          some = [];
        } else {
          some.push(command(each));
        }
      }
      return [...replies, ...(await Promise.all(some))];
    },
    close: () => engine.close(),
  };
}
