import type { Account } from './account.ts';
import { customerAt } from './customers.ts';
import { priceOfItem } from './items.ts';
import {
  become,
  bill,
  type Card,
  chargeOf,
  newCharge,
  payInvoice,
  subscriptionOf,
  voidNow,
  writeOff,
} from './payments.ts';
import { periodEnd } from './period.ts';
import { priceBy } from './prices.ts';
import { refund } from './refunds.ts';
import { Refused } from './refused.ts';
import { publishUpdated, runningAt } from './running.ts';
import {
  at,
  found,
  type Invoice,
  newId,
  type State,
  type Subscription,
  type WriteOffReason,
} from './state.ts';
import { newSubscription, setStatus } from './subscriptions.ts';
import type { Credit, FakeInvoice, HandMadeSubscription } from './types.ts';

const DAY_SECONDS = 24 * 3600;

/**
 * What the vendor does in Stripe's dashboard, beside what customers can do too. Stripe also sends events of kinds
 * that no webhook endpoint of ours receives (`credit_note.created`, `customer.discount.created`): they are left out.
 */

/** Newest first. */
export function invoicesOf({ invoices }: State, subscriptionId: string): FakeInvoice[] {
  return Object.values(invoices)
    .filter((invoice) => subscriptionOf(invoice) === subscriptionId)
    .map(({ id, status, amount_due, amount_paid, auto_advance, lines }) => ({
      id,
      status,
      amountDue: amount_due,
      amountPaid: amount_paid,
      autoAdvance: auto_advance,
      itemIds: lines.flatMap(({ parent: { subscription_item_details: of } }) =>
        of.proration ? [] : [of.subscription_item],
      ),
    }))
    .toReversed();
}

/** docs.stripe.com/api/invoices/void */
export function voidInvoice(account: Account, id: string): void {
  const invoice = invoiceIn(account, id, ['open', 'uncollectible']);
  voidNow(account, invoice);
  settle(account, invoice);
}

/** docs.stripe.com/api/invoices/mark_uncollectible */
export function markUncollectible(
  account: Account,
  id: string,
  reason: WriteOffReason = 'user_forgiven',
): void {
  const invoice = invoiceIn(account, id, ['open']);
  writeOff(account, invoice, reason);
  settle(account, invoice);
}

/**
 * Without a charge. `amount_paid` includes such payments
 * (docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices).
 */
export function payOutOfBand(account: Account, id: string): void {
  const invoice = invoiceIn(account, id, ['open', 'uncollectible']);
  invoice.amount_paid += invoice.amount_remaining;
  invoice.amount_remaining = 0;
  becomePaid(account, invoice);
}

/** Charges a part of what is left to pay (docs.stripe.com/invoicing/partial-payments). Returns the charge's id. */
export function payPart(account: Account, id: string, amount: number): string {
  const invoice = invoiceIn(account, id, ['open', 'uncollectible']);
  if (amount > invoice.amount_remaining)
    throw new Refused(400, { param: 'amount', message: 'More than is left to pay.' });
  const charge = newCharge(account, invoice, amount);
  account.publish('charge.succeeded', charge);
  invoice.amount_paid += amount;
  invoice.amount_remaining -= amount;
  if (invoice.amount_remaining === 0) becomePaid(account, invoice);
  return charge.id;
}

/**
 * A credit note reduces what is left to pay of an open invoice. Of a paid one it is refunded, credited to the customer's
 * balance for later invoices, or given back outside of Stripe (docs.stripe.com/api/credit_notes/create).
 */
export function creditInvoice(account: Account, id: string, amount: number, credit: Credit): void {
  const invoice = invoiceIn(account, id, ['open', 'paid']);
  if (invoice.status === 'open') {
    if (amount > invoice.amount_remaining) throw tooMuch();
    invoice.pre_payment_credit_notes_amount += amount;
    invoice.amount_due -= amount;
    invoice.amount_remaining -= amount;
    if (invoice.amount_remaining === 0) becomePaid(account, invoice);
    return;
  }
  if (amount > invoice.amount_paid - invoice.post_payment_credit_notes_amount) throw tooMuch();
  invoice.post_payment_credit_notes_amount += amount;
  switch (credit) {
    case 'refund':
      refund(account, chargeIn(account, invoice), amount);
      return;
    case 'balance':
      creditCustomer(account, invoice.customer, amount);
      return;
    case 'outside Stripe':
      return;
  }
}

/** docs.stripe.com/billing/customer/balance */
export function creditCustomer(account: Account, id: string, amount: number): void {
  const customer = customerAt(account, id);
  customer.balance -= amount;
  account.publish('customer.updated', customer);
}

/** All later invoices are reduced (docs.stripe.com/billing/subscriptions/coupons); 0 removes the discount. */
export function discount(account: Account, id: string, percentOff: number): void {
  const { state } = account;
  const subscription = runningAt(account, id);
  delete state.discounts[id];
  if (percentOff > 0) state.discounts[id] = { id: newId('di'), percentOff };
  publishUpdated(account, subscription);
}

/**
 * A trial that ends then (in seconds), also in the middle of a paid period, or ends now
 * (docs.stripe.com/billing/subscriptions/billing-cycle).
 */
export function setTrialEnd(account: Account, id: string, end: number | 'now', card: Card = 'good'): void {
  const subscription = runningAt(account, id);
  const now = account.now();
  if (end !== 'now' && end <= now)
    throw new Refused(400, { param: 'trial_end', message: 'trial_end must be in the future.' });
  subscription.trial_end = end === 'now' ? now : end;
  startPeriods(account, subscription, subscription.trial_end, end === 'now' ? null : end);
  subscription.status = end === 'now' ? 'active' : 'trialing';
  publishUpdated(account, subscription);
  collect(account, subscription, card);
}

/** docs.stripe.com/billing/subscriptions/billing-cycle, `billing_cycle_anchor=now` */
export function resetBillingCycle(account: Account, id: string, card: Card = 'good'): void {
  const subscription = runningAt(account, id);
  startPeriods(account, subscription, account.now(), null);
  publishUpdated(account, subscription);
  collect(account, subscription, card);
}

/** Adds, changes and, with an empty value, removes metadata (docs.stripe.com/api/metadata). */
export function setMetadata(account: Account, id: string, metadata: Readonly<Record<string, string>>): void {
  const subscription = runningAt(account, id);
  subscription.metadata = Object.fromEntries(
    Object.entries({ ...subscription.metadata, ...metadata }).filter(([, value]) => value !== ''),
  );
  publishUpdated(account, subscription);
}

export function renameCustomer(account: Account, id: string, name: string): void {
  const customer = customerAt(account, id);
  customer.name = name;
  account.publish('customer.updated', customer);
}

/** A subscription that was not bought on a page. Returns its id. */
export function createSubscription(
  account: Account,
  customerId: string,
  { price, quantity = 1, metadata = {}, daysUntilDue, card = 'good' }: HandMadeSubscription,
): string {
  const { state, publish } = account;
  customerAt(account, customerId, 'customer');
  const order = { price: priceBy(state, price).id, quantity, trialDays: 0, metadata };
  const subscription = newSubscription(account, customerId, order);
  if (daysUntilDue !== undefined) {
    subscription.collection_method = 'send_invoice';
    subscription.days_until_due = daysUntilDue;
    // Without a payment (docs.stripe.com/api/subscriptions/object, `status`).
    subscription.status = 'active';
  }
  state.subscriptions[subscription.id] = subscription;
  publish('customer.subscription.created', subscription);
  const invoice = bill(account, subscription, 'subscription_create');
  if (daysUntilDue === undefined && payInvoice(account, invoice, card))
    setStatus(account, subscription, 'active');
  return subscription.id;
}

/** docs.stripe.com/api/subscriptions/object, `status` */
export function expireFirstPayment(account: Account, id: string): void {
  const { state, now } = account;
  const subscription = runningAt(account, id);
  if (subscription.status !== 'incomplete')
    throw new Refused(400, { message: 'The first payment was made.' });
  voidNow(account, found(state.invoices, subscription.latest_invoice ?? '', 'invoice'));
  subscription.ended_at = now();
  setStatus(account, subscription, 'incomplete_expired');
}

/**
 * An invoice of something else than the items. It changes neither the billing cycle nor the status of the subscription
 * (docs.stripe.com/api/invoices/create, `subscription`).
 */
export function invoiceByHand(account: Account, id: string, amount: number, daysUntilDue: number): string {
  const { state, now, publish } = account;
  const { latest_invoice } = runningAt(account, id);
  const invoice: Invoice = {
    ...found(state.invoices, latest_invoice ?? '', 'invoice'),
    id: newId('in'),
    created: now(),
    billing_reason: 'manual',
    collection_method: 'send_invoice',
    due_date: now() + daysUntilDue * DAY_SECONDS,
    total: amount,
    starting_balance: 0,
    ending_balance: 0,
    amount_due: amount,
    amount_paid: 0,
    amount_remaining: amount,
    status: 'open',
    lines: [],
  };
  state.invoices[invoice.id] = invoice;
  publish('invoice.created', invoice);
  publish('invoice.finalized', invoice);
  publish('invoice.sent', invoice);
  return invoice.id;
}

function tooMuch(): Refused {
  return new Refused(400, { param: 'amount', message: 'The credit is more than the invoice.' });
}

function invoiceIn({ state }: Account, id: string, statuses: readonly Invoice['status'][]): Invoice {
  const invoice = found(state.invoices, id, 'invoice');
  if (statuses.includes(invoice.status)) return invoice;
  throw new Refused(400, { message: `This is not possible with an invoice that is ${invoice.status}.` });
}

function becomePaid(account: Account, invoice: Invoice): void {
  become(account, invoice, 'paid');
  account.publish('invoice.paid', invoice);
  settle(account, invoice);
}

/**
 * The newest invoice of the subscription that is not void decides: paid or written off, the subscription is active again
 * (docs.stripe.com/billing/subscriptions/overview). Only a payment ends `unpaid`.
 */
function settle(account: Account, changed: Invoice): void {
  const { state } = account;
  const subscription = at(state.subscriptions, subscriptionOf(changed));
  if (!subscription || subscription.ended_at !== null) return;
  const deciding = Object.values(state.invoices)
    .filter((invoice) => subscriptionOf(invoice) === subscription.id && invoice.billing_reason !== 'manual')
    .findLast(({ status }) => status !== 'void' && status !== 'draft');
  const isSettled =
    deciding?.status === 'paid' ||
    (deciding?.status === 'uncollectible' && subscription.status === 'past_due');
  const isDue = ['incomplete', 'past_due', 'unpaid'].includes(subscription.status);
  if (isSettled && isDue) setStatus(account, subscription, 'active');
}

function chargeIn({ state }: Account, { id }: Invoice): string {
  const charge = chargeOf(state, id);
  if (charge) return charge.id;
  throw new Refused(400, { message: 'This invoice was not paid by a charge.' });
}

/** New periods of all items from now on, each to the end of its interval or all to `end`. */
function startPeriods(
  account: Account,
  subscription: Subscription,
  anchor: number,
  end: number | null,
): void {
  const now = account.now();
  subscription.billing_cycle_anchor = anchor;
  for (const item of subscription.items) {
    item.current_period_start = now;
    const { interval } = priceOfItem(account.state, item).recurring;
    item.current_period_end = end ?? periodEnd(anchor, now, interval);
  }
}

/** Bills the periods that have just begun. */
function collect(account: Account, subscription: Subscription, card: Card): void {
  const invoice = bill(account, subscription, 'subscription_update');
  if (invoice.collection_method === 'send_invoice') return;
  if (!payInvoice(account, invoice, card)) setStatus(account, subscription, 'past_due');
  else if (subscription.status === 'past_due') setStatus(account, subscription, 'active');
}
