import * as z from 'zod/mini';
import { newSecretWord } from './ids.ts';
import { draftLicense, type License, termsOfPlan } from './license.ts';
import { PLAN_NAMES, PLANS, type Plan } from './plans.ts';

const DAY_MS = 24 * 3600 * 1000;
const HOUR_MS = 3600 * 1000;

/** The values of Stripe's `status` (docs.stripe.com/api/subscriptions/object). */
export const SUBSCRIPTION_STATUSES = [
  'incomplete',
  'incomplete_expired',
  'trialing',
  'active',
  'past_due',
  'unpaid',
  'paused',
  'canceled',
] as const;

const StateSchema = z.object({
  subscriptionId: z.string(),
  customerId: z.string(),
  status: z.enum(SUBSCRIPTION_STATUSES),
  /** `null` if its price belongs to no plan. */
  plan: z.nullable(z.enum(PLAN_NAMES)),
  seats: z.int(),
  createdAtMs: z.int(),
  /** End of the current billing period, paid or not; for a trial, the trial's end. */
  periodEndMs: z.int(),
  /** When it is scheduled to end, if it is. */
  cancelAtMs: z.nullable(z.int()),
  endedAtMs: z.nullable(z.int()),
  latestInvoiceId: z.nullable(z.string()),
  /**
   * When the oldest unpaid invoice was created; `null` unless a payment is overdue. If Stripe names no such invoice,
   * our record holds the time when the overdue payment was first seen.
   */
  unpaidSinceMs: z.nullable(z.int()),
});

/** The current state of a subscription at Stripe. */
export type SubscriptionState = z.infer<typeof StateSchema> & {
  /** The tenant and license in its metadata; `null` if it was not sold by us. */
  readonly soldAs: { readonly tenantId: string; readonly licenseId: string } | null;
};

/** A subscription as it was last seen at Stripe, with what is known of its payments. */
export const SubscriptionSchema = z.extend(StateSchema, {
  tenantId: z.string(),
  licenseId: z.string(),
  /** The state of each dispute about its payments, by the dispute's id. */
  disputes: z.record(z.string(), z.enum(['open', 'won', 'lost'])),
  /** Invoices that were refunded in full. */
  refundedInvoiceIds: z.array(z.string()),
  /** When to fetch it again even if Stripe sends no event; `null` once it has ended. */
  lookAtMs: z.nullable(z.int()),
  /** Increases with every write, to detect concurrent updates. */
  revision: z.int(),
});
export type Subscription = z.infer<typeof SubscriptionSchema>;

/** The current state of a payment at Stripe: what it was for, and whether it was refunded in full. */
export interface Payment {
  readonly subscriptionId: string | null;
  readonly invoiceId: string | null;
  readonly isRefunded: boolean;
}

/** The current state of a dispute at Stripe. */
export interface Dispute {
  readonly disputeId: string;
  readonly chargeId: string;
  readonly standing: 'open' | 'won' | 'lost';
}

/** New information about payments of a subscription. */
export interface PaymentNews {
  readonly payment?: Payment | undefined;
  readonly dispute?: Dispute | undefined;
}

/** The record of a subscription, updated with the state just fetched. */
export function seenAs(
  { soldAs: _, ...state }: SubscriptionState,
  owner: { readonly tenantId: string; readonly licenseId: string },
  before: Subscription | undefined,
  { payment, dispute }: PaymentNews,
  nowMs: number,
): Subscription {
  const refunded = new Set(before?.refundedInvoiceIds);
  if (payment?.invoiceId != null && payment.isRefunded) refunded.add(payment.invoiceId);
  const seen = {
    ...before,
    ...state,
    unpaidSinceMs: unpaidSince(state, before, nowMs),
    tenantId: owner.tenantId,
    licenseId: owner.licenseId,
    disputes: { ...before?.disputes, ...(dispute && { [dispute.disputeId]: dispute.standing }) },
    refundedInvoiceIds: [...refunded].sort(),
    revision: (before?.revision ?? 0) + 1,
  };
  return { ...seen, lookAtMs: nextFetchMs(seen, nowMs) };
}

/** Keeps the time when the overdue payment was first seen. With the time of each fetch, the grace would never end. */
function unpaidSince(
  { status, unpaidSinceMs }: Pick<SubscriptionState, 'status' | 'unpaidSinceMs'>,
  before: Subscription | undefined,
  nowMs: number,
): number | null {
  return status === 'past_due' ? (unpaidSinceMs ?? before?.unpaidSinceMs ?? nowMs) : unpaidSinceMs;
}

/** Whether it has ended for good: Stripe never reactivates such a subscription. */
export function isOver({ status }: Pick<Subscription, 'status'>): boolean {
  return status === 'canceled' || status === 'incomplete_expired';
}

/** Whether it was ever paid for or began as a trial: before that it grants nothing. */
export function hasBegun({ status }: Pick<Subscription, 'status'>): boolean {
  return status !== 'incomplete' && status !== 'incomplete_expired';
}

type Seen = Omit<Subscription, 'lookAtMs'>;

/** Until when seats stay usable while a payment is overdue. */
export function graceEndMs(
  { plan, unpaidSinceMs }: Pick<Seen, 'plan' | 'unpaidSinceMs'>,
  nowMs: number,
): number {
  return (unpaidSinceMs ?? nowMs) + graceMs(plan);
}

function graceMs(plan: Plan | null): number {
  return plan === null ? 0 : PLANS[plan].paymentGraceDays * DAY_MS;
}

function nextFetchMs(seen: Seen, nowMs: number): number | null {
  if (isOver(seen)) return null;
  const { status, cancelAtMs, periodEndMs } = seen;
  if (status === 'active' || status === 'trialing') {
    // Stripe charges for a new period about an hour after its start (docs.stripe.com/billing/subscriptions/overview).
    return Math.max((cancelAtMs ?? periodEndMs) + HOUR_MS, nowMs + HOUR_MS);
  }
  const graceEnd = status === 'past_due' ? graceEndMs(seen, nowMs) : 0;
  return graceEnd > nowMs ? graceEnd : nowMs + DAY_MS;
}

/** Why a license grants no seats though the vendor has not suspended it. */
type Hold = NonNullable<License['hold']>;

/**
 * How a subscription affects its license. A paid license always has an end, after which it grants nothing until Stripe
 * reports the next period: if Stripe's events stop, seats do not stay usable forever.
 */
function standingUnder(
  subscription: Subscription,
  nowMs: number,
): { hold: Hold | null; validUntilMs: number } {
  const { status, plan, periodEndMs, cancelAtMs, endedAtMs } = subscription;
  const end = Math.min(cancelAtMs ?? Number.MAX_SAFE_INTEGER, endedAtMs ?? Number.MAX_SAFE_INTEGER);
  const hold = paymentHold(subscription);
  switch (status) {
    case 'active':
    case 'trialing':
      return { hold, validUntilMs: Math.min(periodEndMs + graceMs(plan), end) };
    case 'past_due': {
      const graceEnd = graceEndMs(subscription, nowMs);
      return { hold: hold ?? (nowMs < graceEnd ? null : 'payment'), validUntilMs: Math.min(graceEnd, end) };
    }
    case 'paused':
      return { hold: hold ?? 'paused', validUntilMs: Math.min(periodEndMs, end) };
    case 'canceled':
      return { hold, validUntilMs: Math.min(endedAtMs ?? nowMs, end) };
    default:
      return { hold: hold ?? 'payment', validUntilMs: Math.min(periodEndMs, end) };
  }
}

/** A refund or an open or lost dispute holds the license back, whatever the subscription's status. */
function paymentHold({ disputes, refundedInvoiceIds, latestInvoiceId }: Subscription): Hold | null {
  if (Object.values(disputes).some((standing) => standing !== 'won')) return 'dispute';
  return latestInvoiceId !== null && refundedInvoiceIds.includes(latestInvoiceId) ? 'refund' : null;
}

/**
 * The license according to the subscription: a new license, the next version of `license`, `license` itself if nothing
 * changes, or `undefined` if there is none and the subscription grants none. An ended subscription creates one too, so
 * that the result does not depend on when it was first fetched. The plan's terms are applied when the license comes
 * under the subscription or the plan changes; later changes by the vendor are kept.
 */
export function licenseUnder(
  subscription: Subscription,
  license: License | undefined,
  nowMs: number,
): License | undefined {
  if (!hasBegun(subscription)) return license;
  const plan = subscription.plan ?? license?.plan;
  if (plan === undefined) return undefined;
  const { subscriptionId, tenantId, licenseId, seats } = subscription;
  const paid = { subscriptionId, trial: false, max: seats, ...standingUnder(subscription, nowMs) };
  if (!license) {
    // This key is never returned. To get a key, rotate it.
    const draft = draftLicense(
      { tenantId, licenseId },
      newSecretWord(),
      { ...termsOfPlan(plan), max: seats },
      nowMs,
    );
    return { ...draft, ...paid };
  }
  const isNew = license.subscriptionId !== subscriptionId;
  const terms = isNew || license.plan !== plan ? termsOfPlan(plan) : {};
  const next: License = { ...license, ...terms, ...paid };
  if (JSON.stringify(next) === JSON.stringify(license)) return license;
  return { ...next, version: license.version + 1, change: 'license.updated', updatedAtMs: nowMs };
}
