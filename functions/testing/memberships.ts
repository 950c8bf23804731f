import type { Role } from '../../shared/domain/authorization.ts';
import { endMembership, membershipId, refuseJoining } from '../../shared/domain/users.ts';
import { FORMER_MEMBERSHIPS, MEMBERSHIPS, TENANTS, USERS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';

/** Membership changes as single transactions, by the rules that the endpoints follow, without offers and rate limits. */

/** Adds a member, or returns why not. */
export function addMember(
  tenantId: string,
  userId: string,
  role: Role,
  { records, clock }: Deps,
): Promise<string | undefined> {
  return records.transact(async (transaction) => {
    const tenant = await transaction.get(TENANTS, tenantId);
    const problem = tenant && refuseJoining(tenant, await transaction.get(USERS, userId));
    if (!tenant || problem) return problem ?? 'TENANT_NOT_FOUND';
    const id = membershipId(tenantId, userId);
    if (await transaction.get(MEMBERSHIPS, id)) return 'MEMBER';
    const membership = { tenantId, userId, role, joinedAtMs: clock.nowMs() };
    transaction.set(MEMBERSHIPS, id, membership);
    return undefined;
  });
}

/** Makes a member the owner, and the owner an admin, or returns why not. */
export function handOver(
  tenantId: string,
  userId: string,
  { records }: Pick<Deps, 'records'>,
): Promise<string | undefined> {
  return records.transact(async (transaction) => {
    const tenant = await transaction.get(TENANTS, tenantId);
    const problem = tenant && refuseJoining(tenant, await transaction.get(USERS, userId));
    const successor = await transaction.get(MEMBERSHIPS, membershipId(tenantId, userId));
    const owner =
      tenant?.ownerId == null
        ? undefined
        : await transaction.get(MEMBERSHIPS, membershipId(tenantId, tenant.ownerId));
    if (!tenant || problem || !successor || successor.role === 'owner') return problem ?? 'NO_MEMBER';
    transaction.set(TENANTS, tenantId, { ...tenant, ownerId: userId });
    transaction.set(MEMBERSHIPS, membershipId(tenantId, userId), { ...successor, role: 'owner' });
    if (owner)
      transaction.set(MEMBERSHIPS, membershipId(tenantId, owner.userId), { ...owner, role: 'admin' });
    return undefined;
  });
}

/** Removes a member who is not the owner. */
export function leave(tenantId: string, userId: string, { records, clock }: Deps): Promise<void> {
  return records.transact(async (transaction) => {
    const id = membershipId(tenantId, userId);
    const membership = await transaction.get(MEMBERSHIPS, id);
    if (!membership || membership.role === 'owner') return;
    const former = await transaction.get(FORMER_MEMBERSHIPS, id);
    transaction.set(FORMER_MEMBERSHIPS, id, endMembership(membership, former, clock.nowMs()));
    transaction.delete(MEMBERSHIPS, id);
  });
}
