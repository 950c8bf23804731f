import type { By } from '../../shared/domain/actor.ts';
import type { Checkout } from '../../shared/domain/checkout.ts';
import { hashSecret, newLicenseId } from '../../shared/domain/ids.ts';
import type { BillingInterval, Plan } from '../../shared/domain/plans.ts';
import { priceOf } from '../../shared/domain/prices.ts';
import { hasBegun, isOver, isOverdue, type SubscriptionState } from '../../shared/domain/subscription.ts';
import type { Tenant } from '../../shared/domain/users.ts';
import { Unavailable } from '../../shared/errors.ts';
import type { Refusal } from '../../shared/http/contract.ts';
import type { Billing, OpenCheckout } from '../../shared/ports/billing.ts';
import {
  BILLING_ACCOUNTS,
  CHECKOUT_KEYS,
  CHECKOUTS,
  LICENSES,
  SUBSCRIPTIONS,
  TENANTS,
} from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { SUBSCRIPTIONS_OF_TENANT } from '../../shared/ports/queries.ts';
import { removeCustomer } from '../../shared/use-cases/customers.ts';
import { recordEvent } from '../../shared/use-cases/record-event.ts';

const MINUTE_MS = 60_000;
/** How long a client's idempotency key means the same purchase. */
const KEY_MS = 24 * 60 * MINUTE_MS;
/** A page that expires sooner is replaced, so that there is time to pay. */
const LEAST_LEFT_MS = 30 * MINUTE_MS;
/** Upper bound on attempts when requests for the same license overtake each other. */
const MAX_ATTEMPTS = 10;

export interface Order {
  readonly plan: Plan;
  readonly interval?: BillingInterval | undefined;
  readonly seats: number;
  readonly license_id?: string | undefined;
}

export interface Purchase {
  readonly licenseId: string;
  /** Its id is new, so that no subscription can pay for it. */
  readonly isNew: boolean;
}

/** Returns a new purchase, or the purchase that the client's idempotency key was first used for. */
export async function purchaseOf(
  tenantId: string,
  order: Order,
  key: string | undefined,
  { records, clock }: Deps,
): Promise<Purchase | Refusal<'IDEMPOTENCY_KEY_REUSED'>> {
  const { plan, interval = 'month', seats, license_id = null } = order;
  const purchase = { licenseId: license_id ?? newLicenseId(tenantId), isNew: license_id === null };
  if (key === undefined) return purchase;
  const keyId = hashSecret(JSON.stringify([tenantId, key]));
  const asked = hashSecret(JSON.stringify([plan, interval, seats, license_id]));
  return records.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const known = await transaction.get(CHECKOUT_KEYS, keyId);
    if (known === undefined || known.expiresAtMs <= nowMs) {
      const { licenseId } = purchase;
      transaction.set(CHECKOUT_KEYS, keyId, { keyId, asked, licenseId, expiresAtMs: nowMs + KEY_MS });
      return purchase;
    }
    if (known.asked !== asked) return { problem: 'IDEMPOTENCY_KEY_REUSED' as const };
    return { licenseId: known.licenseId, isNew: false };
  });
}

type NotPayable = Refusal<'PLAN_NOT_FOR_SALE' | 'ALREADY_SUBSCRIBED' | 'INVOICE_NOT_PAID' | 'TENANT_CLOSED'>;

/**
 * Returns a page that can be paid now. Only the page that is recorded for a license was ever returned: it is expired
 * before the next one is created, and the next one is recorded before it is returned, unless another request recorded
 * one meanwhile. While it is open, it is returned again for the same order.
 */
export async function openPage(
  tenant: Tenant,
  order: Order,
  { licenseId, isNew }: Purchase,
  by: By,
  billing: Billing,
  deps: Deps,
): Promise<Checkout | NotPayable> {
  const { tenantId } = tenant;
  const { plan, interval = 'month', seats } = order;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const price = priceOf(await billing.readPrices(), plan, interval);
    if (!price)
      return {
        problem: 'PLAN_NOT_FOR_SALE',
        because: `Stripe has no active price for ${plan} per ${interval}`,
      };
    const { priceId } = price;
    const customerId = await customerOf(tenant, billing, deps);
    if (customerId === undefined) return { problem: 'TENANT_CLOSED' };
    const trialDays = await trialDaysFor(tenantId, deps);
    const ask = {
      ...deps.checkout,
      trialDays,
      customerId,
      tenantId,
      licenseId,
      price: { priceId, plan },
      seats,
    };
    const askHash = hashSecret(JSON.stringify(ask));
    const recorded = await deps.records.get(CHECKOUTS, licenseId);
    const refusal = isNew ? undefined : await refusePayer(licenseId, billing, deps);
    if (refusal) return refusal;
    if (recorded) {
      const isSame = recorded.askHash === askHash && hasTime(recorded, deps);
      if (isSame && (await isOnlyPage(recorded, ask, billing))) return recorded;
      const paid = await closePage(recorded, billing);
      if (paid) return paid;
    }
    const created = await billing.createCheckout(ask);
    if (created.verdict === 'NO_CUSTOMER') await removeCustomer(tenantId, customerId, deps.records);
    if (created.verdict !== 'OPEN') continue;
    const opened = { licenseId, tenantId, askHash, ...created.page };
    if (!(await recordPage(opened, recorded, by, deps))) await billing.expireCheckout(opened.sessionId);
    else if (isNew || (await isOnlyPage(opened, ask, billing))) return opened;
  }
  throw new Unavailable('billing', `${licenseId}: other requests were faster ${MAX_ATTEMPTS} times in a row`);
}

/**
 * Only the first subscription of a tenant begins with a trial, whatever its license. Otherwise a tenant that cancels each
 * trial and buys again never pays (better-auth/better-auth#4539, better-auth/better-auth#6863).
 */
async function trialDaysFor(tenantId: string, { records, checkout: { trialDays } }: Deps): Promise<number> {
  if (trialDays === 0) return 0;
  for await (const subscription of eachDocument(records, SUBSCRIPTIONS_OF_TENANT, { tenantId }))
    if (hasBegun(subscription)) return 0;
  return trialDays;
}

function hasTime({ expiresAtMs }: OpenCheckout, { clock }: Deps): boolean {
  return expiresAtMs - clock.nowMs() >= LEAST_LEFT_MS;
}

/**
 * Whether the recorded page is open. Expires the license's older ones, which a crash or a lost answer left open before
 * they were returned. Newer ones may be about to replace it.
 */
async function isOnlyPage(
  { sessionId }: OpenCheckout,
  of: { readonly customerId: string; readonly licenseId: string },
  billing: Billing,
): Promise<boolean> {
  const open = await billing.openCheckouts(of);
  const place = open.findIndex((page) => page.sessionId === sessionId);
  if (place < 0) return false;
  for (const older of open.slice(place + 1)) await billing.expireCheckout(older.sessionId);
  return true;
}

/** Expires the page. Returns why the license cannot be bought, if it was paid. */
async function closePage({ sessionId }: OpenCheckout, billing: Billing): Promise<NotPayable | undefined> {
  const end = await billing.expireCheckout(sessionId);
  if (end.verdict === 'EXPIRED') return undefined;
  return refuseSubscribed(
    end.subscriptionId === null ? undefined : await billing.readSubscription(end.subscriptionId),
  );
}

/**
 * Refuses a license that a subscription pays for. Its record may be older than its end at Stripe. One that Stripe does not
 * have blocks the license until the end that it had: the key may be of another account, where it is still paid.
 */
async function refusePayer(
  licenseId: string,
  billing: Billing,
  { records, clock }: Deps,
): Promise<NotPayable | undefined> {
  const license = await records.get(LICENSES, licenseId);
  if (license?.subscriptionId == null) return undefined;
  const { subscriptionId, validUntilMs } = license;
  const payer = await records.get(SUBSCRIPTIONS, subscriptionId);
  if (payer && isOver(payer)) return undefined;
  const state = await billing.readSubscription(subscriptionId);
  const hasEnded = validUntilMs !== null && validUntilMs <= clock.nowMs();
  return state || !hasEnded ? refuseSubscribed(state) : undefined;
}

/**
 * Nothing is sold beside a subscription that can still be paid, also if it grants nothing now: the buyer would pay twice.
 * One whose first payment is not complete is left to Stripe, which gives it up after 23 hours
 * (docs.stripe.com/billing/subscriptions/overview): the payment may be on its way. A declined card leaves none behind,
 * since Stripe creates the subscription after the payment
 * (docs.stripe.com/changelog/basil/2025-03-31/checkout-legacy-subscription-upgrade).
 */
function refuseSubscribed(subscription: SubscriptionState | undefined): NotPayable | undefined {
  if (!subscription)
    return { problem: 'ALREADY_SUBSCRIBED', because: 'Stripe does not have the subscription' };
  if (isOver(subscription)) return undefined;
  if (isOverdue(subscription)) return { problem: 'INVOICE_NOT_PAID' };
  switch (subscription.status) {
    case 'incomplete': {
      const detail =
        'The first payment is not complete. Pay the open invoice in the billing portal; if it is not paid within 23 hours, buy again.';
      return { problem: 'INVOICE_NOT_PAID', detail };
    }
    case 'paused':
      return {
        problem: 'ALREADY_SUBSCRIBED',
        detail: 'The subscription of this license is paused. Resume it instead.',
      };
    default:
      return { problem: 'ALREADY_SUBSCRIBED' };
  }
}

/** Returns whether the page is the license's now: `false` if another request recorded one since `before` was read. */
function recordPage(
  opened: Checkout,
  before: Checkout | undefined,
  by: By,
  { records, clock }: Deps,
): Promise<boolean> {
  const { tenantId, licenseId, sessionId } = opened;
  return records.transact(async (transaction) => {
    const current = await transaction.get(CHECKOUTS, licenseId);
    if (current?.sessionId !== before?.sessionId) return false;
    transaction.set(CHECKOUTS, licenseId, { ...current, ...opened });
    recordEvent(
      transaction,
      { type: 'checkout.created', tenantId, licenseId, subject: sessionId, by },
      clock.nowMs(),
    );
    return true;
  });
}

/** The tenant's customer id at Stripe. Creates the customer if there is none; `undefined` if the tenant is closed. */
async function customerOf(
  { tenantId, name }: Tenant,
  billing: Billing,
  { records, clock }: Deps,
): Promise<string | undefined> {
  const account = await records.get(BILLING_ACCOUNTS, tenantId);
  if (account?.customerId != null) return account.customerId;
  const attempt = account?.formerCustomerIds.length ?? 0;
  const created = await billing.createCustomer({ tenantId, name, attempt });
  const customerId = await records.transact(async (transaction) => {
    const current = await transaction.get(BILLING_ACCOUNTS, tenantId);
    const isOpen = (await transaction.get(TENANTS, tenantId))?.closedAtMs === null;
    if (!isOpen) return undefined;
    if (current?.customerId != null) return current.customerId;
    transaction.set(BILLING_ACCOUNTS, tenantId, {
      ...current,
      tenantId,
      customerId: created,
      formerCustomerIds: current?.formerCustomerIds ?? [],
      createdAtMs: current?.createdAtMs ?? clock.nowMs(),
    });
    return created;
  });
  // Another request was faster after a customer was deleted, or the tenant was erased meanwhile.
  if (customerId !== created) await billing.deleteCustomer(created);
  return customerId;
}
