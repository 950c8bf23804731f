import * as z from 'zod/mini';
import { PLAN_NAMES, type Plan } from '../domain/plans.ts';
import { type LicensedItem, REVIEW_REASONS, seatItemsOf } from '../domain/seat-items.ts';
import { graceEndMs, reviewOf, SUBSCRIPTION_STATUSES, type Subscription } from '../domain/subscription.ts';
import { LicenseId, TenantId, Timestamp, timestamp, timestampOrNull } from './fields.ts';
import { TenantHold, tenantHoldOf } from './hold-view.ts';
import { SeatPriceFields, viewOfAmount } from './seat-price-view.ts';
import { UnchangeableView, viewOfObstacle } from './unchangeable-view.ts';

/** Seats that are paid at one price. */
const SeatItem = z.strictObject({
  plan: z.enum(PLAN_NAMES),
  seats: z.int(),
  interval: z.enum(['day', 'week', 'month', 'year']),
  /** How many intervals a billing period has. */
  interval_count: z.int(),
  ...SeatPriceFields,
  current_period_end: Timestamp,
});

/** Fields that the API and exports share. */
export const SubscriptionFields = {
  subscription_id: z.string(),
  /** The license that the subscription pays for. */
  license_id: LicenseId,
  /** null if no price of the subscription ever belonged to a plan. */
  plan: z.nullable(z.enum(PLAN_NAMES)),
  seats: z.int(),
  /** What its seats cost, by price: more than one if seats have different billing intervals, or cost different amounts. */
  items: z.array(SeatItem),
  /**
   * Why the vendor must look at the subscription, else null. no_plan, several_plans and price_replaced: what it pays for
   * is not recognised; the license keeps its plan and seats, and gets none if `plan` is null. too_few_seats and
   * too_many_seats: outside what the plan is sold with. unknown_status and not_at_stripe: its status at Stripe is not known,
   * or Stripe does not have it; it stays what it was until the end that it had.
   */
  needs_review: z.nullable(z.enum(REVIEW_REASONS)),
  /** The status at Stripe. */
  status: z.enum(SUBSCRIPTION_STATUSES),
  created_at: Timestamp,
  /** When the subscription ends, if a cancellation is scheduled; else null. */
  cancel_at: z.nullable(Timestamp),
  ended_at: z.nullable(Timestamp),
};

/**
 * How invoices are paid. automatic: Stripe charges a saved payment method. invoice: Stripe sends each invoice, which is
 * paid by its due date.
 */
export const Collection = z.enum(['automatic', 'invoice']);

/** A change that waits for its payment. Until then, the subscription stays as it is. */
const PendingChangeView = z.strictObject({
  /** After the change; null if its prices belong to no plan, or to several. */
  plan: z.nullable(z.enum(PLAN_NAMES)),
  seats: z.nullable(z.int()),
  /** null if it is not known, or differs between seats. */
  interval: z.nullable(z.enum(['day', 'week', 'month', 'year'])),
  /** The page on which to pay for it, if there is one. */
  pay_url: z.nullable(z.string()),
  /** When it is discarded if it is not paid. */
  until: Timestamp,
});

/** A subscription as the API returns it to its tenant. */
export const SubscriptionView = z.strictObject({
  ...SubscriptionFields,
  tenant_id: TenantId,
  collection: Collection,
  /** Whether the vendor paused collecting payments. The status does not show it. */
  collection_paused: z.boolean(),
  /** End of the current billing period, paid or not. */
  current_period_end: Timestamp,
  /**
   * While an invoice is unpaid: until when seats can still be used. For an invoice with a due date, also before that
   * date.
   */
  grace_until: z.nullable(Timestamp),
  /**
   * Why seats, plan and interval cannot be changed now; null if they can, as far as the subscription shows it, or if it has
   * ended.
   */
  unchangeable: z.nullable(UnchangeableView),
  /** A change that waits for its payment, as last read from Stripe; null if none does. */
  pending_change: z.nullable(PendingChangeView),
  /** Why the license grants no seats now; null if the subscription does not hold it back. */
  hold: z.nullable(TenantHold),
});

export function viewOfSubscription(subscription: Subscription): z.infer<typeof SubscriptionView> {
  const { unpaidSinceMs } = subscription;
  return {
    subscription_id: subscription.subscriptionId,
    tenant_id: subscription.tenantId,
    license_id: subscription.licenseId,
    plan: subscription.plan,
    seats: subscription.seats,
    needs_review: reviewOf(subscription),
    status: subscription.status,
    collection: subscription.collection,
    collection_paused: subscription.isCollectionPaused,
    created_at: timestamp(subscription.createdAtMs),
    items: seatItemsOf(subscription).flatMap(({ plan, ...item }) =>
      plan === null ? [] : viewOfItem(plan, item),
    ),
    current_period_end: timestamp(subscription.periodEndMs),
    cancel_at: timestampOrNull(subscription.cancelAtMs),
    ended_at: timestampOrNull(subscription.endedAtMs),
    grace_until: timestampOrNull(unpaidSinceMs === null ? null : graceEndMs(subscription, unpaidSinceMs)),
    unchangeable: viewOfObstacle(subscription),
    pending_change: pendingChangeView(subscription),
    hold: tenantHoldOf(subscription),
  };
}

function pendingChangeView({ pendingChange }: Subscription): z.infer<typeof PendingChangeView> | null {
  if (!pendingChange) return null;
  const { untilMs, payUrl, ...after } = pendingChange;
  return { ...after, pay_url: payUrl, until: timestamp(untilMs) };
}

function viewOfItem(plan: Plan, item: Omit<LicensedItem, 'plan'>): z.infer<typeof SeatItem> {
  return {
    plan,
    seats: item.quantity,
    interval: item.interval,
    interval_count: item.intervalCount,
    ...viewOfAmount(item),
    current_period_end: timestamp(item.periodEndMs),
  };
}
