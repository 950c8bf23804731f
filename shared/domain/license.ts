import * as z from 'zod/mini';
import type { Entitlement } from './entitlement.ts';
import { eventOf, type SeatEvent } from './event.ts';
import { hashSecret } from './ids.ts';
import { PLAN_NAMES, PLANS, type Plan } from './plans.ts';

/** The shortest limits heartbeats to one per client every few seconds; the longest covers a month on a ship. */
export const TTL_SECONDS = { shortest: 10, usual: 360, longest: 30 * 24 * 3600 } as const;

/** One Redis zset should not hold more at the heartbeat rates that the benchmark measured. */
export const MAX_SEATS = 1_000_000;

/** How long a replaced key can stay valid, so that clients can be given the new one: 7 days. */
export const LONGEST_KEY_OVERLAP_SECONDS = 7 * 24 * 3600;

/**
 * The default requests per minute, by the size of the license. In the morning a thousand machines start within a
 * minute, and each must get a response, whether or not a seat is free. A client that has a seat sends a request every
 * few seconds at most, which is a dozen per minute.
 */
const USUAL_PACE = { forAll: 1_200, forEachSeat: 12 } as const;

/** The highest limit that can be set: a third of the requests that one Redis served in the benchmark. */
export const FASTEST_PACE = 1_000_000;

const NO_BORROWING = { maxDays: 0, lowWater: 0 };

/** Why a subscription holds back its license: a payment is overdue, disputed or refunded, or billing is paused. */
export const HOLDS = ['payment', 'paused', 'dispute', 'refund'] as const;

export const LicenseSchema = z.object({
  licenseId: z.string(),
  tenantId: z.string(),
  plan: z.enum(PLAN_NAMES),
  features: z.array(z.string()),
  /** Replaces the plan's, if the plan allows it. */
  offlineGraceDays: z._default(z.nullable(z.int()), null),
  /** `maxDays` 0: seats cannot be borrowed. `lowWater`: seats of `max` that cannot. */
  borrow: z._default(z.object({ maxDays: z.int(), lowWater: z.int() }), NO_BORROWING),
  /** Limit for acquires and early heartbeats; `null`: by the number of seats. */
  requestsPerMinute: z._default(z.nullable(z.int()), null),
  max: z.int(),
  overdraft: z.int(),
  ttlSeconds: z.int(),
  heartbeatSeconds: z.int(),
  unit: z.enum(['machine', 'user', 'process']),
  status: z.enum(['active', 'suspended']),
  validUntilMs: z.nullable(z.int()),
  /** The subscription that pays for it; `null` if the vendor manages it. */
  subscriptionId: z._default(z.nullable(z.string()), null),
  /** Why the subscription holds it back, independent of the `status` set by the vendor. */
  hold: z._default(z.nullable(z.enum(HOLDS)), null),
  /** A trial license that is not paid for yet. */
  trial: z._default(z.boolean(), false),
  keyHash: z.string(),
  previousKeyHash: z.nullable(z.string()),
  previousKeyUntilMs: z.nullable(z.int()),
  version: z.int(),
  /** The change that made this version, at `updatedAtMs`. */
  change: z.enum(['license.created', 'license.updated', 'license.key_rotated']),
  createdAtMs: z.int(),
  updatedAtMs: z.int(),
});
export type License = z.infer<typeof LicenseSchema>;

/** What an operator can choose for a new license; everything but `max` has a default. */
export interface LicenseTerms {
  max: number;
  ttlSeconds?: number | undefined;
  heartbeatSeconds?: number | undefined;
  overdraft?: number | undefined;
  unit?: License['unit'] | undefined;
  plan?: Plan | undefined;
  features?: readonly string[] | undefined;
  offlineGraceDays?: number | null | undefined;
  borrow?: License['borrow'] | undefined;
  requestsPerMinute?: number | null | undefined;
  validUntilMs?: number | null | undefined;
}

/** The terms that a plan sets for its licenses. */
export function termsOfPlan(plan: Plan) {
  const { ttlSeconds, borrow, features } = PLANS[plan];
  return {
    plan,
    ttlSeconds,
    heartbeatSeconds: usualHeartbeatSeconds(ttlSeconds),
    borrow: { ...borrow },
    features: [...features],
    offlineGraceDays: null,
  };
}

/** A new, active license. */
export function draftLicense(
  ids: { tenantId: string; licenseId: string },
  key: string,
  terms: LicenseTerms,
  nowMs: number,
): License {
  const ttlSeconds = terms.ttlSeconds ?? TTL_SECONDS.usual;
  return {
    ...ids,
    plan: terms.plan ?? 'pro',
    features: [...(terms.features ?? [])],
    offlineGraceDays: terms.offlineGraceDays ?? null,
    borrow: terms.borrow ?? NO_BORROWING,
    requestsPerMinute: terms.requestsPerMinute ?? null,
    max: terms.max,
    overdraft: terms.overdraft ?? 0,
    ttlSeconds,
    heartbeatSeconds: terms.heartbeatSeconds ?? usualHeartbeatSeconds(ttlSeconds),
    unit: terms.unit ?? 'machine',
    status: 'active',
    validUntilMs: terms.validUntilMs ?? null,
    subscriptionId: null,
    hold: null,
    trial: false,
    keyHash: hashSecret(key),
    previousKeyHash: null,
    previousKeyUntilMs: null,
    version: 1,
    change: 'license.created',
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
}

/** Terms that can be changed later. */
export interface LicenseChange {
  max?: number | undefined;
  overdraft?: number | undefined;
  status?: License['status'] | undefined;
  ttlSeconds?: number | undefined;
  heartbeatSeconds?: number | undefined;
  plan?: Plan | undefined;
  features?: readonly string[] | undefined;
  /** Days, or `null` for the plan's. */
  offlineGraceDays?: number | null | undefined;
  borrow?: License['borrow'] | undefined;
  /** `null`: by the number of seats. */
  requestsPerMinute?: number | null | undefined;
  validUntilMs?: number | null | undefined;
}

/**
 * The license after a change, with the next version. A new TTL without a heartbeat interval sets the default interval
 * for that TTL. The result may break `isHeartbeatIntervalValid` or `isGraceAllowed`; the caller checks that.
 */
export function withLicenseChange(license: License, change: LicenseChange, nowMs: number): License {
  const ttlSeconds = change.ttlSeconds ?? license.ttlSeconds;
  const inheritedHeartbeatSeconds =
    change.ttlSeconds === undefined ? license.heartbeatSeconds : usualHeartbeatSeconds(ttlSeconds);
  return {
    ...license,
    max: change.max ?? license.max,
    overdraft: change.overdraft ?? license.overdraft,
    status: change.status ?? license.status,
    ttlSeconds,
    heartbeatSeconds: change.heartbeatSeconds ?? inheritedHeartbeatSeconds,
    plan: change.plan ?? license.plan,
    features: [...(change.features ?? license.features)],
    offlineGraceDays:
      change.offlineGraceDays === undefined ? license.offlineGraceDays : change.offlineGraceDays,
    borrow: change.borrow ?? license.borrow,
    requestsPerMinute:
      change.requestsPerMinute === undefined ? license.requestsPerMinute : change.requestsPerMinute,
    validUntilMs: change.validUntilMs === undefined ? license.validUntilMs : change.validUntilMs,
    version: license.version + 1,
    change: 'license.updated',
    updatedAtMs: nowMs,
  };
}

/** The license with a new key. The old one stays valid for `overlapSeconds`; the key before that ends now. */
export function rotateKey(license: License, newKey: string, overlapSeconds: number, nowMs: number): License {
  return {
    ...license,
    keyHash: hashSecret(newKey),
    previousKeyHash: overlapSeconds > 0 ? license.keyHash : null,
    previousKeyUntilMs: overlapSeconds > 0 ? nowMs + overlapSeconds * 1000 : null,
    version: license.version + 1,
    change: 'license.key_rotated',
    updatedAtMs: nowMs,
  };
}

/** The event of the change that created this version. Always the same event, so duplicates are recognised. */
export function eventOfLicense(license: License): SeatEvent {
  const { tenantId, licenseId, change, updatedAtMs, version, max } = license;
  return eventOf({
    type: change,
    tenantId,
    licenseId,
    sessionId: null,
    atMs: updatedAtMs,
    position: `${updatedAtMs}-0`,
    detail: { version, max },
  });
}

/** A client that keeps to the heartbeat interval must not lose its lease. */
export function isHeartbeatIntervalValid(terms: { ttlSeconds: number; heartbeatSeconds: number }): boolean {
  return terms.heartbeatSeconds < terms.ttlSeconds;
}

/** Only some plans let a license have an offline grace of its own. */
export function isGraceAllowed({
  plan,
  offlineGraceDays,
}: Pick<License, 'plan' | 'offlineGraceDays'>): boolean {
  return offlineGraceDays === null || PLANS[plan].ownGrace;
}

/** Five sixths of the TTL: 300 s for 360 s, so that a late or lost heartbeat can be repeated before the lease ends. */
function usualHeartbeatSeconds(ttlSeconds: number): number {
  return Math.floor((ttlSeconds * 5) / 6);
}

function paceOf({ requestsPerMinute, max, overdraft }: License): number {
  return requestsPerMinute ?? USUAL_PACE.forAll + USUAL_PACE.forEachSeat * (max + overdraft);
}

/** The part of a license that the seat store needs. */
export function entitlementOf(license: License): Entitlement & { requestsPerMinute: number } {
  const { licenseId, tenantId, version, max, overdraft, ttlSeconds, heartbeatSeconds, unit, status } =
    license;
  const { validUntilMs, keyHash, previousKeyHash, previousKeyUntilMs, borrow } = license;
  const offlineGraceDays = license.offlineGraceDays ?? PLANS[license.plan].offlineGraceDays;
  return {
    licenseId,
    tenantId,
    version,
    max,
    overdraft,
    ttlSeconds,
    heartbeatSeconds,
    unit,
    status: license.hold === null ? status : 'suspended',
    validUntilMs,
    offlineGraceDays,
    borrowMaxDays: borrow.maxDays,
    borrowLowWater: borrow.lowWater,
    requestsPerMinute: paceOf(license),
    keyHash,
    previousKeyHash,
    previousKeyUntilMs,
  };
}
