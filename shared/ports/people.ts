import type { Access } from '../domain/access-token.ts';
import type { Role } from '../domain/authorization.ts';
import type { User } from '../domain/people.ts';
import type { SignIn } from '../domain/sign-in.ts';
import { MEMBERSHIPS_OF_USER, SIGN_INS, USERS } from './catalogue.ts';
import { walk } from './each-document.ts';
import type { Records } from './records.ts';

/** The role of a person in each of their tenants. */
export async function tenantsOf(records: Records, userId: string): Promise<Record<string, Role>> {
  const memberships = await Array.fromAsync(walk(records, MEMBERSHIPS_OF_USER, { userId }));
  return Object.fromEntries(memberships.map(({ tenantId, role }) => [tenantId, role]));
}

/** The person that an access token was made for, as the records know them now; `undefined` where they are signed out. */
export async function readPerson(
  records: Records,
  { userId, signInId }: Access,
): Promise<{ user: User; signIn: SignIn; tenants: Record<string, Role> } | undefined> {
  const [user, signIn, tenants] = await Promise.all([
    records.get(USERS, userId),
    records.get(SIGN_INS, signInId),
    tenantsOf(records, userId),
  ]);
  return user && signIn?.revoked === null ? { user, signIn, tenants } : undefined;
}
