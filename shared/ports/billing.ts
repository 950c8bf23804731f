import type { BillingEvent } from '../domain/billing-event.ts';
import type { BillingInterval, Plan } from '../domain/plans.ts';
import type { Dispute, Payment, SubscriptionState } from '../domain/subscription.ts';

/**
 * Who takes the money: Stripe. What it says now is the truth about every subscription; what its events say is only a
 * reason to ask. A Stripe that does not answer, or answers that it cannot now, throws `Unavailable('billing', …)`; after
 * that, whether a change was made is not known. A request of ours that Stripe finds wrong is a fault, and throws.
 */
export interface Billing {
  /**
   * The tenant as a customer. Asked again within a day, it is the same one; another one for another `attempt`, which counts
   * the customers that it was before and that were deleted.
   */
  createCustomer(tenant: {
    readonly tenantId: string;
    readonly name: string;
    readonly attempt: number;
  }): Promise<string>;

  /** Removes the customer and what Stripe keeps of them, and ends their subscriptions at once; none is no matter. */
  deleteCustomer(customerId: string): Promise<void>;

  /** A page at Stripe where `ask` can be paid for. Asked again with the same `requestId` within a day, it is the same one. */
  createCheckout(ask: CheckoutAsk): Promise<CheckoutVerdict>;

  /** Lets nobody pay by that session any more. `PAID`: somebody has. */
  expireCheckout(sessionId: string): Promise<'EXPIRED' | 'PAID'>;

  /** A page at Stripe where a customer looks after cards, invoices and the number of seats. */
  createPortal(ask: { readonly customerId: string; readonly returnUrl: string }): Promise<string>;

  /** The subscription as it is now, or `undefined` where Stripe knows none of that id. */
  readSubscription(subscriptionId: string): Promise<SubscriptionState | undefined>;

  /** Ends it when its period does, or now; `'never'` takes back that it ends with its period. `OVER`: it has ended. */
  endSubscription(subscriptionId: string, when: 'period_end' | 'now' | 'never'): Promise<'DONE' | 'OVER'>;

  /** What was paid by a charge, or `undefined` where Stripe knows none of that id. */
  readPayment(chargeId: string): Promise<Payment | undefined>;

  readDispute(disputeId: string): Promise<Dispute | undefined>;

  /**
   * Tells of use that is paid for. Stripe takes a record of an `identifier` once within 24 hours at least; `ALREADY` says
   * that it had it. `REFUSED`: it is for good none that Stripe takes, and why, for the log.
   */
  recordUsage(use: MeteredUse): Promise<UsageVerdict>;

  /**
   * The event that `body` is, where `signature` (the header `Stripe-Signature`) proves that Stripe sent it within the last
   * five minutes to us. `because` is for the log.
   */
  openEvent(body: Uint8Array, signature: string, nowMs: number): Promise<EventVerdict>;
}

export interface CheckoutAsk {
  /** The same again is the same request again. At most 255 characters. */
  readonly requestId: string;
  readonly customerId: string;
  readonly tenantId: string;
  /** The license that it will be for, which may not exist yet. */
  readonly licenseId: string;
  readonly plan: Plan;
  readonly interval: BillingInterval;
  readonly seats: number;
  readonly returnUrl: string;
  /** Days before the first payment; 0 for none. */
  readonly trialDays: number;
  readonly automaticTax: boolean;
  readonly promotionCodes: boolean;
}

export type CheckoutVerdict =
  | {
      readonly verdict: 'OPEN';
      readonly sessionId: string;
      readonly url: string;
      readonly expiresAtMs: number;
    }
  /** There is no active price with the plan's lookup key at Stripe. */
  | { readonly verdict: 'NOT_FOR_SALE' }
  /** The customer was deleted at Stripe. */
  | { readonly verdict: 'NO_CUSTOMER' };

export interface MeteredUse {
  /** At most 100 characters. */
  readonly identifier: string;
  readonly customerId: string;
  readonly meter: string;
  /** A whole number, 1 or more. */
  readonly quantity: number;
  readonly atMs: number;
}

export type UsageVerdict =
  | { readonly verdict: 'RECORDED' | 'ALREADY' }
  | { readonly verdict: 'REFUSED'; readonly because: string };

export type EventVerdict =
  | { readonly verdict: 'EVENT'; readonly event: BillingEvent }
  | { readonly verdict: 'REFUSED'; readonly because: string };
