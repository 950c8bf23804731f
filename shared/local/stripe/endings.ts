import type { Account } from './account.ts';
import { periodEndOf, priceOfItem } from './items.ts';
import { cardOf, draft, finalize, payInvoice, subscriptionOf } from './payments.ts';
import { periodEnd } from './period.ts';
import { missing, Refused } from './refused.ts';
import { publishUpdated, runningAt } from './running.ts';
import { at, found, type Invoice, type Item, type PauseCollection, type Subscription } from './state.ts';

/** What a call changes of a subscription (docs.stripe.com/api/subscriptions/update). */
export interface SubscriptionChange {
  readonly cancel_at?: number | '' | 'min_period_end' | 'max_period_end' | undefined;
  readonly cancel_at_period_end?: boolean | undefined;
  readonly proration_behavior?: ProrationBehavior | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly pause_collection?: '' | Omit<PauseCollection, 'resumes_at'> | undefined;
}

type ProrationBehavior = 'always_invoice' | 'create_prorations' | 'none';

export interface Cancellation {
  readonly invoice_now: boolean;
  readonly prorate: boolean;
}

/** With Stripe's refusals, which are reported in dust-tt/dust#32051 and documented at `Subscription.status`. */
export function updateSubscription(account: Account, id: string, change: SubscriptionChange): Subscription {
  const subscription = runningAt(account, id);
  const { metadata, pause_collection, cancel_at, cancel_at_period_end, proration_behavior } = change;
  if (subscription.status === 'incomplete' && Object.keys(change).some((name) => name !== 'metadata'))
    throw new Refused(400, {
      message: 'A subscription with status `incomplete` can only update its metadata and default_source.',
    });
  if (cancel_at !== undefined && cancel_at_period_end !== undefined)
    throw new Refused(400, {
      message: 'Received both cancel_at_period_end and cancel_at parameters. Please pass in only one.',
    });
  if (subscription.schedule !== null && (cancel_at ?? cancel_at_period_end) !== undefined)
    throw new Refused(400, {
      message: `The subscription is managed by the subscription schedule \`${subscription.schedule}\`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.`,
    });
  const before = JSON.stringify(subscription);
  if (metadata)
    subscription.metadata = Object.fromEntries(
      Object.entries({ ...subscription.metadata, ...metadata }).filter(([, value]) => value !== ''),
    );
  if (pause_collection !== undefined)
    subscription.pause_collection =
      pause_collection === '' ? null : { resumes_at: null, ...pause_collection };
  if (cancel_at !== undefined)
    endAt(account, subscription, dateOf(account, subscription, cancel_at), proration_behavior);
  // Without effect on a date that was set by `cancel_at` (better-auth/better-auth#5535).
  else if (cancel_at_period_end !== undefined && cancel_at_period_end !== subscription.cancel_at_period_end) {
    endAt(account, subscription, cancel_at_period_end ? periodEndOf(subscription) : null, proration_behavior);
    subscription.cancel_at_period_end = cancel_at_period_end;
  }
  if (JSON.stringify(subscription) !== before) publishUpdated(account, subscription);
  return subscription;
}

function dateOf(
  { now }: Account,
  { items, billing_mode }: Subscription,
  cancelAt: NonNullable<SubscriptionChange['cancel_at']>,
): number | null {
  if (cancelAt === '') return null;
  if (typeof cancelAt === 'number') {
    if (cancelAt > now()) return cancelAt;
    throw new Refused(400, { param: 'cancel_at', message: 'cancel_at must be in the future.' });
  }
  if (billing_mode.type !== 'flexible')
    throw new Refused(400, { param: 'cancel_at', message: `${cancelAt} needs the billing mode flexible.` });
  const ends = items.map(({ current_period_end }) => current_period_end);
  return cancelAt === 'min_period_end' ? Math.min(...ends) : Math.max(...ends);
}

/**
 * Sets or removes the end. A period that contains it ends then, and what is paid for the difference is balanced, unless
 * prorations are disabled (docs.stripe.com/billing/subscriptions/cancel, "Set a custom cancel date").
 */
export function endAt(
  account: Account,
  subscription: Subscription,
  seconds: number | null,
  prorations: ProrationBehavior = 'create_prorations',
): void {
  subscription.cancel_at_period_end = false;
  subscription.cancel_at = seconds;
  subscription.canceled_at = seconds === null ? null : account.now();
  for (const item of subscription.items) {
    const whole = wholePeriodEnd(account, subscription, item);
    const end = Math.min(whole, seconds ?? whole);
    if (prorations !== 'none') balance(account, subscription, item, end - item.current_period_end);
    item.current_period_end = end;
  }
  if (prorations === 'always_invoice' && (at(account.state.prorations, subscription.id) ?? 0) !== 0) {
    const invoice = draft(account, subscription, 'subscription_update', []);
    finalize(account, invoice);
    if (invoice.collection_method === 'send_invoice') return;
    if (!payInvoice(account, invoice, cardOf(account, invoice.customer))) subscription.status = 'past_due';
  }
}

function wholePeriodEnd({ state }: Account, { billing_cycle_anchor, trial_end }: Subscription, item: Item) {
  const { current_period_start: start } = item;
  if (trial_end !== null && trial_end > start) return trial_end;
  return periodEnd(billing_cycle_anchor, start, priceOfItem(state, item).recurring.interval);
}

/** Charges the seconds that were added to the item's period, or credits those that were taken from it. */
export function balance(account: Account, subscription: Subscription, item: Item, seconds: number): void {
  const { prorations } = account.state;
  const whole = wholePeriodEnd(account, subscription, item) - item.current_period_start;
  if (item.quantity === undefined || seconds === 0 || subscription.status === 'trialing') return;
  const amount = item.quantity * priceOfItem(account.state, item).unit_amount;
  prorations[subscription.id] =
    (at(prorations, subscription.id) ?? 0) + Number((BigInt(amount) * BigInt(seconds)) / BigInt(whole));
}

/** Ends it now. Without `invoice_now`, usage that is not invoiced yet never will be (docs.stripe.com/api/subscriptions/cancel). */
export function cancelSubscription(account: Account, id: string, how: Cancellation): Subscription {
  const subscription = found(account.state.subscriptions, id, 'subscription');
  if (subscription.ended_at !== null) throw missing('subscription', id);
  if (how.prorate)
    for (const item of subscription.items)
      balance(account, subscription, item, account.now() - item.current_period_end);
  endNow(account, subscription);
  if (how.invoice_now) finalInvoice(account, subscription);
  else if (!how.prorate) delete account.state.prorations[id];
  return subscription;
}

/** The end of a subscription. Its open invoices and drafts are not collected any more. */
export function endNow(account: Account, subscription: Subscription): void {
  const { state, now, publish } = account;
  for (const invoice of Object.values(state.invoices)) {
    const isLeft = invoice.status === 'open' || invoice.status === 'draft';
    if (isLeft && subscriptionOf(invoice) === subscription.id) invoice.auto_advance = false;
  }
  const schedule = subscription.schedule === null ? undefined : at(state.schedules, subscription.schedule);
  if (schedule) {
    schedule.status = 'canceled';
    schedule.subscription = null;
    schedule.current_phase = null;
    publish('subscription_schedule.canceled', schedule);
  }
  subscription.status = 'canceled';
  subscription.canceled_at ??= now();
  subscription.ended_at = now();
  publish('customer.subscription.deleted', subscription);
}

/** The draft of the last invoice: usage, and what is left to balance. There is none if it would be empty. */
export function finalInvoice(account: Account, subscription: Subscription): Invoice | undefined {
  const metered = subscription.items.filter(({ quantity }) => quantity === undefined);
  if (metered.length === 0 && (at(account.state.prorations, subscription.id) ?? 0) === 0) return undefined;
  return draft(account, subscription, 'subscription_update', metered);
}
