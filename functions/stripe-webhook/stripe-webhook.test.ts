import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PLANS } from '../../shared/domain/plans.ts';
import { checkThinEvent } from '../../shared/local/stripe/official/events.ts';
import { BILLING_ACCOUNTS, BILLING_EVENTS, LICENSES, SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import {
  type BoughtLicense,
  beginPurchase,
  buySeats,
  type PurchaseOptions,
  withoutStripeEvents,
} from '../testing/purchases.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';

const DAY_MS = 24 * 3600 * 1000;

let clocked: ClockedSuite;
let suite: TestSuite;
beforeEach(async () => {
  clocked = await openClockedSuite();
  suite = clocked.suite;
});
afterEach(() => clocked.close());

const buy = (options?: PurchaseOptions): Promise<BoughtLicense> => buySeats(suite, options);

async function license({ licenseId }: BoughtLicense): Promise<Reply['body']> {
  return (await suite.operate('GET', `/api/v1/licenses/${licenseId}`)).body;
}

describe('a paid subscription', () => {
  test('grants the paid seats, with the terms of the plan', async () => {
    const bought = await buy({ plan: 'team', seats: 5 });
    expect(await license(bought)).toMatchObject({
      tenant_id: bought.tenantId,
      plan: 'team',
      max: 5,
      features: PLANS.team.features,
      subscription_id: bought.subscriptionId,
      status: 'active',
      hold: null,
    });
    for (let n = 0; n < 5; n += 1) expect((await bought.acquire(`machine ${n}`)).status).toBe(201);
    expect((await bought.acquire('machine 5')).body.code).toBe('SEATS_EXHAUSTED');
  });

  test('grants seats from the start of a trial that requires a card', async () => {
    const bought = await buy({ trialDays: 14 });
    expect((await bought.acquire('laptop')).status).toBe(201);
    const end = clocked.nowMs() + (14 + PLANS.pro.paymentGraceDays) * DAY_MS;
    expect(Date.parse((await license(bought)).valid_until)).toBeLessThanOrEqual(end);
  });

  test('grants more seats at once, and ends those that were acquired last when reduced', async () => {
    const bought = await buy({ seats: 2 });
    await suite.stripe.changeSeats(bought.subscriptionId, 3);
    await suite.stripe.idle();
    for (const machine of ['one', 'two', 'three']) {
      expect((await bought.acquire(machine)).status).toBe(201);
      clocked.moveClock(1);
    }
    await suite.stripe.changeSeats(bought.subscriptionId, 1);
    await suite.stripe.idle();
    expect((await bought.acquire('one')).status).toBe(200);
    for (const machine of ['two', 'three', 'four'])
      expect((await bought.acquire(machine)).body).toMatchObject({
        code: 'SEATS_EXHAUSTED',
        active: 1,
        max: 1,
      });
  });
});

describe('when a payment fails', () => {
  test('keeps seats for the payment grace of the plan, then grants none until it is paid', async () => {
    const bought = await buy();
    await suite.stripe.renew(bought.subscriptionId, 'declined');
    await suite.stripe.idle();
    expect((await bought.acquire('laptop')).status).toBe(201);
    expect(await license(bought)).toMatchObject({ status: 'active', hold: null });

    clocked.moveClock(PLANS.pro.paymentGraceDays * DAY_MS);
    await suite.sweep();
    expect(await license(bought)).toMatchObject({ status: 'suspended', hold: 'payment' });
    expect((await bought.acquire('desktop')).body.code).toBe('LICENSE_SUSPENDED');

    await suite.stripe.retryPayment(bought.subscriptionId);
    await suite.stripe.idle();
    expect((await bought.acquire('desktop')).status).toBe(201);
  });

  test('puts the license on hold after a refund or dispute, until the next payment or a won dispute', async () => {
    const bought = await buy();
    const { stripe } = suite;
    const charge = stripe.chargeOf(bought.subscriptionId) ?? '';
    await stripe.refund(charge, 100);
    await stripe.idle();
    expect((await license(bought)).hold).toBeNull();
    const dispute = await stripe.dispute(charge);
    await stripe.idle();
    expect((await bought.acquire('laptop')).body.code).toBe('LICENSE_SUSPENDED');
    await stripe.moveDispute(dispute, 'won');
    await stripe.idle();
    expect((await bought.acquire('laptop')).status).toBe(201);
    await stripe.refund(charge);
    await stripe.idle();
    expect((await license(bought)).hold).toBe('refund');
    await stripe.renew(bought.subscriptionId);
    await stripe.idle();
    expect((await license(bought)).hold).toBeNull();
  });
});

describe('a subscription', () => {
  test.each(['ended', 'given up by Stripe', 'deleted with its customer'])(
    'that is %s grants no seat',
    async (how) => {
      const bought = await buy();
      const { stripe } = suite;
      if (how === 'ended') await stripe.end(bought.subscriptionId);
      else if (how === 'given up by Stripe') await stripe.giveUp(bought.subscriptionId, 'canceled');
      else await stripe.deleteCustomer(bought.customerId);
      await stripe.idle();
      expect((await bought.acquire('laptop')).body.code).toBe('LICENSE_EXPIRED');
      const account = await suite.deps.records.get(BILLING_ACCOUNTS, bought.tenantId);
      expect(account?.customerId === null).toBe(how === 'deleted with its customer');
    },
  );

  test('grants no seat while it is paused, and grants seats again after it is resumed', async () => {
    const bought = await buy();
    await suite.stripe.pause(bought.subscriptionId);
    await suite.stripe.idle();
    expect((await bought.acquire('laptop')).body.code).toBe('LICENSE_SUSPENDED');
    await suite.stripe.resume(bought.subscriptionId);
    await suite.stripe.idle();
    expect((await bought.acquire('laptop')).status).toBe(201);
  });
});

describe('a Stripe event', () => {
  test('is stored before it is acknowledged, and processed once if delivered again', async () => {
    const bought = await buy();
    const { records } = suite.deps;
    const handled = [];
    for (const { id, type } of suite.stripe.events) {
      const stored = await records.get(BILLING_EVENTS, id);
      if (stored) handled.push(type);
      if (stored) expect(stored.state).toBe('done');
    }
    expect(handled).toEqual([
      'customer.subscription.created',
      'invoice.finalized',
      'invoice.paid',
      'customer.subscription.updated',
      'checkout.session.completed',
    ]);
    const before = await records.get(LICENSES, bought.licenseId);
    for (const { id } of suite.stripe.events) expect(await suite.stripe.send(id)).toBe(200);
    expect(await records.get(LICENSES, bought.licenseId)).toEqual(before);
  });

  test('is published and audited once, by its id', async () => {
    const bought = await buy({ trialDays: 14 });
    await suite.stripe.announceTrialEnd(bought.subscriptionId);
    await suite.stripe.renew(bought.subscriptionId, 'declined');
    await suite.stripe.retryPayment(bought.subscriptionId);
    await suite.stripe.idle();
    for (const { id } of suite.stripe.events) await suite.stripe.send(id);
    await suite.settle();
    const { body } = await suite.operate('GET', `/api/v1/audit?license_id=${bought.licenseId}&limit=100`);
    const types = body.events.map(({ type }: { type: string }) => type);
    const published = types.filter((type: string) => type.startsWith('subscription.')).sort();
    expect(published).toEqual([
      // The invoice of the trial, and the one of the first period.
      'subscription.paid',
      'subscription.paid',
      'subscription.payment_failed',
      'subscription.trial_ending',
    ]);
    expect(types.filter((type: string) => type === 'license.created')).toHaveLength(1);
  });

  test('of a foreign subscription changes nothing', async () => {
    const bought = await buy();
    const object = { id: 'sub_stranger', object: 'subscription' };
    const event = await suite.stripe.addEvent('customer.subscription.updated', object);
    expect(await suite.stripe.send(event.id)).toBe(200);
    expect(await suite.deps.records.get(SUBSCRIPTIONS, 'sub_stranger')).toBeUndefined();
    expect((await bought.acquire('laptop')).status).toBe(201);
  });
});

describe('an event of another kind', () => {
  const lineOf = (eventId: string) => suite.logged.findLast(({ event_id }) => event_id === eventId);
  const meter = { id: 'mtr_1', type: 'billing.meter', url: '/v1/billing/meters/mtr_1' };

  test('that is thin has the form of Stripe’s library, is processed if it is about meters, and kept', async () => {
    const type = 'v1.billing.meter.error_report_triggered';
    const event = await suite.stripe.addThinEvent(type, meter);
    checkThinEvent(JSON.parse(event.body), 'notification');
    const { Stripe } = await import('stripe');
    const library = new Stripe('sk_test_1');
    expect(library.parseEventNotificationWithoutVerification(event.body)).toMatchObject({ type });
    await suite.stripe.idle();
    expect(lineOf(event.id)).toMatchObject({ severity: 'WARNING', verdict: 'DONE', event_type: type });
    expect(await suite.deps.records.get(BILLING_EVENTS, event.id)).toMatchObject({
      state: 'done',
      about: { kind: 'meter_errors', id: event.id },
    });
  });

  test('that is thin and about anything else is acknowledged, with a warning that names the fix', async () => {
    const related = { id: 'sub_1', type: 'subscription', url: '/v1/subscriptions/sub_1' };
    const event = await suite.stripe.addThinEvent('v1.customer.subscription.updated', related);
    await suite.stripe.idle();
    expect(lineOf(event.id)).toMatchObject({
      severity: 'WARNING',
      verdict: 'IGNORED_THIN',
      because: expect.stringContaining('remove the type from the event destination'),
      httpRequest: { status: 200 },
    });
    const ping = await suite.stripe.addThinEvent('v2.core.event_destination.ping');
    await suite.stripe.idle();
    expect(lineOf(ping.id)).toMatchObject({ severity: 'INFO', verdict: 'IGNORED_THIN' });
  });

  test('of an older API version is processed, with one warning that names the fix', async () => {
    const bought = await buy({ seats: 2 });
    await withoutStripeEvents(suite, () => suite.stripe.changeSeats(bought.subscriptionId, 6));
    const object = { id: bought.subscriptionId, object: 'subscription', quantity: 6 };
    const [first, second] = [
      await suite.stripe.addEvent('customer.subscription.updated', object, '2024-06-20'),
      await suite.stripe.addEvent('customer.subscription.updated', object, '2024-06-20'),
    ];
    await suite.stripe.idle();
    expect(await license(bought)).toMatchObject({ max: 6 });
    expect(lineOf(first.id)).toMatchObject({
      severity: 'WARNING',
      verdict: 'DONE',
      because: expect.stringMatching(/API version 2024-06-20.*create another endpoint/),
    });
    expect(lineOf(second.id)).toMatchObject({ severity: 'INFO', verdict: 'DONE' });
  });

  test('that cannot be read is acknowledged and kept: Stripe does not send it again', async () => {
    const event = await suite.stripe.addEvent('charge.refunded', { customer: 'ada@example.com' });
    await suite.stripe.idle();
    const lines = suite.logged.filter(({ event_id }) => event_id === event.id);
    expect(lines).toMatchObject([
      {
        severity: 'ERROR',
        verdict: 'UNREADABLE',
        event_type: 'charge.refunded',
        because: expect.stringContaining('id (invalid_type)'),
        httpRequest: { status: 200 },
      },
    ]);
    const kept = await suite.deps.records.get(BILLING_EVENTS, event.id);
    expect(kept).toMatchObject({ state: 'unreadable', type: 'charge.refunded' });
    expect(JSON.stringify(kept)).not.toContain('ada@example.com');
  });
});

test('a second subscription for the same license grants nothing, and the first continues', async () => {
  const bought = await buy({ seats: 2 });
  const again = await beginPurchase(suite, {
    tenantId: bought.tenantId,
    licenseId: bought.licenseId,
    seats: 9,
  });
  await again.pay();
  await suite.stripe.idle();
  expect(await license(bought)).toMatchObject({ max: 2, subscription_id: bought.subscriptionId });
  expect(suite.logged.some(({ message }) => message === 'two subscriptions pay for one license')).toBe(true);
});

test('an invoice that is paid after its subscription has ended gives no seats, and is a WARNING', async () => {
  const bought = await buy({ seats: 2 });
  await suite.stripe.renew(bought.subscriptionId, 'declined');
  await suite.stripe.end(bought.subscriptionId);
  await suite.stripe.idle();
  clocked.moveClock(3 * 3600 * 1000);
  const [invoice] = suite.stripe.invoicesOf(bought.subscriptionId);
  await suite.stripe.payInvoice(invoice?.id ?? '');
  await suite.stripe.idle();
  expect((await bought.acquire('laptop')).body.code).toBe('LICENSE_EXPIRED');
  const because = `an invoice of ${bought.subscriptionId} was paid after its end, and ${bought.licenseId} gets no seats for it: refund it if it bills seats`;
  expect(suite.logged).toContainEqual(expect.objectContaining({ severity: 'WARNING', because }));
});

test('a license whose subscription has ended can be bought again, in any order of events', async () => {
  const bought = await buy({ seats: 2 });
  await withoutStripeEvents(suite, () => suite.stripe.end(bought.subscriptionId));
  const again = await beginPurchase(suite, {
    tenantId: bought.tenantId,
    licenseId: bought.licenseId,
    seats: 3,
  });
  const subscriptionId = await again.pay();
  await suite.stripe.idle();
  expect(await license(bought)).toMatchObject({ max: 3, subscription_id: subscriptionId });
  for (const { id } of suite.stripe.events) await suite.stripe.send(id);
  expect(await license(bought)).toMatchObject({ max: 3, subscription_id: subscriptionId, status: 'active' });
  expect((await bought.acquire('laptop')).status).toBe(201);
});
