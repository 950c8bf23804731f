import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { requiredTenant } from '../../shared/http/own.ts';
import { readPage } from '../../shared/http/page.ts';
import { viewOfSubscription } from '../../shared/http/subscription-view.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { SUBSCRIPTIONS_OF_TENANT } from '../../shared/ports/queries.ts';
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

export default { list } satisfies HandlersOf<typeof contract>;
