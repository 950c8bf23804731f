import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PLANS } from '../../shared/domain/plans.ts';
import { SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import { buyEndable } from '../testing/endings.ts';
import { unlimited } from '../testing/no-limits.ts';
import { buySeats, type PurchaseOptions, withoutStripeEvents } from '../testing/purchases.ts';
import { openTestSuite, type TestSuite } from '../testing/suite.ts';

const DAY_MS = 24 * 3600 * 1000;

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite({}, unlimited);
});
afterAll(() => suite.close());

async function buy(options?: PurchaseOptions) {
  const bought = await buyEndable(suite, options);
  const license = async () => (await suite.operate('GET', `/api/v1/licenses/${bought.licenseId}`)).body;
  return { ...bought, license };
}

test('keeps seats until the end of the paid period, or longer if the cancellation is undone', async () => {
  const bought = await buy();
  const canceled = await bought.cancel();
  expect(canceled.status, canceled.text).toBe(200);
  const { current_period_end, cancel_at, status } = canceled.body;
  expect([status, cancel_at]).toEqual(['active', current_period_end]);
  expect(canceled.body).toMatchObject({ final_usage: [], final_invoice_id: null });
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

describe('at a date', () => {
  const at = (days: number) => new Date(Math.ceil(Date.now() / 1000) * 1000 + days * DAY_MS).toISOString();

  test.each([10, 100])('in %i days, seats end then, unless that is undone', async (days) => {
    const bought = await buy();
    const cancel_at = at(days);
    const canceled = await bought.cancel({ when: 'at', cancel_at });
    expect(canceled.body).toMatchObject({ status: 'active', cancel_at });
    const { valid_until } = await bought.license();
    expect(Date.parse(valid_until)).toBeLessThanOrEqual(Date.parse(cancel_at));
    expect((await bought.undo()).body).toMatchObject({ status: 'active', cancel_at: null });
    expect(Date.parse((await bought.license()).valid_until)).toBeGreaterThan(Date.now() + 20 * DAY_MS);
  });

  test.each([
    ['a time that has passed', { when: 'at', cancel_at: at(-1) }, 'TIME_NOT_IN_FUTURE'],
    ['a time in six years', { when: 'at', cancel_at: at(6 * 366) }, 'TIME_NOT_IN_FUTURE'],
    ['no time', { when: 'at' }, 'VALIDATION_FAILED'],
    ['a time without `at`', { cancel_at: at(1) }, 'VALIDATION_FAILED'],
    ['a time with `now`', { when: 'now', cancel_at: at(1) }, 'VALIDATION_FAILED'],
    ['what is no time', { when: 'at', cancel_at: 'tomorrow' }, 'VALIDATION_FAILED'],
  ])('refuses %s, and changes nothing', async (_, more, code) => {
    const bought = await buy();
    const reply = await bought.cancel(more);
    expect([reply.status, reply.body.code]).toEqual([400, code]);
    expect(suite.stripe.subscription(bought.subscriptionId)).toMatchObject({
      status: 'active',
      cancelAt: null,
    });
  });
});

describe('an undo', () => {
  const inDays = (days: number) => Math.floor(Date.now() / 1000) + days * 86_400;

  test.each<[string, (id: string) => Promise<unknown>]>([
    ['the portal', (id) => suite.stripe.cancelAt(id, suite.stripe.subscription(id)?.periodEnd ?? 0)],
    ['the dashboard, within the period', (id) => suite.stripe.cancelAt(id, inDays(3))],
    ['the dashboard, in a later period', (id) => suite.stripe.cancelAt(id, inDays(70))],
    ['a schedule at Stripe', (id) => suite.stripe.addSchedule(id, 'cancel')],
  ])('keeps a subscription whose end was set by %s', async (_, schedule) => {
    const bought = await buy();
    await schedule(bought.subscriptionId);
    await suite.stripe.idle();
    const [{ cancel_at }] = (await suite.operate('GET', `/api/v1/subscriptions?tenant_id=${bought.tenantId}`))
      .body.subscriptions;
    expect(cancel_at).not.toBeNull();
    const undone = await bought.undo();
    expect([undone.status, undone.body.cancel_at], undone.text).toEqual([200, null]);
    expect(suite.stripe.subscription(bought.subscriptionId)?.cancelAt).toBeNull();
    await suite.stripe.renew(bought.subscriptionId);
    await suite.stripe.idle();
    expect((await bought.acquire('laptop')).status).toBe(201);
  });

  test.each<[string, (id: string) => Promise<unknown>, RegExp, string]>([
    [
      'the schedule that ends it cannot be changed',
      (id) => suite.stripe.addSchedule(id, 'cancel'),
      /^POST .*schedules/,
      'A schedule at Stripe ends it, and only the vendor can change that.',
    ],
    [
      'Stripe does not remove the date',
      (id) => suite.stripe.cancelAt(id, inDays(3)),
      /^POST .*subscriptions/,
      'It was set to end again meanwhile.',
    ],
  ])('is a 409 that says why, never a success, if %s', async (_, schedule, refused, detail) => {
    const bought = await buy();
    await schedule(bought.subscriptionId);
    suite.stripe.breakApi('refuse', refused);
    const undone = await bought.undo();
    suite.stripe.breakApi(undefined);
    expect([undone.status, undone.body.code]).toEqual([409, 'SUBSCRIPTION_STILL_ENDING']);
    expect(undone.body.detail).toBe(detail);
    const seen = await suite.deps.records.get(SUBSCRIPTIONS, bought.subscriptionId);
    expect(seen?.cancelAtMs).not.toBeNull();
  });
});

describe('a subscription that is not active', () => {
  test.each<[string, (id: string) => Promise<unknown>, PurchaseOptions?]>([
    ['past due', (id) => suite.stripe.renew(id, 'declined')],
    [
      'unpaid',
      async (id) => {
        await suite.stripe.renew(id, 'declined');
        await suite.stripe.giveUp(id, 'unpaid');
      },
    ],
    ['in its trial', async () => undefined, { trialDays: 14 }],
    ['not collected for now', (id) => suite.stripe.pauseCollection(id, 'void')],
  ])('and is %s can end now, with its period and at a date, and be kept', async (_, change, options) => {
    const cancel_at = new Date(Date.now() + 2 * DAY_MS).toISOString();
    const bought = await buy(options);
    await change(bought.subscriptionId);
    for (const more of [{ when: 'period_end' }, { when: 'at', cancel_at }]) {
      const canceled = await bought.cancel(more);
      expect([canceled.status, canceled.body.cancel_at === null], canceled.text).toEqual([200, false]);
      expect((await bought.undo()).body.cancel_at).toBeNull();
    }
    expect((await bought.cancel({ when: 'now' })).body.status).toBe('canceled');
  });

  test('and is paused can end now, but has no paid period to end with', async () => {
    const bought = await buy();
    await suite.stripe.pause(bought.subscriptionId);
    const refused = await bought.cancel();
    expect([refused.status, refused.body.code]).toEqual([409, 'SUBSCRIPTION_UNCHANGEABLE']);
    expect(refused.body.detail).toContain('End it now, or resume it first');
    expect((await bought.undo()).body).toMatchObject({ status: 'paused', cancel_at: null });
    expect((await bought.cancel({ when: 'now' })).body.status).toBe('canceled');
  });

  test.each<[string, (bought: { subscriptionId: string; customerId: string }) => Promise<unknown>]>([
    ['was ended at Stripe', ({ subscriptionId }) => suite.stripe.end(subscriptionId)],
    ['lost its customer', ({ customerId }) => suite.stripe.deleteCustomer(customerId)],
    ['was given up', ({ subscriptionId }) => suite.stripe.giveUp(subscriptionId, 'canceled')],
  ])('and %s has ended for every call, with or without an event, and its seats with it', async (_, end) => {
    const bought = await buy();
    await withoutStripeEvents(suite, () => end(bought));
    for (const more of [{}, { when: 'now' }])
      expect((await bought.cancel(more)).body.code).toBe('SUBSCRIPTION_ENDED');
    expect((await bought.undo()).body.code).toBe('SUBSCRIPTION_ENDED');
    expect((await bought.acquire('laptop')).body.code).toBe('LICENSE_EXPIRED');
  });
});

test('a cancellation and an undo at the same time end in one of both, and the answer and the record are Stripe’s', async () => {
  for (let round = 0; round < 5; round += 1) {
    const bought = await buy();
    await Promise.all([bought.cancel(), bought.undo(), bought.cancel(), bought.undo()]);
    await suite.stripe.idle();
    const { cancelAt } = suite.stripe.subscription(bought.subscriptionId) ?? {};
    const seen = await suite.deps.records.get(SUBSCRIPTIONS, bought.subscriptionId);
    expect(seen?.cancelAtMs).toBe(cancelAt == null ? null : cancelAt * 1000);
  }
});

test('updates seats before it answers, without the event of Stripe', async () => {
  const bought = await buy();
  await withoutStripeEvents(suite, () => bought.cancel({ when: 'now' }));
  expect((await bought.acquire('laptop')).body.code).toBe('LICENSE_EXPIRED');
});

test('updates seats by the event or by a retry when the answer of Stripe is lost', async () => {
  const bought = await buy();
  suite.stripe.breakApi('reset after doing', /^DELETE/);
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

const CALLS = [
  ['cancel', {}],
  ['cancel', { when: 'now' }],
  ['cancel/undo', {}],
  ['pause', { kind: 'collection' }],
  ['pause', { kind: 'subscription' }],
  ['resume', {}],
] as const;

test.each(CALLS)(
  '%s %j returns SUBSCRIPTION_NOT_FOUND if Stripe no longer has the subscription',
  async (path, more) => {
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
    const reply = await own.operate('POST', `/api/v1/subscriptions/${path}`, {
      license_id: licenseId,
      ...more,
    });
    await own.close();
    expect([reply.status, reply.body.code]).toEqual([404, 'SUBSCRIPTION_NOT_FOUND']);
  },
);

test.each(CALLS)('%s %j returns BILLING_NOT_SET_UP if payments are not configured', async (path, more) => {
  const own = await openTestSuite({}, (deps) => ({ ...deps, billing: undefined }));
  const { licenseId } = await own.createLicense();
  const reply = await own.operate('POST', `/api/v1/subscriptions/${path}`, {
    license_id: licenseId,
    ...more,
  });
  await own.close();
  expect([reply.status, reply.body.code]).toEqual([503, 'BILLING_NOT_SET_UP']);
});
