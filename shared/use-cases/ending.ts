import type { By } from '../domain/actor.ts';
import type { UsageTally } from '../domain/metering.ts';
import { isOver, type Subscription } from '../domain/subscription.ts';
import type { Billing, EndVerdict } from '../ports/billing.ts';
import { SUBSCRIPTIONS } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import { flushUsage } from './metering/flush-usage.ts';
import { recordEvent } from './record-event.ts';

export interface Ended {
  readonly ended: EndVerdict;
  /** What became of the tenant's last usage. */
  readonly usage: readonly UsageTally[];
  /** A later invoice is the final one. */
  readonly invoiceIdBefore: string | null;
}

/**
 * Ends a subscription now, and returns what became of the tenant's last usage: it is sent to Stripe first, which then
 * invoices what it has. The request is recorded before, with the usage: if this is interrupted after Stripe's call, it is
 * known who ended the subscription, and the next look at it (`syncSubscription`) records the end and sees to its final
 * invoice. Safe to repeat.
 */
export async function endNow(
  { subscriptionId, tenantId, licenseId }: Pick<Subscription, 'subscriptionId' | 'tenantId' | 'licenseId'>,
  by: By,
  billing: Billing,
  deps: Deps,
): Promise<Ended> {
  const { records, clock } = deps;
  const note = { tenantId, licenseId, subject: subscriptionId, by };
  const usage = await flushUsage(tenantId, deps);
  // The record can be older: a renewal that Stripe drafts at this moment is not the final invoice.
  const state = await billing.readSubscription(subscriptionId);
  const invoiceIdBefore = await records.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const known = await transaction.get(SUBSCRIPTIONS, subscriptionId);
    if (!known || isOver(known)) return known?.latestInvoiceId ?? null;
    const { latestInvoiceId } = state && !isOver(state) ? state : known;
    const asked = { endRequestedAtMs: nowMs, latestInvoiceId, revision: known.revision + 1 };
    transaction.set(SUBSCRIPTIONS, subscriptionId, { ...known, ...asked });
    const detail = usage.length > 0 ? { usage } : {};
    recordEvent(transaction, { ...note, type: 'subscription.end_requested', detail }, nowMs);
    return latestInvoiceId;
  });
  const ended = await billing.endSubscription({ subscriptionId, end: 'now' });
  return { ended, usage, invoiceIdBefore };
}

/** What of the last usage is not billed, or perhaps not, for the log; `undefined` if nothing. */
export function unbilledOf(usage: readonly UsageTally[]): string | undefined {
  const lost = usage.filter(({ outcome }) => outcome !== 'sent');
  if (lost.length === 0) return undefined;
  return lost
    .map(({ meter, outcome, records, quantity }) => `${meter}: ${quantity} in ${records} records ${outcome}`)
    .join('; ');
}
