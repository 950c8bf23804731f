import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isOver } from '../../shared/domain/subscription.ts';
import { BILLING_ACCOUNTS, LICENSES, SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { SUBSCRIPTIONS_OF_TENANT } from '../../shared/ports/queries.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { beginPurchase, withoutStripeEvents } from '../testing/purchases.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';
import { signIn, type TestUser } from '../testing/users.ts';

const HOUR_MS = 3_600_000;

let clocked: ClockedSuite;
let suite: TestSuite;
let takesPayments = true;
beforeAll(async () => {
  clocked = await openClockedSuite(
    (deps) => ({
      ...deps,
      get billing() {
        return takesPayments ? deps.billing : undefined;
      },
    }),
    { USAGE_METERS: 'exports' },
  );
  suite = clocked.suite;
});
afterAll(() => clocked.close());

let people = 0;
let ada: TestUser;
let tenantId: string;
beforeEach(async () => {
  takesPayments = true;
  suite.stripe.breakApi(undefined);
  people += 1;
  ada = await signIn(suite, `ada${people}@example.com`);
  [tenantId = ''] = ada.tenants.keys();
});

async function buy(): Promise<{ subscriptionId: string; customerId: string }> {
  const order = { tenant_id: tenantId, plan: 'pro', seats: 2 };
  const { checkout_url } = (await ada.call('POST', '/api/v1/checkout/create-session', order)).body;
  await suite.stripe.pay(checkout_url);
  await suite.stripe.idle();
  const subscriptionId = suite.stripe.subscriptionOf(checkout_url) ?? '';
  const { customerId } = (await suite.deps.records.get(SUBSCRIPTIONS, subscriptionId)) ?? {};
  if (customerId === undefined) throw new Error('nothing was bought');
  return { subscriptionId, customerId };
}

/** Requests an erasure, and returns a function that confirms it. */
async function ask(body: object = {}): Promise<() => Promise<Reply>> {
  const { confirmation_token } = (await ada.call('POST', '/api/v1/gdpr/delete', body)).body;
  return () => ada.call('DELETE', '/api/v1/gdpr/delete', { confirmation_token });
}

const deleted = (customerId: string): boolean =>
  suite.stripe.calls.includes(`DELETE /v1/customers/${customerId}`);

test('erases all former customers of a tenant at Stripe, with all their subscriptions', async () => {
  const { customerId: former } = await buy();
  await suite.stripe.deleteCustomer(former);
  await suite.stripe.idle();
  const customers = new Set<string>();
  for (let n = 0; n < 11; n += 1) customers.add((await buy()).customerId);
  const [current = ''] = customers;
  expect([customers.size, current === former]).toEqual([1, false]);
  const callsBefore = suite.stripe.calls.length;

  const confirm = await ask({ tenant_id: tenantId });
  const receipt = await confirm();
  expect([receipt.status, receipt.body.erased.tenants]).toEqual([200, 1]);
  const calls = suite.stripe.calls.slice(callsBefore);
  for (const id of [former, current]) expect(calls).toContain(`DELETE /v1/customers/${id}`);
  const kept = await Array.fromAsync(eachDocument(suite.deps.records, SUBSCRIPTIONS_OF_TENANT, { tenantId }));
  expect(kept).toHaveLength(12);
  expect(kept.every(isOver)).toBe(true);
  expect(await suite.deps.records.get(BILLING_ACCOUNTS, tenantId)).toBeUndefined();
});

describe('usage that was not invoiced before the erasure', () => {
  async function useBeforeErasure(quantity: number): Promise<{ subscriptionId: string; customerId: string }> {
    const { subscriptionId, customerId } = await buy();
    const { licenseId = '' } = (await suite.deps.records.get(SUBSCRIPTIONS, subscriptionId)) ?? {};
    await suite.stripe.addPrice({ lookupKey: 'exports', meter: 'exports', unitAmount: 5 });
    await suite.stripe.addItem(subscriptionId, { price: 'exports' });
    const use = { license_id: licenseId, id: 'use', meter: 'exports', quantity };
    expect((await ada.call('POST', '/api/v1/usage/record', use)).status).toBe(201);
    return { subscriptionId, customerId };
  }

  test('is invoiced and charged before the customer is deleted', async () => {
    const { subscriptionId, customerId } = await useBeforeErasure(7);
    expect((await (await ask({ tenant_id: tenantId }))()).status).toBe(200);
    expect(suite.stripe.invoicesOf(subscriptionId)[0]).toMatchObject({ status: 'paid', amountDue: 35 });
    const calls = suite.stripe.calls;
    const paidAt = calls.findLastIndex((call) => /^POST .*\/pay$/.test(call));
    expect(paidAt).toBeGreaterThan(0);
    expect(paidAt).toBeLessThan(calls.indexOf(`DELETE /v1/customers/${customerId}`));
  });

  test('is not charged while the vendor has paused the collection, and the log names the invoice', async () => {
    const { subscriptionId } = await useBeforeErasure(7);
    await suite.stripe.pauseCollection(subscriptionId, 'keep_as_draft');
    expect((await (await ask({ tenant_id: tenantId }))()).status).toBe(200);
    const invoice = suite.stripe.invoicesOf(subscriptionId)[0];
    expect(invoice).toMatchObject({ status: 'draft', amountPaid: 0 });
    expect(suite.logged).toContainEqual(
      expect.objectContaining({
        severity: 'WARNING',
        because: `${invoice?.id} is not paid: collection is paused`,
      }),
    );
  });

  test('does not stop the erasure if it cannot be charged, and the log names the invoice', async () => {
    const { subscriptionId, customerId } = await useBeforeErasure(7);
    await suite.stripe.setCard(subscriptionId, 'declined');
    expect((await (await ask({ tenant_id: tenantId }))()).body).toMatchObject({ erased: { tenants: 1 } });
    expect(deleted(customerId)).toBe(true);
    const invoice = suite.stripe.invoicesOf(subscriptionId)[0];
    expect(invoice).toMatchObject({ status: 'open', amountDue: 35 });
    expect(suite.logged).toContainEqual(
      expect.objectContaining({
        severity: 'WARNING',
        message: `${tenantId} was erased and owes usage`,
        because: `${invoice?.id} is not paid`,
      }),
    );
  });
});

test('does not charge a renewal that was open before, also if its event was lost', async () => {
  const { subscriptionId } = await buy();
  await withoutStripeEvents(suite, () => suite.stripe.renew(subscriptionId, 'declined'));
  expect((await (await ask({ tenant_id: tenantId }))()).body).toMatchObject({ erased: { tenants: 1 } });
  expect(suite.stripe.invoicesOf(subscriptionId)[0]).toMatchObject({ status: 'open', amountPaid: 0 });
});

test('waits while Stripe is unavailable, and continues on its own', async () => {
  const { subscriptionId, customerId } = await buy();
  const confirm = await ask();
  suite.stripe.breakApi('status 500');
  expect((await confirm()).body.code).toBe('BILLING_UNAVAILABLE');
  expect(suite.stripe.subscription(subscriptionId)?.status).toBe('active');
  suite.stripe.breakApi(undefined);
  clocked.moveClock(60_001);
  expect((await suite.sweep()).body).toMatchObject({ erased: 1 });
  expect((await confirm()).body).toMatchObject({ completed_at: expect.any(String), erased: { users: 1 } });
  expect(suite.stripe.subscription(subscriptionId)?.status).toBe('canceled');
  expect(deleted(customerId)).toBe(true);
});

test('erases the rest if billing is no longer configured, and logs the remaining customer', async () => {
  const { customerId } = await buy();
  takesPayments = false;
  const receipt = await (await ask())();
  expect([receipt.status, receipt.body.erased]).toMatchObject([200, { users: 1, tenants: 1 }]);
  expect(suite.logged).toContainEqual(
    expect.objectContaining({
      severity: 'ERROR',
      message: `${tenantId} was erased but is still a customer at Stripe`,
      because: `payments are not configured: delete ${customerId} at Stripe manually`,
    }),
  );
  expect(await suite.deps.records.get(BILLING_ACCOUNTS, tenantId)).toMatchObject({ customerId });
});

test('ends a purchase at once that is paid after its tenant was erased', async () => {
  const { licenseId, customerId, pay } = await beginPurchase(suite, { tenantId });
  // Simulates an account that is written just after the first round.
  const account = await suite.deps.records.get(BILLING_ACCOUNTS, tenantId);
  await suite.deps.records.transact(async (transaction) => {
    transaction.delete(BILLING_ACCOUNTS, tenantId);
  });
  const confirm = await ask();
  expect((await confirm()).status).toBe(200);
  if (account) await suite.deps.records.create(BILLING_ACCOUNTS, tenantId, account);

  const subscriptionId = await pay();
  await suite.stripe.idle();
  expect(suite.stripe.subscription(subscriptionId)?.status).toBe('canceled');
  expect(await suite.deps.records.get(LICENSES, licenseId)).toBeUndefined();
  expect(await suite.deps.records.get(SUBSCRIPTIONS, subscriptionId)).toBeUndefined();

  await suite.settle();
  clocked.moveClock(HOUR_MS + 1);
  await suite.sweep();
  expect(deleted(customerId)).toBe(true);
  expect(await suite.deps.records.get(BILLING_ACCOUNTS, tenantId)).toBeUndefined();
});
