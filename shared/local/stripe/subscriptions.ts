import type { Account } from './account.ts';
import { missing, Refused } from './parameters.ts';
import { bill, type Card, payInvoice, subscriptionOf } from './payments.ts';
import { periodEnd } from './period.ts';
import {
  found,
  type Item,
  itemOf,
  newId,
  type Price,
  priceBy,
  type Subscription,
  type Wish,
} from './state.ts';

/**
 * What customers, banks and time do to a subscription at Stripe, each with the events that Stripe has for it, in its order.
 * Proration is left out: no credit for seats that were not used to the end, no charge for those added in between.
 */

const DAY_SECONDS = 24 * 3600;

/** A new subscription for what is being bought, before anything is paid. */
export function newSubscription(customer: string, wish: Wish, start: number): Subscription {
  const price = priceBy(({ id }) => id === wish.price, wish.price);
  const trialEnd = wish.trialDays > 0 ? start + wish.trialDays * DAY_SECONDS : null;
  const anchor = trialEnd ?? start;
  const item: Item = {
    id: newId('si'),
    object: 'subscription_item',
    quantity: wish.quantity,
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
    metadata: wish.metadata,
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

/** Another interval begins at once, and is paid at once (docs.stripe.com/billing/subscriptions/billing-cycle). */
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

/** Publishes an event only where the status is another. */
export function setStatus(account: Account, subscription: Subscription, status: string): void {
  if (subscription.status === status) return;
  subscription.status = status;
  publishUpdated(account, subscription);
}

/** One that has not ended: Stripe changes nothing of the others. */
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
