import type { By } from '../domain/actor.ts';
import { holdsOf, licenseUnder, lifted, type Subscription } from '../domain/subscription.ts';
import { LICENSES, SUBSCRIPTIONS } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import { changeLicense } from './licenses.ts';
import { recordEvent } from './record-event.ts';

/** Disputes and refunds only: the others end at Stripe, where the vendor can end them. */
const LIFTABLE: ReadonlySet<string> = new Set(['dispute', 'refund']);

export type LiftVerdict =
  | { readonly verdict: 'LIFTED'; readonly subscription: Subscription }
  | { readonly verdict: 'NO_LICENSE' | 'NO_SUBSCRIPTION' | 'NO_HOLD' | 'NOT_LIFTABLE' };

/**
 * Lifts one dispute or refund for good, with its reason in the audit log in the same transaction: later looks keep the
 * lift, and another dispute or refund holds again. A repeat changes nothing.
 */
export async function liftHold(
  licenseId: string,
  holdId: string,
  reason: string,
  by: By,
  deps: Pick<Deps, 'records' | 'seats' | 'holdPolicy' | 'clock'>,
): Promise<LiftVerdict> {
  const { holdPolicy, clock } = deps;
  return changeLicense(deps, by, async (transaction): Promise<LiftVerdict> => {
    const license = await transaction.get(LICENSES, licenseId);
    if (!license) return { verdict: 'NO_LICENSE' };
    const { subscriptionId } = license;
    const before = subscriptionId === null ? undefined : await transaction.get(SUBSCRIPTIONS, subscriptionId);
    if (subscriptionId === null || !before) return { verdict: 'NO_SUBSCRIPTION' };
    const nowMs = clock.nowMs();
    const hold = holdsOf(before, holdPolicy, nowMs).find(({ id }) => id === holdId);
    if (!hold) return { verdict: 'NO_HOLD' };
    if (!LIFTABLE.has(hold.kind)) return { verdict: 'NOT_LIFTABLE' };
    if (hold.lift) {
      transaction.putAgain(license);
      return { verdict: 'LIFTED', subscription: before };
    }
    const lift = { atMs: nowMs, actor: by.actor, reason };
    const subscription = lifted(before, holdId, lift, holdPolicy, nowMs);
    const next = licenseUnder(subscription, license, nowMs);
    transaction.set(SUBSCRIPTIONS, subscriptionId, subscription);
    if (next && next !== license) transaction.writeLicense(next, nowMs);
    const { tenantId } = license;
    recordEvent(
      transaction,
      {
        ...{ type: 'subscription.hold_lifted', tenantId, licenseId, subject: holdId, by },
        detail: { note: reason },
      },
      nowMs,
    );
    return { verdict: 'LIFTED', subscription };
  });
}
