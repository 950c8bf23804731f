import { type By, system } from '../domain/actor.ts';
import type { Role } from '../domain/authorization.ts';
import { newPersonalId } from '../domain/ids.ts';
import {
  addressListId,
  invitationInBoth,
  MAX_INVITATIONS_FOR_ADDRESS,
  MAX_INVITATIONS_OF_TENANT,
  type OpenInvitations,
  surplusFor,
  withInvitation,
  withoutInvitations,
} from '../domain/open-invitations.ts';
import { hasAddress } from '../domain/person.ts';
import {
  type Invitation,
  isClosing,
  mayAppoint,
  membershipId,
  OFFER_SECONDS,
  refuseJoining,
  type Tenant,
  type User,
} from '../domain/users.ts';
import { INVITATIONS, MEMBERSHIPS, OPEN_INVITATIONS, TENANTS, USERS } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import type { Transaction } from '../ports/records.ts';
import { unbarUser } from './bars.ts';
import { type EndedInvitations, endInvitations } from './end-invitations.ts';
import { addMember, hasTooManyTenants, readJoiner } from './members.ts';
import { recordEvent } from './record-event.ts';

type InvitationDeps = Pick<Deps, 'records' | 'clock' | 'pseudonymOf'>;

/**
 * Offers a user to join a tenant, in place of the tenant's earlier offer to that address. The right of `inviterId`
 * (`null`: an operator) and the limits are checked in the transaction.
 */
export function invite(
  { tenantId, email, role }: Pick<Invitation, 'tenantId' | 'email' | 'role'>,
  inviterId: string | null,
  by: By,
  { records, clock, pseudonymOf }: InvitationDeps,
): Promise<Invitation | 'TENANT_NOT_FOUND' | 'TENANT_CLOSED' | 'FORBIDDEN' | 'TOO_MANY_INVITATIONS'> {
  const addressId = addressListId(email, pseudonymOf);
  return records.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const [tenant, inviter, membership, ofTenant, forAddress] = await Promise.all([
      transaction.get(TENANTS, tenantId),
      inviterId === null ? undefined : transaction.get(USERS, inviterId),
      inviterId === null ? undefined : transaction.get(MEMBERSHIPS, membershipId(tenantId, inviterId)),
      transaction.get(OPEN_INVITATIONS, tenantId),
      transaction.get(OPEN_INVITATIONS, addressId),
    ]);
    const invitationId = invitationInBoth(ofTenant, forAddress, nowMs) ?? newPersonalId('inv');
    const known = await transaction.get(INVITATIONS, invitationId);
    if (!tenant) return 'TENANT_NOT_FOUND';
    if (isClosing(tenant)) return 'TENANT_CLOSED';
    const isStaying = inviterId === null || inviter?.erasureId === null;
    if (!isStaying || !mayInvite(tenant, inviterId === null ? 'operator' : membership?.role, role))
      return 'FORBIDDEN';
    const invitation: Invitation = {
      ...known,
      invitationId,
      tenantId,
      email,
      role,
      invitedBy: inviterId,
      invitedAtMs: nowMs,
      expiresAtMs: nowMs + OFFER_SECONDS * 1000,
    };
    const nextOfTenant = withInvitation(ofTenant, tenantId, invitation, nowMs);
    // Who invited is only in the tenant's list, which an erasure of that user finds.
    const ofAddress = { ...invitation, invitedBy: null };
    if (nextOfTenant.invitations.length > MAX_INVITATIONS_OF_TENANT) return 'TOO_MANY_INVITATIONS';
    let nextForAddress = withInvitation(forAddress, addressId, ofAddress, nowMs);
    if (nextForAddress.invitations.length > MAX_INVITATIONS_FOR_ADDRESS) {
      const left = await makeRoom(nextForAddress, invitation, by, transaction, nowMs);
      if (left === 'FULL') return 'TOO_MANY_INVITATIONS';
      nextForAddress = withInvitation(left, addressId, ofAddress, nowMs);
    }
    transaction.set(INVITATIONS, invitationId, invitation);
    transaction.set(OPEN_INVITATIONS, tenantId, nextOfTenant);
    transaction.set(OPEN_INVITATIONS, addressId, nextForAddress);
    const detail = { role };
    recordEvent(
      transaction,
      { type: 'invitation.created', tenantId, subject: invitationId, by, detail },
      nowMs,
    );
    return invitation;
  });
}

/** Nobody invites an owner, except operators to a tenant that has none. */
function mayInvite({ ownerId }: Tenant, inviter: Role | 'operator' | undefined, role: Role): boolean {
  return inviter === 'operator' ? role !== 'owner' || ownerId === null : mayAppoint(inviter, undefined, role);
}

/**
 * The full list of an address without the invitations that ended with their inviter's membership or their tenant. If there
 * are none, the one that makes room for the new one is withdrawn.
 */
async function makeRoom(
  list: OpenInvitations,
  added: Invitation,
  { requestId }: By,
  transaction: Transaction,
  nowMs: number,
): Promise<OpenInvitations | undefined | 'FULL'> {
  const { open, ended } = await readInvitations(withoutInvitations(list, [added]), transaction);
  if (ended.length > 0) return withoutInvitations(list, ended);
  const surplus = surplusFor(added.invitedBy, open);
  if (!surplus) return 'FULL';
  const { tenantId } = surplus;
  const ofTenant = await transaction.get(OPEN_INVITATIONS, tenantId);
  const lists = ofTenant ? [ofTenant] : [];
  const withdrawn = { type: 'invitation.withdrawn', tenantId, invitations: [surplus], lists } as const;
  // The inviter is not a member of the other tenant.
  endInvitations(transaction, withdrawn, { actor: system('tenants'), requestId }, nowMs);
  return withoutInvitations(list, [surplus]);
}

/** The invitations in the list of an address: those that are open, and those that ended with their inviter or tenant. */
export async function readInvitations(
  list: OpenInvitations | undefined,
  transaction: Pick<Transaction, 'get'>,
): Promise<{ readonly open: readonly Invitation[]; readonly ended: OpenInvitations['invitations'] }> {
  const invitations = list?.invitations ?? [];
  const found = await Promise.all(
    invitations.map(({ invitationId }) => transaction.get(INVITATIONS, invitationId)),
  );
  return {
    open: found.filter((invitation) => invitation !== undefined),
    ended: invitations.filter((_, i) => found[i] === undefined),
  };
}

/** An invitation as the invited user sees it. */
export interface Offer {
  readonly invitation: Invitation;
  readonly tenant: Tenant;
  /** `undefined` if an operator invited, or if the user is gone. */
  readonly inviter: User | undefined;
}

/** The open offers to a user, at most `MAX_INVITATIONS_FOR_ADDRESS`, newest first. */
export async function listOffers(
  user: User,
  { records, clock, pseudonymOf }: InvitationDeps,
): Promise<Offer[]> {
  const list = await records.get(OPEN_INVITATIONS, addressListId(user.email, pseudonymOf));
  const nowMs = clock.nowMs();
  const found = await Promise.all(
    (list?.invitations ?? []).map(async ({ invitationId }) => {
      const invitation = await records.get(INVITATIONS, invitationId);
      if (!invitation || !isFor(user, invitation, nowMs)) return [];
      const { tenantId, invitedBy } = invitation;
      const [tenant, inviter] = await Promise.all([
        records.get(TENANTS, tenantId),
        invitedBy === null ? undefined : records.get(USERS, invitedBy),
      ]);
      return tenant && !isClosing(tenant) ? [{ invitation, tenant, inviter }] : [];
    }),
  );
  return found.flat().toSorted((a, b) => b.invitation.invitedAtMs - a.invitation.invitedAtMs);
}

/** Whether the offer is open, and for the address that the user has now. Another account may have got it since. */
function isFor({ email, addresses }: User, invitation: Invitation, nowMs: number): boolean {
  return invitation.email === email && hasAddress(addresses, email) && nowMs < invitation.expiresAtMs;
}

/**
 * Makes the user a member by an offer that was made to their present address. Everything is looked at again in one
 * transaction. A member keeps their role: an owner never becomes a member by accepting.
 */
export async function acceptInvitation(
  invitationId: string,
  userId: string,
  by: By,
  deps: InvitationDeps & Pick<Deps, 'seatMaintenance'>,
): Promise<
  | { readonly tenantId: string; readonly role: Role }
  | 'INVITATION_NOT_FOUND'
  | 'TOO_MANY_TENANTS'
  | 'TENANT_HAS_OWNER'
> {
  const accepted = await deps.records.transact(async (transaction) => {
    const nowMs = deps.clock.nowMs();
    const found = await readOffer(invitationId, userId, transaction, deps);
    if (!found) return 'INVITATION_NOT_FOUND';
    const { invitation, user } = found;
    const { tenantId, role } = invitation;
    const tenant = await transaction.get(TENANTS, tenantId);
    const membership = await transaction.get(MEMBERSHIPS, membershipId(tenantId, userId));
    const joiner = await readJoiner(user, transaction);
    if (!tenant || refuseJoining(tenant, user)) return 'INVITATION_NOT_FOUND';
    if (!membership) {
      if (role === 'owner' && tenant.ownerId !== null) return 'TENANT_HAS_OWNER';
      if (hasTooManyTenants(joiner)) return 'TOO_MANY_TENANTS';
    }
    end(found, 'invitation.accepted', by, transaction, nowMs);
    if (membership) return { tenantId, role: membership.role };
    addMember(transaction, { tenant, joiner, role }, by, nowMs);
    return { tenantId, role };
  });
  // A member who was removed a moment ago is still barred from seats. The bar ends when they join again.
  if (typeof accepted === 'object') await unbarUser(accepted.tenantId, userId, deps);
  return accepted;
}

/** Deletes an offer that was made to the user's present address. */
export function declineInvitation(
  invitationId: string,
  userId: string,
  by: By,
  deps: InvitationDeps,
): Promise<'DECLINED' | 'INVITATION_NOT_FOUND'> {
  return deps.records.transact(async (transaction) => {
    const found = await readOffer(invitationId, userId, transaction, deps);
    if (!found) return 'INVITATION_NOT_FOUND';
    end(found, 'invitation.declined', by, transaction, deps.clock.nowMs());
    return 'DECLINED';
  });
}

/** Deletes an invitation of the tenant, if there is such a one. */
export function withdrawInvitation(
  invitationId: string,
  tenantId: string,
  by: By,
  deps: InvitationDeps,
): Promise<void> {
  return deps.records.transact(async (transaction) => {
    const invitation = await transaction.get(INVITATIONS, invitationId);
    if (invitation?.tenantId !== tenantId) return;
    const lists = await readLists(invitation, transaction, deps);
    end({ invitation, lists }, 'invitation.withdrawn', by, transaction, deps.clock.nowMs());
  });
}

interface Found {
  readonly invitation: Invitation;
  readonly lists: readonly OpenInvitations[];
}

/** The open offer, if it is for the address that the user has now. */
async function readOffer(
  invitationId: string,
  userId: string,
  transaction: Transaction,
  deps: InvitationDeps,
): Promise<(Found & { readonly user: User }) | undefined> {
  const user = await transaction.get(USERS, userId);
  const invitation = await transaction.get(INVITATIONS, invitationId);
  if (!user || !invitation || !isFor(user, invitation, deps.clock.nowMs())) return undefined;
  return { invitation, user, lists: await readLists(invitation, transaction, deps) };
}

async function readLists(
  { tenantId, email }: Invitation,
  transaction: Transaction,
  { pseudonymOf }: InvitationDeps,
): Promise<OpenInvitations[]> {
  const lists = await Promise.all(
    [tenantId, addressListId(email, pseudonymOf)].map((id) => transaction.get(OPEN_INVITATIONS, id)),
  );
  return lists.filter((list) => list !== undefined);
}

function end(
  { invitation, lists }: Found,
  type: EndedInvitations['type'],
  by: By,
  transaction: Transaction,
  nowMs: number,
): void {
  const { tenantId } = invitation;
  endInvitations(transaction, { type, tenantId, invitations: [invitation], lists }, by, nowMs);
}
