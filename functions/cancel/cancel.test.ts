import { afterAll, beforeAll, expect, test } from 'vitest';
import { PLANS } from '../../shared/domain/plans.ts';
import { buySeats, withoutStripeEvents } from '../testing/purchases.ts';
import { openTestSuite, type TestSuite } from '../testing/suite.ts';

const DAY_MS = 24 * 3600 * 1000;

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

async function buy() {
  const bought = await buySeats(suite);
  const { licenseId } = bought;
  return {
    ...bought,
    cancel: (more = {}) =>
      suite.operate('POST', '/api/v1/subscriptions/cancel', { license_id: licenseId, ...more }),
    undo: () => suite.operate('POST', '/api/v1/subscriptions/cancel/undo', { license_id: licenseId }),
    license: async () => (await suite.operate('GET', `/api/v1/licenses/${licenseId}`)).body,
  };
}

test('keeps seats until the end of the paid period, or longer if the cancellation is undone', async () => {
  const bought = await buy();
  const canceled = await bought.cancel();
  expect(canceled.status, canceled.text).toBe(200);
  const { current_period_end, cancel_at, status } = canceled.body;
  expect([status, cancel_at]).toEqual(['active', current_period_end]);
  expect((await bought.license()).valid_until).toBe(current_period_end);
  expect((await bought.acquire('laptop')).status).toBe(201);
  expect((await bought.cancel()).body).toEqual(canceled.body);

  const undone = await bought.undo();
  expect(undone.body).toMatchObject({ status: 'active', cancel_at: null });
  const end = Date.parse(current_period_end) + PLANS.pro.paymentGraceDays * DAY_MS;
  expect(Date.parse((await bought.license()).valid_until)).toBe(end);
});

test('refuses new seats and ends running sessions at their next heartbeat when canceled immediately', async () => {
  const bought = await buy();
  const { session_id, session_token } = (await bought.acquire('laptop')).body;
  const canceled = await bought.cancel({ when: 'now' });
  expect(canceled.body).toMatchObject({ status: 'canceled', ended_at: expect.any(String) });
  expect((await bought.acquire('desktop')).body.code).toBe('LICENSE_EXPIRED');
  expect((await bought.heartbeat({ session_id, session_token })).body.code).toBe('LICENSE_EXPIRED');
  await suite.stripe.idle();
  for (const again of [bought.cancel(), bought.cancel({ when: 'now' }), bought.undo()])
    expect((await again).body.code).toBe('SUBSCRIPTION_ENDED');
});

test('updates seats before it answers, without the event of Stripe', async () => {
  const bought = await buy();
  await withoutStripeEvents(suite, () => bought.cancel({ when: 'now' }));
  expect((await bought.acquire('laptop')).body.code).toBe('LICENSE_EXPIRED');
});

test('updates seats by the event or by a retry when the answer of Stripe is lost', async () => {
  const bought = await buy();
  suite.stripe.breakApi('reset after doing');
  const lost = await bought.cancel({ when: 'now' });
  expect(lost.body.code).toBe('BILLING_UNAVAILABLE');
  suite.stripe.breakApi(undefined);
  await suite.stripe.idle();
  const [ended] = suite.stripe.events
    .filter(({ type }) => type === 'customer.subscription.deleted')
    .slice(-1);
  await suite.stripe.send(ended?.id ?? '');
  expect((await bought.acquire('laptop')).body.code).toBe('LICENSE_EXPIRED');
  expect((await bought.cancel()).body.code).toBe('SUBSCRIPTION_ENDED');
});

test('refuses a license without a subscription', async () => {
  const { licenseId } = await suite.createLicense();
  const reply = await suite.operate('POST', '/api/v1/subscriptions/cancel', { license_id: licenseId });
  expect([reply.status, reply.body.code]).toEqual([404, 'SUBSCRIPTION_NOT_FOUND']);
});

test.each(['cancel', 'cancel/undo'])(
  '%s returns SUBSCRIPTION_NOT_FOUND if Stripe no longer has the subscription',
  async (path) => {
    let isDeleted = false;
    const own = await openTestSuite({}, (deps) => ({
      ...deps,
      billing: deps.billing && {
        ...deps.billing,
        readSubscription: async (id) => (isDeleted ? undefined : deps.billing?.readSubscription(id)),
      },
    }));
    const { licenseId } = await buySeats(own);
    isDeleted = true;
    const reply = await own.operate('POST', `/api/v1/subscriptions/${path}`, { license_id: licenseId });
    await own.close();
    expect([reply.status, reply.body.code]).toEqual([404, 'SUBSCRIPTION_NOT_FOUND']);
  },
);

test.each(['cancel', 'cancel/undo'])(
  '%s returns BILLING_NOT_SET_UP if payments are not configured',
  async (path) => {
    const own = await openTestSuite({}, (deps) => ({ ...deps, billing: undefined }));
    const { licenseId } = await own.createLicense();
    const reply = await own.operate('POST', `/api/v1/subscriptions/${path}`, { license_id: licenseId });
    await own.close();
    expect([reply.status, reply.body.code]).toEqual([503, 'BILLING_NOT_SET_UP']);
  },
);
