import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from './random.ts';

const LOOK_EVERY_MS = 50;
/** Redis syncs the file every second, and lets a sync that takes long take another. */
const MOST_LOST_MS = 1_000;
const LEAST_LOST_MS = 300;

/**
 * What a power cut takes from Redis with `appendfsync everysec`. SIGKILL alone takes nothing: what Redis has written is
 * with the kernel, which writes it to the disk later. So after a kill the file is cut back to what it was up to a second
 * before, which may be in the middle of a command.
 */
export interface TailWatch {
  /** Cuts the file of a Redis that has just been killed, and gives the bytes that went. */
  cutBack(random: Random): number;
  stop(): void;
}

export function watchTail(redisDir: string): TailWatch {
  let seen: { readonly atMs: number; readonly bytes: number }[] = [];
  const timer = setInterval(() => {
    const nowMs = performance.now();
    seen = [...seen.filter(({ atMs }) => nowMs - atMs <= 2 * MOST_LOST_MS), { atMs: nowMs, bytes: size() }];
  }, LOOK_EVERY_MS);

  function size(): number {
    const file = fileIn(redisDir);
    return file === undefined ? 0 : statSync(file).size;
  }

  return {
    cutBack(random) {
      const file = fileIn(redisDir);
      if (file === undefined) throw new Error('Redis wrote no append-only file.');
      const fromMs = performance.now() - random.between(LEAST_LOST_MS, MOST_LOST_MS);
      const kept = seen.find(({ atMs }) => atMs >= fromMs)?.bytes ?? size();
      const lost = size() - kept;
      truncateSync(file, kept);
      return lost;
    },
    stop: () => clearInterval(timer),
  };
}

/** Redis 7 keeps a base and what came after it; without rewrites there is one of each at most. */
function fileIn(redisDir: string): string | undefined {
  const folder = join(redisDir, 'appendonlydir');
  try {
    const name = readdirSync(folder).find((file) => file.endsWith('.incr.aof'));
    return name === undefined ? undefined : join(folder, name);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
