import type { Access } from '../domain/access-token.ts';
import type { Role } from '../domain/authorization.ts';
import type { SignIn } from '../domain/sign-in.ts';
import { endMembership, membershipId, type User } from '../domain/users.ts';
import { FORMER_MEMBERSHIPS, MEMBERSHIPS, SIGN_INS, USERS } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import { eachDocument } from '../ports/each-document.ts';
import { MEMBERSHIPS_OF_USER } from '../ports/queries.ts';
import type { Records } from '../ports/records.ts';
import { barUser, unbarUser } from './bars.ts';

/**
 * Removes a user from a tenant. Their access tokens still name it for a while, so they are barred from its seats first:
 * if the seat store is unavailable, they stay a member, and the next sweep bars them. An owner cannot be removed.
 */
export async function removeMember(
  tenantId: string,
  userId: string,
  deps: Pick<Deps, 'records' | 'seatMaintenance' | 'clock'>,
): Promise<'REMOVED' | 'OWNER'> {
  await barUser(tenantId, userId, deps);
  const id = membershipId(tenantId, userId);
  const removed = await deps.records.transact(async (transaction) => {
    const membership = await transaction.get(MEMBERSHIPS, id);
    if (membership?.role === 'owner') return 'OWNER';
    const former = membership && (await transaction.get(FORMER_MEMBERSHIPS, id));
    if (membership)
      transaction.set(FORMER_MEMBERSHIPS, id, endMembership(membership, former, deps.clock.nowMs()));
    transaction.delete(MEMBERSHIPS, id);
    return 'REMOVED';
  });
  if (removed === 'OWNER') await unbarUser(tenantId, userId, deps);
  return removed;
}

/** The user's role in each of their tenants. */
export async function tenantsOf(records: Records, userId: string): Promise<Record<string, Role>> {
  const memberships = await Array.fromAsync(eachDocument(records, MEMBERSHIPS_OF_USER, { userId }));
  return Object.fromEntries(memberships.map(({ tenantId, role }) => [tenantId, role]));
}

/**
 * The user of an access token, as currently stored; `undefined` if the sign-in was revoked, or the user was erased or is
 * being erased.
 */
export async function readPerson(
  records: Records,
  { userId, signInId }: Access,
): Promise<{ user: User; signIn: SignIn; tenants: Record<string, Role> } | undefined> {
  const [user, signIn, tenants] = await Promise.all([
    records.get(USERS, userId),
    records.get(SIGN_INS, signInId),
    tenantsOf(records, userId),
  ]);
  const isLive = user?.erasureId === null && signIn?.revoked === null;
  return user && signIn && isLive ? { user, signIn, tenants } : undefined;
}
