import { erasableIds, hashOfErased, isLate, isTooLate, withoutErased } from '../../domain/erased-id.ts';
import type { SeatEvent } from '../../domain/event.ts';
import { ERASED_IDS, TENANTS } from '../../ports/collections.ts';
import type { Transaction } from '../../ports/records.ts';

/**
 * The event without what an erasure has removed since it was written. Only an event that is delivered late or published
 * again costs reads.
 */
export async function withoutErasedIds(
  event: SeatEvent,
  records: Pick<Transaction, 'get'>,
  nowMs: number,
): Promise<SeatEvent> {
  if (!isLate(event, nowMs)) return event;
  if (isTooLate(event, nowMs)) return withoutErased(event, () => true);
  const ids = erasableIds(event);
  const [tenant, ...erased] = await Promise.all([
    records.get(TENANTS, event.tenantId),
    ...ids.map((id) => records.get(ERASED_IDS, hashOfErased(id))),
  ]);
  const isTenantErased = tenant !== undefined && tenant.closedAtMs !== null;
  return withoutErased(event, (id) => isTenantErased || erased[ids.indexOf(id)] !== undefined);
}
