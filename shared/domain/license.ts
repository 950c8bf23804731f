import canonicalize from 'canonicalize';
import * as z from 'zod/mini';
import type { By } from './actor.ts';
import type { Entitlement } from './entitlement.ts';
import { type EventDetail, eventOf, type SeatEvent } from './event.ts';
import { hashSecret } from './ids.ts';
import { PLAN_NAMES, PLANS, type Plan, type PlanTerms } from './plans.ts';

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

/** Machines per seat that can have a signed license at once if no limit is set: people change and reinstall machines. */
const USUAL_SIGNED_PER_SEAT = 10;

/** The highest limit of signed licenses that can be set: what the largest license has without one. */
export const MOST_SIGNED = USUAL_SIGNED_PER_SEAT * MAX_SEATS;

/** Why a subscription holds back its license: a payment is overdue, disputed or refunded, or billing is paused. */
export const HOLDS = ['payment', 'paused', 'dispute', 'refund'] as const;

/** The terms set for one license. `null`: not set. `entitlementOf` says what is then in effect. */
const OwnTermsSchema = z.object({
  ttlSeconds: z.nullable(z.int()),
  heartbeatSeconds: z.nullable(z.int()),
  maxSessions: z.nullable(z.int()),
  signedLimit: z.nullable(z.int()),
  offlineGraceDays: z.nullable(z.int()),
  offlineStartDays: z.nullable(z.int()),
  /** `maxDays` 0: seats cannot be borrowed. `lowWater`: seats of `max` that cannot. */
  borrow: z.nullable(z.object({ maxDays: z.int(), lowWater: z.int() })),
  /** Replace the plan's. */
  features: z.nullable(z.array(z.string())),
  /** Added to the plan's; a limit with the same name replaces the plan's. */
  limits: z.nullable(z.record(z.string(), z.int())),
  /** Limit for acquires and early heartbeats. */
  requestsPerMinute: z.nullable(z.int()),
  /** By meter, in place of the settings: the most on one day, and the least that one record reports. */
  usageCaps: z.nullable(z.record(z.string(), z.int())),
  usageFloors: z.nullable(z.record(z.string(), z.int())),
});
export type OwnTerms = z.infer<typeof OwnTermsSchema>;

export const LicenseSchema = z.object({
  licenseId: z.string(),
  tenantId: z.string(),
  plan: z.enum(PLAN_NAMES),
  ...OwnTermsSchema.shape,
  max: z.int(),
  overdraft: z.int(),
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

type Optional<T> = { readonly [F in keyof T]?: T[F] | undefined };

/** What an operator can choose for a new license; everything but `max` has a default. */
export interface LicenseTerms
  extends Optional<OwnTerms>,
    Optional<Pick<License, 'overdraft' | 'unit' | 'plan' | 'validUntilMs'>> {
  readonly max: number;
}

/** A plan, and no terms that override it. */
export function termsOfPlan(plan: Plan) {
  return {
    plan,
    ttlSeconds: null,
    heartbeatSeconds: null,
    maxSessions: null,
    signedLimit: null,
    offlineGraceDays: null,
    offlineStartDays: null,
    borrow: null,
    features: null,
    limits: null,
  };
}

/** A new, active license. */
export function draftLicense(
  ids: { tenantId: string; licenseId: string },
  key: string,
  terms: LicenseTerms,
  nowMs: number,
): License {
  return {
    ...ids,
    ...termsOfPlan('pro'),
    requestsPerMinute: null,
    usageCaps: null,
    usageFloors: null,
    overdraft: 0,
    unit: 'machine',
    validUntilMs: null,
    ...named(terms),
    max: terms.max,
    status: 'active',
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
export interface LicenseChange
  extends Optional<OwnTerms>,
    Optional<Pick<License, 'max' | 'overdraft' | 'status' | 'plan' | 'validUntilMs'>> {}

/**
 * The license after a change, with the next version. A new plan changes every term that is not set for the license. The
 * result may contain terms that its plan or other terms do not allow; the caller checks that.
 */
export function withLicenseChange(license: License, change: LicenseChange, nowMs: number): License {
  return {
    ...license,
    ...named(change),
    version: license.version + 1,
    change: 'license.updated',
    updatedAtMs: nowMs,
  };
}

/** A copy of the terms without those that are undefined. */
function named<T extends object>(terms: T): { [F in keyof T]: Exclude<T[F], undefined> } {
  const given = Object.entries(terms).filter(([, value]) => value !== undefined);
  return structuredClone(Object.fromEntries(given)) as { [F in keyof T]: Exclude<T[F], undefined> };
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

/**
 * The event of the change that created this version, with what changed if the license `before` it is known. Always the
 * same event, so duplicates are recognised.
 */
export function eventOfLicense(license: License, by: By, before?: License): SeatEvent {
  const { tenantId, licenseId, change, updatedAtMs, version, max } = license;
  return eventOf({
    type: change,
    tenantId,
    licenseId,
    sessionId: null,
    atMs: updatedAtMs,
    position: `${updatedAtMs}-0`,
    ...by,
    detail: { version, max, ...(before && changesOf(before, license)) },
  });
}

/** Fields that change with every change, or that its type implies. */
const IMPLIED = new Set([
  'version',
  'change',
  'updatedAtMs',
  'keyHash',
  'previousKeyHash',
  'previousKeyUntilMs',
]);

/** The fields that differ, by their names in the API, and the values of those that are in the event. */
function changesOf(
  before: License,
  after: License,
): Pick<EventDetail, 'fields' | 'plan' | 'status' | 'hold'> {
  const { plan, status, hold } = after;
  const known = new Map<string, unknown>(Object.entries(before));
  const changed = Object.entries(after)
    .filter(([field, value]) => !IMPLIED.has(field) && canonicalize(value) !== canonicalize(known.get(field)))
    .map(([field]) => field);
  if (changed.length === 0) return {};
  return {
    fields: changed.map(apiName).sort(),
    ...(changed.includes('plan') && { plan }),
    ...(changed.includes('status') && { status }),
    ...(changed.includes('hold') && { hold }),
  };
}

function apiName(field: string): string {
  return field.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A client that keeps to the heartbeat interval must not lose its lease. */
export function isHeartbeatIntervalValid({
  plan,
  ttlSeconds,
  heartbeatSeconds,
}: TermsIn<'ttlSeconds' | 'heartbeatSeconds'>): boolean {
  return heartbeatSeconds === null || heartbeatSeconds < (ttlSeconds ?? PLANS[plan].ttlSeconds);
}

/** Only some plans let a license have an offline grace of its own. */
export function isGraceAllowed({ plan, offlineGraceDays }: TermsIn<'offlineGraceDays'>): boolean {
  return offlineGraceDays === null || PLANS[plan].ownGrace;
}

/** A client that starts offline runs offline: it cannot start for longer than it can run. */
export function isOfflineStartAllowed(terms: TermsIn<'offlineGraceDays' | 'offlineStartDays'>): boolean {
  return terms.offlineStartDays === null || terms.offlineStartDays <= offlineGraceDaysOf(terms);
}

/** The meters of which one record must report more than a day allows. A cap of 0 is no mistake: it forbids the meter. */
export function metersWithoutRoom({
  usageCaps,
  usageFloors,
}: Pick<License, 'usageCaps' | 'usageFloors'>): string[] {
  const caps = new Map(Object.entries(usageCaps ?? {}));
  return Object.entries(usageFloors ?? {}).flatMap(([meter, floor]) => {
    const cap = caps.get(meter);
    return cap !== undefined && cap > 0 && floor > cap ? [meter] : [];
  });
}

type TermsIn<T extends keyof OwnTerms> = Pick<License, 'plan' | T>;

function offlineGraceDaysOf(terms: TermsIn<'offlineGraceDays'>): number {
  const ofPlan = PLANS[terms.plan].offlineGraceDays;
  return isGraceAllowed(terms) ? (terms.offlineGraceDays ?? ofPlan) : ofPlan;
}

/** Five sixths of the TTL: 300 s for 360 s, so that a late or lost heartbeat can be repeated before the lease ends. */
function usualHeartbeatSeconds(ttlSeconds: number): number {
  return Math.floor((ttlSeconds * 5) / 6);
}

/**
 * What a license grants, as the seat store needs it: the terms set for the license, and its plan's for all others. A
 * release can edit a plan, so a term that was valid when it was set is not applied where the plan no longer allows it.
 */
export function entitlementOf(license: License): Entitlement {
  const plan: PlanTerms = PLANS[license.plan];
  const { max, overdraft } = license;
  const seats = max + overdraft;
  const ttlSeconds = license.ttlSeconds ?? plan.ttlSeconds;
  const ownHeartbeatSeconds = isHeartbeatIntervalValid(license) ? license.heartbeatSeconds : null;
  const offlineGraceDays = offlineGraceDaysOf(license);
  const borrow = license.borrow ?? plan.borrow;
  return {
    licenseId: license.licenseId,
    tenantId: license.tenantId,
    version: license.version,
    max,
    overdraft,
    ttlSeconds,
    heartbeatSeconds: ownHeartbeatSeconds ?? usualHeartbeatSeconds(ttlSeconds),
    unit: license.unit,
    status: license.hold === null ? license.status : 'suspended',
    validUntilMs: license.validUntilMs,
    maxSessions: license.maxSessions ?? plan.maxSessions,
    signedLimit: license.signedLimit ?? plan.signedLimit ?? USUAL_SIGNED_PER_SEAT * seats,
    offlineGraceDays,
    offlineStartDays: Math.min(license.offlineStartDays ?? plan.offlineStartDays, offlineGraceDays),
    borrowMaxDays: borrow.maxDays,
    borrowLowWater: borrow.lowWater,
    requestsPerMinute: license.requestsPerMinute ?? USUAL_PACE.forAll + USUAL_PACE.forEachSeat * seats,
    entitlements: {
      plan: license.plan,
      features: [...(license.features ?? plan.features)],
      limits: { ...plan.limits, ...license.limits },
    },
    keyHash: license.keyHash,
    previousKeyHash: license.previousKeyHash,
    previousKeyUntilMs: license.previousKeyUntilMs,
  };
}
