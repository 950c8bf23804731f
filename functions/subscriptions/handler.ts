import { holdsOf, type Subscription } from '../../shared/domain/subscription.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { viewOfHold } from '../../shared/http/hold-view.ts';
import { requiredTenant } from '../../shared/http/own.ts';
import { readPage } from '../../shared/http/page.ts';
import { viewOfSubscription } from '../../shared/http/subscription-view.ts';
import { LICENSES, SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { SUBSCRIPTIONS_OF_TENANT } from '../../shared/ports/queries.ts';
import { liftHold } from '../../shared/use-cases/lift-hold.ts';
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

export default { list, holds, lift } satisfies HandlersOf<typeof contract>;
