import {
  type MeteredDay,
  meteredDayId,
  type UsageRecord,
  usageRecordId,
  withChange,
} from '../../domain/metering.ts';
import { dayOf } from '../../domain/usage.ts';
import { METERED_DAYS, USAGE_RECORDS } from '../../ports/collections.ts';
import type { Deps } from '../../ports/deps.ts';
import type { Transaction } from '../../ports/records.ts';

/** A record before and after a change. */
export interface UsageChange {
  readonly before: UsageRecord;
  readonly after: UsageRecord;
}

/**
 * Changes usage records, and the totals of their days with them, in one transaction: the only way to change either, so that
 * the totals are always the sums of the records. `decide` gets each record as it is now, the day with the changes so far,
 * and returns the record after the change, or `undefined` to leave it. `also` writes what belongs to the changes.
 */
export function changeUsage(
  { records, clock }: Pick<Deps, 'records' | 'clock'>,
  ids: readonly string[],
  decide: (record: UsageRecord, day: MeteredDay | undefined, nowMs: number) => UsageRecord | undefined,
  also: (changes: readonly UsageChange[], transaction: Transaction, nowMs: number) => void = () => {},
): Promise<readonly UsageChange[]> {
  return records.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const found = (await Promise.all(ids.map((id) => transaction.get(USAGE_RECORDS, id)))).filter(
      (record) => record !== undefined,
    );
    const dayIds = [...new Set(found.map(dayIdOf))];
    const days = new Map<string, MeteredDay | undefined>(
      await Promise.all(dayIds.map(async (id) => [id, await transaction.get(METERED_DAYS, id)] as const)),
    );
    const changedDays = new Set<string>();
    const changes: UsageChange[] = [];
    for (const before of found) {
      const dayId = dayIdOf(before);
      const day = days.get(dayId);
      const after = decide(before, day, nowMs);
      if (!after) continue;
      changes.push({ before, after });
      const next = withChange(day, before, after);
      if (next === day) continue;
      days.set(dayId, next);
      changedDays.add(dayId);
    }
    for (const { after } of changes) transaction.set(USAGE_RECORDS, usageRecordId(after), after);
    for (const id of changedDays) {
      const day = days.get(id);
      if (day) transaction.set(METERED_DAYS, id, day);
    }
    also(changes, transaction, nowMs);
    return changes;
  });
}

function dayIdOf(record: UsageRecord): string {
  return meteredDayId({ ...record, dayMs: dayOf(record.atMs) });
}
