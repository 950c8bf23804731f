import { VENDOR } from '../../shared/domain/audit-event.ts';
import { newPersonalId, newTenantId } from '../../shared/domain/ids.ts';
import { hasAddress, withAddress, withoutAddress } from '../../shared/domain/person.ts';
import { isClosing, newTenant, type Tenant, type User } from '../../shared/domain/users.ts';
import { ACCOUNTS, DOMAIN_CLAIMS, TENANTS, USERS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { USERS_BY_EMAIL } from '../../shared/ports/queries.ts';
import type { Transaction } from '../../shared/ports/records.ts';
import type { SignedInUser } from '../../shared/ports/sign-in.ts';
import { addMember } from '../../shared/use-cases/members.ts';
import { recordEvent } from '../../shared/use-cases/record-event.ts';

/**
 * Returns the id of the user who signed in, and creates the user at the first sign-in. A new user joins the tenant that
 * has proved that the user's Workspace domain is its own, or gets a tenant of their own. Invitations are not read: they
 * decide nothing until the user accepts one. Returns `undefined` for a user who is being erased.
 */
export async function signUp(
  person: SignedInUser,
  requestId: string | undefined,
  deps: Deps,
): Promise<string | undefined> {
  const { records, clock } = deps;
  const { email, name, hostedDomain } = person;
  const accountId = deps.pseudonymOf('account', `${person.issuer} ${person.subject}`);
  const withSameAddress = await Array.fromAsync(eachDocument(records, USERS_BY_EMAIL, { email }));
  return records.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const account = await transaction.get(ACCOUNTS, accountId);
    const known = account && (await transaction.get(USERS, account.userId));
    if (known && known.erasureId !== null) return undefined;
    const losing = await readLosers(withSameAddress, accountId, email, transaction);
    const addresses = [...withAddress(known?.addresses ?? [], email, nowMs)];
    const given = { email, addresses, name, hostedDomain, accountId, lastSignInAtMs: nowMs };
    const loseAddress = () => {
      for (const other of losing)
        transaction.set(USERS, other.userId, { ...other, addresses: withoutAddress(other.addresses, nowMs) });
    };
    if (known) {
      loseAddress();
      transaction.set(USERS, known.userId, { ...known, ...given });
      return known.userId;
    }
    const userId = newPersonalId('usr');
    const user: User = { ...given, userId, createdAtMs: nowMs, erasureId: null, tenantIds: [] };
    const ofDomain = await tenantOfDomain(hostedDomain, transaction);
    const by = { actor: { kind: 'user', id: userId }, requestId } as const;
    loseAddress();
    transaction.set(ACCOUNTS, accountId, { ...account, userId });
    recordEvent(transaction, { type: 'user.created', tenantId: VENDOR, subject: userId, by }, nowMs);
    const joiner = { user, tenantIds: [] };
    if (ofDomain) {
      addMember(transaction, { tenant: ofDomain, joiner, role: 'member' }, by, nowMs);
      return userId;
    }
    const tenantId = newTenantId(deps.shards);
    const tenant = newTenant(tenantId, hostedDomain ?? tenantId, userId, nowMs);
    recordEvent(transaction, { type: 'tenant.created', tenantId, by }, nowMs);
    addMember(transaction, { tenant, joiner, role: 'owner' }, by, nowMs);
    return userId;
  });
}

/** The other users who had the address until now: the provider gives an address to one account at a time. */
async function readLosers(
  withSameAddress: readonly User[],
  accountId: string,
  email: string,
  transaction: Transaction,
): Promise<User[]> {
  const others = withSameAddress.filter((other) => other.accountId !== accountId);
  const found = await Promise.all(others.map((other) => transaction.get(USERS, other.userId)));
  return found.flatMap((other) => (other && hasAddress(other.addresses, email) ? [other] : []));
}

/** The open tenant that has proved the domain. */
async function tenantOfDomain(
  hostedDomain: string | null,
  transaction: Transaction,
): Promise<Tenant | undefined> {
  const claim = hostedDomain === null ? undefined : await transaction.get(DOMAIN_CLAIMS, hostedDomain);
  const tenant = claim && (await transaction.get(TENANTS, claim.tenantId));
  return tenant && !isClosing(tenant) ? tenant : undefined;
}
