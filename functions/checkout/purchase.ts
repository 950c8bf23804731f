import type { Checkout } from '../../shared/domain/checkout.ts';
import { hashSecret, newLicenseId, newSecretWord } from '../../shared/domain/ids.ts';
import type { Tenant } from '../../shared/domain/people.ts';
import type { BillingInterval, Plan } from '../../shared/domain/plans.ts';
import type { Refusal } from '../../shared/http/contract.ts';
import type { Billing, CheckoutVerdict } from '../../shared/ports/billing.ts';
import { BILLING_ACCOUNTS, CHECKOUT_KEYS, CHECKOUTS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { forgetCustomer } from '../../shared/use-cases/customers.ts';

/** As long as Stripe knows its own (docs.stripe.com/api/idempotent_requests). */
const KEY_MS = 24 * 3600 * 1000;

export interface Wish {
  readonly plan: Plan;
  readonly interval?: BillingInterval | undefined;
  readonly seats: number;
  readonly license_id?: string | undefined;
}

/** A purchase, known again by its request. */
export interface Purchase {
  readonly requestId: string;
  readonly licenseId: string;
}

/** A new purchase, or, where the client's key is known, the one that it was for. */
export async function purchaseOf(
  tenantId: string,
  wish: Wish,
  key: string | undefined,
  { records, clock }: Deps,
): Promise<Purchase | Refusal<'IDEMPOTENCY_KEY_REUSED'>> {
  const licenseId = wish.license_id ?? newLicenseId(tenantId);
  if (key === undefined) return { requestId: `checkout:${newSecretWord()}`, licenseId };
  const keyId = hashSecret(JSON.stringify([tenantId, key]));
  const { plan, interval = 'month', seats, license_id = null } = wish;
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

/** The page to pay on. Any other that was open for the same license is closed first: nobody pays twice. */
export async function openSession(
  tenant: Tenant,
  wish: Wish,
  { requestId, licenseId }: Purchase,
  billing: Billing,
  deps: Deps,
): Promise<Checkout | Refusal<'PLAN_NOT_FOR_SALE' | 'ALREADY_SUBSCRIBED'>> {
  const { tenantId } = tenant;
  const createFor = (customerId: string): Promise<CheckoutVerdict> =>
    billing.createCheckout({
      ...deps.checkout,
      // Of another customer it is another request.
      requestId: `${requestId}:${customerId}`,
      customerId,
      tenantId,
      licenseId,
      plan: wish.plan,
      interval: wish.interval ?? 'month',
      seats: wish.seats,
    });
  const customerId = await customerOf(tenant, billing, deps);
  let verdict = await createFor(customerId);
  if (verdict.verdict === 'NO_CUSTOMER') {
    await forgetCustomer(tenantId, customerId, deps.records);
    verdict = await createFor(await customerOf(tenant, billing, deps));
  }
  if (verdict.verdict === 'NO_CUSTOMER') throw new Error('a customer that was just made is not known');
  if (verdict.verdict === 'NOT_FOR_SALE') return { problem: 'PLAN_NOT_FOR_SALE' };
  const { sessionId, url, expiresAtMs } = verdict;
  const opened: Checkout = { licenseId, tenantId, sessionId, url, expiresAtMs };
  const before = await putInPlace(opened, deps);
  if (before === undefined || before.sessionId === sessionId) return opened;
  if ((await billing.expireCheckout(before.sessionId)) === 'EXPIRED') return opened;
  await billing.expireCheckout(sessionId);
  return { problem: 'ALREADY_SUBSCRIBED' };
}

/** Gives the session that was the license's before. */
function putInPlace(opened: Checkout, { records }: Deps): Promise<Checkout | undefined> {
  return records.transact(async (transaction) => {
    const before = await transaction.get(CHECKOUTS, opened.licenseId);
    transaction.set(CHECKOUTS, opened.licenseId, opened);
    return before;
  });
}

/** The tenant as a customer, made where it is none yet. */
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
      tenantId,
      customerId,
      formerCustomerIds: current?.formerCustomerIds ?? [],
      createdAtMs: current?.createdAtMs ?? clock.nowMs(),
    });
    return customerId;
  });
}
