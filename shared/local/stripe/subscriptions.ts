import type { Account } from './account.ts';
import { missing, Refused } from './parameters.ts';
import { bill, type Card, payInvoice, subscriptionOf } from './payments.ts';
import { periodEnd } from './period.ts';
import {
  found,
  type Item,
  itemOf,
  newId,
  type Order,
  type Price,
  priceBy,
  type Subscription,
} from './state.ts';

/**
 * What customers, banks and time do to a subscription, with the same events as Stripe, in the same order. There is no
 * proration: no credit for removed seats and no charge for added seats within a period.
 */

const DAY_SECONDS = 24 * 3600;

/** A new subscription, before it is paid. */
export function newSubscription(customer: string, order: Order, start: number): Subscription {
  const price = priceBy(({ id }) => id === order.price, order.price);
  const trialEnd = order.trialDays > 0 ? start + order.trialDays * DAY_SECONDS : null;
  const anchor = trialEnd ?? start;
  const item: Item = {
    id: newId('si'),
    object: 'subscription_item',
    quantity: order.quantity,
    current_period_start: start,
    current_period_end: trialEnd ?? periodEnd(anchor, start, price.recurring.interval),
    price,
  };
  return {
    id: newId('sub'),
    object: 'subscription',
    customer,
    created: start,
    livemode: false,
    metadata: order.metadata,
    status: trialEnd === null ? 'incomplete' : 'trialing',
    billing_cycle_anchor: anchor,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    ended_at: null,
    latest_invoice: null,
    trial_end: trialEnd,
    items: { object: 'list', data: [item] },
  };
}

export function changeSeats(account: Account, id: string, seats: number): void {
  const subscription = runningAt(account, id);
  itemOf(subscription).quantity = seats;
  publishUpdated(account, subscription);
}

/**
 * A price with another interval starts and bills a new period at once
 * (docs.stripe.com/billing/subscriptions/billing-cycle).
 */
export function changePrice(account: Account, id: string, lookupKey: string): void {
  const subscription = runningAt(account, id);
  const item = itemOf(subscription);
  const before = item.price.recurring.interval;
  item.price = priceBy((price: Price) => price.lookup_key === lookupKey, lookupKey);
  const { interval } = item.price.recurring;
  const startsPeriod = interval !== before && subscription.status !== 'trialing';
  if (startsPeriod) {
    const now = account.now();
    subscription.billing_cycle_anchor = now;
    item.current_period_start = now;
    item.current_period_end = periodEnd(now, now, interval);
  }
  publishUpdated(account, subscription);
  if (startsPeriod) payInvoice(account, bill(account, subscription), 'good');
}

export function renew(account: Account, id: string, card: Card = 'good'): void {
  const subscription = runningAt(account, id);
  if (subscription.cancel_at_period_end) {
    endNow(account, subscription);
    return;
  }
  const item = itemOf(subscription);
  item.current_period_start = item.current_period_end;
  item.current_period_end = periodEnd(
    subscription.billing_cycle_anchor,
    item.current_period_start,
    item.price.recurring.interval,
  );
  if (subscription.status === 'trialing') subscription.status = 'active';
  publishUpdated(account, subscription);
  const isPaid = payInvoice(account, bill(account, subscription), card);
  setStatus(account, subscription, isPaid ? 'active' : 'past_due');
}

export function retryPayment(account: Account, id: string, card: Card = 'good'): void {
  const subscription = runningAt(account, id);
  for (const invoice of Object.values(account.state.invoices)) {
    const isDue = invoice.status === 'open' && subscriptionOf(invoice) === id;
    if (isDue && !payInvoice(account, invoice, card)) return;
  }
  setStatus(account, subscription, 'active');
}

export function giveUp(account: Account, id: string, how: 'unpaid' | 'canceled'): void {
  const subscription = runningAt(account, id);
  if (how === 'canceled') endNow(account, subscription);
  else setStatus(account, subscription, 'unpaid');
}

export function announceTrialEnd(account: Account, id: string): void {
  account.publish('customer.subscription.trial_will_end', runningAt(account, id));
}

export function pause(account: Account, id: string): void {
  const subscription = runningAt(account, id);
  subscription.status = 'paused';
  account.publish('customer.subscription.paused', subscription);
}

export function resume(account: Account, id: string): void {
  const subscription = runningAt(account, id);
  subscription.status = 'active';
  account.publish('customer.subscription.resumed', subscription);
}

export function cancelAtPeriodEnd(account: Account, id: string, isEnding: boolean): Subscription {
  const subscription = runningAt(account, id);
  if (subscription.cancel_at_period_end === isEnding) return subscription;
  subscription.cancel_at_period_end = isEnding;
  subscription.cancel_at = isEnding ? itemOf(subscription).current_period_end : null;
  subscription.canceled_at = isEnding ? account.now() : null;
  publishUpdated(account, subscription);
  return subscription;
}

export function endSubscription(account: Account, id: string): Subscription {
  const subscription = found(account.state.subscriptions, id, 'subscription');
  if (subscription.ended_at !== null) throw missing('subscription', id);
  endNow(account, subscription);
  return subscription;
}

export function endNow({ now, publish }: Account, subscription: Subscription): void {
  subscription.status = 'canceled';
  subscription.canceled_at ??= now();
  subscription.ended_at = now();
  publish('customer.subscription.deleted', subscription);
}

/** Publishes an event only if the status changes. */
export function setStatus(account: Account, subscription: Subscription, status: string): void {
  if (subscription.status === status) return;
  subscription.status = status;
  publishUpdated(account, subscription);
}

/** The subscription. Throws if it has ended, because Stripe does not change ended subscriptions. */
function runningAt({ state }: Account, id: string): Subscription {
  const subscription = found(state.subscriptions, id, 'subscription');
  if (subscription.ended_at !== null)
    throw new Refused(400, {
      message: 'A canceled subscription can only update its cancellation_details.',
    });
  return subscription;
}

function publishUpdated({ publish }: Account, subscription: Subscription): void {
  publish('customer.subscription.updated', subscription);
}
