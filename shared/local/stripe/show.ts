import { priceOfItem } from './items.ts';
import { list } from './list.ts';
import { complete } from './official/objects.ts';
import type { Price } from './plan-prices.ts';
import {
  at,
  type BalanceTransaction,
  type Charge,
  type Customer,
  type Dispute,
  type Invoice,
  type InvoicePayment,
  type Item,
  type LineItem,
  type Refund,
  type Schedule,
  type Session,
  type State,
  type Subscription,
} from './state.ts';

type Stored =
  | BalanceTransaction
  | Charge
  | Customer
  | Dispute
  | Invoice
  | InvoicePayment
  | Item
  | LineItem
  | Price
  | Refund
  | Schedule
  | Session
  | Subscription;

/**
 * The object as Stripe shows it in answers and events. The state keeps only what differs between objects, and each
 * fact once: an item names its price, and shows all of it.
 */
export function show(state: State, object: object): object {
  if (isList(object)) return { ...object, data: object.data.map((each) => show(state, each)) };
  return complete({ ...(isStored(object) ? showStored(state, object) : object) });
}

function isList(object: object): object is { readonly data: readonly object[] } {
  return 'object' in object && object.object === 'list';
}

/** Every object of the state has Stripe's name of its kind. */
function isStored(object: object): object is Stored {
  return 'object' in object;
}

function showStored(state: State, stored: Stored): object {
  const shown = { livemode: false, ...stored };
  switch (stored.object) {
    case 'customer':
      if (stored.deleted) return { id: stored.id, object: stored.object, deleted: true };
      return { ...shown, invoice_settings: {} };
    case 'price':
      return showPrice(stored);
    case 'checkout.session':
      return { ...shown, custom_text: {} };
    case 'subscription':
      return showSubscription(state, stored);
    case 'subscription_schedule':
      return showSchedule(stored);
    case 'subscription_item':
      return showItem(state, stored);
    case 'invoice':
      return showInvoice(state, stored);
    case 'line_item':
      return { ...shown, discountable: true, subtotal: stored.amount };
    case 'invoice_payment':
      return { ...shown, is_default: true };
    case 'charge':
      return { ...shown, billing_details: {}, captured: true, amount_captured: stored.amount };
    case 'dispute':
      return showDispute(state, stored);
    case 'refund':
      return stored;
    case 'balance_transaction':
      return { ...stored, balance_type: 'payments', fee: 0, net: stored.amount, status: 'available' };
    default:
      return shown;
  }
}

function showPrice(price: Price): object {
  const { billing_scheme, recurring, unit_amount, unit_amount_decimal } = price;
  const isTiered = billing_scheme === 'tiered';
  return {
    livemode: false,
    ...price,
    recurring: { ...recurring, trial_period_days: null },
    tiers_mode: isTiered ? 'graduated' : null,
    type: 'recurring',
    unit_amount: isTiered || unit_amount_decimal !== String(unit_amount) ? null : unit_amount,
    unit_amount_decimal: isTiered ? null : unit_amount_decimal,
  };
}

function showSubscription(state: State, subscription: Subscription): object {
  const url = `/v1/subscription_items?subscription=${subscription.id}`;
  const discount = at(state.discounts, subscription.id);
  return {
    ...subscription,
    discounts: discount ? [discount.id] : [],
    automatic_tax: { enabled: false, disabled_reason: null, liability: null },
    invoice_settings: { issuer: { type: 'self' } },
    items: show(state, list(subscription.items, url)),
    pending_update: showPending(state, subscription),
    start_date: subscription.created,
  };
}

function showPending(state: State, { id, items }: Subscription): object | null {
  const pending = at(state.pendingUpdates, id);
  if (!pending) return null;
  const changed = items.map((item) => {
    const { price = item.price, quantity = item.quantity } =
      pending.items.find((update) => update.id === item.id) ?? {};
    return show(state, { ...item, price, ...(quantity !== undefined && { quantity }) });
  });
  return {
    billing_cycle_anchor: null,
    cancel_at_period_end: null,
    discount: null,
    discounts: null,
    expires_at: pending.expires_at,
    metadata: null,
    subscription_items: changed,
    trial_end: null,
    trial_from_plan: null,
  };
}

/** The phases change nothing that the fake keeps. */
const PHASE = {
  add_invoice_items: [],
  application_fee_percent: null,
  billing_cycle_anchor: null,
  billing_thresholds: null,
  collection_method: null,
  currency: 'usd',
  default_payment_method: null,
  description: null,
  discounts: [],
  invoice_settings: null,
  items: [],
  metadata: null,
  on_behalf_of: null,
  proration_behavior: 'create_prorations',
  transfer_data: null,
  trial_end: null,
} as const;

function showSchedule(schedule: Schedule): object {
  return {
    livemode: false,
    ...schedule,
    billing_mode: { type: 'flexible' },
    default_settings: { billing_cycle_anchor: 'automatic', invoice_settings: { issuer: { type: 'self' } } },
    phases: schedule.phases.map((phase) => ({
      ...PHASE,
      ...phase,
    })),
  };
}

function showItem(state: State, item: Item): object {
  const price = priceOfItem(state, item);
  const { id, active, created, currency, metadata, product, recurring, unit_amount } = price;
  const { interval, interval_count, meter, usage_type } = recurring;
  const plan = {
    id,
    object: 'plan',
    active,
    amount: unit_amount,
    amount_decimal: String(unit_amount),
    billing_scheme: 'per_unit',
    created,
    currency,
    interval,
    interval_count,
    livemode: false,
    metadata,
    meter,
    product,
    usage_type,
  };
  return { ...item, plan: complete(plan), price: show(state, price) };
}

function showInvoice(state: State, invoice: Invoice): object {
  const { id, lines, total } = invoice;
  const subtotal = lines.reduce((sum, { amount }) => sum + amount, 0);
  const customer = at(state.customers, invoice.customer);
  return {
    livemode: false,
    ...invoice,
    amount_overpaid: 0,
    amount_shipping: 0,
    automatic_tax: { enabled: false },
    customer_name: customer?.name ?? null,
    issuer: { type: 'self' },
    lines: show(state, list(invoice.lines, `/v1/invoices/${id}/lines`)),
    payment_settings: {},
    subtotal,
    subtotal_excluding_tax: subtotal,
    total_excluding_tax: total,
  };
}

function showDispute(state: State, dispute: Dispute): object {
  return {
    livemode: false,
    ...dispute,
    balance_transactions: dispute.balance_transactions.map((each) => show(state, each)),
    evidence: { enhanced_evidence: {} },
    evidence_details: {
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'not_submitted',
    },
    reason: 'fraudulent',
  };
}
