import type { Account } from './account.ts';
import { newItem } from './items.ts';
import { priceBy } from './prices.ts';
import { missing, Refused } from './refused.ts';
import { publishUpdated, runningAt } from './running.ts';
import type { Item, Subscription } from './state.ts';
import type { NewItem } from './types.ts';

/** Adds an item, whose first period starts now. Returns its id. */
export function addItem(account: Account, subscriptionId: string, item: NewItem): string {
  const subscription = runningAt(account, subscriptionId);
  const price = priceBy(account.state, item.price);
  const now = account.now();
  const added = newItem(subscription, price, item.quantity, now);
  // What was invoiced is of an earlier period.
  for (const { invoices } of account.state.usage)
    for (const invoice of Object.values(invoices)) invoices[added.id] = invoice;
  if (item.position === 'first') subscription.items.unshift(added);
  else subscription.items.push(added);
  publishUpdated(account, subscription);
  return added.id;
}

export function removeItem(account: Account, itemId: string): void {
  const { subscription, item } = itemAt(account, itemId);
  if (subscription.items.length === 1)
    throw new Refused(400, { message: 'A subscription must have at least one item.' });
  subscription.items.splice(subscription.items.indexOf(item), 1);
  publishUpdated(account, subscription);
}

export function changeQuantityOf(account: Account, itemId: string, quantity: number): void {
  const { subscription, item } = itemAt(account, itemId);
  if (item.quantity === undefined)
    throw new Refused(400, { message: 'A metered item has no quantity.', param: 'quantity' });
  item.quantity = quantity;
  publishUpdated(account, subscription);
}

/** The item and its running subscription. */
function itemAt(account: Account, itemId: string): { subscription: Subscription; item: Item } {
  for (const { id, items } of Object.values(account.state.subscriptions)) {
    const item = items.find((each) => each.id === itemId);
    if (item) return { subscription: runningAt(account, id), item };
  }
  throw missing('subscription_item', itemId);
}
