import type { By } from '../../shared/domain/actor.ts';
import { CHANGE_MAX_MS, type RequestedChange } from '../../shared/domain/requested-change.ts';
import type { Subscription } from '../../shared/domain/subscription.ts';
import type { SeatChange } from '../../shared/domain/subscription-change.ts';
import type { ItemChange } from '../../shared/ports/billing.ts';
import { SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { isRecorded, recordEvent } from '../../shared/use-cases/record-event.ts';

/** A decided change, with the ids that Stripe needs. */
export interface PricedChange extends SeatChange {
  readonly priceId: string;
}

/** What was asked for once, by whom, with the key under which Stripe makes the change once. */
export interface Begun {
  readonly change: PricedChange;
  readonly ask: ItemChange & { readonly requestId: string };
  readonly by: By;
  readonly atMs: number;
}

/** The sweep looks whether Stripe has made the change, if the function does not. */
export function withChange(known: Subscription, change: RequestedChange): Subscription {
  const lookAtMs = change.state === 'running' ? change.untilMs : known.lookAtMs;
  return { ...known, change, lookAtMs, revision: known.revision + 1 };
}

/** `MINE`: Stripe can be asked for it, for the first time or again. `CHANGED`: it was made. */
export function claimChange(
  { change, ask, by, atMs }: Begun,
  { records, clock }: Deps,
): Promise<'MINE' | 'CHANGED' | 'REPLACED'> {
  return records.transact(async (transaction) => {
    const known = await transaction.get(SUBSCRIPTIONS, ask.subscriptionId);
    const last = known?.change;
    if (!known || last?.requestId !== ask.requestId) {
      const made = known && noteOf('subscription.changed', known, { change, by });
      return made && (await isRecorded(transaction, made, atMs)) ? 'CHANGED' : 'REPLACED';
    }
    if (last.state === 'running') {
      const untilMs = clock.nowMs() + CHANGE_MAX_MS;
      transaction.set(SUBSCRIPTIONS, ask.subscriptionId, withChange(known, { ...last, untilMs }));
    }
    return last.state === 'made' ? 'CHANGED' : 'MINE';
  });
}

/**
 * Records that it was made, and lets the next change begin. Of several requests for it, the first does both: what another
 * change has followed was finished.
 */
export function finishChange(
  { change, ask, by, atMs }: Begun,
  state: 'made' | 'refused',
  { records }: Deps,
): Promise<void> {
  return records.transact(async (transaction) => {
    const known = await transaction.get(SUBSCRIPTIONS, ask.subscriptionId);
    const last = known?.change;
    if (!known || last?.requestId !== ask.requestId || last.state === state) return;
    transaction.set(SUBSCRIPTIONS, ask.subscriptionId, withChange(known, { ...last, state }));
    if (state === 'made')
      recordEvent(transaction, noteOf('subscription.changed', known, { change, by }), atMs);
  });
}

export function noteOf(
  type: 'subscription.change_requested' | 'subscription.changed',
  { tenantId, licenseId, subscriptionId }: Subscription,
  { change: { from, to }, by }: Pick<Begun, 'change' | 'by'>,
) {
  const detail = {
    plan: to.plan,
    previousPlan: from.plan,
    seats: to.seats,
    previousSeats: from.seats,
    interval: to.interval,
    previousInterval: from.interval,
  };
  return { type, tenantId, licenseId, subject: subscriptionId, by, detail };
}
