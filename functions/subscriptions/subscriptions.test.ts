import { afterAll, beforeAll, expect, test } from 'vitest';
import { PLANS } from '../../shared/domain/plans.ts';
import { beginPurchase } from '../testing/purchases.ts';
import { openTestSuite, type TestSuite } from '../testing/suite.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

function list(query: string) {
  return suite.operate('GET', `/api/v1/subscriptions${query}`);
}

test('lists subscriptions with the paid period, and the end of the grace for an overdue payment', async () => {
  const { tenantId } = await suite.createLicense();
  const [first, second] = [
    await beginPurchase(suite, { tenantId }),
    await beginPurchase(suite, { tenantId }),
  ];
  const [one, two] = [await first.pay(), await second.pay()];
  await suite.stripe.renew(two, 'declined');
  await suite.stripe.idle();
  const { body } = await list(`?tenant_id=${tenantId}`);
  expect(body.subscriptions).toHaveLength(2);
  const byId = new Map(
    body.subscriptions.map((each: { subscription_id: string }) => [each.subscription_id, each]),
  );
  expect(byId.get(one)).toMatchObject({ license_id: first.licenseId, status: 'active', grace_until: null });
  expect(byId.get(two)).toMatchObject({ license_id: second.licenseId, status: 'past_due' });
  const { grace_until } = body.subscriptions.find((each: { status: string }) => each.status === 'past_due');
  const graceMs = PLANS.pro.paymentGraceDays * 24 * 3600 * 1000;
  expect(Math.abs(Date.parse(grace_until) - Date.now() - graceMs)).toBeLessThan(60_000);

  const page = await list(`?tenant_id=${tenantId}&limit=1`);
  const rest = await list(`?tenant_id=${tenantId}&limit=1&cursor=${page.body.next_cursor}`);
  expect([...page.body.subscriptions, ...rest.body.subscriptions]).toEqual(body.subscriptions);
});

test('shows what a seat costs by the items of the subscription, also after its price was replaced', async () => {
  const { tenantId } = await suite.createLicense();
  const purchase = await beginPurchase(suite, { tenantId, seats: 5 });
  const subscriptionId = await purchase.pay();
  const changes = { unitAmount: 1_200.5, currency: 'usd' };
  const priceId = await suite.stripe.moveLookupKey('seatlease_pro_month', changes);
  const yearly = await suite.stripe.addPrice({
    isTiered: true,
    interval: 'year',
    metadata: { seatlease_plan: 'pro' },
  });
  for (const price of [priceId, yearly]) await suite.stripe.addItem(subscriptionId, { price, quantity: 2 });
  await suite.stripe.idle();
  const { body } = await list(`?tenant_id=${tenantId}`);
  const month = { plan: 'pro', interval: 'month', interval_count: 1, currency: 'usd' };
  expect(body.subscriptions[0].items).toMatchObject([
    { ...month, seats: 5, unit_amount: 900, unit_amount_decimal: '900' },
    { ...month, seats: 2, unit_amount: null, unit_amount_decimal: '1200.5' },
    { ...month, seats: 2, interval: 'year', unit_amount: null, unit_amount_decimal: null },
  ]);
});

test('requires tenant_id from operators', async () => {
  expect((await list('')).body.code).toBe('VALIDATION_FAILED');
});
