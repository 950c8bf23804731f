import type { Plan, Subscription } from '../../../sdk/src/api.ts';
import { dateOf } from '../time.ts';

export type Interval = Plan['intervals'][number];

export const INTERVAL_LABELS: Readonly<Record<Interval, string>> = {
  month: 'By the month',
  year: 'By the year',
};

export interface SubscriptionState {
  readonly tone: 'good' | 'warn' | 'bad' | 'plain';
  readonly label: string;
  /** What it means for the seats, and what to do about it. */
  readonly explanation: string;
}

/** The state of a subscription as whoever pays for it would say it. */
export function subscriptionState(subscription: Subscription): SubscriptionState {
  const { status, cancel_at, current_period_end, grace_until, ended_at } = subscription;
  const end = dateOf(new Date(cancel_at ?? current_period_end));
  switch (status) {
    case 'active':
      return cancel_at === null
        ? { tone: 'good', label: 'Active', explanation: `Paid until ${end}, and then goes on.` }
        : { tone: 'warn', label: 'Ends', explanation: `Ends on ${end}. Its seats can be used until then.` };
    case 'trialing':
      return cancel_at === null
        ? { tone: 'good', label: 'Trial', explanation: `Free until ${end}. After that it is paid for.` }
        : { tone: 'warn', label: 'Trial ends', explanation: `Free until ${end}. Then it ends.` };
    case 'past_due':
      return {
        tone: 'bad',
        label: 'Payment overdue',
        explanation:
          grace_until === null
            ? 'The last payment failed. Pay the open invoice, or the seats end.'
            : `The last payment failed. Seats can be used until ${dateOf(new Date(grace_until))}: pay the open invoice before.`,
      };
    case 'unpaid':
      return {
        tone: 'bad',
        label: 'Not paid',
        explanation: 'No seats are given until the open invoice is paid.',
      };
    case 'incomplete':
      return { tone: 'warn', label: 'Not paid yet', explanation: 'The first payment has not come yet.' };
    case 'paused':
      return { tone: 'warn', label: 'Paused', explanation: 'No seats are given while it is paused.' };
    case 'incomplete_expired':
      return { tone: 'plain', label: 'Never began', explanation: 'The first payment never came.' };
    case 'canceled':
      return {
        tone: 'plain',
        label: 'Ended',
        explanation: ended_at === null ? 'It has ended.' : `Ended on ${dateOf(new Date(ended_at))}.`,
      };
  }
}

/** Whether it has not ended, so that it can be. */
export function isGoingOn({ status }: Subscription): boolean {
  return status !== 'canceled' && status !== 'incomplete_expired';
}
