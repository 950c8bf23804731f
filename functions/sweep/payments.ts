import { isProcessable, type StoredEvent } from '../../shared/domain/billing-event.ts';
import type { Subscription } from '../../shared/domain/subscription.ts';
import { Unavailable } from '../../shared/errors.ts';
import type { Billing } from '../../shared/ports/billing.ts';
import { SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { BILLING_EVENTS_BY_NEXT_TRY, SUBSCRIPTIONS_BY_LOOK } from '../../shared/ports/queries.ts';
import { postponeStripeEvent, tryStripeEvent } from '../../shared/use-cases/stripe-events.ts';
import { syncSubscription } from '../../shared/use-cases/subscriptions.ts';
import type { SweepRun } from './run-steps.ts';

/** Events per sweep, and subscriptions per sweep. The cap keeps a stuck one from starving the other steps. */
const MOST_A_SWEEP = 50;

/** Delay before the next check of a subscription that Stripe does not know, or that pays for no license. */
const RECHECK_DELAY_MS = 24 * 3600 * 1000;

/** Delay before the next check of a subscription for which the last one failed, or Stripe was unavailable. */
const FAILED_DELAY_MS = 3600 * 1000;
const OUTAGE_DELAY_MS = 5 * 60_000;

/**
 * Tries Stripe events that were interrupted or failed, and checks subscriptions that are due for a check although no event
 * arrived. Each failure concerns one of them alone: it is put off, and the others have their turn. While Stripe is
 * unavailable, one of each is tried. Costs two reads if there is nothing to do.
 */
export async function syncPayments(billing: Billing, deps: Deps, run: SweepRun): Promise<void> {
  const page = {
    limit: MOST_A_SWEEP,
    below: deps.clock.nowMs(),
    onUnreadable: (error: Error) => run.markUnreadable(error),
  };
  const open = await deps.records.query(BILLING_EVENTS_BY_NEXT_TRY, {}, page);
  await eachInTurn(open.documents, run, (event) => tryEvent(event, billing, deps, run));
  const due = await deps.records.query(SUBSCRIPTIONS_BY_LOOK, {}, page);
  await eachInTurn(due.documents, run, (subscription) => checkSubscription(subscription, billing, deps, run));
}

/** Ends early if time is up, or after a failure that all others would share. */
async function eachInTurn<T>(
  items: readonly T[],
  run: SweepRun,
  work: (item: T) => Promise<void>,
): Promise<void> {
  for (const item of items) {
    if (run.isTimeUp()) return run.markIncomplete();
    let isOutage = false;
    await run.attempt(() =>
      work(item).catch((fault: unknown) => {
        isOutage = fault instanceof Unavailable;
        throw fault;
      }),
    );
    if (isOutage) return run.markIncomplete();
  }
}

async function tryEvent(event: StoredEvent, billing: Billing, deps: Deps, run: SweepRun): Promise<void> {
  if (!isProcessable(event)) throw new Error(`${event.eventId} is open, without what it is about`);
  const { eventId } = event;
  let tried: Awaited<ReturnType<typeof tryStripeEvent>>;
  try {
    tried = await tryStripeEvent(event, billing, deps);
  } catch (fault) {
    if (fault instanceof Unavailable && fault.part === 'billing') await postponeStripeEvent(event, deps);
    throw fault;
  }
  if (tried.verdict === 'DONE') {
    run.progress.billingEvents += 1;
    return;
  }
  const isSetAside = tried.verdict === 'SET_ASIDE';
  if (isSetAside) run.progress.billingEventsSetAside += 1;
  else run.progress.billingEventsFailed += 1;
  run.logFailure(`Stripe event ${eventId} ${isSetAside ? 'was set aside' : 'failed'}`, tried.fault);
}

async function checkSubscription(
  due: Subscription,
  billing: Billing,
  deps: Deps,
  run: SweepRun,
): Promise<void> {
  const { subscriptionId } = due;
  try {
    const look = await syncSubscription(subscriptionId, {}, billing, deps);
    run.progress.subscriptions += 1;
    if (look.verdict !== 'SEEN') await putOffCheck(due, RECHECK_DELAY_MS, deps);
  } catch (fault) {
    const isOutage = fault instanceof Unavailable;
    if (!isOutage) {
      await putOffCheck(due, FAILED_DELAY_MS, deps);
      run.logFailure(`the check of ${subscriptionId} failed`, fault);
      return;
    }
    if (fault.part === 'billing') await putOffCheck(due, OUTAGE_DELAY_MS, deps);
    throw fault;
  }
}

/** Unless the subscription was fetched meanwhile. */
async function putOffCheck(
  { subscriptionId, revision }: Subscription,
  delayMs: number,
  { records, clock }: Deps,
): Promise<void> {
  await records.transact(async (transaction) => {
    const current = await transaction.get(SUBSCRIPTIONS, subscriptionId);
    if (current?.revision !== revision) return;
    const lookAtMs = clock.nowMs() + delayMs;
    transaction.set(SUBSCRIPTIONS, subscriptionId, { ...current, lookAtMs, revision: revision + 1 });
  });
}
