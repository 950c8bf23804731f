import type { By } from '../../domain/actor.ts';
import type { AuditDetail, AuditOnlyType } from '../../domain/audit-event.ts';
import { totalOf, type UsageRecord } from '../../domain/metering.ts';
import type { Transaction } from '../../ports/records.ts';
import { recordEvent } from '../record-event.ts';

/** Who changed the records, and what else the event of a group says. */
interface UsageNote {
  readonly by: By;
  readonly detailOf?: (records: readonly UsageRecord[]) => Pick<AuditDetail, 'note' | 'because'>;
}

/** Records one event for each license and meter of the records: each record is a document of its own. */
export function auditUsage(
  type: Extract<AuditOnlyType, `usage.${string}`>,
  records: readonly UsageRecord[],
  { by, detailOf = () => ({}) }: UsageNote,
  transaction: Transaction,
  nowMs: number,
): void {
  const groups = Map.groupBy(records, ({ licenseId, meter }) => JSON.stringify([licenseId, meter]));
  for (const group of groups.values()) {
    const [first] = group;
    if (!first) continue;
    const { tenantId, licenseId, meter: subject } = first;
    const detail = { ...totalOfRecords(group), ...detailOf(group) };
    recordEvent(transaction, { type, tenantId, licenseId, subject, by, detail }, nowMs);
  }
}

function totalOfRecords(group: readonly UsageRecord[]) {
  const { quantity, records: count } = totalOf(group.map(({ quantity }) => ({ quantity, records: 1 })));
  return { count, quantity };
}
