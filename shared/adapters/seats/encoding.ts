import * as z from 'zod/mini';
import type { Entitlement } from '../../domain/entitlement.ts';
import type { Session, SessionFacts } from '../../domain/session.ts';
import { fieldsOf } from './script-runner.ts';

/** How sessions, their facts and licenses are written in Redis. */

/**
 * A session as a member of its license's keys: without what its id repeats of the license, which the key says already.
 * Twenty-four bytes in each of three places are a seventh of what Redis keeps of a session.
 */
export function memberOf(licenseId: string, sessionId: string): string {
  const start = startOf(licenseId);
  // Another license's session stays whole, and so is nobody here.
  return sessionId.startsWith(start) ? sessionId.slice(start.length) : sessionId;
}

/** The id of the session that `memberOf` gave `member` for. */
export function sessionOfMember(licenseId: string, member: string): string {
  return startOf(licenseId) + member;
}

function startOf(licenseId: string): string {
  return `ses_${licenseId.slice(4)}_`;
}

const word = z.optional(z.nullable(z.string()));

/** Facts without their names, as Redis keeps them once for each session. caller.lua reads the user. */
const PackedFacts = z.pipe(
  z.tuple([z.string(), word, word, word, word]),
  z.transform(([fingerprint, hostname, appVersion, userId, processId]) => ({
    fingerprint,
    ...(hostname == null ? {} : { hostname }),
    ...(appVersion == null ? {} : { appVersion }),
    ...(userId == null ? {} : { userId }),
    ...(processId == null ? {} : { processId }),
  })),
);

/** Facts as the scripts take and keep them. */
export function packFacts({ fingerprint, hostname, appVersion, userId, processId }: SessionFacts): string {
  const words = [fingerprint, hostname, appVersion, userId, processId];
  return JSON.stringify(words.slice(0, words.findLastIndex((each) => each !== undefined) + 1));
}

/** The other side of `pack` in leases.lua. */
export function unpackFacts(packed: string): Pick<Session, 'holder' | 'acquiredAtMs' | 'facts'> {
  const match = /^([^|]*)\|(\d+)\|\d+\|\d+\|(.*)$/s.exec(packed);
  if (!match) throw new Error('session facts that this version does not know');
  const [, holder = '', acquiredAtMs, facts = ''] = match;
  return {
    holder,
    acquiredAtMs: Number(acquiredAtMs),
    facts: z.parse(PackedFacts, JSON.parse(facts)),
  };
}

/** The fields of the license hash, which include/license.lua reads, but for its version; flat, as HSET takes them. */
export function packEntitlement(entitlement: Entitlement): string[] {
  const fields: Record<string, string | number> = {
    tenant_id: entitlement.tenantId,
    max: entitlement.max,
    overdraft: entitlement.overdraft,
    ttl_seconds: entitlement.ttlSeconds,
    heartbeat_seconds: entitlement.heartbeatSeconds,
    unit: entitlement.unit,
    status: entitlement.status,
    valid_until_ms: entitlement.validUntilMs ?? 0,
    offline_grace_days: entitlement.offlineGraceDays,
    borrow_max_days: entitlement.borrowMaxDays,
    borrow_low_water: entitlement.borrowLowWater,
    ...(entitlement.requestsPerMinute === null ? {} : { requests_per_minute: entitlement.requestsPerMinute }),
    key_hash: entitlement.keyHash,
    previous_key_hash: entitlement.previousKeyHash ?? '',
    previous_key_until_ms: entitlement.previousKeyUntilMs ?? 0,
  };
  return Object.entries(fields).flatMap(([field, value]) => [field, String(value)]);
}

const digits = z.pipe(z.string().check(z.regex(/^-?\d+$/)), z.transform(Number));

const LicenseHash = z.object({
  version: digits,
  tenant_id: z.string(),
  max: digits,
  overdraft: digits,
  ttl_seconds: digits,
  heartbeat_seconds: digits,
  unit: z.enum(['machine', 'user', 'process']),
  status: z.enum(['active', 'suspended']),
  valid_until_ms: digits,
  offline_grace_days: digits,
  // A copy from before seats were lent has neither.
  borrow_max_days: z.prefault(digits, '0'),
  borrow_low_water: z.prefault(digits, '0'),
  // A copy from before there were paces has none.
  requests_per_minute: z.optional(digits),
  key_hash: z.string(),
  previous_key_hash: z.string(),
  previous_key_until_ms: digits,
});

/** The license hash, flat as HGETALL gives it, as an entitlement again. Throws where a version before wrote it. */
export function unpackEntitlement(licenseId: string, flat: readonly string[]): Entitlement {
  const hash = z.parse(LicenseHash, fieldsOf(flat));
  return {
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
    offlineGraceDays: hash.offline_grace_days,
    borrowMaxDays: hash.borrow_max_days,
    borrowLowWater: hash.borrow_low_water,
    requestsPerMinute: hash.requests_per_minute ?? null,
    keyHash: hash.key_hash,
    previousKeyHash: hash.previous_key_hash || null,
    previousKeyUntilMs: hash.previous_key_until_ms || null,
  };
}
