import * as z from 'zod/mini';
import { eventOf, type SeatEvent, SeatEventSchema, writtenAtMs } from '../../domain/event.ts';
import { shardOf } from '../../domain/ids.ts';
import type {
  Backlog,
  Due,
  KnownSession,
  OutboxEntry,
  SeatMaintenance,
} from '../../ports/seat-maintenance.ts';
import type { RedisEngine } from '../redis/engine.ts';
import { memberOf, readRows, sessionOfMember, unpackEntitlement, unpackSession } from './encoding.ts';
import { type KeyNames, keysFor, keysForMany, shardKey } from './lua/keys.ts';
import { decode, decodeRows, fieldsOf, scriptRunner } from './script-runner.ts';

/** Seat maintenance in Redis, on any engine; each method sends one command, except `listCopies`, which sends two. */
export function openRedisMaintenance(
  redis: RedisEngine,
  replaceIncludes: Readonly<Record<string, string>> = {},
): SeatMaintenance {
  const run = scriptRunner(redis, replaceIncludes);

  return {
    async expire(shard, due) {
      const keysOf = many(
        shard,
        due.map(({ licenseId }) => licenseId),
      );
      const args = due.flatMap(({ licenseId, what, dueMs }) => [
        licenseId,
        what === 'denials' ? 'd' : 's',
        String(dueMs),
      ]);
      const reply = await run('expire', ExpireReply, keysOf, args);
      const [, atMs, expired, pending, oldest, unknown, next] = reply;
      const nextDue = decodeRows('expire', DueRow, next).map(([licenseId, what, dueMs]): Due => {
        return { licenseId, what: what === 'd' ? 'denials' : 'seats', dueMs };
      });
      return { expired, due: nextDue, unknown, ...backlogOf(atMs, pending, oldest) };
    },

    async probe(shard) {
      const [, atMs, pending, oldest] = await run('probe', ProbeReply, many(shard, []), []);
      return backlogOf(atMs, pending, oldest);
    },

    async readOutbox(shard, { limit, after }) {
      const key = shardKey('outbox', shard);
      const from = after === undefined ? '-' : `(${after}`;
      const range = await redis.command(['XRANGE', key, from, '+', 'COUNT', limit]);
      return decode('XRANGE', Range, range).map(readEntry);
    },

    async trimOutbox(shard, positions) {
      if (positions.length > 0) await redis.command(['XDEL', shardKey('outbox', shard), ...positions]);
    },

    async listCopies(shard, { limit, after }) {
      const key = shardKey('copies', shard);
      const from = after === undefined ? '-' : `(${after}`;
      const listed = await redis.command(['ZRANGEBYLEX', key, from, '+', 'LIMIT', 0, limit]);
      const licenseIds = decode('ZRANGEBYLEX', z.array(z.string()), listed);
      if (licenseIds.length === 0) return [];
      const [, ...copies] = await run('read-copies', CopiesReply, many(shard, licenseIds), licenseIds);
      return licenseIds.map((licenseId, i) => ({
        licenseId,
        copy: unpackEntitlement(licenseId, copies[i] ?? []),
      }));
    },

    async dropCopy(licenseId, version) {
      const args = [licenseId, String(version)];
      const [verdict] = await run('drop-license', DropReply, one(licenseId), args);
      return verdict;
    },

    async whichLiving(licenseId, sessionIds) {
      const args = [licenseId, ...membersOf(licenseId, sessionIds)];
      const [, ...living] = await run('which-living', LivingReply, one(licenseId), args);
      return new Set(sessionIds.filter((_, i) => living[i] === 1));
    },

    async bar(tenantId, bars) {
      const args = [tenantId, ...bars.flatMap(({ userId, untilMs }) => [userId, String(untilMs)])];
      await run('bar', BarReply, many(shardOf(tenantId), []), args);
    },

    async unbar(tenantId, userId) {
      await redis.command(['ZREM', shardKey('barred', shardOf(tenantId)), `${tenantId}:${userId}`]);
    },

    async readFacts(licenseId, cursor = ' ') {
      const [afterEndMs = '', afterHolder = ''] = cursor.split(' ');
      const args = [licenseId, afterEndMs, afterHolder];
      const [, lastEndMs, last, ...cells] = await run('read-facts', FactsReply, one(licenseId), args);
      const rows = decodeRows('read-facts', FactsRow, cells);
      const idOf = ([member]: z.output<typeof FactsRow>) => sessionOfMember(licenseId, member);
      const listed = readRows(rows, idOf, (row): KnownSession => {
        const [, packed, isLiving] = row;
        const { sessionId, kind, holder, acquiredAtMs, facts } = unpackSession(idOf(row), packed);
        return { sessionId, kind, holder, acquiredAtMs, facts, isLiving: isLiving === 1 };
      });
      return last === '' ? listed : { ...listed, nextCursor: `${lastEndMs} ${last}` };
    },

    async forgetSessions(licenseId, sessionIds) {
      const args = [licenseId, ...membersOf(licenseId, sessionIds)];
      const [verdict] = await run('forget-sessions', ForgetReply, one(licenseId), args);
      return verdict;
    },

    async forgetSigned(licenseId, holders, within = { fromMs: 0, untilMs: null }) {
      const { fromMs, untilMs } = within;
      const args = [licenseId, String(fromMs), String(untilMs ?? ''), ...holders];
      await run('forget-signed', ForgottenReply, one(licenseId), args);
    },
  };
}

/** The keys of a script on one license. */
function one(licenseId: string) {
  return (names: KeyNames) => keysFor(names, licenseId, false);
}

/** The keys of a script on a shard and several of its licenses. */
function many(shard: string, licenseIds: readonly string[]) {
  return (names: KeyNames) => keysForMany(names, shard, licenseIds);
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
  z.array(z.union([z.string(), z.int()])),
]);
const DueRow = z.tuple([z.string(), z.enum(['s', 'd']), z.int()]);
const ProbeReply = z.tuple([z.literal('OK'), z.int(), z.int(), z.string()]);
const CopiesReply = z.tuple([z.literal('OK')], z.array(z.string()));
const DropReply = z.tuple([z.enum(['DROPPED', 'KEPT'])]);
const LivingReply = z.tuple([z.literal('OK')], z.int());
const BarReply = z.tuple([z.literal('BARRED')]);
const FactsReply = z.tuple([z.literal('OK'), z.int(), z.string()], z.union([z.string(), z.int()]));
const FactsRow = z.tuple([z.string(), z.string(), z.int()]);
const ForgetReply = z.tuple([z.enum(['FORGOTTEN', 'UNKNOWN_LICENSE'])]);
const ForgottenReply = z.tuple([z.literal('FORGOTTEN')]);
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
  by: z.pipe(z.string(), z.transform(unpackBy)),
  holder: z.optional(z.string()),
  acquired_ms: z.optional(digits),
  borrowed_until_ms: z.optional(digits),
  offline_since_ms: z.optional(digits),
  seat: z.optional(z.string()),
  active: z.optional(digits),
  max: z.optional(digits),
  reason: z.optional(z.string()),
  count: z.optional(digits),
  jti: z.optional(z.string()),
  version: z.optional(digits),
  fields: z.optional(
    z.pipe(
      z.string(),
      z.transform((text) => text.split(' ')),
    ),
  ),
  plan: z.optional(z.string()),
  status: z.optional(z.string()),
  hold: z.optional(
    z.pipe(
      z.string(),
      z.transform((text) => text || null),
    ),
  ),
});

/** See `packBy` in redis-seats.ts. An actor's id is empty if it was erased before the event was written. */
function unpackBy(text: string) {
  const [kind, id, requestId] = text.split(' ');
  return { actor: { kind, id: id || null }, ...(requestId !== undefined && { requestId }) };
}

function readEntry([position, flat]: readonly [string, readonly string[]]): OutboxEntry {
  const fields = z.safeParse(EntryFields, fieldsOf(flat)).data;
  return { position, event: fields && asEvent(position, fields) };
}

function asEvent(position: string, fields: z.output<typeof EntryFields>): SeatEvent | undefined {
  const { v: _, type, tenant_id, license_id, session_id, at_ms, by, ...more } = fields;
  const { acquired_ms, borrowed_until_ms, offline_since_ms, ...detail } = more;
  const written = {
    type,
    tenantId: tenant_id,
    licenseId: license_id,
    sessionId: session_id === '' ? null : sessionOfMember(license_id, session_id),
    atMs: at_ms,
    position,
    ...by,
    detail: {
      ...detail,
      ...(acquired_ms === undefined ? {} : { acquiredAtMs: acquired_ms }),
      ...(borrowed_until_ms === undefined ? {} : { borrowedUntilMs: borrowed_until_ms }),
      ...(offline_since_ms === undefined ? {} : { offlineSinceMs: offline_since_ms }),
    },
  };
  const known = z.safeParse(z.omit(SeatEventSchema, { eventId: true }), written).data;
  return known && eventOf(known);
}
