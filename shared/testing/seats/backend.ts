import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { ErrorReply } from '@redis/client';
import * as z from 'zod/mini';
import { sessionOfMember } from '../../adapters/seats/encoding.ts';
import { poolKey, shardKey } from '../../adapters/seats/lua/keys.ts';
import { shardOf } from '../../domain/ids.ts';
import { type RespClient, type RespReply, respClient } from '../../local/redis/resp-client.ts';
import type { PoolState, SeatEvent } from '../contracts/seats/pool.ts';
import { startRedisServer } from '../servers/redis-server.ts';

/** A Redis whose clock, as the seat scripts read it, is moved by the test. */
export interface SeatsBackend {
  readonly host: string;
  readonly port: number;
  readonly redis: RespClient;
  /** Lua that replaces shipped includes. */
  readonly includes: Readonly<Record<string, string>>;
  setClock(ms: number): Promise<void>;
  /** Whether the clock also decides when Redis lets a key expire. */
  readonly movesKeyExpiry: boolean;
  /** Deletes everything in Redis but its script cache. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Runs the scripts exactly as shipped: TIME is the clock of a separate thread. */
export async function embeddedBackend(): Promise<SeatsBackend> {
  const thread = new Worker(new URL('./redis-thread.ts', import.meta.url));
  const { host, port } = z.parse(Address, (await once(thread, 'message'))[0]);
  const redis = respClient({ host, port });
  return {
    host,
    port,
    redis,
    includes: {},
    movesKeyExpiry: true,
    async setClock(ms) {
      const moved = once(thread, 'message');
      thread.postMessage(ms);
      await moved;
    },
    flush: async () => {
      await redis.command(['FLUSHALL']);
    },
    async close() {
      redis.close();
      await thread.terminate();
    },
  };
}

const Address = z.object({ host: z.string(), port: z.int() });

/**
 * The scripts with another `clock` include. Keys still expire by the server's own clock, so the moved clock must never
 * be behind it.
 */
export async function realBackend(): Promise<SeatsBackend> {
  const server = await startRedisServer();
  const redis = respClient(server);
  let clockMs = Date.now();
  const setClock = (ms: number) => ['SET', 'moved_clock_ms', String(ms)];
  return {
    host: server.host,
    port: server.port,
    redis,
    includes: { clock: readFileSync(new URL('./lua/moved-clock.lua', import.meta.url), 'utf8') },
    movesKeyExpiry: false,
    async setClock(ms) {
      if (ms < Date.now() - 60_000) throw new RangeError('Keys would expire before their time.');
      clockMs = ms;
      await redis.command(setClock(ms));
    },
    async flush() {
      await redis.pipeline([['FLUSHALL'], setClock(clockMs)]);
    },
    async close() {
      redis.close();
      await server.stop();
    },
  };
}

export function listOf(reply: RespReply | undefined): RespReply[] {
  if (!Array.isArray(reply))
    throw new TypeError(`no list: ${reply instanceof ErrorReply ? reply.message : reply}`);
  return reply;
}

/** Turns a flat list of names and values into pairs. */
export function pairsOf(reply: RespReply | undefined): [string, string][] {
  const flat = listOf(reply).map(String);
  return flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? ''] as [string, string]] : []));
}

/** The events of one license in the reply of XRANGE. */
export function eventsIn(range: RespReply | undefined, licenseId: string): SeatEvent[] {
  return listOf(range).flatMap((entry) => {
    const {
      v: _,
      type,
      license_id,
      session_id,
      at_ms,
      ...more
    } = Object.fromEntries(pairsOf(listOf(entry)[1]));
    if (license_id !== licenseId) return [];
    return [
      {
        type: type ?? '',
        sessionId: session_id ? sessionOfMember(licenseId, session_id) : '',
        atMs: Number(at_ms),
        more,
      },
    ];
  });
}

export async function readOutbox(redis: RespClient, licenseId: string): Promise<SeatEvent[]> {
  return eventsIn(
    await redis.command(['XRANGE', shardKey('outbox', shardOf(licenseId)), '-', '+']),
    licenseId,
  );
}

export async function readPoolState(redis: RespClient, licenseId: string): Promise<PoolState> {
  const idOf = (member: string): string => sessionOfMember(licenseId, member);
  const idsOf = (members: RespReply | undefined): string[] => listOf(members).map(String).map(idOf);
  const replies = await redis.pipeline([
    ['ZRANGE', poolKey('lease', licenseId), '0', '-1', 'WITHSCORES'],
    ['HGETALL', poolKey('holder', licenseId)],
    ['HKEYS', poolKey('session', licenseId)],
    ['ZRANGE', poolKey('ended', licenseId), '0', '-1'],
    ['HKEYS', poolKey('lapsed', licenseId)],
    ['ZSCORE', shardKey('due', shardOf(licenseId)), licenseId],
    ['HGET', shardKey('denied', shardOf(licenseId)), licenseId],
    ['ZRANGE', poolKey('borrowed', licenseId), '0', '-1', 'WITHSCORES'],
    ['HKEYS', poolKey('signed', licenseId)],
  ]);
  return {
    leases: pairsOf(replies[0]).map(([member, ms]) => ({ sessionId: idOf(member), expiresAtMs: Number(ms) })),
    seatedOf: Object.fromEntries(pairsOf(replies[1]).map(([holder, member]) => [holder, idOf(member)])),
    sessions: idsOf(replies[2]),
    ended: idsOf(replies[3]),
    lapsed: idsOf(replies[4]),
    dueMs: replies[5] === null ? undefined : Number(replies[5]),
    hasDenials: replies[6] !== null,
    loans: Object.fromEntries(pairsOf(replies[7]).map(([member, ms]) => [idOf(member), Number(ms)])),
    signed: idsOf(replies[8]),
  };
}

/** Every key with its type and content, one line each, ordered by name. */
export async function readEverything(redis: RespClient): Promise<string> {
  const keys = listOf(await redis.command(['KEYS', '*'])).map(String);
  const lines: string[] = [];
  for (const key of keys.sort()) {
    const type = String(await redis.command(['TYPE', key]));
    const read = READERS[type];
    if (!read) throw new TypeError(`a key of type ${type}`);
    lines.push(`${type} ${key} ${JSON.stringify(await redis.command(read(key)))}`);
  }
  return lines.join('\n');
}

const READERS: Readonly<Record<string, (key: string) => string[]>> = {
  string: (key) => ['GET', key],
  hash: (key) => ['HGETALL', key],
  zset: (key) => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
  stream: (key) => ['XRANGE', key, '-', '+'],
};

/** Kinds of key (`lease`, `ended` …) that Redis has for this license at `nowMs` on the moved clock. */
export async function kindsOfKeyLeft(
  { redis, movesKeyExpiry }: SeatsBackend,
  licenseId: string,
  nowMs: number,
): Promise<string[]> {
  const keys = listOf(await redis.command(['KEYS', `*${licenseId}*`])).map(String);
  const left: string[] = [];
  for (const key of keys) {
    // If the clock is not Redis' own, a key counts as expired once the moved clock has passed its expiry.
    const endsMs = movesKeyExpiry ? -1 : Number(await redis.command(['PEXPIRETIME', key]));
    if (endsMs === -1 || endsMs > nowMs) left.push(key.slice(0, key.indexOf(':')));
  }
  return left.sort();
}
