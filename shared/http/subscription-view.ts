import * as z from 'zod/mini';
import { PLAN_NAMES } from '../domain/plans.ts';
import { graceEndMs, SUBSCRIPTION_STATUSES, type Subscription } from '../domain/subscription.ts';
import { LicenseId, TenantId, Timestamp, timestamp, timestampOrNull } from './fields.ts';

/** The fields that the API and exports have in common. */
export const SubscriptionFields = {
  subscription_id: z.string(),
  /** The license that it pays for. */
  license_id: LicenseId,
  /** null for a price that is of no plan. */
  plan: z.nullable(z.enum(PLAN_NAMES)),
  seats: z.int(),
  /** In Stripe's words. */
  status: z.enum(SUBSCRIPTION_STATUSES),
  created_at: Timestamp,
  /** When it ends for good, where it is to. */
  cancel_at: z.nullable(Timestamp),
  ended_at: z.nullable(Timestamp),
};

/** A subscription as its tenant sees it. */
export const SubscriptionView = z.strictObject({
  ...SubscriptionFields,
  tenant_id: TenantId,
  /** End of the period that is paid for, or would be. */
  current_period_end: Timestamp,
  /** While a payment is overdue: until when seats can be used all the same. */
  grace_until: z.nullable(Timestamp),
});

export function viewOfSubscription(subscription: Subscription): z.infer<typeof SubscriptionView> {
  const { unpaidSinceMs } = subscription;
  return {
    subscription_id: subscription.subscriptionId,
    tenant_id: subscription.tenantId,
    license_id: subscription.licenseId,
    plan: subscription.plan,
    seats: subscription.seats,
    status: subscription.status,
    created_at: timestamp(subscription.createdAtMs),
    current_period_end: timestamp(subscription.periodEndMs),
    cancel_at: timestampOrNull(subscription.cancelAtMs),
    ended_at: timestampOrNull(subscription.endedAtMs),
    grace_until: timestampOrNull(unpaidSinceMs === null ? null : graceEndMs(subscription, unpaidSinceMs)),
  };
}
