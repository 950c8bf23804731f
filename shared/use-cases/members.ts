import { type Access, MAX_TENANTS } from '../domain/access-token.ts';
import type { By } from '../domain/actor.ts';
import { ROLES, type Role } from '../domain/authorization.ts';
import { addressListId, type OpenInvitations } from '../domain/open-invitations.ts';
import type { SignIn } from '../domain/sign-in.ts';
import { endMembership, isOfferedByOperator, membershipId, type Tenant, type User } from '../domain/users.ts';
import {
  FORMER_MEMBERSHIPS,
  MEMBERSHIPS,
  OPEN_INVITATIONS,
  SIGN_INS,
  TENANTS,
  USERS,
} from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import { eachDocument } from '../ports/each-document.ts';
import { MEMBERSHIPS_OF_USER } from '../ports/queries.ts';
import type { Records, Transaction } from '../ports/records.ts';
import { barUser, unbarUser } from './bars.ts';
import { endInvitations } from './end-invitations.ts';
import { recordEvent } from './record-event.ts';

/** A user who is about to join a tenant: read with `readJoiner` in the transaction that adds them. */
export interface Joiner {
  readonly user: User;
  /** The tenants that the user is a member of now. */
  readonly tenantIds: readonly string[];
}

/** Reads what limits how many tenants a user can join: concurrent transactions that add memberships conflict on it. */
export async function readJoiner(user: User, transaction: Transaction): Promise<Joiner> {
  const { userId, tenantIds } = user;
  const found = await Promise.all(
    tenantIds.map((tenantId) => transaction.get(MEMBERSHIPS, membershipId(tenantId, userId))),
  );
  return { user, tenantIds: tenantIds.filter((_, i) => found[i] !== undefined) };
}

export function hasTooManyTenants({ tenantIds }: Joiner): boolean {
  return tenantIds.length >= MAX_TENANTS;
}

/** Makes a user a member of a tenant, or its owner. The caller has checked `refuseJoining` and the limit of tenants. */
export function addMember(
  transaction: Transaction,
  { tenant, joiner, role }: { readonly tenant: Tenant; readonly joiner: Joiner; readonly role: Role },
  by: By,
  nowMs: number,
): void {
  const { tenantId } = tenant;
  const { user, tenantIds } = joiner;
  const { userId } = user;
  if (role === 'owner') transaction.set(TENANTS, tenantId, { ...tenant, ownerId: userId });
  transaction.set(USERS, userId, { ...user, tenantIds: [...tenantIds, tenantId] });
  transaction.set(MEMBERSHIPS, membershipId(tenantId, userId), { tenantId, userId, role, joinedAtMs: nowMs });
  recordEvent(transaction, { type: 'member.joined', tenantId, subject: userId, by, detail: { role } }, nowMs);
}

type MemberDeps = Pick<Deps, 'records' | 'seatMaintenance' | 'clock' | 'pseudonymOf'>;

/**
 * Removes a user from a tenant, with the invitations by and for them, and an offer of the ownership to them. Their access
 * tokens still name the tenant for a while, so they are barred from its seats first: if the seat store is unavailable,
 * they stay a member, and the next sweep bars them. An owner cannot be removed, nor, by others than operators, a member to
 * whom an operator offers the ownership.
 */
export async function removeMember(
  tenantId: string,
  userId: string,
  by: By,
  deps: MemberDeps,
): Promise<'REMOVED' | 'OWNER' | 'FORBIDDEN'> {
  const id = membershipId(tenantId, userId);
  // For no other id: else an admin could fill the records and the seat store with bars of users who do not exist.
  const isMember = (await deps.records.get(MEMBERSHIPS, id)) !== undefined;
  if (isMember) await barUser(tenantId, userId, deps);
  const removed = await deps.records.transact(async (transaction) => {
    const nowMs = deps.clock.nowMs();
    const membership = await transaction.get(MEMBERSHIPS, id);
    const former = await transaction.get(FORMER_MEMBERSHIPS, id);
    const offers = await readOffersOf(tenantId, userId, transaction, deps);
    if (membership && !isMember) return 'JOINED';
    if (membership?.role === 'owner') return 'OWNER';
    const { tenant } = offers;
    const isByOther = by.actor.kind !== 'operator' && by.actor.id !== userId;
    if (isByOther && tenant?.transfer?.userId === userId && isOfferedByOperator(tenant, nowMs))
      return 'FORBIDDEN';
    withdrawOffers(offers, by, nowMs, transaction);
    if (membership) transaction.set(FORMER_MEMBERSHIPS, id, endMembership(membership, former, nowMs));
    transaction.delete(MEMBERSHIPS, id);
    if (membership) {
      const { role } = membership;
      const detail = { previousRole: role };
      recordEvent(transaction, { type: 'member.removed', tenantId, subject: userId, by, detail }, nowMs);
    }
    return 'REMOVED';
  });
  if (removed === 'JOINED') return removeMember(tenantId, userId, by, deps);
  if (removed !== 'REMOVED') await unbarUser(tenantId, userId, deps);
  return removed;
}

/**
 * Withdraws the invitations by a user, and an offer of the ownership to them. For an erasure: it deletes the membership
 * and the invitations for the user later.
 */
export function withdrawOffersOf(
  tenantId: string,
  userId: string,
  by: By,
  deps: Pick<Deps, 'records' | 'clock' | 'pseudonymOf'>,
): Promise<void> {
  return deps.records.transact(async (transaction) => {
    const offers = await readOffersOf(tenantId, userId, transaction, deps);
    withdrawOffers({ ...offers, ownIds: [] }, by, deps.clock.nowMs(), transaction);
  });
}

interface OffersOf {
  readonly tenantId: string;
  readonly userId: string;
  readonly tenant: Tenant | undefined;
  readonly list: OpenInvitations | undefined;
  /** The invitations for the addresses that the user has now, of all tenants. */
  readonly ownIds: readonly string[];
}

async function readOffersOf(
  tenantId: string,
  userId: string,
  transaction: Transaction,
  { pseudonymOf }: Pick<Deps, 'pseudonymOf'>,
): Promise<OffersOf> {
  const [tenant, user, list] = await Promise.all([
    transaction.get(TENANTS, tenantId),
    transaction.get(USERS, userId),
    transaction.get(OPEN_INVITATIONS, tenantId),
  ]);
  const own = user?.addresses.filter(({ untilMs }) => untilMs === null) ?? [];
  const ownLists = await Promise.all(
    own.map(({ email }) => transaction.get(OPEN_INVITATIONS, addressListId(email, pseudonymOf))),
  );
  const ownIds = ownLists
    .flatMap((ofAddress) => ofAddress?.invitations ?? [])
    .map(({ invitationId }) => invitationId);
  return { tenantId, userId, tenant, list, ownIds };
}

function withdrawOffers(
  { tenantId, userId, tenant, list, ownIds }: OffersOf,
  by: By,
  nowMs: number,
  transaction: Transaction,
): void {
  const isEnded = ({ invitationId, invitedBy }: OpenInvitations['invitations'][number]) =>
    invitedBy === userId || ownIds.includes(invitationId);
  withdrawThose(isEnded, { tenantId, list, by, nowMs }, transaction);
  if (tenant?.transfer?.userId !== userId) return;
  transaction.set(TENANTS, tenantId, { ...tenant, transfer: null });
  recordEvent(transaction, { type: 'ownership.withdrawn', tenantId, subject: userId, by }, nowMs);
}

/** Makes a member an admin, or an admin a member. Invitations by a member who can no longer invite end. */
export function changeRole(
  tenantId: string,
  userId: string,
  role: Exclude<Role, 'owner'>,
  by: By,
  { records, clock }: Pick<Deps, 'records' | 'clock'>,
): Promise<'CHANGED' | 'USER_NOT_FOUND' | 'OWNER_MUST_STAY'> {
  const id = membershipId(tenantId, userId);
  return records.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const membership = await transaction.get(MEMBERSHIPS, id);
    const list = await transaction.get(OPEN_INVITATIONS, tenantId);
    if (!membership) return 'USER_NOT_FOUND';
    const previousRole = membership.role;
    if (previousRole === 'owner') return 'OWNER_MUST_STAY';
    if (previousRole === role) return 'CHANGED';
    if (ROLES.indexOf(role) < ROLES.indexOf(previousRole))
      withdrawThose(({ invitedBy }) => invitedBy === userId, { tenantId, list, by, nowMs }, transaction);
    transaction.set(MEMBERSHIPS, id, { ...membership, role });
    const detail = { role, previousRole };
    recordEvent(transaction, { type: 'member.role_changed', tenantId, subject: userId, by, detail }, nowMs);
    return 'CHANGED';
  });
}

interface Withdrawal {
  readonly tenantId: string;
  /** The tenant's open invitations. */
  readonly list: OpenInvitations | undefined;
  readonly by: By;
  readonly nowMs: number;
}

function withdrawThose(
  isEnded: (invitation: OpenInvitations['invitations'][number]) => boolean,
  { tenantId, list, by, nowMs }: Withdrawal,
  transaction: Transaction,
): void {
  const invitations = list?.invitations.filter(isEnded) ?? [];
  if (!list || invitations.length === 0) return;
  const ended = { type: 'invitation.withdrawn', tenantId, invitations, lists: [list] } as const;
  endInvitations(transaction, ended, by, nowMs);
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
