import type { Plan, Subscription } from '../../../sdk/src/api.ts';
import { dateOf } from '../time.ts';

export interface Standing {
  readonly tone: 'good' | 'warn' | 'bad';
  readonly words: string;
  /** What there is to know of it now; empty where there is nothing. */
  readonly next: string;
}

/** How a subscription stands, in the words of whoever pays for it. */
export function standingOf(subscription: Subscription): Standing {
  const { status, cancel_at, ended_at, grace_until, current_period_end } = subscription;
  const on = (moment: string): string => dateOf(new Date(moment));
  if (ended_at !== null) return { tone: 'bad', words: 'Ended', next: `It ended on ${on(ended_at)}.` };
  const ends = cancel_at === null ? undefined : `It ends on ${on(cancel_at)}.`;
  switch (status) {
    case 'active':
    case 'trialing': {
      const words = status === 'active' ? 'Paid' : 'Not paid for yet';
      const renews = `The next payment is due on ${on(current_period_end)}.`;
      return ends === undefined
        ? { tone: 'good', words, next: renews }
        : { tone: 'warn', words: 'Ends soon', next: ends };
    }
    case 'past_due': {
      const grace = grace_until === null ? '' : `Seats can be used until ${on(grace_until)}.`;
      return { tone: 'warn', words: 'Payment overdue', next: grace };
    }
    case 'unpaid':
      return { tone: 'bad', words: 'Not paid', next: 'Pay the open invoice to have seats again.' };
    case 'paused':
      return { tone: 'bad', words: 'Paused', next: '' };
    case 'incomplete':
      return { tone: 'warn', words: 'Not paid yet', next: 'The first payment has not gone through.' };
    case 'incomplete_expired':
    case 'canceled':
      return { tone: 'bad', words: 'Ended', next: '' };
  }
}

/** Whether it can still be ended, or that be taken back. */
export function isRunning({ ended_at, status }: Subscription): boolean {
  return ended_at === null && status !== 'canceled' && status !== 'incomplete_expired';
}

/** What a plan is worth beside its seats. */
export function worthOf({ offline_grace_days, borrow, payment_grace_days, features }: Plan): string[] {
  const days = (count: number): string => (count === 1 ? '1 day' : `${count} days`);
  return [
    offline_grace_days > 0 ? `works offline for ${days(offline_grace_days)}` : 'works online',
    ...(borrow.max_days > 0 ? [`seats can be borrowed for ${days(borrow.max_days)}`] : []),
    ...(payment_grace_days > 0 ? [`${days(payment_grace_days)} of grace for a late payment`] : []),
    ...features,
  ];
}
