import type { ErasurePlan } from '../../shared/domain/erasure.ts';
import { USERS } from '../../shared/ports/collections.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { MEMBERS_OF_TENANT, MEMBERSHIPS_OF_USER } from '../../shared/ports/queries.ts';
import type { Records } from '../../shared/ports/records.ts';

/**
 * Plans the erasure of a user and of the tenants whose only member the user is. `mustStayIn` lists the tenants that the
 * user owns and that have other members.
 */
export async function planForUser(
  userId: string,
  records: Records,
): Promise<ErasurePlan | 'USER_NOT_FOUND' | { readonly mustStayIn: readonly string[] }> {
  if (!(await records.get(USERS, userId))) return 'USER_NOT_FOUND';
  const searchedIds: string[] = [];
  const goingIds: string[] = [];
  const mustStayIn: string[] = [];
  for await (const { tenantId, role } of eachDocument(records, MEMBERSHIPS_OF_USER, { userId })) {
    if (role !== 'owner') searchedIds.push(tenantId);
    else if (await hasOneMember(tenantId, records)) goingIds.push(tenantId);
    else mustStayIn.push(tenantId);
  }
  return mustStayIn.length > 0 ? { mustStayIn } : { userId, searchedIds, goingIds };
}

/** Plans the erasure of a tenant. Its members keep their user accounts. */
export function planForTenant(tenantId: string): ErasurePlan {
  return { userId: null, searchedIds: [], goingIds: [tenantId] };
}

async function hasOneMember(tenantId: string, records: Records): Promise<boolean> {
  const { documents } = await records.query(MEMBERS_OF_TENANT, { tenantId }, { limit: 2 });
  return documents.length < 2;
}
