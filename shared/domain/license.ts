import * as z from 'zod/mini';
import type { Entitlement } from './entitlement.ts';
import { eventOf, type SeatEvent } from './event.ts';
import { hashSecret } from './ids.ts';
import { PLAN_NAMES, PLANS, type Plan } from './plans.ts';

/** Seconds. The shortest keeps heartbeats below one a few seconds and client; the longest is a month on a ship. */
export const TTL_SECONDS = { shortest: 10, usual: 360, longest: 30 * 24 * 3600 } as const;

/** More seats than any one Redis zset should hold at the heartbeat rates that the bench has measured. */
export const MOST_SEATS = 1_000_000;

/** Longest time that a replaced key stays good, so that clients can be given the new one: 7 days. */
export const LONGEST_KEY_OVERLAP_SECONDS = 7 * 24 * 3600;

/**
 * Requests a minute that a license of so many seats is given unless it says otherwise. In the morning a thousand machines
 * start within the minute, and each must get an answer, a seat or not; and a client that has a seat needs a request every
 * few seconds at most, which makes a dozen a minute.
 */
const USUAL_PACE = { forAll: 1_200, forEachSeat: 12 } as const;

/** Highest pace that can be chosen: a third of what one Redis was measured to serve. */
export const FASTEST_PACE = 1_000_000;

const NO_BORROWING = { maxDays: 0, lowWater: 0 };

/** Why a license gives no seats for its subscription's sake: the payment failed or stopped, or was taken back. */
export const HOLDS = ['payment', 'paused', 'dispute', 'refund'] as const;

export const LicenseSchema = z.object({
  licenseId: z.string(),
  tenantId: z.string(),
  plan: z.enum(PLAN_NAMES),
  features: z.array(z.string()),
  /** In place of the plan's, where the plan leaves it open. */
  offlineGraceDays: z._default(z.nullable(z.int()), null),
  /** `maxDays` 0: seats cannot be borrowed. `lowWater`: seats of `max` that never are. */
  borrow: z._default(z.object({ maxDays: z.int(), lowWater: z.int() }), NO_BORROWING),
  /** Of acquires, and of heartbeats before their time; `null` to go by the size of the pool. */
  requestsPerMinute: z._default(z.nullable(z.int()), null),
  max: z.int(),
  overdraft: z.int(),
  ttlSeconds: z.int(),
  heartbeatSeconds: z.int(),
  unit: z.enum(['machine', 'user', 'process']),
  status: z.enum(['active', 'suspended']),
  validUntilMs: z.nullable(z.int()),
  /** The subscription that pays for it; `null` for one that the vendor looks after. */
  subscriptionId: z._default(z.nullable(z.string()), null),
  /** Why it gives no seats for its subscription's sake, whatever `status` the vendor has given it. */
  hold: z._default(z.nullable(z.enum(HOLDS)), null),
  /** Given for trying out, until somebody pays for it. */
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

/** What an operator may choose for a new license; what is left out takes the usual value. */
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

/** What a license takes from its plan. */
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

/** A new license in good standing. */
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
  /** Days, or `null` to go by the plan. */
  offlineGraceDays?: number | null | undefined;
  borrow?: License['borrow'] | undefined;
  /** `null` to go by the size of the pool. */
  requestsPerMinute?: number | null | undefined;
  validUntilMs?: number | null | undefined;
}

/**
 * The license after a change, one version up. A new TTL without a heartbeat interval of its own takes the usual one
 * for it. The result may break `rhythmIsKeepable` or `graceIsAllowed`; whoever changes checks that.
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

/** The license under a new key. The old one stays good for `overlapSeconds`; any older one ends now. */
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

/** The event of the change that made this version of the license. The same however often it is told. */
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

/** A client that keeps the heartbeat interval must never lose its lease by doing so. */
export function rhythmIsKeepable(terms: { ttlSeconds: number; heartbeatSeconds: number }): boolean {
  return terms.heartbeatSeconds < terms.ttlSeconds;
}

/** Only a plan that leaves it open lets a license have an offline grace of its own. */
export function graceIsAllowed({
  plan,
  offlineGraceDays,
}: Pick<License, 'plan' | 'offlineGraceDays'>): boolean {
  return offlineGraceDays === null || PLANS[plan].ownGrace;
}

/** Five sixths of the TTL: 300 s for 360 s, so that one late or lost beat can be repeated before the lease ends. */
function usualHeartbeatSeconds(ttlSeconds: number): number {
  return Math.floor((ttlSeconds * 5) / 6);
}

function paceOf({ requestsPerMinute, max, overdraft }: License): number {
  return requestsPerMinute ?? USUAL_PACE.forAll + USUAL_PACE.forEachSeat * (max + overdraft);
}

/** What the seat store needs to know of a license. */
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
