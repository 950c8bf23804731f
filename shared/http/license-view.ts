import * as z from 'zod/mini';
import { entitlementOf, HOLDS, type License, type OwnTerms } from '../domain/license.ts';
import { PLAN_NAMES } from '../domain/plans.ts';
import { LicenseId, TenantId, Timestamp, timestamp, timestampOrNull } from './fields.ts';

/** Fields that the API and exports share. */
export const LicenseFields = {
  license_id: LicenseId,
  plan: z.enum(PLAN_NAMES),
  features: z.array(z.string()),
  /** Limits that the vendor's app defines, by name. */
  limits: z.record(z.string(), z.int()),
  /** Number of seats. */
  max: z.int(),
  /** Number of seats granted in addition to `max`. */
  overdraft: z.int(),
  /** How long a seat is held without a heartbeat. */
  ttl_seconds: z.int(),
  /** How often a client must send a heartbeat. */
  heartbeat_seconds: z.int(),
  /** What uses one seat: a machine, a user or a process. */
  unit: z.enum(['machine', 'user', 'process']),
  /** How many programs can use one seat at once. */
  max_sessions: z.int(),
  /** The status in effect. It is also `suspended` while `hold` is set. */
  status: z.enum(['active', 'suspended']),
  /** Why the subscription gives no seats. The vendor cannot lift it by changing `status`. */
  hold: z.nullable(z.enum(HOLDS)),
  /** The subscription that pays for the license, or the last one that did. */
  subscription_id: z.nullable(z.string()),
  /** true for a trial, until the license is paid for. */
  trial: z.boolean(),
  /** When the license expires; null if it never expires. */
  valid_until: z.nullable(Timestamp),
  /** How many days a client may run offline, without a heartbeat. */
  offline_grace_days: z.int(),
  /** How many days after its last contact a client may start offline, although it released its seat. */
  offline_start_days: z.int(),
  /** How many machines can have a signed license at once. */
  signed_limit: z.int(),
  /** `max_days`: how long a seat can be borrowed, 0 for never. `low_water`: seats that cannot be borrowed. */
  borrow: z.strictObject({ max_days: z.int(), low_water: z.int() }),
  /** Caps of metered usage on one day, by meter, that were set for this license. 0: it cannot use the meter. */
  usage_caps: z.record(z.string(), z.int()),
  /** The least that one usage record can report, by meter, where it was set for this license. */
  usage_floors: z.record(z.string(), z.int()),
  created_at: Timestamp,
  updated_at: Timestamp,
};

/** Names of the terms that can be set for one license, and their fields. */
const OWN_TERM_FIELDS = {
  features: 'features',
  limits: 'limits',
  ttl_seconds: 'ttlSeconds',
  heartbeat_seconds: 'heartbeatSeconds',
  max_sessions: 'maxSessions',
  offline_grace_days: 'offlineGraceDays',
  offline_start_days: 'offlineStartDays',
  signed_limit: 'signedLimit',
  borrow: 'borrow',
  requests_per_minute: 'requestsPerMinute',
  usage_caps: 'usageCaps',
  usage_floors: 'usageFloors',
} as const satisfies Record<string, keyof OwnTerms>;
const OWN_TERMS = Object.keys(OWN_TERM_FIELDS) as (keyof typeof OWN_TERM_FIELDS)[];

export const LicenseView = z.strictObject({
  ...LicenseFields,
  tenant_id: TenantId,
  /** The terms that were set for this license. All others follow from its plan and the number of seats. */
  overrides: z.array(z.enum(OWN_TERMS)),
  /** The rate limit in effect: the one that was set, or the default for the number of seats. */
  requests_per_minute: z.int(),
});

/** A license as the API returns it to its tenant and to operators. */
export function viewOfLicense(license: License): z.infer<typeof LicenseView> {
  const inForce = entitlementOf(license);
  const { plan, features, limits } = inForce.entitlements;
  return {
    license_id: license.licenseId,
    tenant_id: license.tenantId,
    overrides: OWN_TERMS.filter((name) => license[OWN_TERM_FIELDS[name]] !== null),
    plan,
    features: [...features],
    limits,
    max: license.max,
    overdraft: license.overdraft,
    ttl_seconds: inForce.ttlSeconds,
    heartbeat_seconds: inForce.heartbeatSeconds,
    unit: license.unit,
    max_sessions: inForce.maxSessions,
    status: inForce.status,
    hold: license.hold,
    subscription_id: license.subscriptionId,
    trial: license.trial,
    valid_until: timestampOrNull(license.validUntilMs),
    offline_grace_days: inForce.offlineGraceDays,
    offline_start_days: inForce.offlineStartDays,
    signed_limit: inForce.signedLimit,
    borrow: { max_days: inForce.borrowMaxDays, low_water: inForce.borrowLowWater },
    requests_per_minute: inForce.requestsPerMinute,
    usage_caps: license.usageCaps ?? {},
    usage_floors: license.usageFloors ?? {},
    created_at: timestamp(license.createdAtMs),
    updated_at: timestamp(license.updatedAtMs),
  };
}
