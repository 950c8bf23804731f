import type { StoredEvent } from '../../shared/domain/billing-event.ts';
import type { Subscription } from '../../shared/domain/subscription.ts';
import type { Billing } from '../../shared/ports/billing.ts';
import { SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { BILLING_EVENTS_BY_RECEIPT, SUBSCRIPTIONS_BY_LOOK } from '../../shared/ports/queries.ts';
import { carryOutEvent } from '../../shared/use-cases/stripe-events.ts';
import { lookAtSubscription } from '../../shared/use-cases/subscriptions.ts';
import type { SweepRun } from './run-steps.ts';

/** As many a sweep, so that ones that cannot be done keep back nothing else. */
const MOST_A_SWEEP = 50;

/** Whoever took an event is done with it by then, or never will be. */
const STOPPED_AFTER_MS = 60_000;

/** When to look again at what Stripe did not know, or nobody could be asked about. */
const PUT_OFF_MS = 24 * 3600 * 1000;

/**
 * Goes on with events of Stripe's that somebody took and did not bring to an end, and looks at subscriptions whose time has
 * come though Stripe told nothing of them. Costs two reads where there is nothing of that.
 */
export async function keepUpWithPayments(billing: Billing, deps: Deps, run: SweepRun): Promise<void> {
  const nowMs = deps.clock.nowMs();
  const page = { limit: MOST_A_SWEEP, below: nowMs - STOPPED_AFTER_MS };
  const stopped = await deps.records.query(BILLING_EVENTS_BY_RECEIPT, { isDone: false }, page);
  for (const event of stopped.documents) {
    if (run.isTimeUp()) return run.markIncomplete();
    await run.attempt(() => goOnWith(event, billing, deps, run));
  }
  const due = await deps.records.query(SUBSCRIPTIONS_BY_LOOK, {}, { limit: MOST_A_SWEEP, below: nowMs });
  for (const subscription of due.documents) {
    if (run.isTimeUp()) return run.markIncomplete();
    await run.attempt(() => lookAgain(subscription, billing, deps, run));
  }
}

async function goOnWith(event: StoredEvent, billing: Billing, deps: Deps, run: SweepRun): Promise<void> {
  await carryOutEvent(event, billing, deps);
  run.progress.billingEvents += 1;
}

async function lookAgain(due: Subscription, billing: Billing, deps: Deps, run: SweepRun): Promise<void> {
  const { subscriptionId } = due;
  const look = await lookAtSubscription(subscriptionId, {}, billing, deps);
  run.progress.subscriptions += 1;
  if (look.verdict === 'SEEN') return;
  await deps.records.transact(async (transaction) => {
    const current = await transaction.get(SUBSCRIPTIONS, subscriptionId);
    if (current?.revision !== due.revision) return;
    const lookAtMs = deps.clock.nowMs() + PUT_OFF_MS;
    transaction.set(SUBSCRIPTIONS, subscriptionId, { ...current, lookAtMs, revision: current.revision + 1 });
  });
}
