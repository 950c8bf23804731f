import { type By, system } from '../domain/actor.ts';
import { unsealed } from '../domain/audit-chain.ts';
import { type EventDetail, type EventType, eventOf, type SeatEvent } from '../domain/event.ts';
import { unknownDisputes } from '../domain/payment-holds.ts';
import {
  type HoldPolicy,
  hasBegun,
  isGone,
  isOver,
  licenseUnder,
  notAtStripe,
  reviewOf,
  type StripeRead,
  type Subscription,
  type SubscriptionState,
  seenAs,
} from '../domain/subscription.ts';
import { Unavailable } from '../errors.ts';
import type { Billing } from '../ports/billing.ts';
import { AUDIT, BILLING_ACCOUNTS, LICENSES, SUBSCRIPTIONS, TENANTS } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import { eachDocument } from '../ports/each-document.ts';
import type { LogLine } from '../ports/log-line.ts';
import { SUBSCRIPTIONS_OF_TENANT } from '../ports/queries.ts';
import { changeLicense, type LicenseTransaction } from './licenses.ts';
import { type PaymentNews, readPayments } from './payments.ts';

/** Upper bound on retries when concurrent updates of one subscription overtake each other. */
const MAX_ATTEMPTS = 20;

/** What else to apply when a subscription is fetched. */
export interface Look {
  /** Who changed the subscription; by default Stripe, which reported it. */
  readonly by?: By | undefined;
  /** What changed about a payment, to be fetched with each attempt. */
  readonly payment?: PaymentNews | undefined;
  /** An event to publish for the license, once, whatever else changes. */
  readonly notice?:
    | { readonly type: EventType; readonly atMs: number; readonly detail: EventDetail }
    | undefined;
}

/** `IGNORED`, with the reason for the log: the subscription is not ours, or grants no license. */
export type LookVerdict =
  | { readonly verdict: 'SEEN'; readonly subscription: Subscription }
  | { readonly verdict: 'IGNORED'; readonly because: string };

/**
 * Updates the record of a subscription, its license and the seat store to the current state at Stripe. The order,
 * number and concurrency of calls make no difference: a run only writes if it fetched the state after the last write,
 * and otherwise fetches it again. Safe to repeat after a failure at any point.
 */
export async function syncSubscription(
  subscriptionId: string,
  look: Look,
  billing: Billing,
  deps: Deps,
): Promise<LookVerdict> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const known = await deps.records.get(SUBSCRIPTIONS, subscriptionId);
    const [state, payments] = await Promise.all([
      billing.readSubscription(subscriptionId),
      readPayments(subscriptionId, known?.payments, look.payment ?? {}, billing),
    ]);
    if (state && known) await collectWhatIsLeft(known, state, billing);
    const nowMs = deps.clock.nowMs();
    const read = state && { state, payments, closing: look.payment?.closing };
    const seen = seenNow(read, known, deps.holdPolicy, nowMs);
    if ('verdict' in seen) return seen;
    const notice = state && look.notice;
    const written = await changeLicense(deps, look.by ?? { actor: system('stripe') }, (transaction) =>
      write(transaction, seen, notice, nowMs),
    );
    switch (written.verdict) {
      case 'OVERTAKEN':
        continue;
      case 'RIVAL': {
        if (!(await isStillRival(written.rivalId, billing, deps))) continue;
        if (!(await rememberRival(written.rivalId, subscriptionId, deps))) continue;
        const line = paidTwice(seen, written.rivalId);
        deps.log(line);
        return { verdict: 'IGNORED', because: line.because };
      }
      case 'IGNORED':
        return written;
      case 'CLOSED':
        // Its owner had the tenant erased: it must not be billed any more.
        await billing.endSubscription({ subscriptionId, end: 'now' });
        return { verdict: 'IGNORED', because: 'the tenant was erased: refund what was paid since' };
      case 'WRITTEN':
        if (written.notices.length > 0) await deps.events.publish(written.notices);
        if (reviewOf(seen) !== null) deps.log(needsReview(seen, state?.status));
        // Such as the one that the vendor created to replace this one, before it was canceled.
        if (isGone(seen)) await syncRivals(seen, billing, deps);
        for (const line of await billedTwice(seen, deps)) deps.log(line);
        if (unknownDisputes(seen.payments).length > 0) deps.log(unknownStatus(seen));
        return { verdict: 'SEEN', subscription: seen };
    }
  }
  throw new Unavailable(
    'records',
    `${subscriptionId} was updated concurrently ${MAX_ATTEMPTS} times in a row`,
  );
}

/** Those that are gone too are left out: two can be rivals of each other. */
async function syncRivals({ rivalIds }: Subscription, billing: Billing, deps: Deps): Promise<void> {
  for (const rivalId of rivalIds) {
    const rival = await deps.records.get(SUBSCRIPTIONS, rivalId);
    if (!rival || !isGone(rival)) await syncSubscription(rivalId, {}, billing, deps);
  }
}

/** The next record; `IGNORED` if there is none to write. */
function seenNow(
  read: StripeRead | undefined,
  known: Subscription | undefined,
  policy: HoldPolicy,
  nowMs: number,
): Subscription | Extract<LookVerdict, { verdict: 'IGNORED' }> {
  if (!read) {
    if (!known || isOver(known))
      return { verdict: 'IGNORED', because: 'the subscription does not exist at Stripe' };
    return notAtStripe(known, policy, nowMs);
  }
  const owner = known ?? read.state.soldAs;
  if (!owner) return { verdict: 'IGNORED', because: 'the subscription was not sold by us' };
  return seenAs(read, owner, known, policy, nowMs);
}

/**
 * Sees to the final invoice of a subscription that ended because we asked for it: before its end is on record, so that an
 * interrupted run is repeated by the next look. While the vendor collects nothing, it stays a draft.
 */
async function collectWhatIsLeft(
  known: Subscription,
  { latestInvoiceId, ...state }: SubscriptionState,
  billing: Billing,
): Promise<void> {
  const isNew = latestInvoiceId !== null && latestInvoiceId !== known.latestInvoiceId;
  const hasEnded = isOver(state) && !isOver(known) && known.endRequestedAtMs !== undefined;
  if (hasEnded && isNew && !state.isCollectionPaused)
    await billing.collectFinalInvoice(latestInvoiceId, 'soon');
}

type Written =
  | { readonly verdict: 'OVERTAKEN' | 'CLOSED' }
  | { readonly verdict: 'IGNORED'; readonly because: string }
  | { readonly verdict: 'RIVAL'; readonly rivalId: string }
  | { readonly verdict: 'WRITTEN'; readonly notices: readonly SeatEvent[] };

/**
 * If nothing changes, the copy is put and the notice published anyway: the run that wrote the records may have crashed
 * before it did so. The seat store keeps the newest version, and events keep their ids.
 */
async function write(
  transaction: LicenseTransaction,
  seen: Subscription,
  notice: Look['notice'],
  nowMs: number,
): Promise<Written> {
  const { subscriptionId, tenantId, licenseId, customerId } = seen;
  const current = await transaction.get(SUBSCRIPTIONS, subscriptionId);
  if ((current?.revision ?? 0) !== seen.revision - 1) return { verdict: 'OVERTAKEN' };
  const tenant = await transaction.get(TENANTS, tenantId);
  if (!tenant) return { verdict: 'IGNORED', because: `its tenant ${tenantId} does not exist` };
  if (tenant.closedAtMs !== null) {
    if (!isGone(seen)) return { verdict: 'CLOSED' };
    if (!current) return { verdict: 'IGNORED', because: 'the tenant was erased' };
  }
  const account = await transaction.get(BILLING_ACCOUNTS, tenantId);
  const isCustomer = account?.customerId === customerId || account?.formerCustomerIds.includes(customerId);
  if (!current && !isCustomer)
    return { verdict: 'IGNORED', because: `${customerId} is not the customer of ${tenantId}` };
  const license = await transaction.get(LICENSES, licenseId);
  if (license && license.tenantId !== tenantId)
    return { verdict: 'IGNORED', because: `${licenseId} does not belong to ${tenantId}` };
  const payerId = license?.subscriptionId ?? null;
  if (payerId !== null && payerId !== subscriptionId && !isGone(seen)) {
    const rival = await transaction.get(SUBSCRIPTIONS, payerId);
    if (rival && !isGone(rival)) return { verdict: 'RIVAL', rivalId: payerId };
  }
  // One that is gone does not affect a license that another one pays for now.
  const isPayer = payerId === null || payerId === subscriptionId || !isGone(seen);
  const next = isPayer ? licenseUnder(seen, license, nowMs) : license;
  const notices = noticesOf(seen, notice);
  const known = await Promise.all(notices.map(({ eventId }) => transaction.get(AUDIT, eventId)));
  const isLookedAt = isPayer && tenant.closedAtMs === null;
  transaction.set(SUBSCRIPTIONS, subscriptionId, isLookedAt ? seen : { ...seen, lookAtMs: null });
  if (next && next !== license) transaction.writeLicense(next, nowMs);
  else if (next) transaction.putAgain(next);
  for (const [i, event] of notices.entries())
    if (!known[i]) transaction.set(AUDIT, event.eventId, unsealed(event, nowMs));
  return { verdict: 'WRITTEN', notices };
}

/** What to publish for the license: Stripe's event, and that the subscription needs a review. */
function noticesOf(seen: Subscription, notice: Look['notice']): SeatEvent[] {
  const { review, reviewSinceMs } = seen;
  return [
    ...(notice && hasBegun(seen) ? [noticeOf(seen, notice.type, notice.atMs, notice.detail)] : []),
    ...(review !== null && reviewSinceMs !== null
      ? [noticeOf(seen, 'subscription.needs_review', reviewSinceMs, { reason: review })]
      : []),
  ];
}

function noticeOf(
  { tenantId, licenseId }: Subscription,
  type: EventType,
  atMs: number,
  detail: EventDetail,
): SeatEvent {
  return eventOf({
    type,
    tenantId,
    licenseId,
    sessionId: null,
    atMs,
    position: `${atMs}-0`,
    actor: system('stripe'),
    detail,
  });
}

function needsReview(seen: Subscription, status: string | undefined): LogLine {
  const { subscriptionId, licenseId } = seen;
  const review = reviewOf(seen);
  return {
    severity: 'ERROR',
    message: 'a subscription needs a review',
    license_id: licenseId,
    because: `${subscriptionId}: ${review}${review === 'unknown_status' ? ` (${status})` : ''}`,
  };
}

/**
 * Meters that several prices bill. Stripe counts usage by customer and meter, and each item with a price of the meter
 * bills all of it, in any subscription of the customer (docs.stripe.com/api/billing/meter-event-summary).
 */
async function billedTwice(seen: Subscription, { records }: Deps): Promise<LogLine[]> {
  const { subscriptionId, customerId, tenantId, licenseId } = seen;
  if (isOver(seen) || seen.meteredPrices.length === 0) return [];
  const billing = [...seen.meteredPrices.map(({ meter }) => ({ meter, subscriptionId }))];
  for await (const other of eachDocument(records, SUBSCRIPTIONS_OF_TENANT, { tenantId }))
    if (other.subscriptionId !== subscriptionId && other.customerId === customerId && !isOver(other))
      billing.push(
        ...other.meteredPrices.map(({ meter }) => ({ meter, subscriptionId: other.subscriptionId })),
      );
  const meters = new Set(seen.meteredPrices.map(({ meter }) => meter));
  return [...meters].flatMap((meter) => {
    const ids = billing.filter((each) => each.meter === meter).map((each) => each.subscriptionId);
    if (ids.length < 2) return [];
    const because = `${meter} is billed by ${ids.sort().join(', ')}: leave its price on one of them`;
    return [{ severity: 'ERROR', message: 'usage is billed twice', license_id: licenseId, because }];
  });
}

/** Both may be meant: the customer pays twice until one is canceled. */
function paidTwice(
  { subscriptionId, licenseId }: Subscription,
  payerId: string,
): LogLine & { because: string } {
  return {
    severity: 'ERROR',
    message: 'two subscriptions pay for one license',
    license_id: licenseId,
    because: `${payerId} has its seats, ${subscriptionId} has none: cancel and refund one of them`,
  };
}

/** Whether such a dispute holds seats follows from where its money is. */
function unknownStatus({ licenseId, payments }: Subscription): LogLine {
  const statuses = unknownDisputes(payments).map((id) => `${id} (${payments.disputes[id]?.status})`);
  return {
    severity: 'ERROR',
    message: 'Stripe reports a status of disputes that this release does not know',
    license_id: licenseId,
    because: statuses.join(', '),
  };
}

/** The subscription that pays for the license may have ended without being fetched since. */
async function isStillRival(rivalId: string, billing: Billing, deps: Deps): Promise<boolean> {
  const rival = await syncSubscription(rivalId, {}, billing, deps);
  return rival.verdict === 'SEEN' && !isGone(rival.subscription);
}

/** Returns whether the payer has not ended: if it has, nothing would look at its rivals. */
function rememberRival(payerId: string, rivalId: string, { records }: Deps): Promise<boolean> {
  return records.transact(async (transaction) => {
    const payer = await transaction.get(SUBSCRIPTIONS, payerId);
    if (!payer || isOver(payer)) return false;
    if (payer.rivalIds.includes(rivalId)) return true;
    const rivalIds = [...payer.rivalIds, rivalId];
    transaction.set(SUBSCRIPTIONS, payerId, { ...payer, rivalIds, revision: payer.revision + 1 });
    return true;
  });
}
