import * as z from 'zod/mini';
import { newSecretWord } from './ids.ts';
import { draftLicense, type License, MAX_SEATS, termsOfPlan } from './license.ts';
import { PLANS, type Plan } from './plans.ts';
import {
  isUnderstood,
  type LicensedItem,
  type PaidFor,
  PaidForSchema,
  type PricedItem,
  paidFor,
  type ReviewReason,
  type SoldPrice,
  seatItemsOf,
  sumOf,
} from './seat-items.ts';

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
  createdAtMs: z.int(),
  /** Whether Stripe charges a saved payment method, or sends an invoice with a due date. */
  collection: z.enum(['automatic', 'invoice']),
  /** Whether the vendor paused collecting payments. The status does not show it. */
  isCollectionPaused: z.boolean(),
  /** The schedule that changes this subscription, if there is one. */
  scheduleId: z.nullable(z.string()),
  /** When it is scheduled to end, if it is. */
  cancelAtMs: z.nullable(z.int()),
  endedAtMs: z.nullable(z.int()),
  latestInvoiceId: z.nullable(z.string()),
  /**
   * When the oldest unpaid invoice was created; `null` unless a payment is overdue. If Stripe names no such invoice,
   * our record holds the time when the overdue payment was first seen.
   */
  unpaidSinceMs: z.nullable(z.int()),
  /** The items that open invoices bill. */
  unpaidItemIds: z.array(z.string()),
});

/** The current state of a subscription at Stripe. */
export type SubscriptionState = z.infer<typeof StateSchema> & {
  readonly items: readonly PricedItem[];
  /** What its metadata says about its sale; `null` if it was not sold by us. */
  readonly soldAs: {
    readonly tenantId: string;
    readonly licenseId: string;
    readonly price: SoldPrice | null;
  } | null;
};

/** A subscription as it was last seen at Stripe, with what is known of its payments. */
export const SubscriptionSchema = z.extend(StateSchema, {
  ...PaidForSchema.shape,
  /** End of the current billing period, paid or not; for a trial, the trial's end. With several, the first to end. */
  periodEndMs: z.int(),
  /** Since when it needs a review by the vendor; `null` if it needs none. */
  reviewSinceMs: z.nullable(z.int()),
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
  { soldAs, items, ...state }: SubscriptionState,
  owner: { readonly tenantId: string; readonly licenseId: string },
  before: Subscription | undefined,
  { payment, dispute }: PaymentNews,
  nowMs: number,
): Subscription {
  const refunded = new Set(before?.refundedInvoiceIds);
  if (payment?.invoiceId != null && payment.isRefunded) refunded.add(payment.invoiceId);
  const paid = paidFor(items, soldAs?.price ?? null, before);
  const needsReview = paid.review !== null && !isOver(state) && hasBegun(state);
  const seen = {
    ...before,
    ...state,
    ...paid,
    periodEndMs: periodEnd(items, paid),
    reviewSinceMs: needsReview ? (before?.reviewSinceMs ?? nowMs) : null,
    unpaidSinceMs: unpaidSince(state, before, nowMs),
    tenantId: owner.tenantId,
    licenseId: owner.licenseId,
    disputes: { ...before?.disputes, ...(dispute && { [dispute.disputeId]: dispute.standing }) },
    refundedInvoiceIds: [...refunded].sort(),
    revision: (before?.revision ?? 0) + 1,
  };
  return { ...seen, lookAtMs: nextFetchMs(seen, nowMs) };
}

/** The end of the period that ends first, of the seat items if there are any. */
function periodEnd(items: readonly PricedItem[], paid: PaidFor): number {
  const seatItems = seatItemsOf(paid);
  return Math.min(...(seatItems.length > 0 ? seatItems : items).map((item) => item.periodEndMs));
}

/** Why the vendor must look at it, if anything. */
export function reviewOf({ review, reviewSinceMs }: Subscription): ReviewReason | null {
  return reviewSinceMs === null ? null : review;
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
    const nextMs = Math.max((cancelAtMs ?? periodEndMs) + HOUR_MS, nowMs + HOUR_MS);
    // The daily check repeats the ERROR until the vendor has acted.
    return seen.reviewSinceMs === null ? nextMs : Math.min(nextMs, nowMs + DAY_MS);
  }
  const graceEnd = status === 'past_due' ? graceEndMs(seen, nowMs) : 0;
  return graceEnd > nowMs ? graceEnd : nowMs + DAY_MS;
}

/** Why a license grants no seats though the vendor has not suspended it. */
type Hold = NonNullable<License['hold']>;

/** How many seats a license has, until when, and what holds it back. */
interface Standing {
  readonly max: number;
  readonly hold: Hold | null;
  readonly validUntilMs: number;
}

/**
 * How a subscription affects its license. A paid license always has an end, after which it grants nothing until Stripe
 * reports the next period: if Stripe's events stop, seats do not stay usable forever. Items with periods of their own
 * have their own ends (docs.stripe.com/billing/subscriptions/mixed-interval).
 */
function standingUnder(subscription: Subscription, nowMs: number): Standing {
  const { status, cancelAtMs, endedAtMs } = subscription;
  const end = Math.min(cancelAtMs ?? Number.MAX_SAFE_INTEGER, endedAtMs ?? Number.MAX_SAFE_INTEGER);
  const { hold, max, validUntilMs } = standingOfStatus(subscription, status, nowMs);
  return { max, hold: paymentHold(subscription) ?? hold, validUntilMs: Math.min(validUntilMs, end) };
}

function standingOfStatus(
  subscription: Subscription,
  status: Subscription['status'],
  nowMs: number,
): Standing {
  const { plan, seats: max, periodEndMs, endedAtMs } = subscription;
  switch (status) {
    case 'active':
    case 'trialing':
      return { hold: null, ...seatsUntil(subscription, seatItemsOf(subscription), graceMs(plan), nowMs) };
    case 'past_due': {
      const validUntilMs = graceEndMs(subscription, nowMs);
      return nowMs < validUntilMs
        ? { hold: null, max, validUntilMs }
        : paidParts(subscription, validUntilMs, nowMs);
    }
    case 'paused':
      return { hold: 'paused', max, validUntilMs: periodEndMs };
    case 'canceled':
      return { hold: null, max, validUntilMs: endedAtMs ?? nowMs };
    default:
      return paidParts(subscription, periodEndMs, nowMs);
  }
}

/** After the grace of an overdue invoice: the seats of items that it does not bill, if their period is still running. */
function paidParts(subscription: Subscription, validUntilMs: number, nowMs: number): Standing {
  const { unpaidItemIds } = subscription;
  const paid = seatItemsOf(subscription).filter(
    ({ itemId, periodEndMs }) => !unpaidItemIds.includes(itemId) && periodEndMs > nowMs,
  );
  if (unpaidItemIds.length === 0 || paid.length === 0 || !isUnderstood(subscription))
    return { hold: 'payment', max: subscription.seats, validUntilMs };
  return { hold: null, ...seatsUntil(subscription, paid, 0, nowMs) };
}

/**
 * The seats of the items whose period, with its grace, is still running, until the last of them ends: paid seats are not
 * lost if Stripe is unavailable when an earlier period ends.
 */
function seatsUntil(
  { seats, periodEndMs, ...paid }: Subscription,
  items: readonly LicensedItem[],
  graceMs: number,
  nowMs: number,
): Pick<Standing, 'max' | 'validUntilMs'> {
  const running = items.filter((item) => item.periodEndMs + graceMs > nowMs);
  const isPart = isUnderstood(paid) && running.length > 0;
  return {
    max: isPart ? sumOf(running) : seats,
    validUntilMs: Math.max(periodEndMs, ...running.map((item) => item.periodEndMs)) + graceMs,
  };
}

/** A refund or an open or lost dispute holds the license back, whatever the subscription's status. */
function paymentHold({ disputes, refundedInvoiceIds, latestInvoiceId }: Subscription): Hold | null {
  if (Object.values(disputes).some((standing) => standing !== 'won')) return 'dispute';
  return latestInvoiceId !== null && refundedInvoiceIds.includes(latestInvoiceId) ? 'refund' : null;
}

/**
 * The license according to the subscription: a new license, the next version of `license`, `license` itself if nothing
 * changes, or `undefined` if there is none and the subscription grants none. A subscription that was never understood
 * changes nothing. An ended subscription creates one too, so
 * that the result does not depend on when it was first fetched. The plan's terms are applied when the license comes
 * under the subscription or the plan changes; later changes by the vendor are kept.
 */
export function licenseUnder(
  subscription: Subscription,
  license: License | undefined,
  nowMs: number,
): License | undefined {
  if (!hasBegun(subscription)) return license;
  const { subscriptionId, tenantId, licenseId, plan } = subscription;
  if (plan === null) return license;
  const standing = standingUnder(subscription, nowMs);
  const max = Math.min(standing.max, MAX_SEATS);
  const paid = { subscriptionId, trial: false, ...standing, max };
  if (!license) {
    // This key is never returned. To get a key, rotate it.
    const draft = draftLicense(
      { tenantId, licenseId },
      newSecretWord(),
      { ...termsOfPlan(plan), max },
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
