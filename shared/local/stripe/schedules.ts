import type { Account } from './account.ts';
import { type Cancellation, cancelSubscription, endAt } from './endings.ts';
import { periodEndOf } from './items.ts';
import { Refused } from './refused.ts';
import { publishUpdated, runningAt } from './running.ts';
import { found, newId, type Schedule, type Subscription } from './state.ts';

/** Puts the subscription under a schedule, as the dashboard can: the current period, and `further` phases of its length. */
export function addSchedule(
  account: Account,
  subscriptionId: string,
  endBehavior: Schedule['end_behavior'],
  further = 0,
): string {
  const subscription = runningAt(account, subscriptionId);
  const [item] = subscription.items;
  const start = item?.current_period_start ?? subscription.created;
  const length = periodEndOf(subscription) - start;
  const phases = Array.from({ length: further + 1 }, (_, n) => ({
    start_date: start + n * length,
    end_date: start + (n + 1) * length,
  }));
  const schedule: Schedule = {
    id: newId('sub_sched'),
    object: 'subscription_schedule',
    customer: subscription.customer,
    created: account.now(),
    end_behavior: endBehavior,
    status: 'active',
    subscription: subscription.id,
    released_subscription: null,
    current_phase: phases[0] ?? null,
    phases,
  };
  account.state.schedules[schedule.id] = schedule;
  subscription.schedule = schedule.id;
  account.publish('subscription_schedule.created', schedule);
  follow(account, schedule);
  return schedule.id;
}

export function updateSchedule(
  account: Account,
  id: string,
  endBehavior: Schedule['end_behavior'],
): Schedule {
  const schedule = activeAt(account, id);
  schedule.end_behavior = endBehavior;
  account.publish('subscription_schedule.updated', schedule);
  follow(account, schedule);
  return schedule;
}

/** The end that the schedule set is removed with it, unless it is to be kept. */
export function releaseSchedule(account: Account, id: string, keepsEnd: boolean): Schedule {
  const schedule = activeAt(account, id);
  const subscription = runningAt(account, schedule.subscription ?? '');
  schedule.status = 'released';
  schedule.released_subscription = subscription.id;
  schedule.subscription = null;
  schedule.current_phase = null;
  account.publish('subscription_schedule.released', schedule);
  subscription.schedule = null;
  if (!keepsEnd) endAt(account, subscription, null, 'none');
  publishUpdated(account, subscription);
  return schedule;
}

/** Ends its subscription too (docs.stripe.com/api/subscription_schedules/cancel). */
export function cancelSchedule(account: Account, id: string, how: Cancellation): Schedule {
  const schedule = activeAt(account, id);
  cancelSubscription(account, schedule.subscription ?? '', how);
  return schedule;
}

/** A period of the subscription begins, and with it the next phase of its schedule. After the last one it is free. */
export function advanceSchedule(account: Account, subscription: Subscription): void {
  if (subscription.schedule === null) return;
  const schedule = activeAt(account, subscription.schedule);
  const next = schedule.phases.find(({ start_date }) => start_date === schedule.current_phase?.end_date);
  schedule.current_phase = next ?? null;
  if (next) {
    account.publish('subscription_schedule.updated', schedule);
    follow(account, schedule);
    return;
  }
  schedule.status = 'completed';
  schedule.subscription = null;
  subscription.schedule = null;
  account.publish('subscription_schedule.completed', schedule);
}

/** In the last phase, the schedule sets when the subscription ends (docs.stripe.com/billing/subscriptions/cancel). */
function follow(account: Account, { subscription: id, end_behavior, phases, current_phase }: Schedule): void {
  const subscription = runningAt(account, id ?? '');
  const isLast = current_phase?.end_date === phases.at(-1)?.end_date;
  const end = isLast && end_behavior === 'cancel' ? (current_phase?.end_date ?? null) : null;
  endAt(account, subscription, end, 'none');
  publishUpdated(account, subscription);
}

function activeAt({ state }: Account, id: string): Schedule {
  const schedule = found(state.schedules, id, 'subscription_schedule');
  if (schedule.status === 'active') return schedule;
  throw new Refused(400, {
    message: `You cannot change a subscription schedule that is currently in the \`${schedule.status}\` status.`,
  });
}
