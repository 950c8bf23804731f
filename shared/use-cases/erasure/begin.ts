import type { By } from '../../domain/actor.ts';
import { type AuditOnlyType, VENDOR } from '../../domain/audit-event.ts';
import {
  beginErasure,
  decideErasure,
  type Erasure,
  type ErasurePlan,
  isSameTenants,
  withdrawErasure,
} from '../../domain/erasure.ts';
import { isClosing } from '../../domain/users.ts';
import { ERASURES, TENANTS, USERS } from '../../ports/collections.ts';
import type { Deps } from '../../ports/deps.ts';
import { eachDocument } from '../../ports/each-document.ts';
import { FORMER_MEMBERSHIPS_OF_USER, MEMBERS_OF_TENANT, MEMBERSHIPS_OF_USER } from '../../ports/queries.ts';
import type { Records, Transaction } from '../../ports/records.ts';
import { recordEvent } from '../record-event.ts';

/**
 * An erasure begins in two transactions, because a transaction reads documents by id, and the members of a tenant are
 * found by a query. The first marks the user and the tenants: from then on no user can join them, and the user cannot
 * become an owner (`refuseJoining`). The second step, `decide`, reads the memberships that can no longer grow, and runs
 * the erasure or withdraws it. It is a step like any other, so an erasure that stops in between is resumed or withdrawn
 * by the sweep.
 */

/**
 * Plans the erasure of a user and of the tenants whose only member the user is. `mustStayIn` lists the tenants that the
 * user owns and that have other members.
 */
export async function planForUser(
  userId: string,
  records: Records,
): Promise<ErasurePlan | 'USER_NOT_FOUND' | { readonly mustStayIn: readonly string[] }> {
  if (!(await records.get(USERS, userId))) return 'USER_NOT_FOUND';
  const searchedIds = new Set<string>();
  const goingIds: string[] = [];
  const mustStayIn: string[] = [];
  for await (const { tenantId } of eachDocument(records, FORMER_MEMBERSHIPS_OF_USER, { userId }))
    searchedIds.add(tenantId);
  for await (const { tenantId, role } of eachDocument(records, MEMBERSHIPS_OF_USER, { userId })) {
    const isOpen = role === 'owner' && (await records.get(TENANTS, tenantId))?.closedAtMs === null;
    if (!isOpen) searchedIds.add(tenantId);
    else if (await hasOneMember(tenantId, records)) goingIds.push(tenantId);
    else mustStayIn.push(tenantId);
  }
  if (mustStayIn.length > 0) return { mustStayIn };
  for (const tenantId of goingIds) searchedIds.delete(tenantId);
  return { userId, searchedIds: [...searchedIds], goingIds };
}

/** Plans the erasure of a tenant. Its members keep their user accounts. */
export function planForTenant(tenantId: string): ErasurePlan {
  return { userId: null, searchedIds: [], goingIds: [tenantId] };
}

async function hasOneMember(tenantId: string, records: Records): Promise<boolean> {
  const { documents } = await records.query(MEMBERS_OF_TENANT, { tenantId }, { limit: 2 });
  return documents.length < 2;
}

/**
 * Marks the user and the tenants of the plan, and stores the erasure. The tenants must be open, and owned by `ownerId`
 * unless it is `undefined`. Returns the erasure also if it was stored before, or why it cannot begin.
 */
export function startErasure(
  erasureId: string,
  plan: ErasurePlan,
  { ownerId, by }: { readonly ownerId: string | undefined; readonly by: By },
  { records, clock }: Pick<Deps, 'records' | 'clock'>,
): Promise<Erasure | { readonly because: string }> {
  const { userId, goingIds } = plan;
  return records.transact(async (transaction) => {
    const begun = await transaction.get(ERASURES, erasureId);
    if (begun) return begun;
    const user = userId === null ? undefined : await transaction.get(USERS, userId);
    if (userId !== null && user?.erasureId !== null)
      return { because: 'the user does not exist, or another erasure of the user has begun' };
    const found = await Promise.all(goingIds.map((tenantId) => transaction.get(TENANTS, tenantId)));
    const tenants = found.flatMap((tenant) => (tenant && !isClosing(tenant) ? [tenant] : []));
    if (tenants.length < goingIds.length) return { because: 'another erasure of the tenant has begun' };
    if (ownerId !== undefined && tenants.some((tenant) => tenant.ownerId !== ownerId))
      return { because: 'the tenant has another owner by now' };
    const erasure = beginErasure(erasureId, plan, clock.nowMs(), by);
    transaction.set(ERASURES, erasureId, erasure);
    if (user) transaction.set(USERS, user.userId, { ...user, erasureId });
    for (const tenant of tenants) transaction.set(TENANTS, tenant.tenantId, { ...tenant, erasureId });
    return erasure;
  });
}

/** The first step: decides whether the erasure runs, now that no member can be added that it does not know. */
export async function decide(erasure: Erasure, { records, clock }: Deps): Promise<Erasure> {
  const { erasureId, userId, goingIds } = erasure;
  const plan = userId === null ? erasure : await planForUser(userId, records);
  const isUnchanged =
    typeof plan === 'object' && 'goingIds' in plan && isSameTenants(plan.goingIds, goingIds);
  return records.transact(async (transaction) => {
    const current = await transaction.get(ERASURES, erasureId);
    if (!current) return withdrawErasure(erasure);
    if (current.revision !== erasure.revision) return current;
    if (!isUnchanged) return withdraw(transaction, current);
    const nowMs = clock.nowMs();
    const { confirmedBy: by } = current;
    const decided = decideErasure(current, plan.searchedIds, nowMs);
    const next = { ...decided, revision: current.revision + 1 };
    transaction.set(ERASURES, erasureId, next);
    if (by) recordProgress(transaction, next, 'erasure.started', by, nowMs);
    return next;
  });
}

async function withdraw(transaction: Transaction, erasure: Erasure): Promise<Erasure> {
  const { erasureId, userId, goingIds } = erasure;
  const user = userId === null ? undefined : await transaction.get(USERS, userId);
  const tenants = await Promise.all(goingIds.map((tenantId) => transaction.get(TENANTS, tenantId)));
  if (user?.erasureId === erasureId) transaction.set(USERS, user.userId, { ...user, erasureId: null });
  for (const tenant of tenants) {
    if (tenant?.erasureId === erasureId)
      transaction.set(TENANTS, tenant.tenantId, { ...tenant, erasureId: null });
  }
  transaction.delete(ERASURES, erasureId);
  return withdrawErasure(erasure);
}

/** Records the event for the vendor, and in each tenant whose data the erasure changes. It names no user but the actor. */
export function recordProgress(
  transaction: Pick<Transaction, 'set'>,
  { erasureId, searchedIds, goingIds }: Omit<ErasurePlan, 'userId'> & Pick<Erasure, 'erasureId'>,
  type: Extract<AuditOnlyType, `erasure.${string}`>,
  by: By,
  nowMs: number,
): void {
  for (const tenantId of [VENDOR, ...searchedIds, ...goingIds])
    recordEvent(transaction, { type, tenantId, subject: erasureId, by }, nowMs);
}
