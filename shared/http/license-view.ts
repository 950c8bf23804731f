import * as z from 'zod/mini';
import { entitlementOf, HOLDS, type License } from '../domain/license.ts';
import { PLAN_NAMES } from '../domain/plans.ts';
import { LicenseId, TenantId, Timestamp, timestamp, timestampOrNull } from './fields.ts';

export const LicenseView = z.strictObject({
  license_id: LicenseId,
  tenant_id: TenantId,
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
  valid_until: z.nullable(Timestamp),
  offline_grace_days: z.int(),
  borrow: z.strictObject({ max_days: z.int(), low_water: z.int() }),
  /** As it is in force, chosen or by size. */
  requests_per_minute: z.int(),
  created_at: Timestamp,
  updated_at: Timestamp,
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
