import { MAX_TENANTS } from '../../shared/domain/access-token.ts';
import { accessOf, type Standing, standingOf } from '../../shared/domain/authorization.ts';
import { newPersonalId, newTenantId } from '../../shared/domain/ids.ts';
import {
  INVITATION_SECONDS,
  type Invitation,
  isClosing,
  type Membership,
  mayAppoint,
  membershipId,
  newTenant,
  refuseJoining,
} from '../../shared/domain/users.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { own } from '../../shared/http/own.ts';
import { readPage } from '../../shared/http/page.ts';
import { type Member, viewOfInvitation, viewOfMember, viewOfTenant } from '../../shared/http/tenant-view.ts';
import { INVITATIONS, MEMBERSHIPS, TENANTS, USERS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { ALL_TENANTS, INVITATIONS_OF_TENANT, MEMBERS_OF_TENANT } from '../../shared/ports/queries.ts';
import { removeMember } from '../../shared/use-cases/members.ts';
import { changeTenant } from './change.ts';
import type contract from './contract.ts';

async function create(
  { body, caller }: RequestOf<typeof contract, 'create'>,
  { records, clock, shards }: Deps,
): Promise<ReplyOf<typeof contract, 'create'>> {
  const ownerId = caller.kind === 'person' ? caller.userId : null;
  const nowMs = clock.nowMs();
  const tenant = newTenant(newTenantId(shards), body.name, ownerId, nowMs);
  return records.transact(async (transaction) => {
    if (caller.kind === 'person' && Object.keys(caller.tenants).length >= MAX_TENANTS)
      return { problem: 'TOO_MANY_TENANTS' };
    const { tenantId } = tenant;
    const owner = ownerId === null ? undefined : await transaction.get(USERS, ownerId);
    if (ownerId !== null && refuseJoining(tenant, owner)) return { problem: 'USER_NOT_FOUND' };
    transaction.set(TENANTS, tenantId, tenant);
    if (ownerId !== null) {
      const membership = { tenantId, userId: ownerId, role: 'owner' as const, joinedAtMs: nowMs };
      transaction.set(MEMBERSHIPS, membershipId(tenantId, ownerId), membership);
    }
    return { answer: 'created', body: viewOfTenant(tenant) };
  });
}

async function list(
  { query, caller, note }: RequestOf<typeof contract, 'list'>,
  { records }: Deps,
): Promise<ReplyOf<typeof contract, 'list'>> {
  if (caller.kind === 'person') {
    const tenants = await Promise.all(Object.keys(caller.tenants).map((id) => records.get(TENANTS, id)));
    const body = {
      tenants: tenants.flatMap((tenant) => (tenant ? [viewOfTenant(tenant)] : [])),
      next_cursor: null,
    };
    return { answer: 'tenants', body };
  }
  const page = await readPage(records, ALL_TENANTS, {}, { query, note });
  if ('problem' in page) return page;
  return {
    answer: 'tenants',
    body: { tenants: page.documents.map(viewOfTenant), next_cursor: page.next_cursor },
  };
}

async function read(
  { params, standing }: RequestOf<typeof contract, 'read'>,
  { records }: Deps,
): Promise<ReplyOf<typeof contract, 'read'>> {
  const tenant = await ownTenant(params, standing, records);
  return 'problem' in tenant ? tenant : { answer: 'tenant', body: viewOfTenant(tenant) };
}

async function change(
  { params, body, caller, standing }: RequestOf<typeof contract, 'change'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'change'>> {
  const tenant = await ownTenant(params, standing, deps.records);
  if ('problem' in tenant) return tenant;
  if (body.join_domain && caller.kind === 'person') {
    const user = await deps.records.get(USERS, caller.userId);
    // Owners can set only their own domain.
    if (user?.hostedDomain !== body.join_domain) return { problem: 'FORBIDDEN' };
  }
  const changed = await changeTenant(
    tenant.tenantId,
    { name: body.name, joinDomain: body.join_domain },
    deps.records,
  );
  return typeof changed === 'string'
    ? { problem: changed }
    : { answer: 'tenant', body: viewOfTenant(changed) };
}

async function listMembers(
  { params, query, standing, note }: RequestOf<typeof contract, 'members'>,
  { records }: Deps,
): Promise<ReplyOf<typeof contract, 'members'>> {
  const tenant = await ownTenant(params, standing, records);
  if ('problem' in tenant) return tenant;
  const page = await readPage(records, MEMBERS_OF_TENANT, { tenantId: tenant.tenantId }, { query, note });
  if ('problem' in page) return page;
  const members = await Promise.all(page.documents.map((membership) => readMember(membership, records)));
  const body = { members: members.flat().map(viewOfMember), next_cursor: page.next_cursor };
  return { answer: 'members', body };
}

async function changeRole(
  { params, body, standing }: RequestOf<typeof contract, 'changeRole'>,
  { records }: Deps,
): Promise<ReplyOf<typeof contract, 'changeRole'>> {
  const tenant = await ownTenant(params, standing, records);
  if ('problem' in tenant) return tenant;
  const id = membershipId(tenant.tenantId, params.user_id);
  const problem = await records.transact(async (transaction) => {
    const membership = await transaction.get(MEMBERSHIPS, id);
    if (!membership) return 'USER_NOT_FOUND' as const;
    if (membership.role === 'owner') return 'OWNER_MUST_STAY' as const;
    transaction.set(MEMBERSHIPS, id, { ...membership, role: body.role });
    return undefined;
  });
  return problem ? { problem } : { answer: 'changed', body: undefined };
}

async function removeFromTenant(
  { params, caller, standing }: RequestOf<typeof contract, 'remove'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'remove'>> {
  const tenant = await ownTenant(params, standing, deps.records);
  if ('problem' in tenant) return tenant;
  const { tenantId } = tenant;
  const isSelf = caller.kind === 'person' && caller.userId === params.user_id;
  const mayRemoveOthers =
    caller.kind === 'operator' ||
    standingOf(accessOf('tenants.removeOther'), caller.tenants[tenantId]) === 'ALLOWED';
  if (!isSelf && !mayRemoveOthers) return { problem: 'FORBIDDEN' };
  if (tenant.ownerId === params.user_id) return { problem: 'OWNER_MUST_STAY' };
  const removed = await removeMember(tenantId, params.user_id, deps);
  return removed === 'OWNER' ? { problem: 'OWNER_MUST_STAY' } : { answer: 'removed', body: undefined };
}

async function transfer(
  { params, body, standing }: RequestOf<typeof contract, 'transfer'>,
  { records }: Deps,
): Promise<ReplyOf<typeof contract, 'transfer'>> {
  const tenant = await ownTenant(params, standing, records);
  if ('problem' in tenant) return tenant;
  const { tenantId } = tenant;
  const successorId = membershipId(tenantId, body.user_id);
  const transferred = await records.transact(async (transaction) => {
    const current = (await transaction.get(TENANTS, tenantId)) ?? tenant;
    const successor = await transaction.get(MEMBERSHIPS, successorId);
    if (!successor) return 'USER_NOT_FOUND';
    const problem = refuseJoining(current, await transaction.get(USERS, successor.userId));
    if (problem) return problem;
    const ownerMembershipId = current.ownerId === null ? undefined : membershipId(tenantId, current.ownerId);
    const owner = ownerMembershipId && (await transaction.get(MEMBERSHIPS, ownerMembershipId));
    if (ownerMembershipId && owner)
      transaction.set(MEMBERSHIPS, ownerMembershipId, { ...owner, role: 'admin' });
    transaction.set(MEMBERSHIPS, successorId, { ...successor, role: 'owner' });
    const next = { ...current, ownerId: successor.userId };
    transaction.set(TENANTS, tenantId, next);
    return next;
  });
  return typeof transferred === 'string'
    ? { problem: transferred }
    : { answer: 'transferred', body: viewOfTenant(transferred) };
}

async function invite(
  { params, body, caller, standing }: RequestOf<typeof contract, 'invite'>,
  { records, clock }: Deps,
): Promise<ReplyOf<typeof contract, 'invite'>> {
  const tenant = await ownTenant(params, standing, records);
  if ('problem' in tenant) return tenant;
  const { tenantId } = tenant;
  if (isClosing(tenant)) return { problem: 'TENANT_CLOSED' };
  const mayInvite =
    caller.kind === 'operator'
      ? body.role !== 'owner' || tenant.ownerId === null
      : mayAppoint(caller.tenants[tenantId], undefined, body.role);
  if (!mayInvite) return { problem: 'FORBIDDEN' };
  const nowMs = clock.nowMs();
  const invitation: Invitation = {
    invitationId: newPersonalId('inv'),
    tenantId,
    email: body.email,
    role: body.role,
    invitedAtMs: nowMs,
    expiresAtMs: nowMs + INVITATION_SECONDS * 1000,
  };
  return records.transact(async (transaction) => {
    transaction.set(INVITATIONS, invitation.invitationId, invitation);
    return { answer: 'invited', body: viewOfInvitation(invitation) };
  });
}

async function listInvitations(
  { params, query, standing, note }: RequestOf<typeof contract, 'invitations'>,
  { records }: Deps,
): Promise<ReplyOf<typeof contract, 'invitations'>> {
  const tenant = await ownTenant(params, standing, records);
  if ('problem' in tenant) return tenant;
  const page = await readPage(records, INVITATIONS_OF_TENANT, { tenantId: tenant.tenantId }, { query, note });
  if ('problem' in page) return page;
  return {
    answer: 'invitations',
    body: { invitations: page.documents.map(viewOfInvitation), next_cursor: page.next_cursor },
  };
}

async function withdraw(
  { params, standing }: RequestOf<typeof contract, 'withdraw'>,
  { records }: Deps,
): Promise<ReplyOf<typeof contract, 'withdraw'>> {
  const tenant = await ownTenant(params, standing, records);
  if ('problem' in tenant) return tenant;
  const { invitation_id: invitationId } = params;
  await records.transact(async (transaction) => {
    const invitation = await transaction.get(INVITATIONS, invitationId);
    if (invitation?.tenantId === tenant.tenantId) transaction.delete(INVITATIONS, invitationId);
  });
  return { answer: 'withdrawn', body: undefined };
}

async function ownTenant(
  { tenant_id }: { tenant_id: string },
  standing: (tenantId: string) => Standing,
  records: Deps['records'],
) {
  return own(await records.get(TENANTS, tenant_id), standing, 'TENANT_NOT_FOUND');
}

async function readMember(membership: Membership, records: Deps['records']): Promise<Member[]> {
  const user = await records.get(USERS, membership.userId);
  return user ? [{ membership, user }] : [];
}

export default {
  create,
  list,
  read,
  change,
  members: listMembers,
  changeRole,
  remove: removeFromTenant,
  transfer,
  invite,
  invitations: listInvitations,
  withdraw,
} satisfies HandlersOf<typeof contract>;
