import type { Account } from './account.ts';
import { periodEnd } from './period.ts';
import type { Price } from './plan-prices.ts';
import { missing } from './refused.ts';
import { found, type Item, newId, type State, type Subscription } from './state.ts';

/** An item whose first period ends with the trial, or with the period of its interval. */
export function newItem(
  { id, billing_cycle_anchor, trial_end }: Pick<Subscription, 'id' | 'billing_cycle_anchor' | 'trial_end'>,
  price: Price,
  quantity: number | undefined,
  start: number,
): Item {
  const { interval, usage_type } = price.recurring;
  const isTrial = trial_end !== null && trial_end > start;
  return {
    id: newId('si'),
    object: 'subscription_item',
    created: start,
    subscription: id,
    current_period_start: start,
    current_period_end: isTrial ? trial_end : periodEnd(billing_cycle_anchor, start, interval),
    price: price.id,
    ...(usage_type === 'licensed' && { quantity: quantity ?? 1 }),
  };
}

/** The first item with a quantity, which is the seats unless a test adds others before it. */
export function seatItemOf({ id, items }: Subscription): Item & { quantity: number } {
  const item = items.find((each): each is Item & { quantity: number } => each.quantity !== undefined);
  if (!item) throw missing('subscription_item', id);
  return item;
}

export function priceOfItem({ prices }: State, item: Item): Price {
  return found(prices, item.price, 'price');
}

/** Another interval begins a new period now (docs.stripe.com/billing/subscriptions/billing-cycle). */
export function startsPeriod({ status }: Subscription, before: Price, price: Price): boolean {
  return price.recurring.interval !== before.recurring.interval && status !== 'trialing';
}

/** Begins a period of the item now, from which all later ones are counted. */
export function startPeriodNow(account: Account, subscription: Subscription, item: Item): void {
  const now = account.now();
  subscription.billing_cycle_anchor = now;
  item.current_period_start = now;
  item.current_period_end = periodEnd(now, now, priceOfItem(account.state, item).recurring.interval);
}

/** The end of the period that ends first: each item has its own. */
export function periodEndOf({ items }: Subscription): number {
  return Math.min(...items.map((item) => item.current_period_end));
}
