import * as z from 'zod/mini';
import { entitlementOf, HOLDS, type License } from '../domain/license.ts';
import { PLAN_NAMES } from '../domain/plans.ts';
import { LicenseId, TenantId, Timestamp, timestamp, timestampOrNull } from './fields.ts';

/** The fields that the API and exports have in common. */
export const LicenseFields = {
  license_id: LicenseId,
  plan: z.enum(PLAN_NAMES),
  features: z.array(z.string()),
  /** Seats. */
  max: z.int(),
  /** Seats granted beyond those. */
  overdraft: z.int(),
  /** How long a seat is held without a heartbeat, and how often one is due. */
  ttl_seconds: z.int(),
  heartbeat_seconds: z.int(),
  /** What seats are counted by. */
  unit: z.enum(['machine', 'user', 'process']),
  /** As it is in force: suspended also while `hold` says why. */
  status: z.enum(['active', 'suspended']),
  /** Why its subscription gives no seats: nothing that the vendor lifts by `status`. */
  hold: z.nullable(z.enum(HOLDS)),
  /** The subscription that pays for it, or did last. */
  subscription_id: z.nullable(z.string()),
  /** Given for trying out, until somebody pays for it. */
  trial: z.boolean(),
  /** null for a license without end. */
  valid_until: z.nullable(Timestamp),
  /** How long a client may run without a heartbeat. */
  offline_grace_days: z.int(),
  /** How long seats are lent, 0 for not at all, and how many never are. */
  borrow: z.strictObject({ max_days: z.int(), low_water: z.int() }),
  created_at: Timestamp,
  updated_at: Timestamp,
};

export const LicenseView = z.strictObject({
  ...LicenseFields,
  tenant_id: TenantId,
  /** As it is in force, chosen or by size. */
  requests_per_minute: z.int(),
});

/** A license as its tenant and operators see it. */
export function viewOfLicense(license: License): z.infer<typeof LicenseView> {
  const inForce = entitlementOf(license);
  return {
    license_id: license.licenseId,
    tenant_id: license.tenantId,
    plan: license.plan,
    features: license.features,
    max: license.max,
    overdraft: license.overdraft,
    ttl_seconds: license.ttlSeconds,
    heartbeat_seconds: license.heartbeatSeconds,
    unit: license.unit,
    status: inForce.status,
    hold: license.hold,
    subscription_id: license.subscriptionId,
    trial: license.trial,
    valid_until: timestampOrNull(license.validUntilMs),
    offline_grace_days: inForce.offlineGraceDays,
    borrow: { max_days: license.borrow.maxDays, low_water: license.borrow.lowWater },
    requests_per_minute: inForce.requestsPerMinute,
    created_at: timestamp(license.createdAtMs),
    updated_at: timestamp(license.updatedAtMs),
  };
}
