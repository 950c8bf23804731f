import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { inject, vi } from 'vitest';
import { startEmbeddedRedis } from '../../shared/local/redis/embedded-redis.ts';
import { type RespClient, type RespReply, respClient } from '../../shared/local/redis/resp-client.ts';
import { putLocalKey } from '../../shared/local/signing-key.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { quickFolder } from '../../shared/testing/quick-folder.ts';
import { openTestSuite, type TestSuite } from './suite.ts';

/**
 * A suite whose documents, Redis values, published events and log lines can all be read directly. Only the test moves
 * its clock.
 */
export interface InspectableSuite {
  readonly suite: TestSuite;
  readonly redis: RespClient;
  /** All published events, as text. */
  readonly published: readonly string[];
  /** Every document of every collection, as text, by `collection/id`. */
  records(): Promise<ReadonlyMap<string, string>>;
  /** Every key with its value, as text, by key. */
  redisValues(): Promise<ReadonlyMap<string, string>>;
  nowMs(): number;
  moveClock(ms: number): void;
  close(): Promise<void>;
}

export async function openInspectableSuite(
  wrap: (deps: Deps) => Deps = (deps) => deps,
): Promise<InspectableSuite> {
  let nowMs = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  const server = await startEmbeddedRedis();
  const redis = respClient(server);
  const folder = await quickFolder('seatlease-inspectable-');
  putLocalKey(join(folder, 'signing-keys'), 1, inject('signingKeys')[0]);
  const published: string[] = [];
  const suite = await openTestSuite(
    { REDIS_URL: `redis://${server.host}:${server.port}`, SEATLEASE_DATA: folder, SHARDS: '4' },
    (deps) => wrap({ ...deps, events: keepPublished(deps.events, published) }),
  );
  return {
    suite,
    redis,
    published,
    records: async () => recordsIn(join(folder, 'records.db')),
    redisValues: () => readRedisValues(redis),
    nowMs: () => nowMs,
    moveClock(ms) {
      nowMs += ms;
      vi.setSystemTime(nowMs);
    },
    async close() {
      await suite.close();
      redis.close();
      await server.close();
      await rm(folder, { recursive: true, force: true });
      vi.useRealTimers();
    },
  };
}

/** The topic, with every published event kept as text. */
function keepPublished(events: Deps['events'], published: string[]): Deps['events'] {
  return {
    async publish(batch) {
      published.push(...batch.map((event) => JSON.stringify(event)));
      await events.publish(batch);
    },
    ping: () => events.ping(),
    close: () => events.close(),
  };
}

function recordsIn(file: string): ReadonlyMap<string, string> {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    if (tables.map(({ name }) => name).join() !== 'documents')
      throw new Error('records.db has an unexpected table');
    const rows = database.prepare('SELECT collection, id, document FROM documents').all();
    return new Map(rows.map(({ collection, id, document }) => [`${collection}/${id}`, String(document)]));
  } finally {
    database.close();
  }
}

const READ_COMMANDS: Readonly<Record<string, (key: string) => string[]>> = {
  hash: (key) => ['HGETALL', key],
  zset: (key) => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
  set: (key) => ['SMEMBERS', key],
  list: (key) => ['LRANGE', key, '0', '-1'],
  stream: (key) => ['XRANGE', key, '-', '+'],
  string: (key) => ['GET', key],
};

/** Every key of a Redis with its value, as text. */
export async function readRedisValues(redis: RespClient): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  let cursor = '0';
  do {
    const [next, keys] = listOf(await redis.command(['SCAN', cursor]));
    for (const key of listOf(keys).map(String)) {
      const type = String(await redis.command(['TYPE', key]));
      if (type === 'none') continue;
      const read = READ_COMMANDS[type];
      if (!read) throw new Error(`no read command for keys of type ${type}`);
      values.set(key, JSON.stringify(await redis.command(read(key))));
    }
    cursor = String(next);
  } while (cursor !== '0');
  return values;
}

function listOf(reply: RespReply | undefined): readonly RespReply[] {
  if (!Array.isArray(reply)) throw new TypeError('Redis should have answered with a list');
  return reply;
}
