import { newLicenseId } from '../../shared/domain/ids.ts';
import type { License } from '../../shared/domain/license.ts';
import type { BillingInterval, Plan } from '../../shared/domain/plans.ts';
import { priceOf } from '../../shared/domain/prices.ts';
import { BILLING_ACCOUNTS, LICENSES } from '../../shared/ports/collections.ts';
import type { TestLicense, TestSuite } from './suite.ts';

/** A purchase that is not paid yet. */
export interface TestPurchase {
  readonly tenantId: string;
  readonly licenseId: string;
  readonly customerId: string;
  readonly sessionId: string;
  /** Pays, and returns the id of the subscription. */
  pay(): Promise<string>;
}

export interface PurchaseOptions {
  readonly tenantId?: string;
  readonly licenseId?: string;
  readonly plan?: Plan;
  readonly interval?: BillingInterval;
  readonly seats?: number;
  readonly trialDays?: number;
}

/** Creates a purchase up to the page to pay on. Skips the endpoint: `options` can exceed what tenants can request. */
export async function beginPurchase(suite: TestSuite, options: PurchaseOptions = {}): Promise<TestPurchase> {
  const { records, billing } = suite.deps;
  if (!billing) throw new Error('billing is not configured');
  const tenantId = options.tenantId ?? (await suite.createLicense()).tenantId;
  const licenseId = options.licenseId ?? newLicenseId(tenantId);
  const known = await records.get(BILLING_ACCOUNTS, tenantId);
  const customerId =
    known?.customerId ?? (await billing.createCustomer({ tenantId, name: 'A customer', attempt: 0 }));
  await records.transact(async (transaction) => {
    const account = { tenantId, customerId, formerCustomerIds: [], createdAtMs: 0 };
    if (!known) transaction.set(BILLING_ACCOUNTS, tenantId, account);
  });
  const price = priceOf(await billing.readPrices(), options.plan ?? 'pro', options.interval ?? 'month');
  if (!price) throw new Error('not for sale');
  const checkout = await billing.createCheckout({
    customerId,
    tenantId,
    licenseId,
    price,
    seats: options.seats ?? 2,
    returnUrl: suite.stripe.returnUrl,
    trialDays: options.trialDays ?? 0,
    automaticTax: false,
    promotionCodes: false,
  });
  if (checkout.verdict !== 'OPEN') throw new Error(checkout.verdict);
  const { sessionId } = checkout.page;
  return {
    tenantId,
    licenseId,
    customerId,
    sessionId,
    async pay() {
      await suite.stripe.pay(sessionId);
      const subscriptionId = suite.stripe.subscriptionOf(sessionId);
      if (subscriptionId === undefined) throw new Error('nothing was bought');
      return subscriptionId;
    },
  };
}

/** A paid license with a key, after Stripe's events were processed. */
export interface BoughtLicense extends TestLicense {
  readonly subscriptionId: string;
  readonly customerId: string;
}

export async function buySeats(suite: TestSuite, options: PurchaseOptions = {}): Promise<BoughtLicense> {
  const purchase = await beginPurchase(suite, options);
  const subscriptionId = await purchase.pay();
  await suite.stripe.idle();
  const license = await suite.giveKey(purchase.licenseId);
  return { ...license, subscriptionId, customerId: purchase.customerId };
}

/** A trial of a new tenant. */
export async function createTrial(suite: TestSuite, change: Partial<License> = {}): Promise<TestLicense> {
  const created = await suite.createLicense();
  const { licenseId } = created;
  await suite.deps.records.transact(async (transaction) => {
    const license = await transaction.get(LICENSES, licenseId);
    if (license) transaction.set(LICENSES, licenseId, { ...license, trial: true, ...change });
  });
  return created;
}

/** Runs `work` while Stripe sends no events. */
export async function withoutStripeEvents<R>(suite: TestSuite, work: () => Promise<R>): Promise<R> {
  suite.stripe.sendEventsTo(undefined);
  try {
    return await work();
  } finally {
    suite.stripe.sendEventsTo(`${suite.url}/api/v1/webhooks/stripe`);
  }
}
