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

test('requires tenant_id from operators', async () => {
  expect((await list('')).body.code).toBe('VALIDATION_FAILED');
});
