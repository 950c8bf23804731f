import type { StoredEvent } from '../../shared/domain/billing-event.ts';
import type { Subscription } from '../../shared/domain/subscription.ts';
import type { Billing } from '../../shared/ports/billing.ts';
import { SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { BILLING_EVENTS_BY_RECEIPT, SUBSCRIPTIONS_BY_LOOK } from '../../shared/ports/queries.ts';
import { processStripeEvent } from '../../shared/use-cases/stripe-events.ts';
import { syncSubscription } from '../../shared/use-cases/subscriptions.ts';
import type { SweepRun } from './run-steps.ts';

/** Events per sweep, and subscriptions per sweep. The cap keeps a stuck one from starving the other steps. */
const MOST_A_SWEEP = 50;

/** After this time, the request that received an event has processed it or was interrupted. */
const INTERRUPTED_AFTER_MS = 60_000;

/** Delay before the next check of a subscription that Stripe does not know, or that pays for no license. */
const RECHECK_DELAY_MS = 24 * 3600 * 1000;

/**
 * Completes Stripe events that were interrupted, and checks subscriptions that are due for a check although no event
 * arrived. Costs two reads if there is nothing to do.
 */
export async function syncPayments(billing: Billing, deps: Deps, run: SweepRun): Promise<void> {
  const nowMs = deps.clock.nowMs();
  const page = { limit: MOST_A_SWEEP, below: nowMs - INTERRUPTED_AFTER_MS };
  const interrupted = await deps.records.query(BILLING_EVENTS_BY_RECEIPT, { isDone: false }, page);
  for (const event of interrupted.documents) {
    if (run.isTimeUp()) return run.markIncomplete();
    await run.attempt(() => completeEvent(event, billing, deps, run));
  }
  const due = await deps.records.query(SUBSCRIPTIONS_BY_LOOK, {}, { limit: MOST_A_SWEEP, below: nowMs });
  for (const subscription of due.documents) {
    if (run.isTimeUp()) return run.markIncomplete();
    await run.attempt(() => checkSubscription(subscription, billing, deps, run));
  }
}

async function completeEvent(event: StoredEvent, billing: Billing, deps: Deps, run: SweepRun): Promise<void> {
  await processStripeEvent(event, billing, deps);
  run.progress.billingEvents += 1;
}

async function checkSubscription(
  due: Subscription,
  billing: Billing,
  deps: Deps,
  run: SweepRun,
): Promise<void> {
  const { subscriptionId } = due;
  const look = await syncSubscription(subscriptionId, {}, billing, deps);
  run.progress.subscriptions += 1;
  if (look.verdict === 'SEEN') return;
  await deps.records.transact(async (transaction) => {
    const current = await transaction.get(SUBSCRIPTIONS, subscriptionId);
    if (current?.revision !== due.revision) return;
    const lookAtMs = deps.clock.nowMs() + RECHECK_DELAY_MS;
    transaction.set(SUBSCRIPTIONS, subscriptionId, { ...current, lookAtMs, revision: current.revision + 1 });
  });
}
