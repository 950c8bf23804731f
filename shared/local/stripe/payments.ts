import type { Account } from './account.ts';
import type { Price } from './plan-prices.ts';
import {
  type Charge,
  found,
  type Invoice,
  type InvoicePayment,
  type Item,
  type LineItem,
  newId,
  type State,
  type Subscription,
} from './state.ts';

const DAY_SECONDS = 24 * 3600;

export type Card = 'good' | 'declined';

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
  const { state, now, publish } = account;
  const id = newId('in');
  const lines = items.map((item) => {
    const line = lineOf(account, subscription, item, id);
    return proration === undefined ? line : prorated(line, proration);
  });
  const due = lines.reduce((sum, { amount }) => sum + amount, 0);
  const { collection_method, days_until_due, pause_collection } = subscription;
  const usageEnd = reason === 'subscription_cycle' ? (items[0]?.current_period_start ?? now()) : now();
  const before = latestInvoice(state, subscription);
  const invoice: Invoice = {
    id,
    object: 'invoice',
    customer: subscription.customer,
    created: now(),
    currency: subscription.currency,
    billing_reason: reason,
    collection_method,
    due_date: collection_method === 'send_invoice' ? now() + (days_until_due ?? 0) * DAY_SECONDS : null,
    amount_due: due,
    amount_paid: 0,
    amount_remaining: due,
    period_start: before?.period_end ?? usageEnd,
    period_end: usageEnd,
    attempt_count: 0,
    attempted: false,
    status: 'draft',
    status_transitions: { finalized_at: null, marked_uncollectible_at: null, paid_at: null, voided_at: null },
    parent: { type: 'subscription_details', subscription_details: { subscription: subscription.id } },
    lines,
  };
  state.invoices[invoice.id] = invoice;
  subscription.latest_invoice = invoice.id;
  publish('invoice.created', invoice);
  if (pause_collection?.behavior === 'keep_as_draft') return invoice;
  become(account, invoice, 'open');
  publish('invoice.finalized', invoice);
  if (pause_collection) setAside(account, invoice, pause_collection.behavior);
  else if (collection_method === 'send_invoice') publish('invoice.sent', invoice);
  return invoice;
}

function setAside(account: Account, invoice: Invoice, how: 'mark_uncollectible' | 'void'): void {
  become(account, invoice, how === 'void' ? 'void' : 'uncollectible');
  account.publish(how === 'void' ? 'invoice.voided' : 'invoice.marked_uncollectible', invoice);
}

const TRANSITIONS = {
  open: 'finalized_at',
  uncollectible: 'marked_uncollectible_at',
  paid: 'paid_at',
  void: 'voided_at',
} as const;

function become({ now }: Account, invoice: Invoice, status: keyof typeof TRANSITIONS): void {
  invoice.status = status;
  invoice.status_transitions = { ...invoice.status_transitions, [TRANSITIONS[status]]: now() };
}

function latestInvoice({ invoices }: State, { latest_invoice }: Subscription): Invoice | undefined {
  return latest_invoice === null ? undefined : invoices[latest_invoice];
}

function lineOf(account: Account, subscription: Subscription, item: Item, invoice: string): LineItem {
  const { id, status, customer, currency } = subscription;
  const price = found(account.state.prices, item.price, 'price');
  const quantity = item.quantity ?? takeUse(account, customer, price, invoice);
  return {
    id: newId('il'),
    object: 'line_item',
    amount: status === 'trialing' ? 0 : quantity * price.unit_amount,
    currency,
    invoice,
    quantity,
    subscription: id,
    period: { start: item.current_period_start, end: item.current_period_end },
    parent: {
      type: 'subscription_item_details',
      subscription_item_details: { subscription: id, subscription_item: item.id, proration: false },
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

/** Puts the usage of a metered price that is not invoiced yet on the invoice. Returns its sum. */
function takeUse({ state }: Account, customer: string, price: Price, invoice: string): number {
  let sum = 0;
  for (const use of state.usage) {
    const isOfItem = use.customerId === customer && `mtr_${use.eventName}` === price.recurring.meter;
    if (!isOfItem || use.invoice !== null) continue;
    use.invoice = invoice;
    sum += Number(use.value);
  }
  return sum;
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

function newCharge({ state, now }: Account, { id, amount_due, currency, customer }: Invoice): Charge {
  const created = now();
  const charge: Charge = {
    id: newId('ch'),
    object: 'charge',
    created,
    amount: amount_due,
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
    amount_paid: amount_due,
    amount_requested: amount_due,
    invoice: id,
    payment: { type: 'payment_intent', payment_intent: charge.payment_intent },
    status: 'paid',
    status_transitions: { canceled_at: null, paid_at: created },
  };
  state.invoicePayments[payment.id] = payment;
  return charge;
}

export function paymentsBy({ invoicePayments }: State, paymentIntent: string): InvoicePayment[] {
  return Object.values(invoicePayments).filter(({ payment }) => payment.payment_intent === paymentIntent);
}
