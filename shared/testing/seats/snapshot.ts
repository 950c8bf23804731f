import type { SeatsBackend } from './backend.ts';
import { listOf } from './backend.ts';

interface CopiedKey {
  /** The commands that write it again. */
  readonly commands: readonly (readonly string[])[];
}

/** A copy of everything in Redis but its streams, as a replica that lags behind or a backup has it. */
export interface Snapshot {
  readonly keys: readonly CopiedKey[];
}

export async function takeSnapshot(
  { redis, movesKeyExpiry }: SeatsBackend,
  nowMs: number,
): Promise<Snapshot> {
  const names = listOf(await redis.command(['KEYS', '*'])).map(String);
  const types = await redis.pipeline(names.map((name) => ['TYPE', name]));
  const read = names.flatMap((name, i) => {
    const reader = READERS[String(types[i])];
    return reader ? [{ name, reader }] : [];
  });
  const contents = await redis.pipeline(read.map(({ name, reader }) => reader.read(name)));
  const expiries = await redis.pipeline(
    read.map(({ name }) => [movesKeyExpiry ? 'PTTL' : 'PEXPIRETIME', name]),
  );
  return {
    keys: read.map(({ name, reader }, i) => {
      const left = Number(expiries[i]);
      const endMs = movesKeyExpiry ? nowMs + left : left;
      const write = reader.write(
        name,
        Array.isArray(contents[i]) ? listOf(contents[i]).map(String) : [String(contents[i])],
      );
      return { commands: left < 0 ? [write] : [write, ['PEXPIREAT', name, String(endMs)]] };
    }),
  };
}

/** Streams are empty afterwards. */
export async function putSnapshotBack(backend: SeatsBackend, { keys }: Snapshot): Promise<void> {
  await backend.redis.pipeline([['FLUSHALL'], ...keys.flatMap(({ commands }) => commands)]);
}

const READERS: Readonly<
  Record<string, { read(key: string): string[]; write(key: string, content: string[]): string[] }>
> = {
  string: { read: (key) => ['GET', key], write: (key, [value = '']) => ['SET', key, value] },
  hash: { read: (key) => ['HGETALL', key], write: (key, content) => ['HSET', key, ...content] },
  zset: {
    read: (key) => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
    write: (key, content) => ['ZADD', key, ...pairsOf(content).flatMap(([member, score]) => [score, member])],
  },
};

function pairsOf(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? ''] as [string, string]] : []));
}
