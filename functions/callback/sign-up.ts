import { MAX_TENANTS } from '../../shared/domain/access-token.ts';
import type { Role } from '../../shared/domain/authorization.ts';
import { newPersonalId, newTenantId } from '../../shared/domain/ids.ts';
import { hasAddress, withAddress, withoutAddress } from '../../shared/domain/person.ts';
import {
  type Invitation,
  membershipId,
  newTenant,
  refuseJoining,
  type Tenant,
  type User,
} from '../../shared/domain/users.ts';
import {
  ACCOUNTS,
  DOMAIN_CLAIMS,
  INVITATIONS,
  MEMBERSHIPS,
  TENANTS,
  USERS,
} from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { INVITATIONS_FOR_EMAIL, MEMBERSHIPS_OF_USER, USERS_BY_EMAIL } from '../../shared/ports/queries.ts';
import type { Transaction } from '../../shared/ports/records.ts';
import type { SignedInUser } from '../../shared/ports/sign-in.ts';
import { unbarUser } from '../../shared/use-cases/bars.ts';

interface Joining {
  readonly tenant: Tenant;
  readonly role: Role;
}

/**
 * Returns the id of the user who signed in, and creates the user at the first sign-in. Every sign-in accepts the open
 * invitations to the verified e-mail address. A new user without an invitation joins the tenant that has claimed their
 * domain, or gets a tenant of their own. Returns `undefined` for a user who is being erased.
 */
export async function signUp(person: SignedInUser, deps: Deps): Promise<string | undefined> {
  const { records, clock } = deps;
  const accountId = deps.pseudonymOf('account', `google ${person.subject}`);
  const nowMs = clock.nowMs();
  const [invited, tenantsLeft, withSameAddress] = await Promise.all([
    Array.fromAsync(eachDocument(records, INVITATIONS_FOR_EMAIL, { email: person.email })),
    tenantsLeftFor(accountId, deps),
    Array.fromAsync(eachDocument(records, USERS_BY_EMAIL, { email: person.email })),
  ]);

  const { userId, joined } = await records.transact(async (transaction) => {
    const account = await transaction.get(ACCOUNTS, accountId);
    const known = account && (await transaction.get(USERS, account.userId));
    if (known && known.erasureId !== null) return { userId: undefined, joined: [] };
    const user: User = {
      ...known,
      userId: known?.userId ?? newPersonalId('usr'),
      email: person.email,
      addresses: [...withAddress(known?.addresses ?? [], person.email, nowMs)],
      name: person.name,
      hostedDomain: person.hostedDomain,
      accountId,
      createdAtMs: known?.createdAtMs ?? nowMs,
      lastSignInAtMs: nowMs,
      erasureId: null,
    };
    const invitations = await readInvitations(invited, transaction, nowMs);
    const joinable = await joinableTenants(user, invitations, known === undefined, transaction, deps);
    const joined = await withoutJoined(user.userId, joinable.slice(0, tenantsLeft), transaction);
    const losing = await readLosers(withSameAddress, user, transaction);

    transaction.set(ACCOUNTS, accountId, { ...account, userId: user.userId });
    transaction.set(USERS, user.userId, user);
    for (const other of losing) {
      const addresses = withoutAddress(other.addresses, nowMs);
      transaction.set(USERS, other.userId, { ...other, addresses });
    }
    for (const { invitationId } of invitations.slice(0, tenantsLeft))
      transaction.delete(INVITATIONS, invitationId);
    for (const { tenant, role } of joined) join(transaction, user.userId, tenant, role, nowMs);
    return { userId: user.userId, joined };
  });
  // A member who was removed a moment ago is still barred from seats. The bar ends when they join again.
  if (userId !== undefined) for (const { tenant } of joined) await unbarUser(tenant.tenantId, userId, deps);
  return userId;
}

/** The other users who had the user's address until now: the provider gives an address to one account at a time. */
async function readLosers(
  withSameAddress: readonly User[],
  { userId, email }: User,
  transaction: Transaction,
): Promise<User[]> {
  const others = withSameAddress.filter((other) => other.userId !== userId);
  const found = await Promise.all(others.map((other) => transaction.get(USERS, other.userId)));
  return found.flatMap((other) => (other && hasAddress(other.addresses, email) ? [other] : []));
}

/** How many more tenants the user can join. */
async function tenantsLeftFor(accountId: string, { records }: Deps): Promise<number> {
  const account = await records.get(ACCOUNTS, accountId);
  if (!account) return MAX_TENANTS;
  const { userId } = account;
  const held = await Array.fromAsync(eachDocument(records, MEMBERSHIPS_OF_USER, { userId }));
  return Math.max(0, MAX_TENANTS - held.length);
}

/** The listed invitations that still exist and have not expired. */
async function readInvitations(
  listed: readonly Invitation[],
  transaction: Transaction,
  nowMs: number,
): Promise<Invitation[]> {
  const found = await Promise.all(
    listed.map(({ invitationId }) => transaction.get(INVITATIONS, invitationId)),
  );
  return found.flatMap((invitation) => (invitation && nowMs < invitation.expiresAtMs ? [invitation] : []));
}

async function joinableTenants(
  user: User,
  invitations: readonly Invitation[],
  isNew: boolean,
  transaction: Transaction,
  { shards, clock }: Deps,
): Promise<Joining[]> {
  const { hostedDomain, userId } = user;
  const joinable: Joining[] = [];
  for (const { tenantId, role } of invitations) {
    const tenant = await transaction.get(TENANTS, tenantId);
    if (!tenant || refuseJoining(tenant, user)) continue;
    // A tenant has only one owner. The owner may have joined since this user was invited.
    joinable.push({ tenant, role: role === 'owner' && tenant.ownerId !== null ? 'admin' : role });
  }
  if (!isNew || joinable.length > 0) return joinable;
  const claim = hostedDomain === null ? undefined : await transaction.get(DOMAIN_CLAIMS, hostedDomain);
  const ofDomain = claim && (await transaction.get(TENANTS, claim.tenantId));
  if (ofDomain && !refuseJoining(ofDomain, user)) return [{ tenant: ofDomain, role: 'member' }];
  const tenantId = newTenantId(shards);
  const tenant = newTenant(tenantId, hostedDomain ?? tenantId, userId, clock.nowMs());
  return [{ tenant, role: 'owner' }];
}

async function withoutJoined(
  userId: string,
  joinable: readonly Joining[],
  transaction: Transaction,
): Promise<Joining[]> {
  const memberships = await Promise.all(
    joinable.map(({ tenant }) => transaction.get(MEMBERSHIPS, membershipId(tenant.tenantId, userId))),
  );
  return joinable.filter((_, i) => memberships[i] === undefined);
}

function join(transaction: Transaction, userId: string, tenant: Tenant, role: Role, nowMs: number): void {
  const { tenantId } = tenant;
  if (role === 'owner') transaction.set(TENANTS, tenantId, { ...tenant, ownerId: userId });
  const membership = { tenantId, userId, role, joinedAtMs: nowMs };
  transaction.set(MEMBERSHIPS, membershipId(tenantId, userId), membership);
}
