import * as z from 'zod/mini';
import type { Entitlement } from '../../domain/entitlement.ts';
import { PLAN_NAMES } from '../../domain/plans.ts';
import type { Session, SessionFacts, SessionKind } from '../../domain/session.ts';
import { fieldsOf } from './script-runner.ts';

/**
 * The encoding of sessions, their facts and licenses in Redis. Facts, entitlement copies and outbox entries contain the
 * version of their format; the scripts write or check the same one.
 */
const VERSION = 1;

/**
 * A session as a member of its license's keys: its id without the license, which the key already contains. That saves
 * twenty-four bytes in each of three places, a seventh of what Redis stores per session.
 */
export function memberOf(licenseId: string, sessionId: string): string {
  const start = startOf(licenseId);
  // The session of another license keeps its whole id, so it matches no member.
  return sessionId.startsWith(start) ? sessionId.slice(start.length) : sessionId;
}

/** The session id of a `member` created by `memberOf`. */
export function sessionOfMember(licenseId: string, member: string): string {
  return startOf(licenseId) + member;
}

function startOf(licenseId: string): string {
  return `ses_${licenseId.slice(4)}_`;
}

const word = z.optional(z.nullable(z.string()));

/** Version and facts without their names, as Redis stores them once per session. caller.lua reads version and user. */
const PackedFacts = z.pipe(
  z.tuple([z.literal(VERSION), z.string(), word, word, word, word]),
  z.transform(([, fingerprint, hostname, appVersion, userId, processId]) => ({
    fingerprint,
    ...(hostname == null ? {} : { hostname }),
    ...(appVersion == null ? {} : { appVersion }),
    ...(userId == null ? {} : { userId }),
    ...(processId == null ? {} : { processId }),
  })),
);

/** Facts in the form that the scripts take and store. */
export function packFacts({ fingerprint, hostname, appVersion, userId, processId }: SessionFacts): string {
  const words = [VERSION, fingerprint, hostname, appVersion, userId, processId];
  return JSON.stringify(words.slice(0, words.findLastIndex((each) => each !== undefined) + 1));
}

/** Kinds of sessions as the scripts store them. */
const KIND_LETTERS = { instance: 'i', machine: 'm', loan: 'l' } as const satisfies Record<
  SessionKind,
  string
>;
const KINDS_BY_LETTER: ReadonlyMap<string, SessionKind> = new Map([
  ['i', 'instance'],
  ['m', 'machine'],
  ['l', 'loan'],
]);

export function letterOfKind(kind: SessionKind): string {
  return KIND_LETTERS[kind];
}

/** Throws if no release has such a kind that this one knows. */
export function kindOfLetter(letter: string): SessionKind {
  const kind = KINDS_BY_LETTER.get(letter);
  if (!kind) throw new Error('unknown kind of session');
  return kind;
}

/**
 * Reads what `pack` in sessions.lua writes. Throws if another release wrote it in another form. The error quotes nothing
 * of it, because it is logged.
 */
export function unpackSession(sessionId: string, packed: string): Session {
  const [, holder = '', endMs, acquiredAtMs, letter = '', machine = '', words = ''] =
    /^([^|]*)\|(\d+)\|(\d+)\|([a-z])\|([^|]*)\|(.*)$/s.exec(packed) ?? [];
  const kind = KINDS_BY_LETTER.get(letter);
  const facts = factsIn(words);
  if (!facts || !kind) throw new Error('unknown form of session facts');
  return {
    sessionId,
    kind,
    holder,
    machine: machine === '' ? holder : machine,
    acquiredAtMs: Number(acquiredAtMs),
    expiresAtMs: Number(endMs),
    facts,
  };
}

function factsIn(words: string): SessionFacts | undefined {
  try {
    return z.safeParse(PackedFacts, JSON.parse(words)).data;
  } catch {
    return undefined;
  }
}

/** The fields of the license hash that the scripts read, without the license's version; flat, for HSET. */
export function packEntitlement(entitlement: Entitlement): string[] {
  const fields: Record<string, string | number> = {
    v: VERSION,
    tenant_id: entitlement.tenantId,
    max: entitlement.max,
    overdraft: entitlement.overdraft,
    ttl_seconds: entitlement.ttlSeconds,
    heartbeat_seconds: entitlement.heartbeatSeconds,
    unit: entitlement.unit,
    status: entitlement.status,
    valid_until_ms: entitlement.validUntilMs ?? 0,
    max_sessions: entitlement.maxSessions,
    signed_limit: entitlement.signedLimit,
    offline_grace_days: entitlement.offlineGraceDays,
    offline_start_days: entitlement.offlineStartDays,
    borrow_max_days: entitlement.borrowMaxDays,
    borrow_low_water: entitlement.borrowLowWater,
    requests_per_minute: entitlement.requestsPerMinute,
    entitlements: JSON.stringify(entitlement.entitlements),
    key_hash: entitlement.keyHash,
    previous_key_hash: entitlement.previousKeyHash ?? '',
    previous_key_until_ms: entitlement.previousKeyUntilMs ?? 0,
  };
  return Object.entries(fields).flatMap(([field, value]) => [field, String(value)]);
}

const digits = z.pipe(z.string().check(z.regex(/^-?\d+$/)), z.transform(Number));

const Entitlements = z.object({
  plan: z.enum(PLAN_NAMES),
  features: z.array(z.string()),
  limits: z.record(z.string(), z.int()),
});

/** The entitlements that clients get, as the license hash has them. Throws if another release wrote it in another form. */
export function unpackEntitlements(json: string): Entitlement['entitlements'] {
  return z.parse(Entitlements, JSON.parse(json));
}

function entitlementsIn(json: string): Entitlement['entitlements'] | undefined {
  try {
    return unpackEntitlements(json);
  } catch {
    return undefined;
  }
}

const LicenseHash = z.object({
  v: z.literal(String(VERSION)),
  version: digits,
  tenant_id: z.string(),
  max: digits,
  overdraft: digits,
  ttl_seconds: digits,
  heartbeat_seconds: digits,
  unit: z.enum(['machine', 'user', 'process']),
  status: z.enum(['active', 'suspended']),
  valid_until_ms: digits,
  max_sessions: digits,
  signed_limit: digits,
  offline_grace_days: digits,
  offline_start_days: digits,
  borrow_max_days: digits,
  borrow_low_water: digits,
  requests_per_minute: digits,
  entitlements: z.string(),
  key_hash: z.string(),
  previous_key_hash: z.string(),
  previous_key_until_ms: digits,
});

/** Decodes the license hash, flat as HGETALL returns it; `undefined` if it is missing or in another format. */
export function unpackEntitlement(licenseId: string, flat: readonly string[]): Entitlement | undefined {
  const hash = z.safeParse(LicenseHash, fieldsOf(flat)).data;
  const entitlements = hash && entitlementsIn(hash.entitlements);
  return (
    entitlements && {
      licenseId,
      tenantId: hash.tenant_id,
      version: hash.version,
      max: hash.max,
      overdraft: hash.overdraft,
      ttlSeconds: hash.ttl_seconds,
      heartbeatSeconds: hash.heartbeat_seconds,
      unit: hash.unit,
      status: hash.status,
      validUntilMs: hash.valid_until_ms || null,
      maxSessions: hash.max_sessions,
      signedLimit: hash.signed_limit,
      offlineGraceDays: hash.offline_grace_days,
      offlineStartDays: hash.offline_start_days,
      borrowMaxDays: hash.borrow_max_days,
      borrowLowWater: hash.borrow_low_water,
      requestsPerMinute: hash.requests_per_minute,
      entitlements,
      keyHash: hash.key_hash,
      previousKeyHash: hash.previous_key_hash || null,
      previousKeyUntilMs: hash.previous_key_until_ms || null,
    }
  );
}

/**
 * The value of each row, without the rows that `read` throws for: one session that this release cannot read must not
 * fail a whole list. The ids of their sessions are returned as `unreadable`, if there are any.
 */
export function readRows<R, T>(
  rows: readonly R[],
  sessionIdOf: (row: R) => string,
  read: (row: R) => T,
): { readonly sessions: T[]; readonly unreadable?: readonly string[] } {
  const sessions: T[] = [];
  const unreadable: string[] = [];
  for (const row of rows) {
    try {
      sessions.push(read(row));
    } catch {
      unreadable.push(sessionIdOf(row));
    }
  }
  return { sessions, ...(unreadable.length > 0 && { unreadable }) };
}
