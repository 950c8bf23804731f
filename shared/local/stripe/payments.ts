import type { Account } from './account.ts';
import { priceOfItem, seatItemOf } from './items.ts';
import type { Price } from './plan-prices.ts';
import {
  at,
  type Charge,
  found,
  type Invoice,
  type InvoicePayment,
  type Item,
  type LineItem,
  type MeterEvent,
  newId,
  type State,
  type Subscription,
  type WriteOffReason,
} from './state.ts';

const DAY_SECONDS = 24 * 3600;

export type Card = 'good' | 'declined';

/** What happens to a payment of the customer that nobody attends to. */
export function cardOf({ state }: Account, customer: string): Card {
  return (at(state.cards, customer) ?? 'good') === 'good' ? 'good' : 'declined';
}

export function subscriptionOf({ parent }: Invoice): string {
  return parent.subscription_details.subscription;
}

/**
 * Creates the invoice of the items' current periods, due now or, with `send_invoice`, in some days. A licensed item is
 * paid in advance, a metered one afterwards. For a trial it amounts to 0. While collection is paused, the invoice is
 * not collected (docs.stripe.com/billing/subscriptions/pause-payment).
 */
export function bill(
  account: Account,
  subscription: Subscription,
  reason: Invoice['billing_reason'],
  items: readonly Item[] = subscription.items,
  proration?: number,
): Invoice {
  return issue(account, subscription, invoiceOfPeriods(account, subscription, reason, items, proration));
}

/** The same, left as a draft. */
export function draft(
  account: Account,
  subscription: Subscription,
  reason: Invoice['billing_reason'],
  items: readonly Item[],
): Invoice {
  return keep(account, subscription, invoiceOfPeriods(account, subscription, reason, items));
}

function invoiceOfPeriods(
  account: Account,
  subscription: Subscription,
  reason: Invoice['billing_reason'],
  items: readonly Item[],
  proration?: number,
): Invoice {
  const id = newId('in');
  const lines = items.map((item) => {
    const line = lineOfPeriod(account, subscription, item, id);
    return proration === undefined ? line : prorated(line, proration);
  });
  const usageEnd = reason === 'subscription_cycle' ? items[0]?.current_period_start : undefined;
  return draftInvoice(account, subscription, { id, reason, lines, usageEnd });
}

export interface Draft {
  readonly id: string;
  readonly reason: Invoice['billing_reason'];
  readonly lines: readonly LineItem[];
  readonly usageEnd?: number | undefined;
}

/** An invoice as it would be now, with what earlier changes left to balance. */
export function draftInvoice(
  { state, now }: Account,
  subscription: Subscription,
  { id, reason, lines: ownLines, usageEnd = now() }: Draft,
): Invoice {
  const { customer, currency, collection_method, days_until_due, pause_collection, ended_at } = subscription;
  const lines = [...ownLines, ...pendingLines(state, subscription, id, now())];
  const before = latestInvoice(state, subscription);
  return {
    id,
    object: 'invoice',
    customer,
    created: now(),
    currency,
    billing_reason: reason,
    collection_method,
    due_date: collection_method === 'send_invoice' ? now() + (days_until_due ?? 0) * DAY_SECONDS : null,
    ...amountsOf(state, subscription, lines),
    amount_paid: 0,
    pre_payment_credit_notes_amount: 0,
    post_payment_credit_notes_amount: 0,
    auto_advance: pause_collection === null && ended_at === null,
    hosted_invoice_url: null,
    period_start: before?.period_end ?? usageEnd,
    period_end: usageEnd,
    attempt_count: 0,
    attempted: false,
    status: 'draft',
    status_transitions: { finalized_at: null, marked_uncollectible_at: null, paid_at: null, voided_at: null },
    parent: { type: 'subscription_details', subscription_details: { subscription: subscription.id } },
    lines,
  };
}

/** Credit of the customer pays for an invoice, and a negative total adds to the credit. */
function amountsOf(state: State, { id, customer }: Subscription, lines: readonly LineItem[]) {
  const subtotal = lines.reduce((sum, { amount }) => sum + amount, 0);
  const { percentOff = 0 } = at(state.discounts, id) ?? {};
  const total = subtotal - Math.floor((subtotal * percentOff) / 100);
  const starting_balance = found(state.customers, customer, 'customer').balance;
  const due = Math.max(0, total + starting_balance);
  const ending_balance = Math.min(0, total + starting_balance);
  return { total, starting_balance, ending_balance, amount_due: due, amount_remaining: due };
}

/** Prorations that wait for the next invoice (docs.stripe.com/billing/subscriptions/prorations), in one line. */
function pendingLines(state: State, subscription: Subscription, invoice: string, now: number): LineItem[] {
  const amount = at(state.prorations, subscription.id) ?? 0;
  if (amount === 0) return [];
  const { id: item, quantity, ...of } = seatItemOf(subscription);
  const price = found(state.prices, of.price, 'price');
  const period = { start: now, end: now };
  const proration = amount < 0 ? 'Unused time' : 'Remaining time';
  return [newLine(subscription, { invoice, item, price, quantity, amount, period, proration })];
}

export function issue(account: Account, subscription: Subscription, invoice: Invoice): Invoice {
  keep(account, subscription, invoice);
  if (subscription.pause_collection?.behavior !== 'keep_as_draft') finalize(account, invoice);
  return invoice;
}

function keep({ state, publish }: Account, subscription: Subscription, invoice: Invoice): Invoice {
  state.invoices[invoice.id] = invoice;
  subscription.latest_invoice = invoice.id;
  delete state.prorations[subscription.id];
  publish('invoice.created', invoice);
  return invoice;
}

/**
 * A draft gets the usage that was processed since
 * (docs.stripe.com/billing/subscriptions/usage-based/configure-grace-period).
 */
export function finalize(account: Account, invoice: Invoice): void {
  const { state, publish, pagesUrl } = account;
  const subscription = found(state.subscriptions, subscriptionOf(invoice), 'subscription');
  invoice.lines = invoice.lines.map((line) => withLateUse(state, subscription, line));
  Object.assign(invoice, amountsOf(state, subscription, invoice.lines));
  found(state.customers, invoice.customer, 'customer').balance = invoice.ending_balance;
  become(account, invoice, 'open');
  invoice.hosted_invoice_url = `${pagesUrl()}/invoice/${invoice.id}`;
  publish('invoice.finalized', invoice);
  const { pause_collection } = subscription;
  if (pause_collection?.behavior === 'void') voidNow(account, invoice);
  else if (pause_collection?.behavior === 'mark_uncollectible')
    writeOff(account, invoice, 'subscription_paused');
  else if (invoice.collection_method === 'send_invoice') publish('invoice.sent', invoice);
}

function withLateUse(state: State, { customer, items }: Subscription, line: LineItem): LineItem {
  const { subscription_item } = line.parent.subscription_item_details;
  const item = items.find(({ id }) => id === subscription_item);
  if (!item || item.quantity !== undefined) return line;
  const price = priceOfItem(state, item);
  const late = takeUse(state, customer, item, line.invoice);
  return { ...line, quantity: line.quantity + late, amount: line.amount + late * price.unit_amount };
}

export function voidNow(account: Account, invoice: Invoice): void {
  become(account, invoice, 'void');
  account.publish('invoice.voided', invoice);
}

/** docs.stripe.com/changelog/endive/2026-09-30/invoice-uncollectible-status-detail */
export function writeOff(account: Account, invoice: Invoice, reason: WriteOffReason): void {
  become(account, invoice, 'uncollectible');
  invoice.status_details = { uncollectible: { reason } };
  account.publish('invoice.marked_uncollectible', invoice);
}

const TRANSITIONS = {
  open: 'finalized_at',
  uncollectible: 'marked_uncollectible_at',
  paid: 'paid_at',
  void: 'voided_at',
} as const;

export function become({ now }: Account, invoice: Invoice, status: keyof typeof TRANSITIONS): void {
  invoice.status = status;
  delete invoice.status_details;
  invoice.status_transitions = { ...invoice.status_transitions, [TRANSITIONS[status]]: now() };
}

function latestInvoice({ invoices }: State, { latest_invoice }: Subscription): Invoice | undefined {
  return latest_invoice === null ? undefined : invoices[latest_invoice];
}

function lineOfPeriod(account: Account, subscription: Subscription, item: Item, invoice: string): LineItem {
  const price = priceOfItem(account.state, item);
  const quantity = item.quantity ?? takeUse(account.state, subscription.customer, item, invoice);
  const period = { start: item.current_period_start, end: item.current_period_end };
  const amount = subscription.status === 'trialing' ? 0 : quantity * price.unit_amount;
  return newLine(subscription, { invoice, item: item.id, price, quantity, amount, period });
}

export interface NewLine {
  readonly invoice: string;
  readonly item: string;
  readonly price: Price;
  readonly quantity: number;
  readonly amount: number;
  readonly period: LineItem['period'];
  /** What is prorated: absent for a whole period. */
  readonly proration?: 'Unused time' | 'Remaining time';
}

export function newLine(
  { id, currency }: Subscription,
  { invoice, item, price, quantity, amount, period, proration }: NewLine,
): LineItem {
  const what = `${quantity} × ${price.lookup_key ?? price.id}`;
  return {
    id: newId('il'),
    object: 'line_item',
    amount,
    currency,
    description: proration === undefined ? what : `${proration} on ${what}`,
    invoice,
    quantity,
    subscription: id,
    period,
    parent: {
      type: 'subscription_item_details',
      subscription_item_details: {
        subscription: id,
        subscription_item: item,
        proration: proration !== undefined,
      },
    },
    pricing: {
      type: 'price_details',
      price_details: { price: price.id, product: price.product },
      unit_amount_decimal: String(price.unit_amount),
    },
  };
}

function prorated(line: LineItem, amount: number): LineItem {
  const { parent } = line;
  const subscription_item_details = { ...parent.subscription_item_details, proration: true };
  return { ...line, amount, parent: { ...parent, subscription_item_details } };
}

/**
 * Puts the usage that a metered item has not billed yet on the invoice. Returns its sum. A meter counts by customer: each
 * item with a price of the meter bills all of it (docs.stripe.com/api/billing/meter-event-summary).
 */
function takeUse(state: State, customer: string, item: Item, invoice: string): number {
  const uses = openUses(state, customer, item);
  for (const use of uses) use.invoices[item.id] = invoice;
  return sumOf(uses);
}

function openUses(state: State, customer: string, item: Item): MeterEvent[] {
  const { meter } = priceOfItem(state, item).recurring;
  return state.usage.filter(
    ({ customerId, eventName, invoices }) =>
      customerId === customer && `mtr_${eventName}` === meter && invoices[item.id] === undefined,
  );
}

export function openUsage(state: State, customer: string, item: Item): number {
  return sumOf(openUses(state, customer, item));
}

function sumOf(uses: readonly MeterEvent[]): number {
  return uses.reduce((sum, { value }) => sum + Number(value), 0);
}

/**
 * Returns whether the invoice is settled. One of 0 is paid without a charge. One that is not open is not collected,
 * and has nothing to do with the status of the subscription.
 */
export function payInvoice(account: Account, invoice: Invoice, card: Card): boolean {
  const { publish } = account;
  if (invoice.status !== 'open') return true;
  invoice.attempted = true;
  if (invoice.amount_due > 0) {
    invoice.attempt_count++;
    if (card === 'declined') {
      publish('invoice.payment_failed', invoice);
      return false;
    }
    publish('charge.succeeded', newCharge(account, invoice));
  }
  become(account, invoice, 'paid');
  invoice.amount_paid = invoice.amount_due;
  invoice.amount_remaining = 0;
  publish('invoice.paid', invoice);
  return true;
}

export function newCharge(
  { state, now }: Account,
  { id, amount_remaining, currency, customer }: Invoice,
  amount = amount_remaining,
): Charge {
  const created = now();
  const charge: Charge = {
    id: newId('ch'),
    object: 'charge',
    created,
    amount,
    amount_refunded: 0,
    refunded: false,
    disputed: false,
    currency,
    customer,
    paid: true,
    payment_intent: newId('pi'),
    status: 'succeeded',
  };
  state.charges[charge.id] = charge;
  const payment: InvoicePayment = {
    id: newId('inpay'),
    object: 'invoice_payment',
    created,
    currency,
    amount_paid: amount,
    amount_requested: amount,
    invoice: id,
    payment: { type: 'payment_intent', payment_intent: charge.payment_intent },
    status: 'paid',
    status_transitions: { canceled_at: null, paid_at: created },
  };
  state.invoicePayments[payment.id] = payment;
  return charge;
}

/** The charge that paid the invoice. */
export function chargeOf(state: State, invoiceId: string): Charge | undefined {
  return Object.values(state.charges).find(({ payment_intent }) =>
    paymentsBy(state, payment_intent).some(({ invoice }) => invoice === invoiceId),
  );
}

export function paymentsBy({ invoicePayments }: State, paymentIntent: string): InvoicePayment[] {
  return Object.values(invoicePayments).filter(({ payment }) => payment.payment_intent === paymentIntent);
}
