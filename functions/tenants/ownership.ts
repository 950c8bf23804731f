import type { By } from '../../shared/domain/actor.ts';
import {
  isOfferedByOperator,
  membershipId,
  OFFER_SECONDS,
  refuseJoining,
  type Tenant,
  type Transfer,
} from '../../shared/domain/users.ts';
import { MEMBERSHIPS, TENANTS, USERS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { Transaction } from '../../shared/ports/records.ts';
import { recordEvent } from '../../shared/use-cases/record-event.ts';

type OwnershipDeps = Pick<Deps, 'records' | 'clock'>;

/** Who offers: the owner, by their id, or an operator, for a tenant whose owner cannot. */
export type Offerer = { readonly kind: 'operator' } | { readonly kind: 'person'; readonly userId: string };

/**
 * Offers the ownership to a member, in place of an earlier offer. The owner stays the owner until the member accepts.
 */
export function offerOwnership(
  tenantId: string,
  userId: string,
  offerer: Offerer,
  by: By,
  { records, clock }: OwnershipDeps,
): Promise<Tenant | 'TENANT_NOT_FOUND' | 'TENANT_CLOSED' | 'FORBIDDEN' | 'USER_NOT_FOUND' | 'ALREADY_OWNER'> {
  return records.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const [tenant, membership, user] = await Promise.all([
      transaction.get(TENANTS, tenantId),
      transaction.get(MEMBERSHIPS, membershipId(tenantId, userId)),
      transaction.get(USERS, userId),
    ]);
    if (!tenant) return 'TENANT_NOT_FOUND';
    if (!mayOffer(tenant, offerer, nowMs)) return 'FORBIDDEN';
    if (tenant.ownerId === userId) return 'ALREADY_OWNER';
    if (!membership) return 'USER_NOT_FOUND';
    const refusal = refuseJoining(tenant, user);
    if (refusal) return refusal;
    const transfer: Transfer = {
      ...(tenant.transfer?.userId === userId ? tenant.transfer : {}),
      userId,
      offeredBy: offerer.kind === 'operator' ? 'operator' : 'owner',
      offeredAtMs: nowMs,
      expiresAtMs: nowMs + OFFER_SECONDS * 1000,
    };
    recordEvent(transaction, { type: 'ownership.offered', tenantId, subject: userId, by }, nowMs);
    return change(transaction, { ...tenant, transfer });
  });
}

/** Withdraws the offer. An owner cannot withdraw one that an operator made. */
export function withdrawOwnership(
  tenantId: string,
  offerer: Offerer,
  by: By,
  { records, clock }: OwnershipDeps,
): Promise<'WITHDRAWN' | 'FORBIDDEN'> {
  return records.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const tenant = await transaction.get(TENANTS, tenantId);
    if (!tenant?.transfer) return 'WITHDRAWN';
    if (!mayOffer(tenant, offerer, nowMs)) return 'FORBIDDEN';
    const { userId } = tenant.transfer;
    recordEvent(transaction, { type: 'ownership.withdrawn', tenantId, subject: userId, by }, nowMs);
    change(transaction, { ...tenant, transfer: null });
    return 'WITHDRAWN';
  });
}

function mayOffer(tenant: Tenant, offerer: Offerer, nowMs: number): boolean {
  if (offerer.kind === 'operator') return true;
  return offerer.userId === tenant.ownerId && !isOfferedByOperator(tenant, nowMs);
}

/**
 * Makes the member who was offered the ownership the owner, and the previous owner an admin. What was true when it was
 * offered is looked at again: an erasure may have begun, or the member may have left.
 */
export function acceptOwnership(
  tenantId: string,
  userId: string,
  by: By,
  { records, clock }: OwnershipDeps,
): Promise<Tenant | 'TENANT_CLOSED' | 'TRANSFER_NOT_FOUND'> {
  return records.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const [tenant, user, membership] = await Promise.all([
      transaction.get(TENANTS, tenantId),
      transaction.get(USERS, userId),
      transaction.get(MEMBERSHIPS, membershipId(tenantId, userId)),
    ]);
    if (!tenant || !membership || !transferTo(userId, tenant, nowMs)) return 'TRANSFER_NOT_FOUND';
    const refusal = refuseJoining(tenant, user);
    if (refusal) return refusal === 'TENANT_CLOSED' ? refusal : 'TRANSFER_NOT_FOUND';
    const formerId = tenant.ownerId;
    const former =
      formerId === null ? undefined : await transaction.get(MEMBERSHIPS, membershipId(tenantId, formerId));
    if (former) {
      transaction.set(MEMBERSHIPS, membershipId(tenantId, former.userId), { ...former, role: 'admin' });
      const detail = { role: 'admin', previousRole: 'owner' } as const;
      recordEvent(
        transaction,
        { type: 'member.role_changed', tenantId, subject: former.userId, by, detail },
        nowMs,
      );
    }
    transaction.set(MEMBERSHIPS, membershipId(tenantId, userId), { ...membership, role: 'owner' });
    const detail = { role: 'owner', previousRole: membership.role } as const;
    recordEvent(transaction, { type: 'ownership.transferred', tenantId, subject: userId, by, detail }, nowMs);
    return change(transaction, { ...tenant, ownerId: userId, transfer: null });
  });
}

export function declineOwnership(
  tenantId: string,
  userId: string,
  by: By,
  { records, clock }: OwnershipDeps,
): Promise<'DECLINED' | 'TRANSFER_NOT_FOUND'> {
  return records.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const tenant = await transaction.get(TENANTS, tenantId);
    if (!tenant || !transferTo(userId, tenant, nowMs)) return 'TRANSFER_NOT_FOUND';
    recordEvent(transaction, { type: 'ownership.declined', tenantId, subject: userId, by }, nowMs);
    change(transaction, { ...tenant, transfer: null });
    return 'DECLINED';
  });
}

/** The open offer of the ownership to this user, if there is one. */
export function transferTo(userId: string, { transfer }: Tenant, nowMs: number): Transfer | undefined {
  return transfer?.userId === userId && nowMs < transfer.expiresAtMs ? transfer : undefined;
}

function change(transaction: Transaction, tenant: Tenant): Tenant {
  transaction.set(TENANTS, tenant.tenantId, tenant);
  return tenant;
}
