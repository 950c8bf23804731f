import type { By } from '../../domain/actor.ts';
import { type UsageRecord, usageRecordId, voidedFor } from '../../domain/metering.ts';
import type { Deps } from '../../ports/deps.ts';
import { auditUsage } from './audit-usage.ts';
import { changeUsage } from './change-usage.ts';

/**
 * Corrects usage records: they no longer count, and leave room below the cap. The sweep cancels at Stripe what Stripe has,
 * so that nothing is lost if this is interrupted. A record that is voided already stays as it is. Returns the records that
 * exist, and whether each was voided now.
 */
export async function voidUsage(
  ids: readonly string[],
  { reason, by }: { readonly reason: string; readonly by: By },
  deps: Pick<Deps, 'records' | 'clock'>,
): Promise<ReadonlyMap<string, { readonly record: UsageRecord; readonly isNew: boolean }>> {
  const found = new Map<string, { record: UsageRecord; isNew: boolean }>();
  const changes = await changeUsage(
    deps,
    ids,
    (record, _, nowMs) => {
      found.set(usageRecordId(record), { record, isNew: false });
      return record.voided ? undefined : voidedFor(record, reason, nowMs);
    },
    (made, transaction, nowMs) => {
      const voided = made.map(({ after }) => after);
      auditUsage('usage.voided', voided, { by, detailOf: () => ({ note: reason }) }, transaction, nowMs);
    },
  );
  for (const { after } of changes) found.set(usageRecordId(after), { record: after, isNew: true });
  return found;
}
