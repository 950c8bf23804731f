import type { By } from '../../shared/domain/actor.ts';
import type { Checkout } from '../../shared/domain/checkout.ts';
import { hashSecret, newLicenseId, newSecretWord } from '../../shared/domain/ids.ts';
import type { BillingInterval, Plan } from '../../shared/domain/plans.ts';
import type { Tenant } from '../../shared/domain/users.ts';
import type { Refusal } from '../../shared/http/contract.ts';
import type { Billing, CheckoutVerdict } from '../../shared/ports/billing.ts';
import { BILLING_ACCOUNTS, CHECKOUT_KEYS, CHECKOUTS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { removeCustomer } from '../../shared/use-cases/customers.ts';
import { recordEvent } from '../../shared/use-cases/record-event.ts';

/** As long as Stripe keeps its own idempotency keys (docs.stripe.com/api/idempotent_requests). */
const KEY_MS = 24 * 3600 * 1000;

export interface Order {
  readonly plan: Plan;
  readonly interval?: BillingInterval | undefined;
  readonly seats: number;
  readonly license_id?: string | undefined;
}

/** `requestId` is the idempotency key for Stripe. The same request has the same license. */
export interface Purchase {
  readonly requestId: string;
  readonly licenseId: string;
}

/** Returns a new purchase, or the purchase that the client's idempotency key was first used for. */
export async function purchaseOf(
  tenantId: string,
  order: Order,
  key: string | undefined,
  { records, clock }: Deps,
): Promise<Purchase | Refusal<'IDEMPOTENCY_KEY_REUSED'>> {
  const licenseId = order.license_id ?? newLicenseId(tenantId);
  if (key === undefined) return { requestId: `checkout:${newSecretWord()}`, licenseId };
  const keyId = hashSecret(JSON.stringify([tenantId, key]));
  const { plan, interval = 'month', seats, license_id = null } = order;
  const asked = hashSecret(JSON.stringify([plan, interval, seats, license_id]));
  return records.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const known = await transaction.get(CHECKOUT_KEYS, keyId);
    const isKnown = known !== undefined && known.expiresAtMs > nowMs;
    if (isKnown && known.asked !== asked) return { problem: 'IDEMPOTENCY_KEY_REUSED' as const };
    if (!isKnown)
      transaction.set(CHECKOUT_KEYS, keyId, { keyId, asked, licenseId, expiresAtMs: nowMs + KEY_MS });
    return { requestId: `checkout:${keyId}`, licenseId: isKnown ? known.licenseId : licenseId };
  });
}

/** Creates a page to pay on, and expires the license's previous page, so that a license is not paid for twice. */
export async function openSession(
  tenant: Tenant,
  order: Order,
  { requestId, licenseId }: Purchase,
  by: By,
  billing: Billing,
  deps: Deps,
): Promise<Checkout | Refusal<'PLAN_NOT_FOR_SALE' | 'ALREADY_SUBSCRIBED'>> {
  const { tenantId } = tenant;
  const createFor = (customerId: string): Promise<CheckoutVerdict> =>
    billing.createCheckout({
      ...deps.checkout,
      // Stripe rejects an idempotency key that is reused with other parameters, such as another customer.
      requestId: `${requestId}:${customerId}`,
      customerId,
      tenantId,
      licenseId,
      plan: order.plan,
      interval: order.interval ?? 'month',
      seats: order.seats,
    });
  const customerId = await customerOf(tenant, billing, deps);
  let verdict = await createFor(customerId);
  if (verdict.verdict === 'NO_CUSTOMER') {
    await removeCustomer(tenantId, customerId, deps.records);
    verdict = await createFor(await customerOf(tenant, billing, deps));
  }
  if (verdict.verdict === 'NO_CUSTOMER')
    throw new Error('Stripe does not know the customer that was just created');
  if (verdict.verdict === 'NOT_FOR_SALE') return { problem: 'PLAN_NOT_FOR_SALE' };
  const { sessionId, url, expiresAtMs } = verdict;
  const opened: Checkout = { licenseId, tenantId, sessionId, url, expiresAtMs };
  const previous = await replaceCheckout(opened, by, deps);
  if (previous === undefined || previous.sessionId === sessionId) return opened;
  if ((await billing.expireCheckout(previous.sessionId)) === 'EXPIRED') return opened;
  await billing.expireCheckout(sessionId);
  return { problem: 'ALREADY_SUBSCRIBED' };
}

/** Returns the license's previous checkout. */
function replaceCheckout(opened: Checkout, by: By, { records, clock }: Deps): Promise<Checkout | undefined> {
  return records.transact(async (transaction) => {
    const previous = await transaction.get(CHECKOUTS, opened.licenseId);
    transaction.set(CHECKOUTS, opened.licenseId, opened);
    const { tenantId, licenseId, sessionId } = opened;
    // A retry gets the same page.
    if (previous?.sessionId !== sessionId)
      recordEvent(
        transaction,
        { type: 'checkout.created', tenantId, licenseId, subject: sessionId, by },
        clock.nowMs(),
      );
    return previous;
  });
}

/** The tenant's customer id at Stripe. Creates the customer if there is none. */
async function customerOf(
  { tenantId, name }: Tenant,
  billing: Billing,
  { records, clock }: Deps,
): Promise<string> {
  const account = await records.get(BILLING_ACCOUNTS, tenantId);
  if (account?.customerId != null) return account.customerId;
  const attempt = account?.formerCustomerIds.length ?? 0;
  const customerId = await billing.createCustomer({ tenantId, name, attempt });
  return records.transact(async (transaction) => {
    const current = await transaction.get(BILLING_ACCOUNTS, tenantId);
    if (current?.customerId != null) return current.customerId;
    transaction.set(BILLING_ACCOUNTS, tenantId, {
      ...current,
      tenantId,
      customerId,
      formerCustomerIds: current?.formerCustomerIds ?? [],
      createdAtMs: current?.createdAtMs ?? clock.nowMs(),
    });
    return customerId;
  });
}
