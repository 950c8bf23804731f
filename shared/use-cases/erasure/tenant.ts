import { system } from '../../domain/actor.ts';
import { type AuditEvent, showsPeople, withoutPeople } from '../../domain/audit-chain.ts';
import type { BillingAccount } from '../../domain/billing-event.ts';
import { addErased, continueAt, type Erasure, setAside } from '../../domain/erasure.ts';
import { isOver, type Subscription } from '../../domain/subscription.ts';
import { withoutUnknownFields } from '../../domain/unknown-fields.ts';
import { membershipId } from '../../domain/users.ts';
import type { Billing } from '../../ports/billing.ts';
import { BILLING_ACCOUNTS, DOMAIN_CLAIMS, OPEN_INVITATIONS, TENANTS } from '../../ports/collections.ts';
import type { Deps } from '../../ports/deps.ts';
import type { LogLine } from '../../ports/log-line.ts';
import {
  auditQuery,
  CLAIMS_OF_TENANT,
  FORMER_MEMBERS_OF_TENANT,
  INVITATIONS_OF_TENANT,
  MEMBERS_OF_TENANT,
  SESSIONS_OF_TENANT,
  SUBSCRIPTIONS_OF_TENANT,
} from '../../ports/queries.ts';
import type { Query } from '../../ports/records.ts';
import { endNow, unbilledOf } from '../ending.ts';
import { recordEvent } from '../record-event.ts';
import { syncSubscription } from '../subscriptions.ts';
import {
  advance,
  BATCH,
  type Change,
  collectUnreadable,
  commit,
  deleteBatch,
  list,
  nextTenant,
} from './engine.ts';
import { removingHolders } from './pseudonyms.ts';

/** Each takes a few calls to Stripe's API. */
const SUBSCRIPTIONS_PER_BATCH = 10;
/** The most that the seat store forgets in one call. */
const HOLDERS_PER_CALL = 32;

/**
 * From here on no user can join the tenant, and no license, purchase or trial can begin in it. Its seats are freed by a
 * later step, which suspends the licenses.
 */
export async function closeTenant(erasure: Erasure, tenantId: string, deps: Deps): Promise<Erasure> {
  const claims = await list(deps.records, CLAIMS_OF_TENANT, { tenantId }, BATCH);
  return commit(erasure, deps, async (transaction, current) => {
    const nowMs = deps.clock.nowMs();
    const tenant = await transaction.get(TENANTS, tenantId);
    const isNew = tenant !== undefined && tenant.closedAtMs === null;
    if (isNew) {
      const offers = { joinDomain: null, pendingDomain: null, transfer: null };
      const closed = { name: tenantId, ownerId: null, ...offers, closedAtMs: nowMs, erasureId: null };
      transaction.set(TENANTS, tenantId, { ...withoutUnknownFields(tenant), ...closed });
      const by = { actor: system('erasure') };
      recordEvent(transaction, { type: 'tenant.closed', tenantId, subject: current.erasureId, by }, nowMs);
    }
    for (const { domain } of claims.documents) transaction.delete(DOMAIN_CLAIMS, domain);
    transaction.delete(OPEN_INVITATIONS, tenantId);
    return continueAt(addErased(current, { tenants: isNew ? 1 : 0 }), nextTenant(current), nowMs);
  });
}

/**
 * Ends the tenant's subscriptions, then deletes its customers at Stripe, with the personal data that Stripe stores. The
 * usage so far is invoiced and charged first, because a deleted customer cannot be charged; the log names an invoice that
 * could not be. A
 * checkout page that is still open does not work without its customer; if it is paid nevertheless, processing the
 * purchase finds the tenant closed and ends the subscription. If payments are not configured any more, the customers
 * cannot be deleted: the account is kept, and the log says so.
 */
export async function endBilling(erasure: Erasure, tenantId: string, deps: Deps): Promise<Erasure> {
  const { place } = erasure;
  const { records, billing } = deps;
  const account = await records.get(BILLING_ACCOUNTS, tenantId);
  if (!account) return advance(erasure, deps, nextTenant(erasure));
  if (!billing) {
    deps.log(stillCustomer(erasure, account));
    return advance(erasure, deps, nextTenant(erasure));
  }
  const page = await list(
    records,
    SUBSCRIPTIONS_OF_TENANT,
    { tenantId },
    SUBSCRIPTIONS_PER_BATCH,
    place.list,
  );
  for (const subscription of page.documents) await endWithInvoice(subscription, erasure, billing, deps);
  if (page.nextCursor !== undefined) return advance(erasure, deps, { list: page.nextCursor });
  for (const id of customersOf(account)) await billing.deleteCustomer(id);
  return commit(erasure, deps, async (transaction, current) => {
    transaction.delete(BILLING_ACCOUNTS, tenantId);
    return continueAt(current, nextTenant(current), deps.clock.nowMs());
  });
}

async function endWithInvoice(
  subscription: Subscription,
  { erasureId }: Erasure,
  billing: Billing,
  deps: Deps,
): Promise<void> {
  const { subscriptionId, tenantId } = subscription;
  const by = { actor: system('erasure') };
  const { usage, invoiceIdBefore } = isOver(subscription)
    ? { usage: [], invoiceIdBefore: subscription.latestInvoiceId }
    : await endNow(subscription, by, billing, deps);
  const look = await syncSubscription(subscriptionId, { by }, billing, deps);
  const lost = unbilledOf(usage);
  const warn = (because: string): void =>
    deps.log({
      severity: 'WARNING',
      message: `${tenantId} was erased and owes usage`,
      erasure_id: erasureId,
      because,
    });
  if (lost !== undefined) warn(`${subscriptionId}: ${lost}`);
  if (look.verdict !== 'SEEN') return;
  const { latestInvoiceId: invoiceId, isCollectionPaused } = look.subscription;
  if (invoiceId === null || invoiceId === invoiceIdBefore) return;
  if (isCollectionPaused) warn(`${invoiceId} is not paid: collection is paused`);
  else if ((await billing.collectFinalInvoice(invoiceId, 'at_once')) === 'UNPAID')
    warn(`${invoiceId} is not paid`);
}

function customersOf({ customerId, formerCustomerIds }: BillingAccount): string[] {
  return customerId === null ? formerCustomerIds : [customerId, ...formerCustomerIds];
}

function stillCustomer({ erasureId }: Erasure, account: BillingAccount): LogLine {
  const because = `payments are not configured: delete ${customersOf(account).join(', ')} at Stripe manually`;
  const message = `${account.tenantId} was erased but is still a customer at Stripe`;
  return { severity: 'ERROR', message, erasure_id: erasureId, because };
}

export function eraseHistoryHolders(erasure: Erasure, tenantId: string, deps: Deps): Promise<Erasure> {
  return eraseHolders(erasure, tenantId, deps, SESSIONS_OF_TENANT, (page) => {
    const histories = page.filter(({ holder }) => holder !== null);
    return removingHolders({ histories }, deps);
  });
}

/**
 * Removes holders and members from the tenant's events: in a tenant that is gone, the id of a user is one more pseudonym.
 * What was signed for these holders is deleted too: it can outlive their sessions.
 */
export function erasePeopleOfEvents(erasure: Erasure, tenantId: string, deps: Deps): Promise<Erasure> {
  return eraseHolders(erasure, tenantId, deps, auditQuery('tenantId', false), async (page) => {
    const events = page.filter(showsPeople);
    await forgetSigned(events, deps);
    return removingHolders({ events }, deps, { shows: showsPeople, without: withoutPeople });
  });
}

async function forgetSigned(events: readonly AuditEvent[], { seatMaintenance }: Deps): Promise<void> {
  const signed = events.filter(({ type }) => type === 'license.signed');
  for (const [licenseId, own] of Map.groupBy(signed, (event) => event.licenseId)) {
    if (licenseId === null) continue;
    const holders = [...new Set(own.flatMap(({ detail }) => detail.holder ?? []))];
    for (let i = 0; i < holders.length; i += HOLDERS_PER_CALL)
      await seatMaintenance.forgetSigned(licenseId, holders.slice(i, i + HOLDERS_PER_CALL));
  }
}

/** Removes the holders from all histories or events of the tenant. */
async function eraseHolders<T>(
  erasure: Erasure,
  tenantId: string,
  deps: Deps,
  query: Query<T>,
  removing: (page: readonly T[]) => Change | Promise<Change>,
): Promise<Erasure> {
  const aside = collectUnreadable();
  const { list: at } = erasure.place;
  const page = await list(deps.records, query, { tenantId }, BATCH, at, aside.onUnreadable);
  const next = page.nextCursor === undefined ? nextTenant(erasure) : { list: page.nextCursor };
  const remove = await removing(page.documents);
  return commit(erasure, deps, async (transaction, current) =>
    continueAt(setAside(await remove(transaction, current), aside.found), next, deps.clock.nowMs()),
  );
}

export async function deleteMembers(erasure: Erasure, tenantId: string, deps: Deps): Promise<Erasure> {
  return (
    (await deleteBatch(erasure, deps, {
      query: INVITATIONS_OF_TENANT,
      equals: { tenantId },
      idOf: ({ invitationId }) => invitationId,
      kind: 'invitations',
    })) ??
    (await deleteBatch(erasure, deps, {
      query: MEMBERS_OF_TENANT,
      equals: { tenantId },
      idOf: ({ userId }) => membershipId(tenantId, userId),
      kind: 'memberships',
    })) ??
    (await deleteBatch(erasure, deps, {
      query: FORMER_MEMBERS_OF_TENANT,
      equals: { tenantId },
      idOf: ({ userId }) => membershipId(tenantId, userId),
    })) ??
    advance(erasure, deps, nextTenant(erasure))
  );
}
