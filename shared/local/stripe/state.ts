import { randomBytes } from 'node:crypto';
import { PLANS, type PlanTerms } from '../../domain/plans.ts';
import { missing } from './parameters.ts';
import type { Interval } from './period.ts';

/** The API version of the Stripe library, which defines the types of requests and events. */
export const API_VERSION = '2026-10-28.endive';

/** Prices per seat in cents, by the lookup keys of our plans. */
const UNIT_AMOUNTS: Readonly<Record<string, number>> = {
  seatlease_pro_month: 900,
  seatlease_pro_year: 9_000,
  seatlease_team_month: 1_500,
  seatlease_team_year: 15_000,
  seatlease_enterprise_year: 30_000,
};

export interface Price {
  readonly id: string;
  readonly object: 'price';
  readonly active: boolean;
  readonly currency: 'usd';
  readonly lookup_key: string;
  readonly recurring: { readonly interval: Interval };
  readonly unit_amount: number;
}

export const PRICES: readonly Price[] = Object.values(PLANS).flatMap(({ prices }: PlanTerms) =>
  (['month', 'year'] as const).flatMap((interval) => {
    const lookupKey = prices[interval];
    if (lookupKey === undefined) return [];
    return {
      id: `price_${lookupKey}`,
      object: 'price',
      active: true,
      currency: 'usd',
      lookup_key: lookupKey,
      recurring: { interval },
      unit_amount: UNIT_AMOUNTS[lookupKey] ?? 1_000,
    };
  }),
);

export interface Customer {
  readonly id: string;
  readonly object: 'customer';
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  deleted?: true;
}

export interface Session {
  readonly id: string;
  readonly object: 'checkout.session';
  readonly mode: 'subscription';
  readonly customer: string;
  readonly url: string;
  readonly expires_at: number;
  readonly success_url: string;
  readonly cancel_url: string;
  readonly metadata: Readonly<Record<string, string>>;
  status: 'open' | 'complete' | 'expired';
  subscription: string | null;
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
  readonly livemode: false;
  readonly metadata: Readonly<Record<string, string>>;
  status: string;
  billing_cycle_anchor: number;
  cancel_at: number | null;
  cancel_at_period_end: boolean;
  canceled_at: number | null;
  ended_at: number | null;
  latest_invoice: string | null;
  trial_end: number | null;
  items: { object: 'list'; data: Item[] };
}

export interface Item {
  readonly id: string;
  readonly object: 'subscription_item';
  quantity: number;
  current_period_start: number;
  current_period_end: number;
  price: Price;
}

export interface Invoice {
  readonly id: string;
  readonly object: 'invoice';
  readonly customer: string;
  readonly created: number;
  readonly currency: 'usd';
  readonly amount_due: number;
  amount_paid: number;
  status: 'open' | 'paid' | 'void';
  readonly parent: {
    readonly type: 'subscription_details';
    readonly subscription_details: { readonly subscription: string };
  };
}

export interface Charge {
  readonly id: string;
  readonly object: 'charge';
  readonly amount: number;
  amount_refunded: number;
  refunded: boolean;
  readonly currency: 'usd';
  readonly customer: string;
  readonly payment_intent: string;
}

export interface Dispute {
  readonly id: string;
  readonly object: 'dispute';
  readonly charge: string;
  status: string;
}

export interface MeterEvent {
  readonly identifier: string;
  readonly eventName: string;
  readonly customerId: string;
  readonly value: string;
  readonly timestamp: number;
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
  readonly customers: Record<string, Customer>;
  readonly sessions: Record<string, Session>;
  /** By session. */
  readonly orders: Record<string, Order>;
  readonly subscriptions: Record<string, Subscription>;
  readonly invoices: Record<string, Invoice>;
  readonly charges: Record<string, Charge>;
  /** Ids of invoices, by the payment intent that paid them. */
  readonly paidInvoices: Record<string, string>;
  readonly disputes: Record<string, Dispute>;
  readonly portals: Record<string, { readonly customer: string; readonly returnUrl: string }>;
  /** Every accepted meter event. */
  readonly usage: MeterEvent[];
  /** When a meter event with the identifier was last accepted, in seconds. */
  readonly metered: Record<string, number>;
  readonly events: StoredEvent[];
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
    customers: {},
    sessions: {},
    orders: {},
    subscriptions: {},
    invoices: {},
    charges: {},
    paidInvoices: {},
    disputes: {},
    portals: {},
    usage: [],
    metered: {},
    events: [],
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

export function itemOf(subscription: Subscription): Item {
  const [item] = subscription.items.data;
  if (!item) throw new Error('a subscription without items');
  return item;
}

export function priceBy(matches: (price: Price) => boolean, given: string): Price {
  const price = PRICES.find(matches);
  if (!price) throw missing('price', given);
  return price;
}

export function newId(prefix: string): string {
  return `${prefix}_${word()}`;
}

function word(): string {
  return randomBytes(12).toString('hex');
}
