import type { Account } from './account.ts';
import { priceOfItem, startPeriodNow, startsPeriod } from './items.ts';
import {
  type Card,
  cardOf,
  draftInvoice,
  issue,
  type NewLine,
  newLine,
  openUsage,
  payInvoice,
  subscriptionOf,
} from './payments.ts';
import { expirePendingUpdate } from './pending-updates.ts';
import { periodEnd } from './period.ts';
import type { Price } from './plan-prices.ts';
import { missing, Refused } from './refused.ts';
import { publishUpdated, runningAt } from './running.ts';
import {
  at,
  found,
  type Invoice,
  type Item,
  type ItemUpdate,
  type LineItem,
  newId,
  type Subscription,
} from './state.ts';
import { setStatus } from './subscriptions.ts';

/** Changes of items by the API, which are prorated (docs.stripe.com/billing/subscriptions/prorations). */

const HOUR_SECONDS = 3600;
/** docs.stripe.com/billing/subscriptions/pending-updates-reference */
const PENDING_SECONDS = 23 * HOUR_SECONDS;

export interface Update {
  readonly items: readonly ItemUpdate[];
  readonly proration_behavior: 'always_invoice' | 'none';
  readonly proration_date?: number | undefined;
  readonly payment_behavior?: 'pending_if_incomplete' | undefined;
}

/** An item as it is and as it will be. */
interface Planned {
  readonly item: Item;
  readonly before: Price;
  readonly price: Price;
  readonly quantity: number | undefined;
  readonly isNewPeriod: boolean;
  readonly isChanged: boolean;
}

/** Makes the change, or keeps it pending until its invoice is paid. */
export function updateItems(account: Account, id: string, update: Update): Subscription {
  const { state } = account;
  const subscription = runningAt(account, id);
  if (update.payment_behavior && subscription.collection_method !== 'charge_automatically')
    throw invalid('payment_behavior', 'Pending updates need the collection method charge_automatically.');
  const planned = plan(account, subscription, update);
  const invoiceId = newId('in');
  const lines = linesOf(account, subscription, planned, update, invoiceId);
  expirePendingUpdate(account, subscription);
  if (lines.length === 0) return apply(account, subscription, planned);
  const draft = draftInvoice(account, subscription, { id: invoiceId, reason: 'subscription_update', lines });
  const card = cardOf(account, subscription.customer);
  if (update.payment_behavior && card === 'declined' && draft.amount_due > 0) {
    const invoice = issue(account, subscription, draft);
    payInvoice(account, invoice, card);
    const ends = subscription.items.map((item) => item.current_period_end);
    const expires_at = Math.min(account.now() + PENDING_SECONDS, ...ends);
    state.pendingUpdates[id] = { invoice: invoice.id, items: update.items, expires_at };
    publishUpdated(account, subscription);
    return subscription;
  }
  apply(account, subscription, planned);
  const invoice = issue(account, subscription, draft);
  if (invoice.collection_method === 'charge_automatically' && !payInvoice(account, invoice, card))
    setStatus(account, subscription, 'past_due');
  return subscription;
}

/** The customer pays an open invoice on its page. Returns whether the payment succeeded. */
export function payOpenInvoice(account: Account, invoiceId: string, card: Card = 'good'): boolean {
  const { state, publish } = account;
  const invoice = found(state.invoices, invoiceId, 'invoice');
  if (invoice.status !== 'open') throw new Refused(400, { message: 'This invoice is not open.' });
  if (!payInvoice(account, invoice, card)) return false;
  const pending = at(state.pendingUpdates, subscriptionOf(invoice));
  if (pending?.invoice !== invoiceId) return true;
  const subscription = runningAt(account, subscriptionOf(invoice));
  delete state.pendingUpdates[subscription.id];
  const { items } = pending;
  apply(account, subscription, plan(account, subscription, { items, proration_behavior: 'none' }));
  publish('customer.subscription.pending_update_applied', subscription);
  return true;
}

/** The invoice that the change would make now, or else the next regular one. */
export function previewUpdate(account: Account, id: string, update: Update): Invoice {
  if (update.proration_behavior === 'none' && update.proration_date !== undefined)
    throw invalid('subscription_details[proration_date]', 'It cannot be combined with none.');
  const subscription = runningAt(account, id);
  const planned = plan(account, subscription, update);
  const invoiceId = newId('upcoming_in');
  const now = linesOf(account, subscription, planned, update, invoiceId);
  const lines =
    now.length > 0 ? now : planned.map((each) => nextLine(account, subscription, each, invoiceId));
  return draftInvoice(account, subscription, { id: invoiceId, reason: 'subscription_update', lines });
}

function plan(account: Account, subscription: Subscription, { items, proration_date }: Update): Planned[] {
  const { state } = account;
  for (const [n, { id }] of items.entries())
    if (!subscription.items.some((item) => item.id === id))
      throw missing('subscription_item', id, `items[${n}][id]`);
  const planned = subscription.items.map((item): Planned => {
    const update = items.find(({ id }) => id === item.id);
    const before = priceOfItem(state, item);
    const price = update?.price === undefined ? before : found(state.prices, update.price, 'price', 'price');
    if (price !== before && !price.active)
      throw invalid('price', 'The price specified is inactive. This field only accepts active prices.');
    if (price.currency !== subscription.currency)
      throw invalid('price', `The price must be in the currency of the subscription.`);
    const quantity = update?.quantity ?? item.quantity;
    const isNewPeriod = startsPeriod(subscription, before, price);
    const isChanged = price !== before || quantity !== item.quantity;
    return { item, before, price, quantity, isNewPeriod, isChanged };
  });
  const isInPeriod = ({ item }: Planned): boolean =>
    proration_date === undefined ||
    (proration_date >= item.current_period_start && proration_date <= item.current_period_end);
  if (!planned.every(isInPeriod))
    throw invalid('proration_date', 'The proration date must be within the current period.');
  return planned;
}

/** What is invoiced at once: prorations, and the new period if one begins. */
function linesOf(
  account: Account,
  subscription: Subscription,
  planned: readonly Planned[],
  { proration_behavior, proration_date = account.now() }: Update,
  invoice: string,
): LineItem[] {
  // A paused subscription has no period with a rest.
  if (subscription.status === 'trialing' || subscription.status === 'paused') return [];
  const now = account.now();
  return planned
    .filter(({ isChanged }) => isChanged)
    .flatMap(({ item, before, price, quantity = 0, isNewPeriod }): NewLine[] => {
      const { id, current_period_start: start, current_period_end: end } = item;
      const period = { start: proration_date, end };
      const rest = (amount: number): number =>
        // A pause can end a period in the second in which it began.
        Number((BigInt(amount) * BigInt(end - proration_date)) / BigInt(Math.max(1, end - start)));
      const was = item.quantity ?? 0;
      const whole = { start: now, end: periodEnd(now, now, price.recurring.interval) };
      const credit: NewLine = {
        ...{ invoice, item: id, price: before, quantity: was, period, proration: 'Unused time' },
        amount: -rest(was * before.unit_amount),
      };
      const debit: NewLine = isNewPeriod
        ? { invoice, item: id, price, quantity, period: whole, amount: quantity * price.unit_amount }
        : {
            ...{ invoice, item: id, price, quantity, period, proration: 'Remaining time' },
            amount: rest(quantity * price.unit_amount),
          };
      if (proration_behavior === 'none') return isNewPeriod ? [debit] : [];
      return [credit, debit];
    })
    .map((line) => newLine(subscription, line));
}

function nextLine(
  { state }: Account,
  subscription: Subscription,
  { item, price, quantity }: Planned,
  invoice: string,
): LineItem {
  const start = item.current_period_end;
  const end = periodEnd(subscription.billing_cycle_anchor, start, price.recurring.interval);
  const units = quantity ?? openUsage(state, subscription.customer, item);
  const amount = units * price.unit_amount;
  const line = { invoice, item: item.id, price, quantity: units, amount, period: { start, end } };
  return newLine(subscription, line);
}

function apply(account: Account, subscription: Subscription, planned: readonly Planned[]): Subscription {
  for (const { item, price, quantity, isNewPeriod } of planned) {
    item.price = price.id;
    if (quantity !== undefined) item.quantity = quantity;
    if (isNewPeriod) startPeriodNow(account, subscription, item);
  }
  if (planned.some(({ isChanged }) => isChanged)) publishUpdated(account, subscription);
  return subscription;
}

function invalid(param: string, message: string): Refused {
  return new Refused(400, { param, message });
}
