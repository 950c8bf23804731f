import { accessOf, type Standing, standingOf } from '../../shared/domain/authorization.ts';
import { newTenantId } from '../../shared/domain/ids.ts';
import { isClosing, type Membership, newTenant } from '../../shared/domain/users.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { own } from '../../shared/http/own.ts';
import { readPage } from '../../shared/http/page.ts';
import {
  type Member,
  viewOfInvitation,
  viewOfMember,
  viewOfOffer,
  viewOfTenant,
  viewOfTransferOffer,
} from '../../shared/http/tenant-view.ts';
import { TENANTS, USERS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { ALL_TENANTS, INVITATIONS_OF_TENANT, MEMBERS_OF_TENANT } from '../../shared/ports/queries.ts';
import {
  acceptInvitation,
  declineInvitation,
  invite as inviteUser,
  listOffers,
  withdrawInvitation,
} from '../../shared/use-cases/invitations.ts';
import {
  addMember,
  changeRole as changeRoleOf,
  hasTooManyTenants,
  readJoiner,
  removeMember,
} from '../../shared/use-cases/members.ts';
import { recordEvent } from '../../shared/use-cases/record-event.ts';
import type contract from './contract.ts';
import { claimDomain, releaseDomain, verifyDomain } from './domain.ts';
import {
  acceptOwnership,
  declineOwnership,
  type Offerer,
  offerOwnership,
  transferTo,
  withdrawOwnership,
} from './ownership.ts';

async function create(
  { body, caller, by }: RequestOf<typeof contract, 'create'>,
  { records, clock, shards }: Deps,
): Promise<ReplyOf<typeof contract, 'create'>> {
  const ownerId = caller.kind === 'person' ? caller.userId : null;
  const nowMs = clock.nowMs();
  const tenant = newTenant(newTenantId(shards), body.name, ownerId, nowMs);
  const { tenantId } = tenant;
  return records.transact(async (transaction) => {
    const owner = ownerId === null ? undefined : await transaction.get(USERS, ownerId);
    const joiner = owner && (await readJoiner(owner, transaction));
    if (ownerId !== null && (!joiner || joiner.user.erasureId !== null)) return { problem: 'USER_NOT_FOUND' };
    if (joiner && hasTooManyTenants(joiner)) return { problem: 'TOO_MANY_TENANTS' };
    recordEvent(transaction, { type: 'tenant.created', tenantId, by }, nowMs);
    if (joiner) addMember(transaction, { tenant, joiner, role: 'owner' }, by, nowMs);
    else transaction.set(TENANTS, tenantId, tenant);
    return { answer: 'created', body: viewOfTenant(tenant, nowMs) };
  });
}

async function list(
  { query, caller, note }: RequestOf<typeof contract, 'list'>,
  { records, clock }: Deps,
): Promise<ReplyOf<typeof contract, 'list'>> {
  const nowMs = clock.nowMs();
  if (caller.kind === 'person') {
    const tenants = await Promise.all(Object.keys(caller.tenants).map((id) => records.get(TENANTS, id)));
    const body = {
      tenants: tenants.flatMap((tenant) => (tenant ? [viewOfTenant(tenant, nowMs)] : [])),
      next_cursor: null,
    };
    return { answer: 'tenants', body };
  }
  const page = await readPage(records, ALL_TENANTS, {}, { query, note });
  if ('problem' in page) return page;
  return {
    answer: 'tenants',
    body: {
      tenants: page.documents.map((tenant) => viewOfTenant(tenant, nowMs)),
      next_cursor: page.next_cursor,
    },
  };
}

async function read(
  { params, standing }: RequestOf<typeof contract, 'read'>,
  { records, clock }: Deps,
): Promise<ReplyOf<typeof contract, 'read'>> {
  const tenant = await ownTenant(params, standing, records);
  return 'problem' in tenant ? tenant : { answer: 'tenant', body: viewOfTenant(tenant, clock.nowMs()) };
}

async function change(
  { params, body, by, standing }: RequestOf<typeof contract, 'change'>,
  { records, clock }: Deps,
): Promise<ReplyOf<typeof contract, 'change'>> {
  const found = await ownTenant(params, standing, records);
  if ('problem' in found) return found;
  const { tenantId } = found;
  const nowMs = clock.nowMs();
  const changed = await records.transact(async (transaction) => {
    const tenant = await transaction.get(TENANTS, tenantId);
    if (!tenant) return 'TENANT_NOT_FOUND';
    if (isClosing(tenant)) return 'TENANT_CLOSED';
    const next = { ...tenant, name: body.name };
    transaction.set(TENANTS, tenantId, next);
    recordEvent(transaction, { type: 'tenant.updated', tenantId, by, detail: { fields: ['name'] } }, nowMs);
    return next;
  });
  return typeof changed === 'string'
    ? { problem: changed }
    : { answer: 'tenant', body: viewOfTenant(changed, nowMs) };
}

async function claim(
  { params, body, caller, by, standing }: RequestOf<typeof contract, 'claimDomain'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'claimDomain'>> {
  const tenant = await ownTenant(params, standing, deps.records);
  if ('problem' in tenant) return tenant;
  const isApproved = caller.kind === 'operator';
  const claimed = await claimDomain(tenant.tenantId, body.domain, isApproved, by, deps);
  return typeof claimed === 'string'
    ? { problem: claimed }
    : { answer: 'claimed', body: viewOfTenant(claimed, deps.clock.nowMs()) };
}

async function verify(
  { params, by, standing }: RequestOf<typeof contract, 'verifyDomain'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'verifyDomain'>> {
  const tenant = await ownTenant(params, standing, deps.records);
  if ('problem' in tenant) return tenant;
  const verified = await verifyDomain(tenant, by, deps);
  return typeof verified === 'string'
    ? { problem: verified }
    : { answer: 'verified', body: viewOfTenant(verified, deps.clock.nowMs()) };
}

async function release(
  { params, by, standing }: RequestOf<typeof contract, 'releaseDomain'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'releaseDomain'>> {
  const tenant = await ownTenant(params, standing, deps.records);
  if ('problem' in tenant) return tenant;
  await releaseDomain(tenant.tenantId, by, deps);
  return { answer: 'released', body: undefined };
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
  { params, body, by, standing }: RequestOf<typeof contract, 'changeRole'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'changeRole'>> {
  const tenant = await ownTenant(params, standing, deps.records);
  if ('problem' in tenant) return tenant;
  const changed = await changeRoleOf(tenant.tenantId, params.user_id, body.role, by, deps);
  return changed === 'CHANGED' ? { answer: 'changed', body: undefined } : { problem: changed };
}

async function removeFromTenant(
  { params, caller, by, standing }: RequestOf<typeof contract, 'remove'>,
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
  const removed = await removeMember(tenantId, params.user_id, by, deps);
  if (removed === 'REMOVED') return { answer: 'removed', body: undefined };
  return { problem: removed === 'OWNER' ? 'OWNER_MUST_STAY' : removed };
}

async function transfer(
  { params, body, caller, by, standing }: RequestOf<typeof contract, 'transfer'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'transfer'>> {
  const tenant = await ownTenant(params, standing, deps.records);
  if ('problem' in tenant) return tenant;
  const offered = await offerOwnership(tenant.tenantId, body.user_id, offererOf(caller), by, deps);
  return typeof offered === 'string'
    ? { problem: offered }
    : { answer: 'offered', body: viewOfTenant(offered, deps.clock.nowMs()) };
}

async function withdrawTransfer(
  { params, caller, by, standing }: RequestOf<typeof contract, 'withdrawTransfer'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'withdrawTransfer'>> {
  const tenant = await ownTenant(params, standing, deps.records);
  if ('problem' in tenant) return tenant;
  const withdrawn = await withdrawOwnership(tenant.tenantId, offererOf(caller), by, deps);
  return withdrawn === 'WITHDRAWN' ? { answer: 'withdrawn', body: undefined } : { problem: withdrawn };
}

function offererOf(caller: RequestOf<typeof contract, 'transfer'>['caller']): Offerer {
  return caller.kind === 'operator' ? { kind: 'operator' } : caller;
}

async function acceptTransfer(
  { params, caller, by, standing }: RequestOf<typeof contract, 'acceptTransfer'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'acceptTransfer'>> {
  const tenant = await ownTenant(params, standing, deps.records);
  if ('problem' in tenant) return tenant;
  const accepted = await acceptOwnership(tenant.tenantId, caller.userId, by, deps);
  return typeof accepted === 'string'
    ? { problem: accepted }
    : { answer: 'accepted', body: viewOfTenant(accepted, deps.clock.nowMs()) };
}

async function declineTransfer(
  { params, caller, by, standing }: RequestOf<typeof contract, 'declineTransfer'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'declineTransfer'>> {
  const tenant = await ownTenant(params, standing, deps.records);
  if ('problem' in tenant) return tenant;
  const declined = await declineOwnership(tenant.tenantId, caller.userId, by, deps);
  return declined === 'DECLINED' ? { answer: 'declined', body: undefined } : { problem: declined };
}

async function invite(
  { params, body, caller, by, standing }: RequestOf<typeof contract, 'invite'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'invite'>> {
  const tenant = await ownTenant(params, standing, deps.records);
  if ('problem' in tenant) return tenant;
  const inviterId = caller.kind === 'operator' ? null : caller.userId;
  const offer = { tenantId: tenant.tenantId, email: body.email, role: body.role };
  const invited = await inviteUser(offer, inviterId, by, deps);
  return typeof invited === 'string'
    ? { problem: invited }
    : { answer: 'invited', body: viewOfInvitation(invited) };
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
  { params, by, standing }: RequestOf<typeof contract, 'withdraw'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'withdraw'>> {
  const tenant = await ownTenant(params, standing, deps.records);
  if ('problem' in tenant) return tenant;
  await withdrawInvitation(params.invitation_id, tenant.tenantId, by, deps);
  return { answer: 'withdrawn', body: undefined };
}

async function offers(
  { caller }: RequestOf<typeof contract, 'offers'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'offers'>> {
  const user = await deps.records.get(USERS, caller.userId);
  if (!user) return { problem: 'USER_NOT_FOUND' };
  const [invitations, tenants] = await Promise.all([
    listOffers(user, deps),
    Promise.all(Object.keys(caller.tenants).map((id) => deps.records.get(TENANTS, id))),
  ]);
  const nowMs = deps.clock.nowMs();
  const transfers = tenants.flatMap((tenant) => {
    const transfer = tenant && transferTo(caller.userId, tenant, nowMs);
    return transfer ? [viewOfTransferOffer(tenant, transfer)] : [];
  });
  return { answer: 'offers', body: { invitations: invitations.map(viewOfOffer), transfers } };
}

async function accept(
  { params, caller, by }: RequestOf<typeof contract, 'accept'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'accept'>> {
  const joined = await acceptInvitation(params.invitation_id, caller.userId, by, deps);
  if (typeof joined === 'string') return { problem: joined };
  const { tenantId, role } = joined;
  return { answer: 'joined', body: { tenant_id: tenantId, role } };
}

async function decline(
  { params, caller, by }: RequestOf<typeof contract, 'decline'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'decline'>> {
  const declined = await declineInvitation(params.invitation_id, caller.userId, by, deps);
  return declined === 'DECLINED' ? { answer: 'declined', body: undefined } : { problem: declined };
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
  claimDomain: claim,
  verifyDomain: verify,
  releaseDomain: release,
  members: listMembers,
  changeRole,
  remove: removeFromTenant,
  transfer,
  withdrawTransfer,
  acceptTransfer,
  declineTransfer,
  invite,
  invitations: listInvitations,
  withdraw,
  offers,
  accept,
  decline,
} satisfies HandlersOf<typeof contract>;
