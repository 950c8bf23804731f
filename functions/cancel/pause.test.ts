import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { auditQuery } from '../../shared/ports/queries.ts';
import { buyEndable } from '../testing/endings.ts';
import { unlimited } from '../testing/no-limits.ts';
import type { PurchaseOptions } from '../testing/purchases.ts';
import { openTestSuite, type TestSuite } from '../testing/suite.ts';

const DAY_MS = 24 * 3600 * 1000;

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite({}, unlimited);
});
afterAll(() => suite.close());

const buy = (options?: PurchaseOptions) => buyEndable(suite, options);

async function eventsOf(tenantId: string): Promise<unknown[]> {
  const all = await Array.fromAsync(
    eachDocument(suite.deps.records, auditQuery('tenantId', false), { tenantId }),
  );
  return all
    .filter(({ type }) => type === 'subscription.paused' || type === 'subscription.resumed')
    .map(({ type, detail }) => [type, detail.pause])
    .toReversed();
}

describe('a pause of the collection', () => {
  test('keeps status and seats until it is resumed, and both are on record', async () => {
    const bought = await buy();
    const paused = await bought.pause('collection');
    expect([paused.status, paused.body], paused.text).toMatchObject([200, { status: 'active' }]);
    expect(await suite.deps.records.get(SUBSCRIPTIONS, bought.subscriptionId)).toMatchObject({
      isCollectionPaused: true,
    });
    await suite.stripe.renew(bought.subscriptionId);
    await suite.stripe.idle();
    expect(suite.stripe.invoicesOf(bought.subscriptionId)[0]?.status).toBe('draft');
    expect((await bought.acquire('laptop')).status).toBe(201);

    expect((await bought.resume()).body).toMatchObject({ status: 'active', pay_url: null });
    expect((await bought.resume()).status).toBe(200);
    await suite.stripe.renew(bought.subscriptionId);
    expect(suite.stripe.invoicesOf(bought.subscriptionId)[0]?.status).toBe('paid');
    expect(await eventsOf(bought.tenantId)).toEqual([
      ['subscription.paused', 'collection'],
      ['subscription.resumed', undefined],
    ]);
  });

  test.each([
    ['void', 'void'],
    ['mark_uncollectible', 'uncollectible'],
  ])('leaves invoices %s, if the vendor wants that', async (behavior, status) => {
    const bought = await buy();
    const resumes_at = new Date(Date.now() + 60 * DAY_MS).toISOString();
    expect((await bought.pause('collection', { behavior, resumes_at })).status).toBe(200);
    await suite.stripe.renew(bought.subscriptionId);
    expect(suite.stripe.invoicesOf(bought.subscriptionId)[0]?.status).toBe(status);
  });
});

describe('a pause of the subscription', () => {
  test('ends the seats until it is resumed, which begins and charges a new period', async () => {
    const bought = await buy();
    for (let again = 0; again < 2; again += 1) {
      const paused = await bought.pause('subscription');
      expect([paused.status, paused.body.status], paused.text).toEqual([200, 'paused']);
    }
    expect((await bought.acquire('laptop')).body.code).toBe('LICENSE_SUSPENDED');
    const before = suite.stripe.invoicesOf(bought.subscriptionId)[0]?.id;
    expect((await bought.resume()).body).toMatchObject({ status: 'active', pay_url: null });
    expect((await bought.acquire('laptop')).status).toBe(201);
    expect(suite.stripe.invoicesOf(bought.subscriptionId)[0]?.id).not.toBe(before);
    expect(await eventsOf(bought.tenantId)).toEqual([
      ['subscription.paused', 'subscription'],
      ['subscription.resumed', undefined],
    ]);
  });

  test('ends only when the invoice of the new period is paid, whose page is in the answer', async () => {
    const bought = await buy();
    await bought.pause('subscription');
    // The credit of the pause does not pay for more seats.
    await suite.stripe.changeSeats(bought.subscriptionId, 5);
    await suite.stripe.setCard(bought.subscriptionId, 'declined');
    const resumed = await bought.resume();
    expect(resumed.body).toMatchObject({ status: 'paused', pay_url: expect.stringMatching(/^http/) });
    expect((await bought.acquire('laptop')).body.code).toBe('LICENSE_SUSPENDED');
    await suite.stripe.retryPayment(bought.subscriptionId);
    await suite.stripe.idle();
    expect((await bought.acquire('laptop')).status).toBe(201);
  });

  test('credits what is left of a paid period', async () => {
    const bought = await buy();
    await bought.pause('subscription');
    expect(suite.stripe.creditOf(bought.subscriptionId)).toBeGreaterThan(0);
  });

  test.each<[string, (id: string) => Promise<unknown>]>([
    ['overdue', (id) => suite.stripe.renew(id, 'declined')],
    [
      'not collected',
      async (id) => {
        await suite.stripe.pauseCollection(id, 'keep_as_draft');
        await suite.stripe.renew(id);
      },
    ],
    [
      'given away',
      async (id) => {
        await suite.stripe.pauseCollection(id, 'void');
        await suite.stripe.renew(id);
      },
    ],
    ['refunded', (id) => suite.stripe.refund(suite.stripe.chargeOf(id) ?? '')],
    ['disputed', (id) => suite.stripe.dispute(suite.stripe.chargeOf(id) ?? '')],
  ])('gives no credit for a period whose invoice is %s', async (_, change) => {
    const bought = await buy();
    await change(bought.subscriptionId);
    await suite.stripe.idle();
    const paused = await bought.pause('subscription');
    expect([paused.status, paused.body.status], paused.text).toEqual([200, 'paused']);
    expect(suite.stripe.creditOf(bought.subscriptionId)).toBe(0);
  });

  test('needs a payment method to end', async () => {
    const bought = await buy();
    await bought.pause('subscription');
    await suite.stripe.setCard(bought.subscriptionId, 'none');
    const refused = await bought.resume();
    expect([refused.status, refused.body.code]).toEqual([409, 'SUBSCRIPTION_UNCHANGEABLE']);
    expect(refused.body.detail).toContain('set a payment method');
  });

  test.each<[string, (id: string) => Promise<unknown>, PurchaseOptions?]>([
    ['its invoices are sent', (id) => suite.stripe.sendInvoice(id)],
    ['it is in its trial', async () => undefined, { trialDays: 14 }],
    ['it has a schedule', (id) => suite.stripe.addSchedule(id, 'release')],
    ['it is in the billing mode classic', (id) => suite.stripe.setBillingMode(id, 'classic')],
  ])('is refused if %s; the collection can be paused', async (_, change, options) => {
    const bought = await buy(options);
    await change(bought.subscriptionId);
    const refused = await bought.pause('subscription');
    expect([refused.status, refused.body.code]).toEqual([409, 'SUBSCRIPTION_UNCHANGEABLE']);
    expect(suite.stripe.subscription(bought.subscriptionId)?.status).not.toBe('paused');
    expect((await bought.pause('collection')).status).toBe(200);
  });
});

test('refuses what belongs to the other kind, and a time that has passed', async () => {
  const bought = await buy();
  const later = new Date(Date.now() + DAY_MS).toISOString();
  for (const [kind, more, code] of [
    ['subscription', { behavior: 'void' }, 'VALIDATION_FAILED'],
    ['subscription', { resumes_at: later }, 'VALIDATION_FAILED'],
    ['collection', { behavior: 'forget' }, 'VALIDATION_FAILED'],
    ['collection', { resumes_at: new Date(Date.now() - 1000).toISOString() }, 'TIME_NOT_IN_FUTURE'],
  ] as const) {
    const refused = await bought.pause(kind, more);
    expect([refused.status, refused.body.code]).toEqual([400, code]);
  }
  expect(await eventsOf(bought.tenantId)).toEqual([]);
});

test('an ended subscription cannot be paused or resumed', async () => {
  const bought = await buy();
  await bought.cancel({ when: 'now' });
  for (const reply of [bought.pause('collection'), bought.pause('subscription'), bought.resume()])
    expect((await reply).body.code).toBe('SUBSCRIPTION_ENDED');
});

test('a pause at the same time as an end leaves an ended subscription', async () => {
  const bought = await buy();
  const [, ended] = await Promise.all([
    bought.pause('subscription'),
    bought.cancel({ when: 'now' }),
    bought.resume(),
  ]);
  expect(ended.body.status).toBe('canceled');
  await suite.stripe.idle();
  expect(await suite.deps.records.get(SUBSCRIPTIONS, bought.subscriptionId)).toMatchObject({
    status: 'canceled',
  });
});
