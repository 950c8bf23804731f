import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { ErrorReply } from '@redis/client';
import * as z from 'zod/mini';
import type { RedisEngine } from '../../adapters/redis/engine.ts';
import { redisEngine } from '../../adapters/redis/redis-protocol.ts';
import { httpRequester } from '../../adapters/redis/upstash-http.ts';
import { sessionOfMember } from '../../adapters/seats/encoding.ts';
import { poolKey, shardKey } from '../../adapters/seats/lua/keys.ts';
import { shardOf } from '../../domain/ids.ts';
import { SESSION_KINDS, type SessionKind } from '../../domain/session.ts';
import { type RespClient, type RespReply, respClient } from '../../local/redis/resp-client.ts';
import { startUpstashServer } from '../../local/redis/upstash-server.ts';
import type { PoolState, SeatEvent, StoredSession } from '../contracts/seats/pool.ts';
import { startRedisServer } from '../servers/redis-server.ts';

/** A Redis whose clock, as the seat scripts read it, is moved by the test. */
export interface SeatsBackend {
  readonly host: string;
  readonly port: number;
  readonly redis: RespClient;
  /** Another engine on it, which the test closes. */
  openEngine(timeoutMs?: number): RedisEngine;
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
    openEngine: (timeoutMs) => redisEngine({ url: `redis://${host}:${port}`, timeoutMs }),
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

/** The beginning of the keys that hold the moved clock. */
export const CLOCK_KEY = 'moved_clock_ms:';

/** One for each shard, in the slot of the shard's keys. */
export const CLOCK_KEYS = Array.from(
  { length: 100 },
  (_, n) => `${CLOCK_KEY}{s${String(n).padStart(2, '0')}}`,
);

export const MOVED_CLOCK = {
  clock: readFileSync(new URL('./lua/moved-clock.lua', import.meta.url), 'utf8'),
};

/** A real Redis behind Upstash's REST API. */
export async function upstashBackend(): Promise<SeatsBackend> {
  const backend = await realBackend();
  const front = await startUpstashServer({ backend, token: 'a-token', readableKeys: CLOCK_KEY });
  return {
    ...backend,
    openEngine: (timeoutMs) => httpRequester({ ...front, timeoutMs }),
    async close() {
      await front.close();
      await backend.close();
    },
  };
}

/**
 * The scripts with another `clock` include. Keys still expire by the server's own clock, so the moved clock must never
 * be behind it.
 */
export async function realBackend(): Promise<SeatsBackend> {
  const server = await startRedisServer();
  const redis = respClient(server);
  let clockMs = Date.now();
  const setClock = (ms: number) => ['MSET', ...CLOCK_KEYS.flatMap((key) => [key, String(ms)])];
  return {
    host: server.host,
    port: server.port,
    redis,
    openEngine: (timeoutMs) => redisEngine({ url: `redis://${server.host}:${server.port}`, timeoutMs }),
    includes: MOVED_CLOCK,
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
  const numbersOf = (reply: RespReply | undefined) =>
    Object.fromEntries(pairsOf(reply).map(([name, ms]) => [name, Number(ms)]));
  const due = shardKey('due', shardOf(licenseId));
  const replies = await redis.pipeline([
    ['ZRANGE', poolKey('seats', licenseId), '0', '-1', 'WITHSCORES'],
    ['HGETALL', poolKey('held', licenseId)],
    ['ZRANGE', poolKey('gone', licenseId), '0', '-1', 'WITHSCORES'],
    ['ZRANGE', poolKey('loans', licenseId), '0', '-1', 'WITHSCORES'],
    ['HKEYS', poolKey('signed', licenseId)],
    ['ZRANGE', poolKey('signers', licenseId), '0', '-1', 'WITHSCORES'],
    ['ZSCORE', due, licenseId],
    ['ZSCORE', due, `d${licenseId}`],
  ]);
  const held = pairsOf(replies[1]);
  return {
    seats: pairsOf(replies[0]).map(([holder, ms]) => ({ holder, endMs: Number(ms) })),
    sessions: held
      .filter(isSession)
      .map(([member, packed]) => ({ sessionId: idOf(member), ...storedIn(packed) })),
    sessionsOf: Object.fromEntries(
      held
        .filter((row) => !isSession(row))
        .map(([holder, members]) => [holder, members.split(' ').map(idOf)]),
    ),
    gone: pairsOf(replies[2]).map(([member, score]) => ({
      sessionId: idOf(member),
      forgetMs: Math.floor(Number(score) / 4),
      why: (['expired', 'released', 'evicted'] as const)[Number(score) % 4] ?? 'expired',
    })),
    loans: numbersOf(replies[3]),
    signed: listOf(replies[4]).map(String),
    signers: numbersOf(replies[5]),
    dueMs: numberIn(replies[6]),
    deniedDueMs: numberIn(replies[7]),
  };
}

/** The sessions of a holder are separated by spaces, the fields of a session by bars. */
function isSession([, value]: readonly [string, string]): boolean {
  return value.includes('|');
}

function storedIn(packed: string): Omit<StoredSession, 'sessionId'> {
  const [holder = '', end, acquired, kind = '', machine] = packed.split('|');
  const kinds: Readonly<Record<string, SessionKind>> = { i: 'instance', m: 'machine', l: 'loan' };
  return {
    holder,
    machine: machine || holder,
    kind: z.parse(z.enum(SESSION_KINDS), kinds[kind]),
    acquiredMs: Number(acquired),
    endMs: Number(end),
  };
}

function numberIn(reply: RespReply | undefined): number | undefined {
  return reply === null ? undefined : Number(reply);
}

/** Every key but that of the clock, with its type and content, one line each, ordered by name. */
export async function readEverything(redis: RespClient): Promise<string> {
  const keys = listOf(await redis.command(['KEYS', '*'])).map(String);
  const lines: string[] = [];
  for (const key of keys.filter((each) => !each.startsWith(CLOCK_KEY)).sort()) {
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

/** Kinds of key (`held`, `gone` …) that Redis has for this license at `nowMs` on the moved clock. */
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
