import * as z from 'zod/mini';
import type { Entitlement } from './entitlement.ts';
import { eventOf, type SeatEvent } from './event.ts';
import { entitlementOf, type License, withLicenseChange } from './license.ts';
import type { Session } from './session.ts';
import { lentUntilMs, type SessionHistory } from './session-history.ts';

/** How often everything is compared. */
export const RECONCILE_EVERY_MS = 3_600_000;

/**
 * How long a session must be missing before it counts as lost: longer than its end may be under way to the records, and
 * less than from one comparison to the next, so that it is looked for twice.
 */
export const LOST_AFTER_MS = 1_800_000;

/** One comparison of everything. It may take several sweeps; each goes on where the one before had to stop. */
export const ReconcilePassSchema = z.object({
  startedAtMs: z.int(),
  /** `null` while there is something left to compare. */
  finishedAtMs: z.nullable(z.int()),
  /** Entitlement copies come first, shard by shard, then sessions. */
  step: z.enum(['copies', 'sessions']),
  /** Index of the shard, while copies are compared. */
  shard: z.int(),
  /** The last license compared in the shard, or where to go on in the list of sessions. */
  after: z.nullable(z.string()),
});
export type ReconcilePass = z.infer<typeof ReconcilePassSchema>;

/** The pass to go on with, or a new one, or `undefined` where the last one was not long ago. */
export function duePass(last: ReconcilePass | undefined, nowMs: number): ReconcilePass | undefined {
  if (last && last.finishedAtMs === null) return last;
  if (last && nowMs - last.startedAtMs < RECONCILE_EVERY_MS) return undefined;
  return { startedAtMs: nowMs, finishedAtMs: null, step: 'copies', shard: 0, after: null };
}

export type CopyState =
  /** It says what the license says. */
  | 'SOUND'
  /** It missed a change. */
  | 'BEHIND'
  /** Its version says newer, its terms are others: the records were set back, or the copy was changed by hand. */
  | 'AHEAD'
  /** There is no such license. */
  | 'STRAY';

export function judgeCopy(copy: Entitlement, license: License | undefined): CopyState {
  if (!license) return 'STRAY';
  // A copy from before licenses had a pace is of the right version and not whole.
  if (copy.version < license.version || copy.requestsPerMinute === null) return 'BEHIND';
  const truth = entitlementOf(license);
  const isSame = (Object.keys(truth) as (keyof Entitlement)[]).every((field) => copy[field] === truth[field]);
  return isSame ? 'SOUND' : 'AHEAD';
}

/** The license as it is, under a version above that of a copy that was ahead of it. */
export function overrule(license: License, copy: Entitlement, nowMs: number): License {
  return { ...withLicenseChange(license, {}, nowMs), version: Math.max(license.version, copy.version) + 1 };
}

/**
 * A copy that gives no more seats, for a license that there is not: whoever holds one keeps it for one TTL at most, or
 * to the end of its loan.
 */
export function retire(copy: Entitlement): Entitlement {
  return { ...copy, version: copy.version + 1, max: 0, overdraft: 0, status: 'suspended' };
}

export function isRetired({ max, overdraft, status }: Entitlement): boolean {
  return max === 0 && overdraft === 0 && status === 'suspended';
}

/**
 * The session of a seat that is lent, as far as the records know it, or `undefined` for any other. Its client may be
 * offline until then and cannot bring it back itself. What that said of itself is not on record.
 */
export function loanOf(history: SessionHistory, nowMs: number): Session | undefined {
  const { sessionId, holder, acquiredAtMs } = history;
  const untilMs = lentUntilMs(history, nowMs);
  if (untilMs === undefined || holder === null) return undefined;
  return {
    sessionId,
    holder,
    acquiredAtMs,
    expiresAtMs: untilMs,
    borrowedUntilMs: untilMs,
    facts: { fingerprint: '' },
  };
}

export type SessionState = 'SOUND' | 'FOUND_AGAIN' | 'MISSING' | 'STILL_MISSING' | 'LOST';

/** What an open session's history and the seat store have to say to each other. */
export function judgeSession(history: SessionHistory, isSeated: boolean, nowMs: number): SessionState {
  const { missingSinceMs } = history;
  if (isSeated) return missingSinceMs === null ? 'SOUND' : 'FOUND_AGAIN';
  if (missingSinceMs === null) return 'MISSING';
  return nowMs - missingSinceMs >= LOST_AFTER_MS ? 'LOST' : 'STILL_MISSING';
}

/** The end of a session that the seat store lost without telling. The same however often it is told. */
export function lossOf(history: SessionHistory, missingSinceMs: number): SeatEvent {
  const { tenantId, licenseId, sessionId, holder, acquiredAtMs } = history;
  return eventOf({
    type: 'session.expired',
    tenantId,
    licenseId,
    sessionId,
    atMs: missingSinceMs,
    position: `${missingSinceMs}-0`,
    detail: { ...(holder === null ? {} : { holder }), acquiredAtMs, reason: 'lost' },
  });
}
