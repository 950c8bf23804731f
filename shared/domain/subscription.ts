import * as z from 'zod/mini';
import { newSecretWord } from './ids.ts';
import { draftLicense, HOLDS, type License, MAX_SEATS, termsOfPlan } from './license.ts';
import { MeteredPriceSchema } from './metering.ts';
import {
  type Closing,
  type Lift,
  type PaymentHold,
  PaymentRecordSchema,
  type PaymentsRead,
  paymentHolds,
  type SeatItemIds,
  withLift,
  withPayments,
} from './payment-holds.ts';
import { PendingChangeSchema, type PendingUpdate, pendingChangeOf } from './pending-change.ts';
import { PLANS, type Plan } from './plans.ts';
import { RequestedChangeSchema } from './requested-change.ts';
import {
  isSameSeats,
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
type Status = (typeof SUBSCRIPTION_STATUSES)[number];

const StateSchema = z.object({
  subscriptionId: z.string(),
  customerId: z.string(),
  /** Usage of other meters is on no invoice. */
  meteredPrices: z.array(MeteredPriceSchema),
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
   * From when the grace of the oldest unpaid invoice runs; `null` if nothing is unpaid. An invoice that Stripe charges
   * automatically: when it was created, once the payment is overdue, also after Stripe has written it off and the
   * subscription is `active` again; if Stripe names no such invoice, our record holds the time when that was first seen.
   * An invoice that Stripe sends: its due date, also before it.
   */
  unpaidSinceMs: z.nullable(z.int()),
  /** That invoice, if Stripe names it. */
  unpaidInvoiceId: z.nullable(z.string()),
  /** The items that open invoices bill. */
  unpaidItemIds: z.array(z.string()),
  /**
   * Whether the first payment failed after the subscription had begun: Stripe may start it while a bank debit, which can
   * fail after days, is on its way (docs.stripe.com/billing/subscriptions/sepa-debit). It has no grace: a customer with
   * a wrong account would have free seats for its days, again with each purchase.
   */
  isNeverPaid: z.boolean(),
});

/** The current state of a subscription at Stripe. */
export type SubscriptionState = Omit<z.infer<typeof StateSchema>, 'status'> & {
  /** In Stripe's words; one of `SUBSCRIPTION_STATUSES`, or of a later version of Stripe. */
  readonly status: string;
  readonly items: readonly PricedItem[];
  /** The change that waits for its payment. */
  readonly pendingUpdate: PendingUpdate | null;
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
  payments: PaymentRecordSchema,
  /** When its seat items were first seen as they are. */
  itemsSinceMs: z.int(),
  /** The change that waits for its payment, also one that was requested at Stripe. */
  pendingChange: z.nullable(PendingChangeSchema),
  /** `null` if none was requested of us. */
  change: z.nullable(RequestedChangeSchema),
  /** Other subscriptions for the same license: one of them pays for it when this one ends. */
  rivalIds: z.array(z.string()),
  /** Why the license was held back when the subscription was last seen. */
  hold: z.nullable(z.enum(HOLDS)),
  /** When it was last asked to end now; absent if never. Its final invoice is collected if it ends after that. */
  endRequestedAtMs: z.optional(z.int()),
  /** When to fetch it again even if Stripe sends no event; `null` once it has ended. */
  lookAtMs: z.nullable(z.int()),
  /** Increases with every write, to detect concurrent updates. */
  revision: z.int(),
});
export type Subscription = z.infer<typeof SubscriptionSchema>;

/** What the vendor has decided about holds. */
export interface HoldPolicy {
  /** Whether disputes hold the license back. */
  readonly disputes: 'hold' | 'keep';
  /**
   * Whether a license is held back while its vendor collects no payments. Stripe describes that pause as a way to offer
   * services for free for a while (https://docs.stripe.com/billing/subscriptions/pause-payment).
   */
  readonly pausedCollection: 'hold' | 'keep';
}

/** What was read from Stripe about a subscription, at one time. */
export interface StripeRead {
  readonly state: SubscriptionState;
  readonly payments: PaymentsRead;
  /** What the event says that caused the read. */
  readonly closing?: Closing | undefined;
}

/**
 * The record of a subscription, updated with what was just read. With a status that this release does not know it stays
 * what it was, until the end that it had, and one that was never seen grants nothing.
 */
export function seenAs(
  { state, payments, closing }: StripeRead,
  owner: { readonly tenantId: string; readonly licenseId: string },
  before: Subscription | undefined,
  policy: HoldPolicy,
  nowMs: number,
): Subscription {
  const status = SUBSCRIPTION_STATUSES.find((known) => known === state.status);
  const facts =
    status || !before ? factsOf({ ...state, status: status ?? 'incomplete' }, before, nowMs) : before;
  const { cancelAtMs, endedAtMs } = state;
  const review = status ? facts.review : (facts.review ?? 'unknown_status');
  const needsReview = review !== null && !isOver(facts) && (!status || hasBegun(facts));
  const seen = {
    ...before,
    ...facts,
    ...{ cancelAtMs, endedAtMs, review },
    reviewSinceMs: needsReview ? (before?.reviewSinceMs ?? nowMs) : null,
    tenantId: owner.tenantId,
    licenseId: owner.licenseId,
    rivalIds: before?.rivalIds ?? [],
    payments: withPayments(before?.payments, payments, seatItemIdsOf(facts), nowMs, closing),
    itemsSinceMs: before && isSameSeats(before, facts) ? before.itemsSinceMs : nowMs,
    pendingChange: isOver(facts) ? null : pendingChangeOf(state.pendingUpdate, facts, nowMs),
    change: before?.change ?? null,
    revision: (before?.revision ?? 0) + 1,
  };
  return decided(seen, policy, nowMs);
}

type StateFacts = z.infer<typeof StateSchema> & PaidFor & Pick<Subscription, 'periodEndMs'>;

/** What a subscription is and pays for. */
function factsOf(
  { soldAs, items, pendingUpdate: _, ...state }: SubscriptionState & { readonly status: Status },
  before: Subscription | undefined,
  nowMs: number,
): StateFacts {
  const paid = paidFor(items, soldAs?.price ?? null, before);
  return {
    ...state,
    ...paid,
    periodEndMs: periodEnd(items, paid),
    unpaidSinceMs: unpaidSince(state, before, nowMs),
  };
}

/**
 * The record of a subscription that Stripe does not have: it was deleted with the test data, or the key is of another
 * account or mode. It stays what it was, until the end that it had.
 */
export function notAtStripe(before: Subscription, policy: HoldPolicy, nowMs: number): Subscription {
  const { reviewSinceMs, revision } = before;
  const missing = { review: 'not_at_stripe', reviewSinceMs: reviewSinceMs ?? nowMs } as const;
  return decided({ ...before, ...missing, pendingChange: null, revision: revision + 1 }, policy, nowMs);
}

/** The record after an operator lifted a hold. */
export function lifted(
  subscription: Subscription,
  holdId: string,
  lift: Lift,
  policy: HoldPolicy,
  nowMs: number,
): Subscription {
  const payments = withLift(subscription.payments, holdId, lift);
  return decided({ ...subscription, payments, revision: subscription.revision + 1 }, policy, nowMs);
}

function decided(seen: Facts, policy: HoldPolicy, nowMs: number): Subscription {
  const hold = holdsOf(seen, policy, nowMs).find(({ lift }) => lift === null)?.kind ?? null;
  return { ...seen, hold, lookAtMs: nextFetchMs(seen, nowMs) };
}

/** An item that is not understood keeps what it was. */
function seatItemIdsOf({ items, seatItemIds: ever }: PaidFor): SeatItemIds {
  const current = items.filter(({ itemId, plan }) => plan !== null || ever.includes(itemId));
  return { current: current.map(({ itemId }) => itemId), ever };
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
  { status, unpaidSinceMs }: Pick<Facts, 'status' | 'unpaidSinceMs'>,
  before: Subscription | undefined,
  nowMs: number,
): number | null {
  return status === 'past_due' ? (unpaidSinceMs ?? before?.unpaidSinceMs ?? nowMs) : unpaidSinceMs;
}

/** Whether it has ended for good: Stripe never reactivates such a subscription. */
export function isOver({ status }: Pick<SubscriptionState, 'status'>): boolean {
  return status === 'canceled' || status === 'incomplete_expired';
}

/** Whether it can pay for nothing any more, as far as Stripe shows: it has ended, or Stripe does not have it. */
export function isGone({ status, review }: Pick<Subscription, 'status' | 'review'>): boolean {
  return isOver({ status }) || review === 'not_at_stripe';
}

/** Whether it was ever paid for or began as a trial: before that it grants nothing. */
export function hasBegun({ status }: Pick<SubscriptionState, 'status'>): boolean {
  return status !== 'incomplete' && status !== 'incomplete_expired';
}

/** What is known of a subscription. The rest of its record follows from it. */
type Facts = Omit<Subscription, 'hold' | 'lookAtMs'>;

/**
 * Whether an invoice was not paid in time. Stripe says `active` again when it has written off one that it could not
 * charge, and `active` while an invoice that it has sent is open.
 */
export function isOverdue({
  status,
  collection,
  unpaidSinceMs,
}: Pick<SubscriptionState, 'status' | 'collection' | 'unpaidSinceMs'>): boolean {
  return (
    status === 'past_due' || status === 'unpaid' || (collection === 'automatic' && unpaidSinceMs !== null)
  );
}

/** Until when seats stay usable while an invoice is unpaid. */
export function graceEndMs(
  { plan, unpaidSinceMs, isNeverPaid }: Pick<Facts, 'plan' | 'unpaidSinceMs' | 'isNeverPaid'>,
  nowMs: number,
): number {
  return (unpaidSinceMs ?? nowMs) + (isNeverPaid ? 0 : graceMs(plan));
}

function graceMs(plan: Plan | null): number {
  return plan === null ? 0 : PLANS[plan].paymentGraceDays * DAY_MS;
}

/**
 * At least daily: Stripe resends an event for three days at most, and disables an endpoint that fails
 * (docs.stripe.com/webhooks). A subscription that is paid by the year and canceled at once would keep its seats for a
 * year, and a renewal that is declined after the first hour for a period. The daily check also repeats the ERROR of a
 * review until the vendor has acted.
 */
function nextFetchMs(seen: Facts, nowMs: number): number | null {
  if (isOver(seen)) return null;
  const pendingUntilMs = seen.pendingChange?.untilMs ?? Number.MAX_SAFE_INTEGER;
  return Math.min(nextChangeMs(seen, nowMs), pendingUntilMs, nowMs + DAY_MS);
}

/** When the state will have changed if nothing is reported. */
function nextChangeMs(seen: Facts, nowMs: number): number {
  const { status, cancelAtMs, periodEndMs, unpaidSinceMs } = seen;
  const graceEnd = graceEndMs(seen, nowMs);
  if (status === 'active' || status === 'trialing') {
    // Stripe charges for a new period about an hour after its start (docs.stripe.com/billing/subscriptions/overview).
    const periodMs = Math.max((cancelAtMs ?? periodEndMs) + HOUR_MS, nowMs + HOUR_MS);
    if (unpaidSinceMs === null || graceEnd <= nowMs) return periodMs;
    return Math.min(periodMs, unpaidSinceMs > nowMs ? unpaidSinceMs + HOUR_MS : graceEnd);
  }
  const isInGrace = status === 'past_due' || (status === 'unpaid' && isSent(seen));
  return isInGrace && graceEnd > nowMs ? graceEnd : nowMs + DAY_MS;
}

/**
 * Whether an unpaid invoice has a due date: then the customer pays it by hand, and the grace begins at that date. Stripe
 * says `active` until then, `past_due` after, and `unpaid` or `canceled` after one more deadline of the account's
 * settings, if it has one (https://docs.stripe.com/api/subscriptions/object, `status`).
 */
function isSent({ collection, unpaidSinceMs }: Facts): boolean {
  return collection === 'invoice' && unpaidSinceMs !== null;
}

/** A reason for which a license grants no seats though the vendor has not suspended it. */
export type HoldFact = Omit<PaymentHold, 'kind' | 'sinceMs'> & {
  readonly kind: NonNullable<License['hold']>;
  /** `null` if Stripe does not say. */
  readonly sinceMs: number | null;
};

/** All reasons that hold the license back, lifted ones among them. The first that is not lifted is the license's. */
export function holdsOf(subscription: Facts, policy: HoldPolicy, nowMs: number): HoldFact[] {
  const { payments, status, unpaidSinceMs, unpaidInvoiceId, isCollectionPaused } = subscription;
  if (!hasBegun(subscription)) return [];
  const byPayment = paymentHolds(payments).filter(
    ({ kind }) => kind !== 'dispute' || policy.disputes === 'hold',
  );
  const rest = { isLost: false, refundId: null, lift: null };
  const byStatus = standingOfStatus(subscription, nowMs).hold;
  const statusHold: HoldFact[] = byStatus
    ? [
        byStatus === 'payment'
          ? { kind: byStatus, id: unpaidInvoiceId ?? 'payment', sinceMs: unpaidSinceMs, status, ...rest }
          : { kind: byStatus, id: byStatus, sinceMs: null, status, ...rest },
      ]
    : [];
  const isPaused = isCollectionPaused && policy.pausedCollection === 'hold' && !isOver(subscription);
  const paused: HoldFact[] = isPaused
    ? [{ kind: 'paused', id: 'pause_collection', sinceMs: null, status: 'pause_collection', ...rest }]
    : [];
  return [...byPayment, ...statusHold, ...paused];
}

/** How many seats a license has, until when, and what holds it back. */
interface Standing {
  readonly max: number;
  readonly hold: License['hold'];
  readonly validUntilMs: number;
}

/**
 * How a subscription affects its license. A paid license always has an end, after which it grants nothing until Stripe
 * reports the next period: if Stripe's events stop, seats do not stay usable forever. Items with periods of their own
 * have their own ends (docs.stripe.com/billing/subscriptions/mixed-interval).
 */
function standingUnder(subscription: Subscription, nowMs: number): Standing {
  const { hold, cancelAtMs, endedAtMs } = subscription;
  const end = Math.min(cancelAtMs ?? Number.MAX_SAFE_INTEGER, endedAtMs ?? Number.MAX_SAFE_INTEGER);
  const { max, validUntilMs } = standingOfStatus(subscription, nowMs);
  return { max, hold, validUntilMs: Math.min(validUntilMs, end) };
}

function standingOfStatus(subscription: Facts, nowMs: number): Standing {
  const { status, plan, seats: max, periodEndMs, endedAtMs } = subscription;
  const graceEnd = graceEndMs(subscription, nowMs);
  switch (status) {
    case 'active':
    case 'trialing': {
      const paid = seatsUntil(subscription, seatItemsOf(subscription), graceMs(plan), nowMs);
      if (subscription.unpaidSinceMs === null) return { hold: null, ...paid };
      if (nowMs >= graceEnd) return paidParts(subscription, graceEnd, nowMs);
      return { hold: null, ...paid, validUntilMs: Math.min(paid.validUntilMs, graceEnd) };
    }
    case 'past_due':
      if (nowMs >= graceEnd) return paidParts(subscription, graceEnd, nowMs);
      return { hold: null, max, validUntilMs: graceEnd };
    case 'paused':
      return { hold: 'paused', max, validUntilMs: periodEndMs };
    case 'canceled':
      return { hold: null, max, validUntilMs: endedAtMs ?? nowMs };
    default:
      if (isSent(subscription) && nowMs < graceEnd) return { hold: null, max, validUntilMs: graceEnd };
      return paidParts(subscription, periodEndMs, nowMs);
  }
}

/** After the grace of an overdue invoice: the seats of items that it does not bill, if their period is still running. */
function paidParts(subscription: Facts, validUntilMs: number, nowMs: number): Standing {
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
  { seats, periodEndMs, ...paid }: Facts,
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

/**
 * The license according to the subscription: a new license, the next version of `license`, `license` itself if nothing
 * changes, or `undefined` if there is none and the subscription grants none. A subscription that was never understood
 * changes nothing. An ended subscription creates one too, so that the result does not depend on when it was first
 * fetched. The plan's terms are applied when the license comes under the subscription or the plan changes; later changes
 * by the vendor are kept.
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
