import type { Account } from './account.ts';
import { Refused } from './refused.ts';
import { found, type Subscription } from './state.ts';

/** The subscription. Throws if it has ended, because Stripe does not change ended subscriptions. */
export function runningAt({ state }: Account, id: string): Subscription {
  const subscription = found(state.subscriptions, id, 'subscription');
  if (subscription.ended_at !== null)
    throw new Refused(400, {
      message: 'A canceled subscription can only update its cancellation_details.',
    });
  return subscription;
}

export function publishUpdated({ publish }: Account, subscription: Subscription): void {
  publish('customer.subscription.updated', subscription);
}
