import canonicalize from 'canonicalize';
import * as z from 'zod/mini';
import { system } from './actor.ts';
import type { Entitlement } from './entitlement.ts';
import { eventOf, type SeatEvent } from './event.ts';
import { entitlementOf, type License, withLicenseChange } from './license.ts';
import type { SessionHistory } from './session-history.ts';

/** How often all copies and sessions are compared. */
export const RECONCILE_EVERY_MS = 3_600_000;

/**
 * How long a session must be missing before it counts as lost: longer than its end event can take to reach the records,
 * and shorter than the interval between two comparisons, so that it is looked up twice.
 */
export const LOST_AFTER_MS = 1_800_000;

/** One comparison of everything. It may take several sweeps; each resumes where the one before stopped. */
export const ReconcilePassSchema = z.object({
  startedAtMs: z.int(),
  /** `null` until everything is compared. */
  finishedAtMs: z.nullable(z.int()),
  /** Entitlement copies come first, shard by shard, then loans, then sessions. */
  step: z.enum(['copies', 'loans', 'sessions']),
  /** Index of the shard, while copies are compared. */
  shard: z.int(),
  /** The last license compared in the shard, or the cursor in the list of loans or sessions. */
  after: z.nullable(z.string()),
});
export type ReconcilePass = z.infer<typeof ReconcilePassSchema>;

/** The pass to resume, a new pass, or `undefined` if the last one began less than an hour ago. */
export function duePass(last: ReconcilePass | undefined, nowMs: number): ReconcilePass | undefined {
  if (last && last.finishedAtMs === null) return last;
  if (last && nowMs - last.startedAtMs < RECONCILE_EVERY_MS) return undefined;
  return { startedAtMs: nowMs, finishedAtMs: null, step: 'copies', shard: 0, after: null };
}

export type CopyState =
  /** It matches the license. */
  | 'SOUND'
  /** It missed a change. */
  | 'BEHIND'
  /**
   * Its version is newer, or its terms differ: the records were restored from a backup, the copy was edited, or a
   * release changed a plan.
   */
  | 'AHEAD'
  /** Its license does not exist. */
  | 'STRAY';

export function judgeCopy(copy: Entitlement, license: License | undefined): CopyState {
  if (!license) return 'STRAY';
  if (copy.version < license.version) return 'BEHIND';
  // Stores may return the limits in another order.
  return canonicalize(copy) === canonicalize(entitlementOf(license)) ? 'SOUND' : 'AHEAD';
}

/** The license, unchanged, with a version above that of a copy that was ahead of it. */
export function overrule(license: License, copy: Entitlement, nowMs: number): License {
  return { ...withLicenseChange(license, {}, nowMs), version: Math.max(license.version, copy.version) + 1 };
}

/**
 * A copy that grants no more seats, for a license that does not exist. Its seats end, except for loans, which keep theirs
 * until they end.
 */
export function retire(copy: Entitlement): Entitlement {
  return { ...copy, version: copy.version + 1, max: 0, overdraft: 0, status: 'suspended' };
}

export function isRetired({ max, overdraft, status }: Entitlement): boolean {
  return max === 0 && overdraft === 0 && status === 'suspended';
}

export type SessionState = 'SOUND' | 'FOUND_AGAIN' | 'MISSING' | 'STILL_MISSING' | 'LOST';

/** Compares the history of an open session with the seat store. */
export function judgeSession(history: SessionHistory, isLiving: boolean, nowMs: number): SessionState {
  const { missingSinceMs } = history;
  if (isLiving) return missingSinceMs === null ? 'SOUND' : 'FOUND_AGAIN';
  if (missingSinceMs === null) return 'MISSING';
  return nowMs - missingSinceMs >= LOST_AFTER_MS ? 'LOST' : 'STILL_MISSING';
}

/**
 * The end of a session that the seat store lost without an event. Always the same event, so duplicates are recognised.
 */
export function lostEventOf(history: SessionHistory, missingSinceMs: number): SeatEvent {
  const { tenantId, licenseId, sessionId, holder, acquiredAtMs } = history;
  return eventOf({
    type: 'session.expired',
    tenantId,
    licenseId,
    sessionId,
    atMs: missingSinceMs,
    position: `${missingSinceMs}-0`,
    actor: system('seats'),
    detail: { ...(holder === null ? {} : { holder }), acquiredAtMs, reason: 'lost' },
  });
}
