import * as z from 'zod/mini';
import type { Session } from '../../domain/session.ts';
import { Unavailable } from '../../errors.ts';
import type {
  AcquireVerdict,
  HeartbeatOf,
  HeartbeatResult,
  HeartbeatVerdict,
  Proof,
  Rhythm,
  Seats,
  TooOften,
} from '../../ports/seats.ts';
import { memberOf, packEntitlement, packFacts, readRows, sessionOfMember, unpackFacts } from './encoding.ts';
import { keysOfPool } from './lua/keys.ts';
import type { Verb } from './lua/scripts.ts';
import { decodeRows, scriptRunner } from './script-runner.ts';
import { openRedis } from './upstash-client.ts';
import type { httpRequester } from './upstash-http.ts';

/**
 * Seats over Upstash's REST API: each method is one EVALSHA, one round trip. (After a restart of Redis the first call
 * of a script fails with NOSCRIPT, and its source is sent once.)
 *
 * `replaceIncludes` replaces an include with other Lua; tests use it to move the clock.
 */
export function openSeats(
  requester: ReturnType<typeof httpRequester>,
  replaceIncludes: Readonly<Record<string, string>> = {},
): Seats {
  const runScript = scriptRunner(openRedis(requester), replaceIncludes);

  /** A reply begins with its verdict; `replies` has the shape of each. */
  function run<S extends z.core.$ZodType>(
    verb: Verb,
    replies: S,
    licenseId: string,
    args: readonly string[],
  ) {
    return runScript(verb, replies, keysOfPool(licenseId), [licenseId, ...args]);
  }

  return {
    async acquire({ licenseId, proof, proposedSessionId, holders, facts, borrowDays }) {
      const reply = await run('acquire', AcquireReply, licenseId, [
        packProof(proof),
        memberOf(licenseId, proposedSessionId),
        holders.machine,
        holders.user ?? '',
        holders.process ?? '',
        packFacts(facts),
        borrowDays === undefined ? '' : String(borrowDays),
      ]);
      return acquireVerdict(licenseId, reply);
    },

    async heartbeat({ licenseId, proof, sessions }): Promise<HeartbeatVerdict> {
      const reply = await run('heartbeat', HeartbeatReply, licenseId, [
        packProof(proof),
        ...sessions.flatMap((each) => packHeartbeat(licenseId, each)),
      ]);
      if (reply[0] !== 'OK') return refusalOf(reply);
      const [, atMs, ttlSeconds, heartbeatSeconds, offlineGraceDays, ...answers] = reply;
      if (answers.length !== sessions.length)
        throw new Error('heartbeat: Redis returned another number of results than sessions');
      const results = sessions.map(({ sessionId }, i): HeartbeatResult => {
        const answer = answers[i];
        if (answer === undefined || answer[0] === 'GONE') return { verdict: 'GONE', sessionId };
        if (answer[0] === 'NO_ROOM') return { verdict: 'NO_ROOM', sessionId };
        return { verdict: answer[0], session: unpackSession(sessionId, answer[1], answer[2], answer[3]) };
      });
      return { verdict: 'OK', atMs, rhythm: { ttlSeconds, heartbeatSeconds, offlineGraceDays }, results };
    },

    async readSession({ licenseId, proof, sessionId }) {
      const reply = await run('read-session', SessionReply, licenseId, [
        packProof(proof),
        memberOf(licenseId, sessionId),
      ]);
      if (reply[0] !== 'OK') return refusalOf(reply);
      const [verdict, atMs, expiresAtMs, packed, borrowedUntilMs, version, validUntilMs, ...rest] = reply;
      const [ttlSeconds, heartbeatSeconds, offlineGraceDays, signed] = rest;
      return {
        verdict,
        session: unpackSession(sessionId, expiresAtMs, packed, borrowedUntilMs),
        version,
        validUntilMs: validUntilMs || null,
        rhythm: { ttlSeconds, heartbeatSeconds, offlineGraceDays },
        atMs,
        signed: signed || undefined,
      };
    },

    async keepSigned(licenseId, sessionId, signed) {
      const [verdict] = await run('keep-signed', KeepSignedReply, licenseId, [
        memberOf(licenseId, sessionId),
        signed,
      ]);
      return verdict;
    },

    async release({ licenseId, proof, sessionId, reason, proven, sentAtMs }) {
      const token = proven ? [String(proven.expiresAtMs), packFacts(proven.facts)] : ['', ''];
      const args = [
        packProof(proof),
        memberOf(licenseId, sessionId),
        reason,
        ...token,
        sentAtMs === undefined ? '' : String(sentAtMs),
      ];
      return refusalOf(await run('release', ReleaseReply, licenseId, args));
    },

    async putLicense(entitlement, event) {
      const { version } = entitlement;
      const change = [event?.type ?? '', event === undefined ? '' : String(event.atMs)];
      const args = [String(version), ...change, ...packEntitlement(entitlement)];
      const [verdict] = await run('put-license', PutLicenseReply, entitlement.licenseId, args);
      return verdict;
    },

    async listSessions(licenseId, { limit, after }) {
      const reply = await run('list-sessions', ListSessionsReply, licenseId, [
        after ? String(after.expiresAtMs) : '',
        after ? memberOf(licenseId, after.sessionId) : '',
        String(limit),
      ]);
      if (reply[0] !== 'OK') return { verdict: reply[0] };
      const [verdict, active, max, overdraft, ...cells] = reply;
      const rows = decodeRows('list-sessions', SessionRow, cells).map(
        ([member, ...facts]) => [sessionOfMember(licenseId, member), ...facts] as const,
      );
      const listed = readRows(
        rows,
        ([sessionId]) => sessionId,
        (row) => unpackSession(...row),
      );
      const [sessionId, expiresAtMs] = rows[limit - 1] ?? [];
      const next =
        sessionId === undefined || expiresAtMs === undefined ? {} : { next: { sessionId, expiresAtMs } };
      return { verdict, active, max, overdraft, ...listed, ...next };
    },

    async close() {
      requester.close();
    },
  };
}

const TooOftenReply = z.tuple([z.literal('TOO_OFTEN'), z.int()]);
const ENTRY_REFUSALS = ['UNKNOWN_LICENSE', 'WRONG_KEY', 'NOT_YOURS'] as const;
const LicenseTroubleReply = z.union([
  z.tuple([z.enum([...ENTRY_REFUSALS, 'SUSPENDED', 'EXPIRED'])]),
  TooOftenReply,
]);

const AcquireReply = z.union([
  z.tuple([
    z.enum(['GRANTED', 'RENEWED']),
    z.string(),
    z.int(),
    z.int(),
    z.int(),
    z.int(),
    z.int(),
    z.int(),
    z.int(),
    z.string(),
    z.int(),
  ]),
  z.tuple([z.literal('FULL'), z.int(), z.int(), z.int()]),
  z.tuple([z.literal('HOLDER_REQUIRED'), z.enum(['machine', 'user', 'process'])]),
  z.tuple([z.literal('BORROW_TOO_LONG'), z.int()]),
  z.tuple([z.literal('BORROW_LIMIT'), z.int(), z.int()]),
  z.tuple([z.literal('ENDED')]),
  LicenseTroubleReply,
]);

const HeartbeatAnswer = z.union([
  z.tuple([z.enum(['RENEWED', 'REVIVED']), z.int(), z.string(), z.int()]),
  z.tuple([z.literal('GONE')]),
  z.tuple([z.literal('NO_ROOM')]),
]);
const HeartbeatReply = z.union([
  z.tuple([z.literal('OK'), z.int(), z.int(), z.int(), z.int()], HeartbeatAnswer),
  LicenseTroubleReply,
]);

const SessionReply = z.union([
  z.tuple([
    z.literal('OK'),
    z.int(),
    z.int(),
    z.string(),
    z.int(),
    z.int(),
    z.int(),
    z.int(),
    z.int(),
    z.int(),
    z.string(),
  ]),
  z.tuple([z.literal('GONE')]),
  LicenseTroubleReply,
]);

const KeepSignedReply = z.tuple([z.enum(['KEPT', 'GONE'])]);

const ReleaseReply = z.union([
  z.tuple([z.enum(['ENDED', 'ALREADY_ENDED', 'OVERTAKEN', 'UNKNOWN_SESSION', ...ENTRY_REFUSALS])]),
  TooOftenReply,
]);

const PutLicenseReply = z.tuple([z.enum(['STORED', 'STALE'])]);

const ListSessionsReply = z.union([
  z.tuple([z.literal('OK'), z.int(), z.int(), z.int()], z.nullable(z.union([z.string(), z.int()]))),
  z.tuple([z.literal('UNKNOWN_LICENSE')]),
]);
const SessionRow = z.tuple([z.string(), z.int(), z.nullable(z.string()), z.int()]);

function acquireVerdict(licenseId: string, reply: z.output<typeof AcquireReply>): AcquireVerdict {
  switch (reply[0]) {
    case 'GRANTED':
    case 'RENEWED': {
      const [
        verdict,
        member,
        atMs,
        expiresAtMs,
        active,
        max,
        ttlSeconds,
        heartbeatSeconds,
        offlineGraceDays,
        packed,
        borrowedUntilMs,
      ] = reply;
      const rhythm: Rhythm = { ttlSeconds, heartbeatSeconds, offlineGraceDays };
      const sessionId = sessionOfMember(licenseId, member);
      const session = unpackSession(sessionId, expiresAtMs, packed, borrowedUntilMs);
      return { verdict, session, active, max, atMs, rhythm };
    }
    case 'FULL':
      return { verdict: 'FULL', active: reply[1], max: reply[2], retryAfterSeconds: reply[3] };
    case 'HOLDER_REQUIRED':
      return { verdict: 'HOLDER_REQUIRED', unit: reply[1] };
    case 'BORROW_TOO_LONG':
      return { verdict: 'BORROW_TOO_LONG', maxDays: reply[1] };
    case 'BORROW_LIMIT':
      return { verdict: 'BORROW_LIMIT', borrowed: reply[1], borrowable: reply[2] };
    case 'ENDED':
      // Its grant was lost, and it ended before the retry arrived: the caller must acquire a new session.
      throw new Unavailable('seats', 'the session was ended before its acquire was retried');
    default:
      return refusalOf(reply);
  }
}

/** A reply that consists of its verdict only, except TOO_OFTEN, which adds how long to wait. */
function refusalOf<W extends string>(
  reply: readonly [W] | z.output<typeof TooOftenReply>,
): { verdict: W } | TooOften {
  return reply.length === 2 ? { verdict: reply[0], retryAfterSeconds: reply[1] } : { verdict: reply[0] };
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

function packHeartbeat(licenseId: string, { sessionId, proven }: HeartbeatOf): string[] {
  const member = memberOf(licenseId, sessionId);
  return proven
    ? [
        member,
        String(proven.expiresAtMs),
        proven.holder,
        String(proven.acquiredAtMs),
        packFacts(proven.facts),
        proven.borrowedUntilMs === undefined ? '' : String(proven.borrowedUntilMs),
      ]
    : [member, '', '', '', '', ''];
}

/** `borrowedUntilMs` is 0 for a seat that is not borrowed. */
function unpackSession(
  sessionId: string,
  expiresAtMs: number,
  packed: string | null,
  borrowedUntilMs: number,
): Session {
  return {
    sessionId,
    ...unpackFacts(packed ?? ''),
    expiresAtMs,
    ...(borrowedUntilMs === 0 ? {} : { borrowedUntilMs }),
  };
}
