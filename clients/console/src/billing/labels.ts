import type { Plan, Subscription } from '../../../sdk/src/api.ts';
import { dateOf } from '../time.ts';

export type Interval = Plan['intervals'][number];

export const INTERVAL_WORDS: Readonly<Record<Interval, string>> = {
  month: 'By the month',
  year: 'By the year',
};

export interface State {
  readonly tone: 'good' | 'warn' | 'bad' | 'plain';
  readonly short: string;
  /** What it means for the seats, and what to do about it. */
  readonly words: string;
}

/** The state of a subscription as whoever pays for it would say it. */
export function stateOf(subscription: Subscription): State {
  const { status, cancel_at, current_period_end, grace_until, ended_at } = subscription;
  const end = dateOf(new Date(cancel_at ?? current_period_end));
  switch (status) {
    case 'active':
      return cancel_at === null
        ? { tone: 'good', short: 'Active', words: `Paid until ${end}, and then goes on.` }
        : { tone: 'warn', short: 'Ends', words: `Ends on ${end}. Its seats can be used until then.` };
    case 'trialing':
      return cancel_at === null
        ? { tone: 'good', short: 'Trial', words: `Free until ${end}. After that it is paid for.` }
        : { tone: 'warn', short: 'Trial ends', words: `Free until ${end}. Then it ends.` };
    case 'past_due':
      return {
        tone: 'bad',
        short: 'Payment overdue',
        words:
          grace_until === null
            ? 'The last payment failed. Pay the open invoice, or the seats end.'
            : `The last payment failed. Seats can be used until ${dateOf(new Date(grace_until))}: pay the open invoice before.`,
      };
    case 'unpaid':
      return {
        tone: 'bad',
        short: 'Not paid',
        words: 'No seats are given until the open invoice is paid.',
      };
    case 'incomplete':
      return { tone: 'warn', short: 'Not paid yet', words: 'The first payment has not come yet.' };
    case 'paused':
      return { tone: 'warn', short: 'Paused', words: 'No seats are given while it is paused.' };
    case 'incomplete_expired':
      return { tone: 'plain', short: 'Never began', words: 'The first payment never came.' };
    case 'canceled':
      return {
        tone: 'plain',
        short: 'Ended',
        words: ended_at === null ? 'It has ended.' : `Ended on ${dateOf(new Date(ended_at))}.`,
      };
  }
}

/** Whether it has not ended, so that it can be. */
export function isGoingOn({ status }: Subscription): boolean {
  return status !== 'canceled' && status !== 'incomplete_expired';
}
