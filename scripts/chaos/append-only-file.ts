import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../shared/testing/random.ts';

const SAMPLE_EVERY_MS = 50;
/** Redis syncs the file every second; a slow sync may take another second. */
const MOST_LOST_MS = 1_000;
const LEAST_LOST_MS = 300;

/**
 * Simulates what Redis loses in a power cut with `appendfsync everysec`. SIGKILL alone loses nothing: the kernel still
 * writes to disk what Redis has written. So after a kill the file is truncated to its size up to a second before,
 * possibly in the middle of a command.
 */
export interface TailWatch {
  /** Truncates the file of a Redis that has just been killed; returns the number of bytes lost. */
  truncate(random: Random): number;
  stop(): void;
}

export function watchTail(redisDir: string): TailWatch {
  let seen: { readonly atMs: number; readonly bytes: number }[] = [];
  const timer = setInterval(() => {
    const nowMs = performance.now();
    seen = [...seen.filter(({ atMs }) => nowMs - atMs <= 2 * MOST_LOST_MS), { atMs: nowMs, bytes: size() }];
  }, SAMPLE_EVERY_MS);

  function size(): number {
    const file = fileIn(redisDir);
    return file === undefined ? 0 : statSync(file).size;
  }

  return {
    truncate(random) {
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

/** Redis 7 keeps a base file and incremental files; without rewrites there is at most one of each. */
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
