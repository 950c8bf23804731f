import type { Account } from './account.ts';
import { balance, endNow, finalInvoice } from './endings.ts';
import { newItem, periodEndOf, priceOfItem, seatItemOf, startPeriodNow, startsPeriod } from './items.ts';
import { setPaused, setResumed } from './pauses.ts';
import { bill, type Card, payInvoice, subscriptionOf } from './payments.ts';
import { expirePendingUpdate } from './pending-updates.ts';
import { periodEnd } from './period.ts';
import { priceBy } from './prices.ts';
import { publishUpdated, runningAt } from './running.ts';
import { advanceSchedule } from './schedules.ts';
import { at, type Item, newId, type Order, type PauseCollection, type Subscription } from './state.ts';

/**
 * What customers, banks and time do to a subscription, with the same events as Stripe, in the same order. There is no
 * proration: no credit for removed seats and no charge for added seats within a period.
 */

const DAY_SECONDS = 24 * 3600;

/** A new subscription, before it is paid. */
export function newSubscription(account: Account, customer: string, order: Order): Subscription {
  const price = priceBy(account.state, order.price);
  const start = account.now();
  const trialEnd = order.trialDays > 0 ? start + order.trialDays * DAY_SECONDS : null;
  const subscription: Subscription = {
    id: newId('sub'),
    object: 'subscription',
    customer,
    created: start,
    currency: price.currency,
    livemode: false,
    metadata: order.metadata,
    status: trialEnd === null ? 'incomplete' : 'trialing',
    billing_cycle_anchor: trialEnd ?? start,
    billing_mode: { type: 'flexible', flexible: { proration_discounts: 'included' } },
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    collection_method: 'charge_automatically',
    days_until_due: null,
    ended_at: null,
    latest_invoice: null,
    pause_collection: null,
    schedule: null,
    trial_end: trialEnd,
    items: [],
  };
  subscription.items.push(newItem(subscription, price, order.quantity, start));
  return subscription;
}

export function changeSeats(account: Account, id: string, seats: number): void {
  const subscription = runningAt(account, id);
  seatItemOf(subscription).quantity = seats;
  publishUpdated(account, subscription);
}

/** A new period is billed at once. */
export function changePrice(account: Account, id: string, keyOrId: string): void {
  const subscription = runningAt(account, id);
  const item = seatItemOf(subscription);
  const price = priceBy(account.state, keyOrId);
  const isNewPeriod = startsPeriod(subscription, priceOfItem(account.state, item), price);
  item.price = price.id;
  if (isNewPeriod) startPeriodNow(account, subscription, item);
  publishUpdated(account, subscription);
  if (isNewPeriod) payInvoice(account, bill(account, subscription, 'subscription_update', [item]), 'good');
}

/** Bills a change within the period at once, with a proration and nothing else. */
export function prorate(account: Account, id: string, amount: number): void {
  const subscription = runningAt(account, id);
  const items = [seatItemOf(subscription)];
  payInvoice(account, bill(account, subscription, 'subscription_update', items, amount), 'good');
}

export function renew(account: Account, id: string, card: Card = 'good'): void {
  const subscription = runningAt(account, id);
  expirePendingUpdate(account, subscription);
  const end = periodEndOf(subscription);
  if (subscription.cancel_at_period_end || (subscription.cancel_at ?? Number.POSITIVE_INFINITY) <= end) {
    endNow(account, subscription);
    finalInvoice(account, subscription);
    return;
  }
  const due = subscription.items.filter((item) => item.current_period_end === end);
  for (const item of due) startPeriod(account, subscription, item);
  advanceSchedule(account, subscription);
  if (subscription.status === 'trialing') subscription.status = 'active';
  publishUpdated(account, subscription);
  const invoice = bill(account, subscription, 'subscription_cycle', due);
  // A sent invoice is paid by its customer, not from a card.
  if (invoice.collection_method === 'send_invoice') return;
  const isPaid = payInvoice(account, invoice, card);
  if (!subscription.pause_collection) setStatus(account, subscription, isPaid ? 'active' : 'past_due');
}

/** A period in which the subscription is to end is shorter, and costs less (docs.stripe.com/billing/subscriptions/cancel). */
function startPeriod(account: Account, subscription: Subscription, item: Item): void {
  item.current_period_start = item.current_period_end;
  const { interval } = priceOfItem(account.state, item).recurring;
  const whole = periodEnd(subscription.billing_cycle_anchor, item.current_period_start, interval);
  item.current_period_end = Math.min(whole, subscription.cancel_at ?? whole);
  balance(account, subscription, item, item.current_period_end - whole);
}

/** Invoices are sent from now on, to be paid within some days. */
export function sendInvoice(account: Account, id: string, daysUntilDue = 30): void {
  const subscription = runningAt(account, id);
  subscription.collection_method = 'send_invoice';
  subscription.days_until_due = daysUntilDue;
  publishUpdated(account, subscription);
}

/** The due date of the sent invoices has passed. */
export function passDueDate(account: Account, id: string): void {
  const subscription = runningAt(account, id);
  for (const invoice of Object.values(account.state.invoices))
    if (invoice.status === 'open' && invoice.due_date !== null && subscriptionOf(invoice) === id)
      account.publish('invoice.overdue', invoice);
  setStatus(account, subscription, 'past_due');
}

/** The status stays as it is (docs.stripe.com/billing/subscriptions/pause-payment). */
export function pauseCollection(
  account: Account,
  id: string,
  behavior: PauseCollection['behavior'],
  resumesAt: number | null = null,
): void {
  const subscription = runningAt(account, id);
  subscription.pause_collection = { behavior, resumes_at: resumesAt };
  publishUpdated(account, subscription);
}

export function resumeCollection(account: Account, id: string): void {
  const subscription = runningAt(account, id);
  subscription.pause_collection = null;
  publishUpdated(account, subscription);
}

export function retryPayment(account: Account, id: string, card: Card = 'good'): void {
  const subscription = runningAt(account, id);
  const pending = at(account.state.pendingUpdates, id);
  for (const invoice of Object.values(account.state.invoices)) {
    const isDue =
      invoice.status === 'open' && subscriptionOf(invoice) === id && invoice.id !== pending?.invoice;
    if (isDue && !payInvoice(account, invoice, card)) return;
  }
  if (subscription.status === 'paused') setResumed(account, subscription);
  else setStatus(account, subscription, 'active');
}

export function giveUp(
  account: Account,
  id: string,
  how: 'past_due' | 'unpaid' | 'canceled' | 'incomplete_expired',
): void {
  const subscription = runningAt(account, id);
  if (how === 'canceled') endNow(account, subscription);
  else setStatus(account, subscription, how);
  if (how === 'incomplete_expired') subscription.ended_at = account.now();
}

export function announceTrialEnd(account: Account, id: string): void {
  account.publish('customer.subscription.trial_will_end', runningAt(account, id));
}

/** Pauses it as an account can be set up to do when a trial ends without a card. */
export function pause(account: Account, id: string): void {
  setPaused(account, runningAt(account, id), 'trial_end_without_payment_method');
}

export function resume(account: Account, id: string): void {
  setResumed(account, runningAt(account, id));
}

/** Publishes an event only if the status changes. */
export function setStatus(account: Account, subscription: Subscription, status: string): void {
  if (subscription.status === status) return;
  subscription.status = status;
  publishUpdated(account, subscription);
}
