import { randomBytes } from 'node:crypto';
import { firstMeters, type Meter } from './meter.ts';
import { type Price, pricesOfPlans } from './plan-prices.ts';
import { missing } from './refused.ts';

export interface Customer {
  readonly id: string;
  readonly object: 'customer';
  readonly created: number;
  name: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** Negative for credit, which pays invoices (docs.stripe.com/billing/customer/balance). */
  balance: number;
  deleted?: true;
}

export interface Session {
  readonly id: string;
  readonly object: 'checkout.session';
  readonly created: number;
  readonly mode: 'subscription';
  readonly customer: string;
  readonly currency: string;
  readonly amount_subtotal: number;
  readonly amount_total: number;
  readonly allow_promotion_codes: boolean | null;
  readonly automatic_tax: {
    readonly enabled: boolean;
    readonly liability: { readonly type: 'self' } | null;
    readonly provider: 'stripe' | null;
    readonly status: 'requires_location_inputs' | null;
  };
  readonly client_reference_id: string | null;
  readonly expires_at: number;
  readonly success_url: string;
  readonly cancel_url: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly payment_method_types: readonly string[];
  /** Absent at Stripe once the session is not open. */
  url: string | null;
  status: 'open' | 'complete' | 'expired';
  payment_status: 'unpaid' | 'paid' | 'no_payment_required';
  subscription: string | null;
  invoice: string | null;
}

/** What a customer buys in a session. */
export interface Order {
  readonly price: string;
  readonly quantity: number;
  readonly trialDays: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Subscription {
  readonly id: string;
  readonly object: 'subscription';
  readonly customer: string;
  readonly created: number;
  readonly currency: string;
  readonly livemode: false;
  metadata: Readonly<Record<string, string>>;
  status: string;
  status_details?: StatusDetails;
  billing_cycle_anchor: number;
  billing_mode: BillingMode;
  cancel_at: number | null;
  cancel_at_period_end: boolean;
  canceled_at: number | null;
  collection_method: 'charge_automatically' | 'send_invoice';
  days_until_due: number | null;
  ended_at: number | null;
  latest_invoice: string | null;
  pause_collection: PauseCollection | null;
  schedule: string | null;
  trial_end: number | null;
  /** All of them. Stripe shows the first page. */
  readonly items: Item[];
}

/** `flexible` unless a subscription is older (docs.stripe.com/billing/subscriptions/billing-mode). */
export interface BillingMode {
  readonly type: 'classic' | 'flexible';
  readonly flexible: { readonly proration_discounts: 'included' } | null;
}

export interface StatusDetails {
  readonly paused: {
    readonly type: 'subscription';
    readonly subscription: { readonly type: 'pause_requested' | 'trial_end_without_payment_method' };
    readonly transitioned_at: number;
  };
}

/** Changes a subscription at the end of each of its phases (docs.stripe.com/billing/subscriptions/subscription-schedules). */
export interface Schedule {
  readonly id: string;
  readonly object: 'subscription_schedule';
  readonly customer: string;
  readonly created: number;
  end_behavior: 'release' | 'cancel';
  status: 'active' | 'completed' | 'released' | 'canceled';
  subscription: string | null;
  released_subscription: string | null;
  current_phase: Period | null;
  readonly phases: readonly Period[];
}

interface Period {
  readonly start_date: number;
  readonly end_date: number;
}

export interface PauseCollection {
  readonly behavior: 'keep_as_draft' | 'mark_uncollectible' | 'void';
  readonly resumes_at: number | null;
}

export interface Item {
  readonly id: string;
  readonly object: 'subscription_item';
  readonly created: number;
  readonly subscription: string;
  current_period_start: number;
  current_period_end: number;
  /** Id of the price. Stripe shows the whole price. */
  price: string;
  /** Absent for a metered price. */
  quantity?: number;
}

export type WriteOffReason = 'max_payment_attempts' | 'subscription_paused' | 'user_forgiven';

export interface Invoice {
  readonly id: string;
  readonly object: 'invoice';
  readonly customer: string;
  readonly created: number;
  readonly currency: string;
  readonly billing_reason: 'manual' | 'subscription_create' | 'subscription_cycle' | 'subscription_update';
  readonly collection_method: Subscription['collection_method'];
  readonly due_date: number | null;
  total: number;
  starting_balance: number;
  ending_balance: number;
  amount_due: number;
  /** Whether a draft is finalized, and an open invoice collected, without a call. */
  auto_advance: boolean;
  /** The page to pay on; `null` for a draft. */
  hosted_invoice_url: string | null;
  amount_paid: number;
  amount_remaining: number;
  pre_payment_credit_notes_amount: number;
  post_payment_credit_notes_amount: number;
  /** The period before the one that is paid; usage in it is invoiced. The lines have the periods that they pay for. */
  readonly period_start: number;
  readonly period_end: number;
  attempt_count: number;
  attempted: boolean;
  status: 'draft' | 'open' | 'paid' | 'uncollectible' | 'void';
  /** Only while it is uncollectible. */
  status_details?: { readonly uncollectible: { readonly reason: WriteOffReason } };
  status_transitions: {
    readonly finalized_at: number | null;
    readonly marked_uncollectible_at: number | null;
    readonly paid_at: number | null;
    readonly voided_at: number | null;
  };
  readonly parent: {
    readonly type: 'subscription_details';
    readonly subscription_details: { readonly subscription: string };
  };
  /** All of them. Stripe shows the first page. */
  lines: readonly LineItem[];
}

export interface LineItem {
  readonly id: string;
  readonly object: 'line_item';
  readonly amount: number;
  readonly currency: string;
  readonly description: string;
  readonly invoice: string;
  readonly quantity: number;
  readonly subscription: string;
  readonly period: { readonly start: number; readonly end: number };
  readonly parent: {
    readonly type: 'subscription_item_details';
    readonly subscription_item_details: {
      readonly subscription: string;
      readonly subscription_item: string;
      readonly proration: boolean;
    };
  };
  readonly pricing: {
    readonly type: 'price_details';
    readonly price_details: { readonly price: string; readonly product: string };
    readonly unit_amount_decimal: string;
  };
}

/** What paid an invoice. */
export interface InvoicePayment {
  readonly id: string;
  readonly object: 'invoice_payment';
  readonly created: number;
  readonly currency: string;
  readonly amount_paid: number;
  readonly amount_requested: number;
  readonly invoice: string;
  readonly payment: { readonly type: 'payment_intent'; readonly payment_intent: string };
  readonly status: 'paid';
  readonly status_transitions: { readonly canceled_at: null; readonly paid_at: number };
}

/** A new price or quantity of an item. */
export interface ItemUpdate {
  readonly id: string;
  readonly price?: string | undefined;
  readonly quantity?: number | undefined;
}

/** A change that Stripe makes once its invoice is paid (docs.stripe.com/billing/subscriptions/pending-updates). */
export interface PendingUpdate {
  readonly invoice: string;
  readonly items: readonly ItemUpdate[];
  readonly expires_at: number;
}

export interface Charge {
  readonly id: string;
  readonly object: 'charge';
  readonly created: number;
  readonly amount: number;
  amount_refunded: number;
  refunded: boolean;
  disputed: boolean;
  readonly currency: string;
  readonly customer: string;
  readonly paid: boolean;
  readonly payment_intent: string;
  readonly status: 'succeeded';
}

export interface Refund {
  readonly id: string;
  readonly object: 'refund';
  readonly amount: number;
  readonly charge: string;
  readonly created: number;
  readonly currency: string;
  readonly customer: string;
  readonly payment_intent: string;
  readonly reason: 'requested_by_customer';
  status: 'succeeded' | 'failed';
  failure_reason?: string;
}

/** docs.stripe.com/api/disputes/object */
export type DisputeStatus =
  | 'warning_needs_response'
  | 'warning_under_review'
  | 'warning_closed'
  | 'needs_response'
  | 'under_review'
  | 'appeal_needs_response'
  | 'appeal_under_review'
  | 'won'
  | 'lost'
  | 'prevented';

export interface Dispute {
  readonly id: string;
  readonly object: 'dispute';
  readonly created: number;
  readonly amount: number;
  readonly currency: string;
  readonly charge: string;
  readonly payment_intent: string;
  readonly balance_transactions: BalanceTransaction[];
  is_charge_refundable: boolean;
  status: DisputeStatus;
}

/** Money that a dispute moved out of the vendor's account (negative), or back. */
export interface BalanceTransaction {
  readonly id: string;
  readonly object: 'balance_transaction';
  readonly amount: number;
  readonly available_on: number;
  readonly created: number;
  readonly currency: string;
  readonly reporting_category: 'dispute' | 'dispute_reversal';
  readonly source: string;
  readonly type: 'adjustment';
}

export interface MeterEvent {
  readonly identifier: string;
  readonly eventName: string;
  readonly customerId: string;
  readonly value: string;
  readonly timestamp: number;
  /** The invoices that charge it, by the item that bills it. */
  readonly invoices: Record<string, string>;
}

export interface Discount {
  readonly id: string;
  readonly percentOff: number;
}

export interface StoredEvent {
  readonly id: string;
  readonly type: string;
  readonly created: number;
  readonly body: string;
}

/** Everything that the fake stores, as plain JSON. Data that Stripe's objects do not show has its own records. */
export interface State {
  /** The port of the last start; 0 before the first. */
  port: number;
  readonly apiKey: string;
  readonly webhookSecret: string;
  readonly prices: Record<string, Price>;
  readonly customers: Record<string, Customer>;
  readonly sessions: Record<string, Session>;
  /** By session. */
  readonly orders: Record<string, Order>;
  readonly subscriptions: Record<string, Subscription>;
  /** By subscription. */
  readonly pendingUpdates: Record<string, PendingUpdate>;
  readonly schedules: Record<string, Schedule>;
  /** Amounts that the next invoice of a subscription has to balance, by the subscription. */
  readonly prorations: Record<string, number>;
  /** What happens to payments of a customer that nobody attends to; a good card unless a test changes it. */
  readonly cards: Record<string, 'good' | 'declined' | 'none'>;
  readonly invoices: Record<string, Invoice>;
  readonly charges: Record<string, Charge>;
  readonly invoicePayments: Record<string, InvoicePayment>;
  readonly disputes: Record<string, Dispute>;
  readonly refunds: Record<string, Refund>;
  readonly portals: Record<string, { readonly customer: string; readonly returnUrl: string }>;
  /** Every accepted meter event. */
  readonly usage: MeterEvent[];
  /** When a meter event with the identifier was last accepted, in seconds. */
  readonly metered: Record<string, number>;
  readonly meters: Record<string, Meter>;
  /** Usage that was rejected after it was accepted, and is not reported yet. */
  readonly rejectedUsage: (MeterEvent & { readonly code: string })[];
  /** By subscription. */
  readonly discounts: Record<string, Discount>;
  readonly events: StoredEvent[];
  /** What `GET /v2/core/events` shows of thin events, by their id. */
  readonly thinEvents: Record<string, object>;
  /** By idempotency key. */
  readonly answers: Record<string, KeptAnswer>;
}

export interface KeptAnswer {
  /** Hash of the request. */
  readonly asked: string;
  readonly status: number;
  readonly body: string;
  /** When it was sent, in seconds. */
  readonly at: number;
}

export function newState(): State {
  return {
    port: 0,
    apiKey: `sk_test_${word()}`,
    webhookSecret: `whsec_${word()}`,
    prices: pricesOfPlans(),
    customers: {},
    sessions: {},
    orders: {},
    subscriptions: {},
    pendingUpdates: {},
    schedules: {},
    prorations: {},
    cards: {},
    invoices: {},
    charges: {},
    invoicePayments: {},
    disputes: {},
    refunds: {},
    portals: {},
    usage: [],
    metered: {},
    meters: firstMeters(),
    rejectedUsage: [],
    discounts: {},
    events: [],
    thinEvents: {},
    answers: {},
  };
}

/** The record with that id, or `undefined`. Ignores inherited properties such as `constructor`. */
export function at<T>(records: Readonly<Record<string, T>>, id: string): T | undefined {
  return Object.hasOwn(records, id) ? records[id] : undefined;
}

/**
 * Like `at`, but throws Stripe's error for an unknown id, which was in the parameter `param` or else in the path.
 */
export function found<T>(records: Readonly<Record<string, T>>, id: string, what: string, param?: string): T {
  const record = at(records, id);
  if (record === undefined) throw missing(what, id, param);
  return record;
}

export function newId(prefix: string): string {
  return `${prefix}_${word()}`;
}

function word(): string {
  return randomBytes(12).toString('hex');
}
