import * as z from 'zod/mini';
import { ROLES, type Role } from './authorization.ts';
import { AddressPeriodSchema, hasAddress } from './person.ts';

/** A user who has signed in. E-mail address and name are stored only here; open invitations hold an address too. */
export const UserSchema = z.object({
  userId: z.string(),
  /** As the provider last reported it, lower case. */
  email: z.string(),
  /** All addresses that the account had, oldest first: sessions and invitations of each are found by it. */
  addresses: z.array(AddressPeriodSchema),
  name: z.string(),
  /** The Google Workspace domain that manages the account; `null` for a personal account. */
  hostedDomain: z.nullable(z.string()),
  /** Id of the account at the provider: the key of an `Account`. */
  accountId: z.string(),
  createdAtMs: z.int(),
  lastSignInAtMs: z.int(),
  /** The erasure that deletes this user; `null` if none has begun. */
  erasureId: z._default(z.nullable(z.string()), null),
  /** The tenants that the user has joined; they may have left some of them. */
  tenantIds: z._default(z.array(z.string()), []),
});
export type User = z.infer<typeof UserSchema>;

/**
 * Whether the user exists, and no erasure of them has begun. Read in the transaction that stores something of theirs: an
 * erasure marks its user before it deletes what it finds, so nothing can be added that it does not see.
 */
export function isLiving(user: Pick<User, 'erasureId'> | undefined): boolean {
  return user?.erasureId === null;
}

/** The user of an account at the sign-in provider. Its id is a pseudonym of the account. */
export const AccountSchema = z.object({ userId: z.string() });
export type Account = z.infer<typeof AccountSchema>;

/** Invitations and offers of ownership are valid for two weeks: long enough for a holiday. */
export const OFFER_SECONDS = 14 * 24 * 3600;

/** An offer of the ownership to a member. Until they accept it, nothing changes. */
export const TransferSchema = z.object({
  userId: z.string(),
  /** See `isOfferedByOperator`. */
  offeredBy: z.enum(['owner', 'operator']),
  offeredAtMs: z.int(),
  expiresAtMs: z.int(),
});
export type Transfer = z.infer<typeof TransferSchema>;

/** A domain that a tenant has claimed and not proved yet. It decides nothing, and does not keep others from claiming it. */
export const PendingDomainSchema = z.object({
  domain: z.string(),
  /** What a TXT record of the domain must have, to prove the claim. */
  token: z.string(),
  claimedAtMs: z.int(),
});
export type PendingDomain = z.infer<typeof PendingDomainSchema>;

/** A customer, who buys licenses: one user or a company. */
export const TenantSchema = z.object({
  tenantId: z.string(),
  name: z.string(),
  createdAtMs: z.int(),
  /** `null` for a tenant that an operator created, until its first owner joins. */
  ownerId: z._default(z.nullable(z.string()), null),
  /** Users of this Google Workspace domain join when they first sign in: the tenant has proved that the domain is its own. */
  joinDomain: z._default(z.nullable(z.string()), null),
  pendingDomain: z._default(z.nullable(PendingDomainSchema), null),
  transfer: z._default(z.nullable(TransferSchema), null),
  /** When its owner had the tenant erased: no one can join it, and its licenses stay suspended. */
  closedAtMs: z._default(z.nullable(z.int()), null),
  /** The erasure that is about to close the tenant; `null` if none has begun, and once it is closed. */
  erasureId: z._default(z.nullable(z.string()), null),
});
export type Tenant = z.infer<typeof TenantSchema>;

export function newTenant(tenantId: string, name: string, ownerId: string | null, nowMs: number): Tenant {
  return {
    tenantId,
    name,
    createdAtMs: nowMs,
    ownerId,
    joinDomain: null,
    pendingDomain: null,
    transfer: null,
    closedAtMs: null,
    erasureId: null,
  };
}

/**
 * Why a user cannot become a member or the owner of a tenant; `undefined` if they can. Read both in the transaction that
 * writes the membership: an erasure marks its user and its tenants before it reads their memberships, so none can be
 * added that it does not see. `USER_NOT_FOUND`: the user does not exist, or is being erased.
 */
export function refuseJoining(
  tenant: Pick<Tenant, 'closedAtMs' | 'erasureId'>,
  user: Pick<User, 'erasureId'> | undefined,
): 'TENANT_CLOSED' | 'USER_NOT_FOUND' | undefined {
  if (isClosing(tenant)) return 'TENANT_CLOSED';
  return isLiving(user) ? undefined : 'USER_NOT_FOUND';
}

/**
 * Whether an offer of the ownership by an operator is open. Only an operator and the member it was made to can end it: it
 * may have been made because of the owner.
 */
export function isOfferedByOperator({ transfer }: Pick<Tenant, 'transfer'>, nowMs: number): boolean {
  return transfer?.offeredBy === 'operator' && nowMs < transfer.expiresAtMs;
}

/** Whether the tenant was erased, or an erasure of it has begun. */
export function isClosing({ closedAtMs, erasureId }: Pick<Tenant, 'closedAtMs' | 'erasureId'>): boolean {
  return closedAtMs !== null || erasureId !== null;
}

export const MembershipSchema = z.object({
  tenantId: z.string(),
  userId: z.string(),
  role: z.enum(ROLES),
  joinedAtMs: z.int(),
});
export type Membership = z.infer<typeof MembershipSchema>;

/**
 * A membership that ended: the tenant's records and sessions can still have data of the user. Kept as long as the session
 * histories of that time. One for each user and tenant, from the first beginning to the last end.
 */
export const FormerMembershipSchema = z.object({
  tenantId: z.string(),
  userId: z.string(),
  fromMs: z.int(),
  untilMs: z.int(),
});
export type FormerMembership = z.infer<typeof FormerMembershipSchema>;

export function endMembership(
  { tenantId, userId, joinedAtMs }: Membership,
  earlier: FormerMembership | undefined,
  nowMs: number,
): FormerMembership {
  return { ...earlier, tenantId, userId, fromMs: earlier?.fromMs ?? joinedAtMs, untilMs: nowMs };
}

/** Also of a former membership. */
export function membershipId(tenantId: string, userId: string): string {
  return `${tenantId}:${userId}`;
}

/**
 * An offer to join a tenant. It decides nothing until the user accepts it. A tenant has one for an address: a new one
 * replaces the last. The id is random: the audit log keeps it, and nothing leads from it to an address once the invitation
 * is deleted.
 */
export const InvitationSchema = z.object({
  invitationId: z.string(),
  tenantId: z.string(),
  /** The verified e-mail address that the invited user must sign in with, lower case. */
  email: z.string(),
  role: z.enum(ROLES),
  /** The member who invited; `null` for an operator. */
  invitedBy: z._default(z.nullable(z.string()), null),
  invitedAtMs: z.int(),
  expiresAtMs: z.int(),
});
export type Invitation = z.infer<typeof InvitationSchema>;

/**
 * Lets users of a Google Workspace domain join a tenant when they first sign in. Stored by domain, so that only one
 * tenant has it, and only once the tenant has proved it.
 */
export const DomainClaimSchema = z.object({
  domain: z.string(),
  tenantId: z.string(),
  /** What a TXT record of the domain had; `null` if an operator approved the claim without. */
  token: z._default(z.nullable(z.string()), null),
});
export type DomainClaim = z.infer<typeof DomainClaimSchema>;

/** Who counts as an operator, as the vendor configured it. */
export interface OperatorRule {
  /** Lower case. */
  readonly emails: readonly string[];
  readonly domain?: string | undefined;
}

/** A working day: how long after signing in a user can act as operator. Then they must sign in again. */
const OPERATOR_SECONDS = 12 * 3600;

/** Whether a user who signed in at `signedInAtMs` is an operator now. An address that another account has by now does not count. */
export function isOperator(
  { email, addresses, hostedDomain }: Pick<User, 'email' | 'addresses' | 'hostedDomain'>,
  signedInAtMs: number,
  rule: OperatorRule,
  nowMs: number,
): boolean {
  if (nowMs >= signedInAtMs + OPERATOR_SECONDS * 1000) return false;
  const isNamed = rule.emails.includes(email) && hasAddress(addresses, email);
  return isNamed || (rule.domain !== undefined && hostedDomain === rule.domain);
}

/** Whether a member can give another member the role `wanted`: not above their own, and never to or from owner. */
export function mayAppoint(own: Role | undefined, current: Role | undefined, wanted: Role): boolean {
  if (current === 'owner' || wanted === 'owner') return false;
  return own !== undefined && ROLES.indexOf(wanted) <= ROLES.indexOf(own);
}
