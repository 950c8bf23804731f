import * as z from 'zod/mini';
import { ROLES, type Role } from './authorization.ts';

/** A person who has signed in. E-mail address and name are kept here and nowhere else, but for open invitations. */
export const UserSchema = z.object({
  userId: z.string(),
  /** Lower case. */
  email: z.string(),
  name: z.string(),
  /** The Google Workspace domain that vouches for the account; `null` for one that belongs to nobody else. */
  hostedDomain: z.nullable(z.string()),
  /** The account at the provider, as `AccountSchema` knows it. */
  accountId: z.string(),
  createdAtMs: z.int(),
  lastSignInAtMs: z.int(),
});
export type User = z.infer<typeof UserSchema>;

/** Which user an account of the sign-in provider is. Its id is a pseudonym of the account. */
export const AccountSchema = z.object({ userId: z.string() });
export type Account = z.infer<typeof AccountSchema>;

/** A customer: whoever buys licenses, one person or a company. */
export const TenantSchema = z.object({
  tenantId: z.string(),
  name: z.string(),
  createdAtMs: z.int(),
  /** Tenants made by an operator have none until the first owner comes. */
  ownerId: z._default(z.nullable(z.string()), null),
  /** People of this Google Workspace domain join when they first sign in. */
  joinDomain: z._default(z.nullable(z.string()), null),
  /** When its owner had it erased: it takes in nobody, and its licenses stay suspended. */
  closedAtMs: z._default(z.nullable(z.int()), null),
});
export type Tenant = z.infer<typeof TenantSchema>;

export function newTenant(tenantId: string, name: string, ownerId: string | null, nowMs: number): Tenant {
  return { tenantId, name, createdAtMs: nowMs, ownerId, joinDomain: null, closedAtMs: null };
}

export const MembershipSchema = z.object({
  tenantId: z.string(),
  userId: z.string(),
  role: z.enum(ROLES),
  joinedAtMs: z.int(),
});
export type Membership = z.infer<typeof MembershipSchema>;

export function membershipId(tenantId: string, userId: string): string {
  return `${tenantId}:${userId}`;
}

/** Good for two weeks: long enough for a holiday. */
export const INVITATION_SECONDS = 14 * 24 * 3600;

export const InvitationSchema = z.object({
  invitationId: z.string(),
  tenantId: z.string(),
  /** Whom it is for: whoever signs in with this verified address, lower case. */
  email: z.string(),
  role: z.enum(ROLES),
  invitedAtMs: z.int(),
  expiresAtMs: z.int(),
});
export type Invitation = z.infer<typeof InvitationSchema>;

/** That the people of a Google Workspace domain join a tenant when they first sign in. By domain: only one tenant can. */
export const DomainClaimSchema = z.object({ domain: z.string(), tenantId: z.string() });
export type DomainClaim = z.infer<typeof DomainClaimSchema>;

/** Who counts as an operator, as the vendor says. */
export interface OperatorRule {
  /** Lower case. */
  readonly emails: readonly string[];
  readonly domain?: string | undefined;
}

/** A working day: so long after signing in somebody can act as operator. Then the provider is asked again who they are. */
const OPERATOR_SECONDS = 12 * 3600;

/** Whether somebody who signed in at `signedInAtMs` counts as an operator now. */
export function isOperator(
  { email, hostedDomain }: Pick<User, 'email' | 'hostedDomain'>,
  signedInAtMs: number,
  rule: OperatorRule,
  nowMs: number,
): boolean {
  if (nowMs >= signedInAtMs + OPERATOR_SECONDS * 1000) return false;
  return rule.emails.includes(email) || (rule.domain !== undefined && hostedDomain === rule.domain);
}

/** What a member may make of another member: nobody touches the owner, and nobody is given more than one has. */
export function mayAppoint(own: Role | undefined, current: Role | undefined, wanted: Role): boolean {
  if (current === 'owner' || wanted === 'owner') return false;
  return own !== undefined && ROLES.indexOf(wanted) <= ROLES.indexOf(own);
}
