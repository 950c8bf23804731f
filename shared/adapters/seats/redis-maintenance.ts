import * as z from 'zod/mini';
import { eventOf, type SeatEvent, SeatEventSchema, writtenAtMs } from '../../domain/event.ts';
import { shardOf } from '../../domain/ids.ts';
import type { Backlog, KnownSession, OutboxEntry, SeatMaintenance } from '../../ports/seat-maintenance.ts';
import { memberOf, readRows, sessionOfMember, unpackEntitlement, unpackFacts } from './encoding.ts';
import { keysOfPool, keysOfPools, shardKey } from './lua/keys.ts';
import { decode, decodeRows, fieldsOf, scriptRunner } from './script-runner.ts';
import { openRedis } from './upstash-client.ts';
import type { httpRequester } from './upstash-http.ts';

/** Seat maintenance over Upstash's REST API; each method sends one command, except `listCopies`, which sends two. */
export function openRedisMaintenance(
  requester: ReturnType<typeof httpRequester>,
  replaceIncludes: Readonly<Record<string, string>> = {},
): SeatMaintenance {
  const redis = openRedis(requester);
  const run = scriptRunner(redis, replaceIncludes);

  return {
    async expire(shard, licenseIds) {
      const reply = await run('expire', ExpireReply, keysOfPools(shard, licenseIds), [...licenseIds]);
      const [, atMs, expired, pending, oldest, unknown, due] = reply;
      return { expired, due, unknown, ...backlogOf(atMs, pending, oldest) };
    },

    async probe(shard) {
      const [, atMs, pending, oldest] = await run('probe', ProbeReply, keysOfPools(shard, []), []);
      return backlogOf(atMs, pending, oldest);
    },

    async readOutbox(shard, { limit, after }) {
      const key = shardKey('outbox', shard);
      const from = after === undefined ? '-' : `(${after}`;
      const range = await redis.exec<unknown>(['XRANGE', key, from, '+', 'COUNT', limit]);
      return decode('XRANGE', Range, range).map(readEntry);
    },

    async trimOutbox(shard, positions) {
      if (positions.length > 0) await redis.exec(['XDEL', shardKey('outbox', shard), ...positions]);
    },

    async listCopies(shard, { limit, after }) {
      const key = shardKey('copies', shard);
      const from = after === undefined ? '-' : `(${after}`;
      const listed = await redis.exec<unknown>(['ZRANGEBYLEX', key, from, '+', 'LIMIT', 0, limit]);
      const licenseIds = decode('ZRANGEBYLEX', z.array(z.string()), listed);
      if (licenseIds.length === 0) return [];
      const [, ...copies] = await run('read-copies', CopiesReply, keysOfPools(shard, licenseIds), licenseIds);
      return licenseIds.map((licenseId, i) => ({
        licenseId,
        copy: unpackEntitlement(licenseId, copies[i] ?? []),
      }));
    },

    async dropCopy(licenseId, version) {
      const [verdict] = await run('drop-license', DropReply, keysOfPool(licenseId), [
        licenseId,
        String(version),
      ]);
      return verdict;
    },

    async whichSeated(licenseId, sessionIds) {
      const args = [licenseId, ...membersOf(licenseId, sessionIds)];
      const [, ...seated] = await run('which-seated', SeatedReply, keysOfPool(licenseId), args);
      return new Set(sessionIds.filter((_, i) => seated[i] === 1));
    },

    async bar(tenantId, userId, seconds) {
      const keys = keysOfPools(shardOf(tenantId), []);
      await run('bar', BarReply, keys, [tenantId, userId, String(seconds)]);
    },

    async unbar(tenantId, userId) {
      await redis.exec(['ZREM', shardKey('barred', shardOf(tenantId)), `${tenantId}:${userId}`]);
    },

    async readFacts(licenseId, cursor = 'seated 0') {
      const [part = '', position = ''] = cursor.split(' ');
      const args = [licenseId, part, position];
      const [, nextPart, next, ...cells] = await run('read-facts', FactsReply, keysOfPool(licenseId), args);
      const rows = decodeRows('read-facts', FactsRow, cells);
      const idOf = ([member]: z.output<typeof FactsRow>) => sessionOfMember(licenseId, member);
      const listed = readRows(rows, idOf, (row): KnownSession => {
        const [, packed, isSeated] = row;
        const { holder, facts } = unpackFacts(packed);
        return { sessionId: idOf(row), holder, facts, isSeated: isSeated === 1 };
      });
      return nextPart === '' ? listed : { ...listed, nextCursor: `${nextPart} ${next}` };
    },

    async forgetSessions(licenseId, sessionIds) {
      const args = [licenseId, ...membersOf(licenseId, sessionIds)];
      const [verdict] = await run('forget-sessions', ForgetReply, keysOfPool(licenseId), args);
      return verdict;
    },
  };
}

/** `oldest` is a position, or empty. */
function backlogOf(atMs: number, pending: number, oldest: string): Backlog {
  return { atMs, pending, oldestAtMs: oldest === '' ? null : writtenAtMs(oldest) };
}

function membersOf(licenseId: string, sessionIds: readonly string[]): string[] {
  return sessionIds.map((sessionId) => memberOf(licenseId, sessionId));
}

const ExpireReply = z.tuple([
  z.literal('OK'),
  z.int(),
  z.int(),
  z.int(),
  z.string(),
  z.array(z.string()),
  z.array(z.string()),
]);
const ProbeReply = z.tuple([z.literal('OK'), z.int(), z.int(), z.string()]);
const CopiesReply = z.tuple([z.literal('OK')], z.array(z.string()));
const DropReply = z.tuple([z.enum(['DROPPED', 'KEPT'])]);
const SeatedReply = z.tuple([z.literal('OK')], z.int());
const BarReply = z.tuple([z.literal('BARRED')]);
const FactsReply = z.tuple(
  [z.literal('OK'), z.enum(['seated', 'lapsed', '']), z.string()],
  z.union([z.string(), z.int()]),
);
const FactsRow = z.tuple([z.string(), z.string(), z.int()]);
const ForgetReply = z.tuple([z.enum(['FORGOTTEN', 'UNKNOWN_LICENSE'])]);
const Range = z.array(z.tuple([z.string(), z.array(z.string())]));

const digits = z.pipe(z.string().check(z.regex(/^\d{1,16}$/)), z.transform(Number));

/** The fields of an entry, as events.lua and its callers write them. A field that a newer release added is left out. */
const EntryFields = z.object({
  v: z.literal('1'),
  type: z.string(),
  license_id: z.string(),
  tenant_id: z.string(),
  session_id: z.string(),
  at_ms: digits,
  holder: z.optional(z.string()),
  acquired_ms: z.optional(digits),
  borrowed_until_ms: z.optional(digits),
  active: z.optional(digits),
  max: z.optional(digits),
  reason: z.optional(z.string()),
  count: z.optional(digits),
  version: z.optional(digits),
});

function readEntry([position, flat]: readonly [string, readonly string[]]): OutboxEntry {
  const fields = z.safeParse(EntryFields, fieldsOf(flat)).data;
  return { position, event: fields && asEvent(position, fields) };
}

function asEvent(position: string, fields: z.output<typeof EntryFields>): SeatEvent | undefined {
  const { v: _, type, tenant_id, license_id, session_id, at_ms, ...more } = fields;
  const { acquired_ms, borrowed_until_ms, ...detail } = more;
  const written = {
    type,
    tenantId: tenant_id,
    licenseId: license_id,
    sessionId: session_id === '' ? null : sessionOfMember(license_id, session_id),
    atMs: at_ms,
    position,
    detail: {
      ...detail,
      ...(acquired_ms === undefined ? {} : { acquiredAtMs: acquired_ms }),
      ...(borrowed_until_ms === undefined ? {} : { borrowedUntilMs: borrowed_until_ms }),
    },
  };
  const known = z.safeParse(z.omit(SeatEventSchema, { eventId: true }), written).data;
  return known && eventOf(known);
}
