import * as z from 'zod/mini';
import type { By } from '../../domain/actor.ts';
import type { Session } from '../../domain/session.ts';
import type {
  AcquireRequest,
  AcquireVerdict,
  BorrowVerdict,
  Full,
  Held,
  LicenseChanged,
  Proof,
  ReviveResult,
  Rhythm,
  Seats,
  TooOften,
} from '../../ports/seats.ts';
import type { RedisEngine } from '../redis/engine.ts';
import {
  kindOfLetter,
  letterOfKind,
  memberOf,
  packEntitlement,
  packFacts,
  readRows,
  sessionOfMember,
  unpackEntitlements,
  unpackSession,
} from './encoding.ts';
import { keysFor } from './lua/keys.ts';
import type { Verb } from './lua/scripts.ts';
import { decodeRows, scriptRunner } from './script-runner.ts';

/**
 * Seats in Redis, on any engine: each method is one EVALSHA, one round trip. (A server that does not know the script
 * answers NOSCRIPT, and its source is sent once.)
 *
 * `replaceIncludes` replaces an include with other Lua; tests use it to move the clock.
 */
export function openSeats(redis: RedisEngine, replaceIncludes: Readonly<Record<string, string>> = {}): Seats {
  const runScript = scriptRunner(redis, replaceIncludes);

  /** A reply begins with its verdict; `replies` has the shape of each. */
  function run<S extends z.core.$ZodType>(
    verb: Verb,
    replies: S,
    { licenseId, proof = TRUSTED }: { readonly licenseId: string; readonly proof?: Proof },
    args: readonly (string | number)[],
  ) {
    const keysOf = (names: Parameters<typeof keysFor>[0]) => keysFor(names, licenseId, proof.kind === 'user');
    return runScript(verb, replies, keysOf, [licenseId, ...args.map(String)]);
  }

  return {
    async acquire(request) {
      const reply = await run('acquire', AcquireReply, request, [
        packProof(request.proof),
        memberOf(request.licenseId, request.sessionId),
        letterOfKind(request.kind),
        ...packProgram(request),
        packBy(request.by),
      ]);
      return acquireVerdict(request.licenseId, reply);
    },

    async borrow(request) {
      const reply = await run('borrow', BorrowReply, request, [
        packProof(request.proof),
        memberOf(request.licenseId, request.sessionId),
        request.days,
        ...packProgram(request),
        packBy(request.by),
      ]);
      return borrowVerdict(request.licenseId, reply);
    },

    async heartbeat(request) {
      const { licenseId, proof, sessions, toldVersion } = request;
      const beats = sessions.flatMap(({ sessionId, proven }) => [
        memberOf(licenseId, sessionId),
        proven?.kind === 'loan' ? packFacts(proven.facts) : '',
      ]);
      const reply = await run('heartbeat', HeartbeatReply, request, [
        packProof(proof),
        toldVersion,
        ...beats,
      ]);
      if (reply[0] !== 'OK') return refusalOf(reply);
      const [verdict, atMs, ttlSeconds, heartbeatSeconds, graceDays, startDays, version, told, ...answers] =
        reply;
      checkCount('heartbeat', answers, sessions);
      return {
        verdict,
        atMs,
        rhythm: rhythmOf(ttlSeconds, heartbeatSeconds, graceDays, startDays),
        version,
        told: told === '' ? undefined : { ...unpackEntitlements(told), version },
        results: sessions.map(({ sessionId }, i) => {
          const answer = answers[i];
          if (answer?.[0] !== 'RENEWED') return { verdict: 'MISSING', sessionId };
          return { verdict: 'RENEWED', session: unpackSession(sessionId, answer[1]) };
        }),
      };
    },

    async revive(request) {
      const { licenseId, proof, by, sessions } = request;
      const beats = sessions.flatMap(({ sessionId, proven, isCleared }) => [
        memberOf(licenseId, sessionId),
        ...(proven ? packToken(proven) : NO_TOKEN),
        isCleared ? 1 : '',
      ]);
      const reply = await run('revive', ReviveReply, request, [packProof(proof), packBy(by), ...beats]);
      if (reply[0] !== 'OK') return refusalOf(reply);
      const [verdict, atMs, ttlSeconds, heartbeatSeconds, graceDays, startDays, version, told, ...answers] =
        reply;
      checkCount('revive', answers, sessions);
      return {
        verdict,
        atMs,
        rhythm: rhythmOf(ttlSeconds, heartbeatSeconds, graceDays, startDays),
        told: { ...unpackEntitlements(told), version },
        results: sessions.map(({ sessionId }, i): ReviveResult => {
          const answer = answers[i] ?? (['FORGOTTEN'] as const);
          switch (answer[0]) {
            case 'REVIVED':
            case 'RENEWED':
              return { verdict: answer[0], session: unpackSession(sessionId, answer[1]) };
            case 'ENDED':
              return { verdict: 'ENDED', sessionId, ended: answer[1] };
            default:
              return { verdict: answer[0], sessionId };
          }
        }),
      };
    },

    async readSession(request) {
      const { licenseId, proof, sessionId } = request;
      const args = [packProof(proof), memberOf(licenseId, sessionId)];
      const reply = await run('read-session', SessionReply, request, args);
      if (reply[0] !== 'OK') return refusalOf(reply);
      const [verdict, atMs, packed, validUntilMs, signed, ttlSeconds, heartbeatSeconds, ...rest] = reply;
      const [graceDays, startDays, version] = rest;
      return {
        verdict,
        session: unpackSession(sessionId, packed),
        version,
        validUntilMs: validUntilMs || null,
        rhythm: rhythmOf(ttlSeconds, heartbeatSeconds, graceDays, startDays),
        atMs,
        signed: signed || undefined,
      };
    },

    async reserveSignature(request) {
      const { licenseId, sessionId, untilMs } = request;
      const args = [memberOf(licenseId, sessionId), untilMs];
      const reply = await run('reserve-signature', ReserveReply, request, args);
      return reply[0] === 'SIGNED_LIMIT' ? { verdict: reply[0], limit: reply[1] } : refusalOf(reply);
    },

    async keepSigned(request) {
      const { licenseId, sessionId, untilMs, signed, jti, by } = request;
      const args = [memberOf(licenseId, sessionId), untilMs, signed, jti, packBy(by)];
      const [verdict] = await run('keep-signed', KeepSignedReply, request, args);
      return verdict;
    },

    async release(request) {
      const { licenseId, proof, by, sessionId, proven } = request;
      const token = proven
        ? [proven.expiresAtMs, letterOfKind(proven.kind), packFacts(proven.facts)]
        : ['', '', ''];
      const args = [packProof(proof), memberOf(licenseId, sessionId), ...token, packBy(by)];
      const reply = await run('release', ReleaseReply, request, args);
      return reply[0] === 'ENDED' ? { verdict: reply[0], kind: kindOfLetter(reply[1]) } : refusalOf(reply);
    },

    async evict(request) {
      const { licenseId, sessionId, scope, by } = request;
      const args = [memberOf(licenseId, sessionId), scope, packBy(by)];
      const reply = await run('evict', EvictReply, request, args);
      if (reply[0] !== 'EVICTED') return { verdict: reply[0] };
      const [verdict, atMs, ...cells] = reply;
      const sessions = decodeRows('evict', PackedRow, cells).map(([member, packed]) =>
        unpackSession(sessionOfMember(licenseId, member), packed),
      );
      return { verdict, atMs, sessions };
    },

    async putLicense(entitlement, event) {
      const args = [entitlement.version, packChange(event), ...packEntitlement(entitlement)];
      for (;;) {
        const [verdict] = await run('put-license', PutLicenseReply, entitlement, args);
        if (verdict !== 'ENDING') return verdict;
      }
    },

    async restore({ entitlement, event, loans, bars }) {
      const { licenseId, version } = entitlement;
      const fields = packEntitlement(entitlement);
      const restored = { isCopyStored: false, seated: [] as string[], noRoom: [] as string[] };
      let needsRoom: number | '' = '';
      let isEnding = false;
      for (let first = 0; first === 0 || first < loans.length || isEnding; first += LOANS_AT_ONCE) {
        const isLast = first + LOANS_AT_ONCE >= loans.length;
        const reply: z.output<typeof RestoreReply> = await run('restore', RestoreReply, entitlement, [
          ...[version, packChange(event), isLast ? 1 : '', needsRoom],
          ...[fields.length, bars.length, ...fields],
          ...bars.flatMap(({ userId, untilMs }) => [userId, untilMs]),
          ...loans
            .slice(first, first + LOANS_AT_ONCE)
            .flatMap((loan) => [
              ...[memberOf(licenseId, loan.sessionId), loan.holder, loan.machine],
              ...[loan.acquiredAtMs, loan.expiresAtMs, packFacts(loan.facts)],
            ]),
        ]);
        const [, isCopyStored, hasToFit, ...cells] = reply;
        needsRoom = hasToFit;
        restored.isCopyStored = isCopyStored === 1;
        isEnding = isCopyStored === 2;
        for (const [member, outcome] of decodeRows('restore', LoanRow, cells)) {
          const sessionId = sessionOfMember(licenseId, member);
          if (outcome === 1) restored.seated.push(sessionId);
          else if (outcome === 0) restored.noRoom.push(sessionId);
        }
      }
      return restored;
    },

    async listSeats(licenseId, { limit, after }) {
      const reply = await run('list-seats', ListSeatsReply, { licenseId }, [
        after?.expiresAtMs ?? '',
        after?.holder ?? '',
        limit,
      ]);
      if (reply[0] !== 'OK') return { verdict: reply[0] };
      const [verdict, active, max, overdraft, lent, ...rows] = reply;
      const unreadable: string[] = [];
      const seats = rows.map(([holder, expiresAtMs, ...cells]) => {
        const listed = readRows(
          decodeRows('list-seats', PackedRow, cells),
          ([member]) => sessionOfMember(licenseId, member),
          ([member, packed]) => unpackSession(sessionOfMember(licenseId, member), packed),
        );
        unreadable.push(...(listed.unreadable ?? []));
        return { holder, expiresAtMs, sessions: listed.sessions };
      });
      const last = limit > 0 ? seats[limit - 1] : undefined;
      const next = last && { next: { holder: last.holder, expiresAtMs: last.expiresAtMs } };
      return {
        verdict,
        active,
        max,
        overdraft,
        lent,
        seats,
        ...(unreadable.length > 0 && { unreadable }),
        ...next,
      };
    },

    async close() {
      redis.close();
    },
  };
}

/** Loans that one call of restore seats: some 2,000 commands in Redis, a few milliseconds. */
const LOANS_AT_ONCE = 200;

const TRUSTED: Proof = { kind: 'trusted' };
const NO_TOKEN = ['', '', '', '', '', ''];

const TooOftenReply = z.tuple([z.literal('TOO_OFTEN'), z.int()]);
const ENTRY_REFUSALS = ['UNKNOWN_LICENSE', 'WRONG_KEY', 'NOT_YOURS'] as const;
const LicenseTroubleReply = z.union([
  z.tuple([z.enum([...ENTRY_REFUSALS, 'SUSPENDED', 'EXPIRED'])]),
  TooOftenReply,
]);

/** What `with_rhythm` appends: TTL and heartbeat in seconds, offline grace and start in days, version. */
const RHYTHM = [z.int(), z.int(), z.int(), z.int(), z.int()] as const;

const HeldReply = z.tuple([
  z.enum(['GRANTED', 'RENEWED', 'JOINED']),
  z.string(),
  z.string(),
  z.int(),
  z.int(),
  z.int(),
  z.string(),
  ...RHYTHM,
]);
const FullReply = z.tuple([z.literal('FULL'), z.int(), z.int(), z.int()]);
const HolderRequiredReply = z.tuple([z.literal('HOLDER_REQUIRED'), z.enum(['machine', 'user', 'process'])]);
const ExhaustedReply = z.tuple([z.literal('SESSIONS_EXHAUSTED'), z.int()]);

const SeatReply = z.union([HeldReply, FullReply, HolderRequiredReply, ExhaustedReply, LicenseTroubleReply]);

const AcquireReply = z.union([
  SeatReply,
  z.tuple([z.literal('SESSION_ENDED'), z.enum(['released', 'evicted'])]),
]);

const BorrowReply = z.union([
  SeatReply,
  z.tuple([z.literal('BORROW_TOO_LONG'), z.int()]),
  z.tuple([z.literal('BORROW_LIMIT'), z.int(), z.int()]),
]);

const HeartbeatReply = z.union([
  z.tuple(
    [z.literal('OK'), z.int(), ...RHYTHM, z.string()],
    z.union([z.tuple([z.literal('RENEWED'), z.string()]), z.tuple([z.literal('MISSING')])]),
  ),
  LicenseTroubleReply,
]);

const ReviveReply = z.union([
  z.tuple(
    [z.literal('OK'), z.int(), ...RHYTHM, z.string()],
    z.union([
      z.tuple([z.enum(['REVIVED', 'RENEWED']), z.string()]),
      z.tuple([z.literal('ENDED'), z.enum(['released', 'evicted', 'expired', 'unknown'])]),
      z.tuple([z.enum(['NO_ROOM', 'FORGOTTEN'])]),
    ]),
  ),
  LicenseTroubleReply,
]);

const SessionReply = z.union([
  z.tuple([z.literal('OK'), z.int(), z.string(), z.int(), z.string(), ...RHYTHM]),
  z.tuple([z.literal('GONE')]),
  LicenseTroubleReply,
]);

const ReserveReply = z.union([
  z.tuple([z.enum(['RESERVED', 'GONE'])]),
  z.tuple([z.literal('SIGNED_LIMIT'), z.int()]),
  TooOftenReply,
]);

const KeepSignedReply = z.tuple([z.enum(['KEPT', 'GONE'])]);

const ReleaseReply = z.union([
  z.tuple([z.literal('ENDED'), z.string()]),
  z.tuple([z.enum(['ALREADY_ENDED', 'UNKNOWN_SESSION', ...ENTRY_REFUSALS])]),
  TooOftenReply,
]);

const EvictReply = z.union([
  z.tuple([z.literal('EVICTED'), z.int()], z.string()),
  z.tuple([z.enum(['UNKNOWN_SESSION', 'UNKNOWN_LICENSE'])]),
]);

const PutLicenseReply = z.tuple([z.enum(['STORED', 'ENDING', 'STALE', 'MISSING'])]);

const RestoreReply = z.tuple([z.literal('RESTORED'), z.int(), z.int()], z.union([z.string(), z.int()]));
const LoanRow = z.tuple([z.string(), z.int()]);

const ListSeatsReply = z.union([
  z.tuple([z.literal('OK'), z.int(), z.int(), z.int(), z.int()], z.tuple([z.string(), z.int()], z.string())),
  z.tuple([z.literal('UNKNOWN_LICENSE')]),
]);
const PackedRow = z.tuple([z.string(), z.string()]);

function acquireVerdict(licenseId: string, reply: z.output<typeof AcquireReply>): AcquireVerdict {
  return reply[0] === 'SESSION_ENDED'
    ? { verdict: reply[0], ended: reply[1] }
    : seatVerdict(licenseId, reply);
}

function borrowVerdict(licenseId: string, reply: z.output<typeof BorrowReply>): BorrowVerdict {
  switch (reply[0]) {
    case 'BORROW_TOO_LONG':
      return { verdict: reply[0], maxDays: reply[1] };
    case 'BORROW_LIMIT':
      return { verdict: reply[0], borrowed: reply[1], borrowable: reply[2] };
    default:
      return seatVerdict(licenseId, reply);
  }
}

/** What acquiring and borrowing a seat have in common. */
function seatVerdict(
  licenseId: string,
  reply: z.output<typeof SeatReply>,
): Extract<AcquireVerdict, BorrowVerdict> {
  switch (reply[0]) {
    case 'GRANTED':
    case 'RENEWED':
    case 'JOINED':
      return heldOf(licenseId, reply);
    case 'FULL':
      return fullOf(reply);
    case 'HOLDER_REQUIRED':
      return { verdict: reply[0], unit: reply[1] };
    case 'SESSIONS_EXHAUSTED':
      return { verdict: reply[0], maxSessions: reply[1] };
    default:
      return refusalOf(reply);
  }
}

function heldOf(licenseId: string, reply: z.output<typeof HeldReply>) {
  const [verdict, member, packed, atMs, active, max, told, ttlSeconds, heartbeatSeconds, ...rest] = reply;
  const [graceDays, startDays, version] = rest;
  const held: Held = {
    session: unpackSession(sessionOfMember(licenseId, member), packed),
    active,
    max,
    atMs,
    rhythm: rhythmOf(ttlSeconds, heartbeatSeconds, graceDays, startDays),
    told: { ...unpackEntitlements(told), version },
  };
  return { verdict, ...held };
}

function fullOf([verdict, active, max, retryAfterSeconds]: z.output<typeof FullReply>): Full {
  return { verdict, active, max, retryAfterSeconds };
}

function rhythmOf(
  ttlSeconds: number,
  heartbeatSeconds: number,
  offlineGraceDays: number,
  offlineStartDays: number,
): Rhythm {
  return { ttlSeconds, heartbeatSeconds, offlineGraceDays, offlineStartDays };
}

/** A reply that consists of its verdict only, except TOO_OFTEN, which adds how long to wait. */
function refusalOf<W extends string>(
  reply: readonly [W] | z.output<typeof TooOftenReply>,
): { verdict: W } | TooOften {
  return reply.length === 2 ? { verdict: reply[0], retryAfterSeconds: reply[1] } : { verdict: reply[0] };
}

function checkCount(verb: Verb, answers: readonly unknown[], sessions: readonly unknown[]): void {
  if (answers.length !== sessions.length)
    throw new Error(`${verb}: Redis returned another number of results than sessions`);
}

/** In the form that caller.lua reads. */
function packProof(proof: Proof): string {
  switch (proof.kind) {
    case 'trusted':
      return 'trusted';
    case 'license-key':
      return `key ${proof.keyHash}`;
    case 'user':
      return ['user', proof.userId, ...proof.tenantIds].join(' ');
  }
}

/** In the form that events.lua writes and redis-maintenance.ts reads. None of the three contains a space. */
function packBy({ actor, requestId }: By): string {
  return [actor.kind, actor.id ?? '', ...(requestId === undefined ? [] : [requestId])].join(' ');
}

/** In the form that copy.lua reads; the names of the fields are those of redis-maintenance.ts. */
function packChange(event: LicenseChanged | undefined): string {
  if (!event) return '';
  const { fields, plan, status, hold } = event.detail;
  const more = {
    ...(fields && { fields: fields.join(' ') }),
    ...(plan !== undefined && { plan }),
    ...(status !== undefined && { status }),
    ...(hold !== undefined && { hold: hold ?? '' }),
  };
  const { type, atMs } = event;
  return JSON.stringify({ type, at_ms: atMs, by: packBy(event), more: Object.entries(more).flat() });
}

/** As acquire and borrow take them. */
function packProgram({
  machine,
  holders,
  facts,
  offlineSinceMs,
}: Pick<AcquireRequest, 'machine' | 'holders' | 'facts' | 'offlineSinceMs'>): (string | number)[] {
  return [
    machine,
    holders.machine,
    holders.user ?? '',
    holders.process ?? '',
    packFacts(facts),
    offlineSinceMs ?? '',
  ];
}

/** A session from its token, as revive takes it. */
function packToken({
  expiresAtMs,
  holder,
  machine,
  acquiredAtMs,
  kind,
  facts,
}: Session): (string | number)[] {
  return [expiresAtMs, holder, machine, acquiredAtMs, letterOfKind(kind), packFacts(facts)];
}
