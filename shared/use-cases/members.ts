import { ACCESS_TOKEN_SECONDS } from '../domain/access-token.ts';
import { membershipId } from '../domain/people.ts';
import { MEMBERSHIPS } from '../ports/catalogue.ts';
import type { Records } from '../ports/records.ts';
import type { SeatUpkeep } from '../ports/seat-maintenance.ts';

/** More than the life of an access token, as clocks of two machines may differ. */
export const BAR_SECONDS = ACCESS_TOKEN_SECONDS + 300;

/**
 * Takes somebody out of a tenant. Their access tokens still name it for a while, so the seat store is told first: were it
 * away, nothing would have changed. An owner stays.
 */
export async function removeMember(
  tenantId: string,
  userId: string,
  { records, upkeep }: { records: Records; upkeep: SeatUpkeep },
): Promise<'REMOVED' | 'OWNER'> {
  await upkeep.bar(tenantId, userId, BAR_SECONDS);
  const id = membershipId(tenantId, userId);
  const removed = await records.transact(async (transaction) => {
    if ((await transaction.get(MEMBERSHIPS, id))?.role === 'owner') return 'OWNER';
    transaction.delete(MEMBERSHIPS, id);
    return 'REMOVED';
  });
  if (removed === 'OWNER') await upkeep.unbar(tenantId, userId);
  return removed;
}
