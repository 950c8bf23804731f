import { holdsOf, type Subscription } from '../../shared/domain/subscription.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp } from '../../shared/http/fields.ts';
import { viewOfHold } from '../../shared/http/hold-view.ts';
import { recordsOnce } from '../../shared/http/idempotency-key.ts';
import { requiredTenant } from '../../shared/http/own.ts';
import { readPage } from '../../shared/http/page.ts';
import { viewOfSubscription } from '../../shared/http/subscription-view.ts';
import { LICENSES, SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { SUBSCRIPTIONS_OF_TENANT } from '../../shared/ports/queries.ts';
import { liftHold } from '../../shared/use-cases/lift-hold.ts';
import { syncSubscription } from '../../shared/use-cases/subscriptions.ts';
import { applyChange, beginChange, currentOf, itemChangeOf, priceChange, refuseRejected } from './change.ts';
import type contract from './contract.ts';

async function list(
  { query, caller, standing, note }: RequestOf<typeof contract, 'list'>,
  { records }: Deps,
): Promise<ReplyOf<typeof contract, 'list'>> {
  const requested = requiredTenant(query.tenant_id, caller, standing);
  if ('problem' in requested) return requested;
  const { tenantId } = requested;
  const page = await readPage(records, SUBSCRIPTIONS_OF_TENANT, { tenantId }, { query, note });
  if ('problem' in page) return page;
  const { documents, next_cursor } = page;
  return {
    answer: 'subscriptions',
    body: { subscriptions: documents.map(viewOfSubscription), next_cursor },
  };
}

async function holds(
  { params: { license_id } }: RequestOf<typeof contract, 'holds'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'holds'>> {
  const license = await deps.records.get(LICENSES, license_id);
  if (!license) return { problem: 'LICENSE_NOT_FOUND' };
  const { subscriptionId } = license;
  const subscription =
    subscriptionId === null ? undefined : await deps.records.get(SUBSCRIPTIONS, subscriptionId);
  return subscription ? listHolds(subscription, deps) : { problem: 'SUBSCRIPTION_NOT_FOUND' };
}

const REFUSALS = {
  NO_LICENSE: 'LICENSE_NOT_FOUND',
  NO_SUBSCRIPTION: 'SUBSCRIPTION_NOT_FOUND',
  NO_HOLD: 'HOLD_NOT_FOUND',
  NOT_LIFTABLE: 'HOLD_NOT_LIFTABLE',
} as const;

async function lift(
  { params: { license_id }, body: { hold, reason }, by }: RequestOf<typeof contract, 'lift'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'lift'>> {
  const result = await liftHold(license_id, hold, reason, by, deps);
  return result.verdict === 'LIFTED'
    ? listHolds(result.subscription, deps)
    : { problem: REFUSALS[result.verdict] };
}

function listHolds(subscription: Subscription, { holdPolicy, clock }: Deps) {
  const all = holdsOf(subscription, holdPolicy, clock.nowMs());
  return { answer: 'holds' as const, body: { holds: all.map(viewOfHold) } };
}

async function sync(
  { params: { license_id }, query, by }: RequestOf<typeof contract, 'sync'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'sync'>> {
  const { billing, records } = deps;
  if (!billing) return { problem: 'BILLING_NOT_SET_UP' };
  const subscriptionId = query.subscription_id ?? (await records.get(LICENSES, license_id))?.subscriptionId;
  if (subscriptionId === undefined) return { problem: 'LICENSE_NOT_FOUND' };
  if (subscriptionId === null) return { problem: 'SUBSCRIPTION_NOT_FOUND' };
  const look = await syncSubscription(subscriptionId, { by }, billing, deps);
  if (look.verdict === 'IGNORED')
    return {
      problem: 'SUBSCRIPTION_NOT_FOUND',
      detail: `${subscriptionId} grants no seats: ${look.because}.`,
    };
  const { subscription } = look;
  if (subscription.licenseId !== license_id)
    return { problem: 'SUBSCRIPTION_NOT_FOUND', detail: `${subscriptionId} pays for another license.` };
  return { answer: 'subscription', body: viewOfSubscription(subscription) };
}

async function preview(
  { params, body, standing }: RequestOf<typeof contract, 'preview'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'preview'>> {
  const { billing, seats, clock } = deps;
  if (!billing) return { problem: 'BILLING_NOT_SET_UP' };
  const subscription = await currentOf(params.license_id, standing, billing, deps);
  if ('problem' in subscription) return subscription;
  const change = await priceChange(subscription, body, { billing, seats }, clock.nowMs());
  if ('problem' in change) return change;
  // Stripe counts in seconds.
  const prorationDateMs = Math.floor(clock.nowMs() / 1000) * 1000;
  const ask = { ...itemChangeOf(subscription, change, prorationDateMs), prorationDateMs };
  const previewed = await billing.previewChange(ask);
  if (previewed.verdict === 'REJECTED') return refuseRejected(previewed);
  const { currency, amountDue, credit, lines, next } = previewed.preview;
  return {
    answer: 'preview',
    body: {
      license_id: subscription.licenseId,
      subscription_id: subscription.subscriptionId,
      ...change.to,
      collection: subscription.collection,
      currency,
      amount_due: amountDue,
      credit,
      lines: lines.map(({ fromMs, toMs, ...line }) => ({
        ...line,
        from: timestamp(fromMs),
        to: timestamp(toMs),
      })),
      next_invoice: { amount: next.amount, at: timestamp(next.atMs) },
      proration_date: timestamp(prorationDateMs),
    },
  };
}

async function change(
  { params, body, by, standing, idempotencyKey }: RequestOf<typeof contract, 'change'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'change'>> {
  const { billing, records, seats, clock } = deps;
  if (!billing) return { problem: 'BILLING_NOT_SET_UP' };
  const current = await currentOf(params.license_id, standing, billing, deps);
  if ('problem' in current) return current;
  const endpoint = 'subscriptions.change';
  const once =
    idempotencyKey === undefined
      ? records
      : recordsOnce({ key: idempotencyKey, endpoint, actor: by.actor, input: { params, body } }, deps);
  const begun = await beginChange(current, { body, by }, once, { billing, seats }, clock.nowMs());
  if (begun === 'UNCHANGED') return { answer: 'subscription', body: viewOfSubscription(current) };
  if ('problem' in begun) return begun;
  const changed = await applyChange(begun, billing, deps);
  if ('problem' in changed) return changed;
  return { answer: 'subscription', body: viewOfSubscription(changed) };
}

export default { list, holds, lift, sync, preview, change } satisfies HandlersOf<typeof contract>;
