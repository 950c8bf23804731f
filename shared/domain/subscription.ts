import * as z from 'zod/mini';
import { newSecretWord } from './ids.ts';
import { draftLicense, type License, termsOfPlan } from './license.ts';
import { PLAN_NAMES, PLANS, type Plan } from './plans.ts';

const DAY_MS = 24 * 3600 * 1000;
const HOUR_MS = 3600 * 1000;

/** Stripe's words (docs.stripe.com/api/subscriptions/object, `status`). */
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
  /** `null` where its price is of no plan of ours. */
  plan: z.nullable(z.enum(PLAN_NAMES)),
  seats: z.int(),
  createdAtMs: z.int(),
  /** End of the period that is paid for, or would be; for a trial, the trial's. */
  periodEndMs: z.int(),
  /** When it ends for good, where it is to. */
  cancelAtMs: z.nullable(z.int()),
  endedAtMs: z.nullable(z.int()),
  latestInvoiceId: z.nullable(z.string()),
  /**
   * When the oldest invoice was made that is not paid; `null` unless a payment is overdue. On record, one that is overdue
   * though Stripe names no such invoice is so since that was first seen.
   */
  unpaidSinceMs: z.nullable(z.int()),
});

/** A subscription as Stripe knows it now. */
export type SubscriptionState = z.infer<typeof StateSchema> & {
  /** Whom it was sold to, and what for, as it says itself; `null` for one that was not sold by us. */
  readonly soldAs: { readonly tenantId: string; readonly licenseId: string } | null;
};

/** A subscription as it was last seen at Stripe, and what is known of its payments. */
export const SubscriptionSchema = z.extend(StateSchema, {
  tenantId: z.string(),
  licenseId: z.string(),
  /** How each dispute about one of its payments stands, by the dispute's id. */
  disputes: z.record(z.string(), z.enum(['open', 'won', 'lost'])),
  /** Invoices whose payment was given back in full. */
  refundedInvoiceIds: z.array(z.string()),
  /** When to look at it again even if Stripe tells nothing; `null` for one that is over. */
  lookAtMs: z.nullable(z.int()),
  /** Goes up with every write: who has looked before another wrote must look again. */
  revision: z.int(),
});
export type Subscription = z.infer<typeof SubscriptionSchema>;

/** A payment as Stripe knows it now: what it was for, and whether it was given back in full. */
export interface Payment {
  readonly subscriptionId: string | null;
  readonly invoiceId: string | null;
  readonly isRefunded: boolean;
}

/** A dispute as Stripe knows it now. */
export interface Dispute {
  readonly disputeId: string;
  readonly chargeId: string;
  readonly standing: 'open' | 'won' | 'lost';
}

/** What was found out about payments of a subscription. */
export interface PaymentNews {
  readonly payment?: Payment | undefined;
  readonly dispute?: Dispute | undefined;
}

/** The record of a subscription after a look at it. */
export function seenAs(
  { soldAs: _, ...state }: SubscriptionState,
  whose: { readonly tenantId: string; readonly licenseId: string },
  before: Subscription | undefined,
  { payment, dispute }: PaymentNews,
  nowMs: number,
): Subscription {
  const refunded = new Set(before?.refundedInvoiceIds);
  if (payment?.invoiceId != null && payment.isRefunded) refunded.add(payment.invoiceId);
  const seen = {
    ...state,
    unpaidSinceMs: unpaidSince(state, before, nowMs),
    tenantId: whose.tenantId,
    licenseId: whose.licenseId,
    disputes: { ...before?.disputes, ...(dispute && { [dispute.disputeId]: dispute.standing }) },
    refundedInvoiceIds: [...refunded].sort(),
    revision: (before?.revision ?? 0) + 1,
  };
  return { ...seen, lookAtMs: nextLookMs(seen, nowMs) };
}

/** Were it the time of each look, a grace would never end. */
function unpaidSince(
  { status, unpaidSinceMs }: Pick<SubscriptionState, 'status' | 'unpaidSinceMs'>,
  before: Subscription | undefined,
  nowMs: number,
): number | null {
  return status === 'past_due' ? (unpaidSinceMs ?? before?.unpaidSinceMs ?? nowMs) : unpaidSinceMs;
}

/** Over for good: Stripe never brings such a subscription back. */
export function isOver({ status }: Pick<Subscription, 'status'>): boolean {
  return status === 'canceled' || status === 'incomplete_expired';
}

/** Whether it has ever been paid for, or begun as a trial: before that it gives nothing. */
export function hasBegun({ status }: Pick<Subscription, 'status'>): boolean {
  return status !== 'incomplete' && status !== 'incomplete_expired';
}

type Seen = Omit<Subscription, 'lookAtMs'>;

/** Until when seats may be used though a payment is overdue. */
export function graceEndMs(
  { plan, unpaidSinceMs }: Pick<Seen, 'plan' | 'unpaidSinceMs'>,
  nowMs: number,
): number {
  return (unpaidSinceMs ?? nowMs) + graceMs(plan);
}

function graceMs(plan: Plan | null): number {
  return plan === null ? 0 : PLANS[plan].paymentGraceDays * DAY_MS;
}

function nextLookMs(seen: Seen, nowMs: number): number | null {
  if (isOver(seen)) return null;
  const { status, cancelAtMs, periodEndMs } = seen;
  if (status === 'active' || status === 'trialing') {
    // Stripe charges for a new period about an hour after its start (docs.stripe.com/billing/subscriptions/overview).
    return Math.max((cancelAtMs ?? periodEndMs) + HOUR_MS, nowMs + HOUR_MS);
  }
  const graceEnd = status === 'past_due' ? graceEndMs(seen, nowMs) : 0;
  return graceEnd > nowMs ? graceEnd : nowMs + DAY_MS;
}

/** Why a license gives no seats though its vendor has not suspended it. */
type Hold = NonNullable<License['hold']>;

/**
 * What a subscription makes of its license. Whatever is paid for has an end, past which the license gives nothing unless
 * Stripe has told of a next period: were Stripe's word to stay away, nobody would sit on seats for ever.
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

/** Money that was taken back holds the license, whatever the subscription's status. */
function paymentHold({ disputes, refundedInvoiceIds, latestInvoiceId }: Subscription): Hold | null {
  if (Object.values(disputes).some((standing) => standing !== 'won')) return 'dispute';
  return latestInvoiceId !== null && refundedInvoiceIds.includes(latestInvoiceId) ? 'refund' : null;
}

/**
 * The license as the subscription has it: a new one (one that has ended, too, so that it makes no difference whether
 * anybody looked before), the next version of `license`, or `license` itself where nothing changes; `undefined` where there
 * is none and the subscription gives none. It takes the plan's terms when it comes under the subscription or the plan
 * changes; what the vendor adds to them later stays.
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
    // Nobody knows this key: whoever wants one has the license given a new one.
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
