import type { RespClient } from '../../shared/local/redis/resp-client.ts';
import { commandStats } from '../../shared/testing/seats/many-licenses.ts';

/** Microseconds that Redis spent on scripts while `work` ran, by its own count (`INFO commandstats`). */
export async function microsOf(redis: RespClient, work: () => Promise<unknown>): Promise<number> {
  await redis.command(['CONFIG', 'RESETSTAT']);
  await work();
  const stats = await commandStats(redis);
  // The first call of a script after a restart sends its source.
  return (stats.get('evalsha')?.micros ?? 0) + (stats.get('eval')?.micros ?? 0);
}

/** Bytes that Redis has in use. */
export async function memoryOf(redis: RespClient): Promise<number> {
  const info = String(await redis.command(['INFO', 'memory']));
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
}
