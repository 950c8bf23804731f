import { type AuditEvent, type ChainHead, emptyChain, sealEvents } from '../../shared/domain/audit-chain.ts';
import { AUDIT, CHAIN_HEADS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { UNSEALED_EVENTS } from '../../shared/ports/queries.ts';
import { inParallel } from '../../shared/use-cases/in-parallel.ts';
import type { SweepRun } from './run-steps.ts';

const BATCH = 100;
const TENANTS_AT_A_TIME = 4;

/**
 * Links events recorded since the last sweep to their tenants' chains, and returns the new heads.
 *
 * Events are sealed in batches, not one by one as they are recorded: a chain that grows with every event would make all
 * events of a tenant wait for each other, across licenses. Instead, an event gets its position up to a minute later. An
 * event that this release cannot read is left to the one that wrote it, and does not keep back other tenants' events.
 */
export async function sealAudit(deps: Deps, run: SweepRun): Promise<ChainHead[]> {
  const heads = new Map<string, ChainHead>();
  let cursor: string | undefined;
  for (;;) {
    const page = { limit: BATCH, cursor, onUnreadable: run.markUnreadable };
    const { documents, nextCursor } = await deps.records.query(UNSEALED_EVENTS, { sealed: false }, page);
    const byTenant = Map.groupBy(documents, ({ tenantId }) => tenantId);
    await inParallel([...byTenant], TENANTS_AT_A_TIME, async ([tenantId, events]) => {
      const { sealed, head } = await sealOfTenant(tenantId, events, deps);
      run.progress.sealed += sealed;
      if (sealed > 0) heads.set(tenantId, head);
    });
    cursor = nextCursor;
    if (cursor === undefined) return [...heads.values()];
    if (run.isTimeUp()) {
      run.markIncomplete();
      return [...heads.values()];
    }
  }
}

function sealOfTenant(
  tenantId: string,
  listed: readonly AuditEvent[],
  { records }: Deps,
): Promise<{ sealed: number; head: ChainHead }> {
  return records.transact(async (transaction) => {
    const head = (await transaction.get(CHAIN_HEADS, tenantId)) ?? emptyChain(tenantId);
    const found = await Promise.all(listed.map(({ eventId }) => transaction.get(AUDIT, eventId)));
    // Another sweep may have sealed some since they were listed.
    const open = found.flatMap((event) => (event && !event.sealed ? [event] : []));
    if (open.length === 0) return { sealed: 0, head };
    const next = sealEvents(head, open);
    for (const event of next.events) transaction.set(AUDIT, event.eventId, event);
    transaction.set(CHAIN_HEADS, tenantId, next.head);
    return { sealed: open.length, head: next.head };
  });
}
