import type { Plan, Subscription } from '../../../sdk/src/api.ts';
import { planName, seatsOf } from '../licenses.ts';
import { amountText } from '../money.ts';
import { dateAndTime, dateOf } from '../time.ts';

export type Interval = Plan['intervals'][number];

export const INTERVAL_LABELS: Readonly<Record<Interval, string>> = {
  month: 'Monthly',
  year: 'Yearly',
};

/** What a seat of the plan costs. Empty while the prices are not known. */
export function priceText(plan: Plan, interval: Interval): string {
  const price = priceOf(plan, interval);
  if (!price) return '';
  const amount = amountText(price);
  return amount === undefined
    ? 'The price depends on the number of seats'
    : `${amount} per seat per ${interval}`;
}

/** What the seats cost together, as far as it is known before the page of the payment provider. */
export function totalText(plan: Plan, interval: Interval, seats: number): string {
  const { least, most } = plan.seats;
  const isOffered = Number.isInteger(seats) && seats >= least && seats <= most;
  const price = isOffered ? priceOf(plan, interval) : undefined;
  const amount = price && amountText(price, seats);
  if (price === undefined || amount === undefined) return 'The next page shows the price before you pay.';
  return `Total: ${amount} per ${interval}${TAXES[price.tax_behavior]}`;
}

function priceOf({ prices }: Plan, interval: Interval) {
  return prices?.find((each) => each.interval === interval);
}

const TAXES = {
  inclusive: ', including taxes',
  exclusive: ', plus taxes',
  unspecified: '',
} as const;

/** What the seats of a subscription cost, before discounts and taxes. */
export function costTexts({ items }: Pick<Subscription, 'items'>): string[] {
  return items.flatMap((item) => {
    const amount = amountText(item);
    const period = item.interval_count === 1 ? item.interval : `${item.interval_count} ${item.interval}s`;
    return amount === undefined ? [] : `${seatsOf(item.seats)}, ${amount} per seat per ${period}`;
  });
}

export interface SubscriptionState {
  readonly tone: 'good' | 'warn' | 'bad' | 'plain';
  readonly label: string;
  /** What the state means for the seats, and what the customer can do. */
  readonly explanation: string;
}

/** Explains the state of a subscription to the customer. */
export function subscriptionState(subscription: Subscription): SubscriptionState {
  const { status, cancel_at, current_period_end, grace_until, ended_at, hold, collection_paused } =
    subscription;
  if (hold !== null && hasNotEnded(subscription)) {
    const explanation = `No seats can be acquired or renewed. ${hold.what_to_do}`;
    return { tone: 'bad', label: HOLD_LABELS[hold.code], explanation };
  }
  const end = dateOf(new Date(cancel_at ?? current_period_end));
  switch (status) {
    case 'active':
      if (collection_paused && cancel_at === null)
        return {
          tone: 'warn',
          label: 'Payments paused',
          explanation: 'You can use its seats. No payments are collected for now.',
        };
      return cancel_at === null
        ? { tone: 'good', label: 'Active', explanation: `Renews on ${end}.${openInvoice(grace_until)}` }
        : {
            tone: 'warn',
            label: 'Canceled',
            explanation: `Ends on ${end}. You can use its seats until then.`,
          };
    case 'trialing':
      return cancel_at === null
        ? { tone: 'good', label: 'Trial', explanation: `Free until ${end}. Payments start then.` }
        : { tone: 'warn', label: 'Trial ends', explanation: `Free until ${end}. The trial ends then.` };
    case 'past_due':
      return {
        tone: 'bad',
        label: 'Payment overdue',
        explanation:
          grace_until === null
            ? 'An invoice is not paid. Pay it to keep the seats.'
            : `An invoice is not paid. Pay it by ${dateOf(new Date(grace_until))} to keep the seats.`,
      };
    case 'unpaid':
      return {
        tone: 'bad',
        label: 'Not paid',
        explanation: 'No seats can be acquired or renewed until the open invoice is paid.',
      };
    case 'incomplete':
      return {
        tone: 'warn',
        label: 'Not paid yet',
        explanation: 'The first payment has not been completed yet.',
      };
    case 'paused':
      return {
        tone: 'warn',
        label: 'Paused',
        explanation: 'No seats can be acquired while the subscription is paused.',
      };
    case 'incomplete_expired':
      return {
        tone: 'plain',
        label: 'Not started',
        explanation: 'The first payment was not received in time.',
      };
    case 'canceled':
      return {
        tone: 'plain',
        label: 'Ended',
        explanation:
          ended_at === null ? 'The subscription has ended.' : `Ended on ${dateOf(new Date(ended_at))}.`,
      };
  }
}

/** An invoice that was sent, and is not overdue. */
function openInvoice(graceUntil: string | null): string {
  if (graceUntil === null) return '';
  return ` An invoice is open: pay it by ${dateOf(new Date(graceUntil))} to keep the seats.`;
}

const HOLD_LABELS: Readonly<Record<NonNullable<Subscription['hold']>['code'], string>> = {
  payment: 'Not paid',
  paused: 'Paused',
  dispute: 'Payment disputed',
  refund: 'Payment refunded',
};

/** Whether its seats and plan can be changed, as far as the subscription shows it. */
export function canChange(subscription: Subscription): boolean {
  return hasNotEnded(subscription) && subscription.unchangeable === null;
}

/** Why its seats and plan cannot be changed, if the explanation of its state does not say it. */
export function unchangeableNote({ unchangeable }: Subscription): string | undefined {
  switch (unchangeable?.reason) {
    case 'collection_paused':
    case 'scheduled':
    case 'several_items':
    case 'not_recognized':
      return `Seats and plan cannot be changed here. ${unchangeable.what_to_do}`;
    default:
      return undefined;
  }
}

/** The plan and seats of a subscription, as its title. */
export function titleOf({ plan, seats }: Subscription): string {
  return plan === null ? 'Plan not recognized' : `${planName(plan)}, ${seatsOf(seats)}`;
}

/** What waits for its payment, and until when. */
export function pendingNote({ pending_change }: Subscription, nowMs: number): string | undefined {
  if (pending_change === null || Date.parse(pending_change.until) <= nowMs) return undefined;
  const { plan, seats, interval, until } = pending_change;
  const terms =
    plan === null || seats === null
      ? ''
      : ` to ${planName(plan)}, ${seatsOf(seats)}${interval === null ? '' : `, billed every ${interval}`},`;
  return `A change${terms} waits for its payment. Without it, the change is discarded on ${dateAndTime(new Date(until))}.`;
}

/** Whether the customer has an invoice to pay in the billing portal. */
export function isPaymentDue(subscription: Subscription): boolean {
  const { status, grace_until, hold } = subscription;
  const isUnpaid = status === 'past_due' || status === 'unpaid' || status === 'incomplete';
  return hasNotEnded(subscription) && (isUnpaid || grace_until !== null || hold?.code === 'payment');
}

/** Whether the subscription can still be canceled. */
export function hasNotEnded({ status }: Subscription): boolean {
  return status !== 'canceled' && status !== 'incomplete_expired';
}

/** A note for the customer if the vendor must look at the subscription. */
export function reviewNote({ needs_review, plan }: Subscription): string | undefined {
  switch (needs_review) {
    case null:
      return undefined;
    case 'too_few_seats':
    case 'too_many_seats':
      return 'This plan is not sold with this number of seats. You have the seats that you pay for, and the vendor has been notified.';
    case 'unknown_status':
      return 'The status of this subscription is not recognized. Your license keeps its plan and seats until the end that it had, and the vendor has been notified.';
    case 'not_at_stripe':
      return 'This subscription was not found at Stripe. Your license keeps its plan and seats until the end that it had, and the vendor has been notified.';
    default:
      return plan === null
        ? 'What this subscription pays for is not recognized, so it gives your license no seats. The vendor has been notified.'
        : 'What this subscription pays for is not recognized. Your license keeps its plan and seats, and the vendor has been notified.';
  }
}
