import type { Account } from './account.ts';
import { balance } from './endings.ts';
import { priceOfItem } from './items.ts';
import { bill, cardOf, draft, finalize, payInvoice, subscriptionOf } from './payments.ts';
import { periodEnd } from './period.ts';
import { Refused } from './refused.ts';
import { publishUpdated, runningAt } from './running.ts';
import { at, found, type Invoice, type StatusDetails, type Subscription } from './state.ts';

export interface Pause {
  readonly invoicing_behavior: 'invoice' | 'pending_invoice_item';
  readonly bill_for: {
    readonly outstanding_usage_through: { readonly type: 'now' | 'none' };
    readonly unused_time_from: { readonly type: 'now' | 'none' };
  };
}

export interface Resumption {
  readonly billing_cycle_anchor: { readonly type: 'now' | 'unchanged' };
  readonly payment_behavior: 'resume_on_payment_attempt' | 'resume_on_payment_success';
}

/** Stripe's conditions are in docs.stripe.com/billing/subscriptions/pause#limitations. */
export function pauseSubscription(account: Account, id: string, how: Pause): Subscription {
  const subscription = runningAt(account, id);
  const { status, collection_method, billing_mode, schedule } = subscription;
  const because =
    (collection_method === 'send_invoice' && 'uses send_invoice collection') ||
    (billing_mode.type === 'classic' && 'uses the billing mode classic') ||
    (schedule !== null && 'has a schedule') ||
    (['trialing', 'paused', 'incomplete'].includes(status) && `has the status ${status}`);
  if (because) throw new Refused(400, { message: `You cannot pause a subscription that ${because}.` });
  for (const item of subscription.items) {
    const unused = account.now() - item.current_period_end;
    if (how.bill_for.unused_time_from.type === 'now') balance(account, subscription, item, unused);
    item.current_period_end = account.now();
  }
  setPaused(account, subscription, 'pause_requested');
  const metered = subscription.items.filter(({ quantity }) => quantity === undefined);
  const hasUsage = how.bill_for.outstanding_usage_through.type === 'now' && metered.length > 0;
  if (how.invoicing_behavior === 'invoice' && (hasUsage || (at(account.state.prorations, id) ?? 0) !== 0)) {
    const invoice = draft(account, subscription, 'subscription_update', hasUsage ? metered : []);
    finalize(account, invoice);
    collect(account, invoice);
  }
  return subscription;
}

export function setPaused(
  account: Account,
  subscription: Subscription,
  type: StatusDetails['paused']['subscription']['type'],
): void {
  const details = { type: 'subscription', subscription: { type }, transitioned_at: account.now() } as const;
  subscription.status = 'paused';
  subscription.status_details = { paused: details };
  account.publish('customer.subscription.paused', subscription);
  publishUpdated(account, subscription);
}

/** A new period starts, and its invoice must be paid first (docs.stripe.com/billing/subscriptions/pause). */
export function resumeSubscription(account: Account, id: string, how: Resumption): Subscription {
  const subscription = runningAt(account, id);
  const { state, now } = account;
  if (subscription.status !== 'paused')
    throw new Refused(400, { message: 'This subscription is not paused.' });
  if (subscription.collection_method === 'send_invoice')
    throw new Refused(400, {
      message: 'You cannot resume a subscription that uses send_invoice collection.',
    });
  const isPaidFirst = how.payment_behavior === 'resume_on_payment_success';
  if (isPaidFirst && subscription.billing_mode.type === 'classic')
    throw new Refused(400, {
      param: 'payment_behavior',
      message: 'resume_on_payment_success needs the billing mode flexible.',
    });
  if (isPaidFirst && at(state.cards, subscription.customer) === 'none')
    throw new Refused(400, {
      message: 'This customer has no attached payment source or default payment method.',
    });
  if (how.billing_cycle_anchor.type === 'now') subscription.billing_cycle_anchor = now();
  for (const item of subscription.items) {
    const { interval } = priceOfItem(state, item).recurring;
    item.current_period_start = now();
    item.current_period_end = periodEnd(subscription.billing_cycle_anchor, now(), interval);
  }
  const licensed = subscription.items.filter(({ quantity }) => quantity !== undefined);
  const invoice = bill(account, subscription, 'subscription_update', licensed);
  if (invoice.amount_due === 0 || (isPaidFirst && collect(account, invoice)))
    setResumed(account, subscription);
  return subscription;
}

/** The paid invoice of a resumption ends the pause. */
export function setResumed(account: Account, subscription: Subscription): void {
  subscription.status = 'active';
  delete subscription.status_details;
  account.publish('customer.subscription.resumed', subscription);
  publishUpdated(account, subscription);
}

/** A subscription that was resumed stays paused until the invoice of its new period is paid. */
export function resumeIfPaid(account: Account, invoice: Invoice): void {
  const subscription = found(account.state.subscriptions, subscriptionOf(invoice), 'subscription');
  const { status, status_details } = subscription;
  const pausedAt = status_details?.paused.transitioned_at ?? Number.POSITIVE_INFINITY;
  const billsNewPeriod = invoice.lines.some(
    ({ parent, period }) => !parent.subscription_item_details.proration && period.start >= pausedAt,
  );
  if (status === 'paused' && invoice.status === 'paid' && billsNewPeriod) setResumed(account, subscription);
}

/** An hour passes: drafts that advance by themselves are finalized and collected. */
export function advanceDrafts(account: Account): void {
  for (const invoice of Object.values(account.state.invoices)) {
    if (invoice.status !== 'draft' || !invoice.auto_advance) continue;
    finalize(account, invoice);
    collect(account, invoice);
  }
}

/** Collects an invoice from the customer's card. Returns whether it is paid. */
export function collect(account: Account, invoice: Invoice): boolean {
  return payInvoice(account, invoice, cardOf(account, invoice.customer));
}

export function invoiceAt({ state }: Account, id: string): Invoice {
  return found(state.invoices, id, 'invoice');
}
