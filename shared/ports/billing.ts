import type { BillingEvent, UnreadableEvent } from '../domain/billing-event.ts';
import type { Dispute, PaidInvoice, Payment } from '../domain/payment-holds.ts';
import type { Plan } from '../domain/plans.ts';
import type { SeatPrice } from '../domain/prices.ts';
import type { SubscriptionState } from '../domain/subscription.ts';
import type { BilledInvoice } from '../domain/subscription-change.ts';
import type { End, PausedCollection } from '../domain/subscription-ending.ts';

/**
 * The payment provider: Stripe. The current state at Stripe is the truth about every subscription; an event is only a
 * reason to fetch it. If Stripe does not answer or is temporarily unavailable, `Unavailable('billing', …)` is thrown,
 * and it is unknown whether a change was made. If Stripe rejects a request as invalid, that is a bug, and an error is
 * thrown.
 */
export interface Billing {
  /**
   * Creates the tenant's customer. Within a day, a repeated call returns the same customer; another `attempt` (how many
   * of the tenant's customers were deleted before) creates a new one.
   */
  createCustomer(tenant: {
    readonly tenantId: string;
    readonly name: string;
    readonly attempt: number;
  }): Promise<string>;

  /** Deletes the customer, what Stripe stores of them and their subscriptions. Ignored if it does not exist. */
  deleteCustomer(customerId: string): Promise<void>;

  /** Creates a page at Stripe to pay for `ask`, another one at each call. */
  createCheckout(ask: CheckoutAsk): Promise<CheckoutVerdict>;

  /**
   * The pages at Stripe on which the customer can pay for the license now, newest first, among the newest 100 pages of the
   * customer.
   */
  openCheckouts(of: {
    readonly customerId: string;
    readonly licenseId: string;
  }): Promise<readonly OpenCheckout[]>;

  /** Expires the page, so that it cannot be paid any more, unless it is completed already. */
  expireCheckout(sessionId: string): Promise<CheckoutEnd>;

  /** The prices that plans are sold at now. A plan without an active price is left out. */
  readPrices(): Promise<readonly SeatPrice[]>;

  /** The same, some minutes old. Never throws: if Stripe is unavailable, the last known prices, however old. */
  recentPrices(): Promise<RecentPrices>;

  /** A page at Stripe where a customer manages cards, invoices and the number of seats. */
  createPortal(ask: { readonly customerId: string; readonly returnUrl: string }): Promise<string>;

  /** The current state of the subscription, or `undefined` if Stripe does not know it. */
  readSubscription(subscriptionId: string): Promise<SubscriptionState | undefined>;

  /** Ends it, now with an invoice for usage that is not invoiced yet. Nothing is refunded. */
  endSubscription(ask: EndAsk): Promise<EndVerdict>;

  /** Undoes a scheduled end, also one that was set at Stripe. */
  keepSubscription(subscriptionId: string): Promise<KeepVerdict>;

  /** Lets the final invoice of an ended subscription be collected: soon and by itself, or at once. */
  collectFinalInvoice(invoiceId: string, when: 'soon' | 'at_once'): Promise<Collected>;

  pauseSubscription(ask: PauseAsk): Promise<PauseVerdict>;

  /** Undoes both kinds of pause. */
  resumeSubscription(subscriptionId: string): Promise<ResumeVerdict>;

  /** What the change would cost now and for the next period. Changes nothing. */
  previewChange(change: ItemChange & { readonly prorationDateMs: number }): Promise<PreviewVerdict>;

  /**
   * Changes an item, and charges or credits the rest of the period at once. Seats of an automatic payment that does not
   * succeed are not added. Within a day, the same `requestId` is the same change, also if the subscription has changed
   * since.
   */
  changeItem(change: ItemChange & { readonly requestId: string }): Promise<ChangeVerdict>;

  /** The newest 100 invoices of a subscription, newest first. */
  readInvoices(subscriptionId: string): Promise<readonly BilledInvoice[]>;

  /** The payment of a charge, or `undefined` if Stripe does not know it. */
  readPayment(chargeId: string): Promise<Payment | undefined>;

  readDispute(disputeId: string): Promise<Dispute | undefined>;

  /** The newest 100 paid invoices of a subscription, newest first. */
  readPaidInvoices(subscriptionId: string): Promise<readonly PaidInvoice[]>;

  /**
   * Reports metered usage. Stripe counts an `identifier` once within at least 24 hours; `ALREADY` means that Stripe had
   * it. `REFUSED`: Stripe will never accept it; the reason is for the log.
   */
  recordUsage(use: MeteredUse): Promise<UsageVerdict>;

  /** Resolves if Stripe answers and accepts the key. Asks at most twice a minute: the answer is kept for 30 seconds. */
  check(): Promise<void>;
  /**
   * Cancels reported usage. A repeated call within a day is the same one. `UNKNOWN`: Stripe has no such usage. `REFUSED`:
   * Stripe no longer cancels it.
   */
  voidUsage(use: Pick<MeteredUse, 'identifier' | 'meter'>): Promise<'CANCELED' | 'UNKNOWN' | 'REFUSED'>;

  /** What an event says about usage that Stripe accepted and rejected later; `undefined` if it is no such event. */
  readMeterErrors(eventId: string): Promise<MeterErrors | undefined>;
}

/** The events that the payment provider sends. */
export interface BillingEvents {
  /**
   * Parses the event in `body` if `signature` (the header `Stripe-Signature`) proves that Stripe sent it to us within
   * the last five minutes. Whatever is signed is never `REFUSED`. `because` and `warning` are for the log.
   */
  open(body: Uint8Array, signature: string, nowMs: number): Promise<EventVerdict>;
}

export interface CheckoutAsk {
  readonly customerId: string;
  readonly tenantId: string;
  /** The license to pay for, which may not exist yet. */
  readonly licenseId: string;
  readonly price: { readonly priceId: string; readonly plan: Plan };
  readonly seats: number;
  readonly returnUrl: string;
  /** Length of the free trial before the first payment; 0: no trial. */
  readonly trialDays: number;
  readonly automaticTax: boolean;
  readonly promotionCodes: boolean;
}

/** A page at Stripe that can be paid on. */
export interface OpenCheckout {
  readonly sessionId: string;
  readonly url: string;
  readonly expiresAtMs: number;
}

export type CheckoutVerdict =
  | { readonly verdict: 'OPEN'; readonly page: OpenCheckout }
  /** The price was archived or deleted at Stripe. */
  | { readonly verdict: 'NO_PRICE' }
  /** The customer was deleted at Stripe. */
  | { readonly verdict: 'NO_CUSTOMER' };

export type CheckoutEnd =
  | { readonly verdict: 'EXPIRED' }
  /** It was paid, or a payment is on its way; the subscription that it started. */
  | { readonly verdict: 'COMPLETE'; readonly subscriptionId: string | null };

export interface RecentPrices {
  /** `null` if none are known. */
  readonly prices: readonly SeatPrice[] | null;
  /** Why they could not be read, if they could not. For the log. */
  readonly failure: string | undefined;
}

export interface ItemChange {
  readonly subscriptionId: string;
  readonly itemId: string;
  readonly quantity: number;
  /** Id of the new price; `null` keeps the item's price. */
  readonly priceId: string | null;
  /** Time of the change for the amounts; `null`: now. */
  readonly prorationDateMs: number | null;
  readonly collection: 'automatic' | 'invoice';
}

/** Amounts are in the smallest unit of the currency. */
export interface ChangePreview {
  /** Three letters, in lower case (ISO 4217). */
  readonly currency: string;
  /** Due now, after discounts, taxes and credit. */
  readonly amountDue: number;
  /** Added to the customer's credit, for later invoices. */
  readonly credit: number;
  /** The first lines of the invoice. */
  readonly lines: readonly PreviewLine[];
  /** The next regular invoice: a whole period, with discounts and taxes, before credit. */
  readonly next: { readonly amount: number; readonly atMs: number };
}

export interface PreviewLine {
  readonly description: string | null;
  readonly amount: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export type PreviewVerdict =
  | { readonly verdict: 'PREVIEW'; readonly preview: ChangePreview }
  | ChangeRejected;

export type ChangeVerdict =
  | { readonly verdict: 'CHANGED' }
  /** Nothing was changed. If the customer pays at `payUrl` before `payUntilMs`, Stripe makes the change. */
  | { readonly verdict: 'UNPAID'; readonly payUrl: string | null; readonly payUntilMs: number | null }
  | ChangeRejected;

/** Stripe does not accept the change of such a subscription; the reason is for the log. */
export interface ChangeRejected {
  readonly verdict: 'REJECTED';
  readonly because: string;
}

export interface EndAsk {
  readonly subscriptionId: string;
  /** `period_end`: when all that is paid has run out. A time is in the future. */
  readonly end: End;
}

/** `OVER`: it had ended before. */
export type EndVerdict = { readonly verdict: 'ENDING' | 'OVER' } | Rejected;

/** `STILL_ENDING`: Stripe did not undo it; the reason is for the log. */
export type KeepVerdict =
  | { readonly verdict: 'KEPT' | 'OVER' }
  | { readonly verdict: 'STILL_ENDING'; readonly because: string };

/** `UNPAID`: it could not be collected at once. */
export type Collected = 'DONE' | 'UNPAID';

export type PauseAsk =
  | {
      readonly kind: 'subscription';
      readonly subscriptionId: string;
      /** Whether the unused part of the period becomes credit of the customer. */
      readonly creditsRest: boolean;
    }
  | {
      readonly kind: 'collection';
      readonly subscriptionId: string;
      readonly behavior: PausedCollection;
      /** When collecting begins again; `null`: when it is resumed. */
      readonly resumesAtMs: number | null;
    };

export type PauseVerdict = { readonly verdict: 'PAUSED' | 'OVER' } | Rejected;

export type ResumeVerdict =
  /** `payUrl`: it stays paused until the invoice on this page is paid. */
  { readonly verdict: 'RESUMED'; readonly payUrl: string | null } | { readonly verdict: 'OVER' } | Rejected;

/** Stripe does not do that with such a subscription; the reason is for the log. */
export interface Rejected {
  readonly verdict: 'REJECTED';
  readonly because: string;
}

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
  /** `code`: Stripe's error code. */
  | { readonly verdict: 'REFUSED'; readonly code: string; readonly because: string };

/** Usage of one meter that Stripe rejected within some seconds. Only samples of it are named. */
export interface MeterErrors {
  /** `null` if Stripe names none: usage of meters that do not exist. */
  readonly meter: string | null;
  readonly errors: readonly {
    /** Stripe's error code. */
    readonly code: string;
    /** All records that were rejected with this code. */
    readonly count: number;
    /** Identifiers of some of them. */
    readonly samples: readonly string[];
  }[];
}

export type EventVerdict =
  | SignedEvent
  /** The signature does not prove that Stripe sent it. */
  | { readonly verdict: 'REFUSED'; readonly because: string };

/** A delivery that Stripe signed. */
export type SignedEvent =
  | {
      readonly verdict: 'EVENT';
      readonly event: BillingEvent;
      /** A thin event names its object and shows nothing of it. */
      readonly isThin: boolean;
      /** What is wrong with the settings at Stripe, and how to change it. */
      readonly warning?: string | undefined;
    }
  | { readonly verdict: 'UNREADABLE'; readonly event: UnreadableEvent };
