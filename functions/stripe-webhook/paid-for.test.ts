import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PLANS } from '../../shared/domain/plans.ts';
import { LICENSES, SUBSCRIPTIONS, TENANTS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { type BoughtLicense, beginPurchase, buySeats, withoutStripeEvents } from '../testing/purchases.ts';
import type { TestSuite } from '../testing/suite.ts';

const DAY_MS = 24 * 3600 * 1000;
const MONTHLY = 'seatlease_pro_month';

let clocked: ClockedSuite;
let suite: TestSuite;
/** What Stripe reports as the status, in place of the real one. */
let newStatus: string | undefined;
/** Subscriptions that Stripe does not have. */
const missing = new Set<string>();
beforeEach(async () => {
  newStatus = undefined;
  missing.clear();
  clocked = await openClockedSuite(withOtherAnswers);
  suite = clocked.suite;
});
afterEach(() => clocked.close());

function withOtherAnswers(deps: Deps): Deps {
  const { billing } = deps;
  if (!billing) throw new Error('billing is not configured');
  return {
    ...deps,
    billing: {
      ...billing,
      async readSubscription(id) {
        const state = missing.has(id) ? undefined : await billing.readSubscription(id);
        return state && { ...state, status: newStatus ?? state.status };
      },
    },
  };
}

function license({ licenseId }: Pick<BoughtLicense, 'licenseId'>) {
  return suite.deps.records.get(LICENSES, licenseId);
}

/** The log's errors about the subscription. */
function errors({ subscriptionId }: Pick<BoughtLicense, 'subscriptionId'>): string[] {
  return suite.logged
    .filter(({ severity, because }) => severity === 'ERROR' && because?.startsWith(subscriptionId))
    .map(({ because }) => because ?? '');
}

async function reviews({ tenantId }: BoughtLicense): Promise<unknown[]> {
  const { body } = await suite.operate('GET', `/api/v1/audit?tenant_id=${tenantId}&limit=100`);
  return body.events.filter(({ type }: { type: string }) => type === 'subscription.needs_review');
}

async function listed({ tenantId }: Pick<BoughtLicense, 'tenantId'>) {
  const { body } = await suite.operate('GET', `/api/v1/subscriptions?tenant_id=${tenantId}`);
  return body.subscriptions[0];
}

describe('when the lookup key of a plan moves to a new price,', () => {
  test('current subscribers keep plan and seats through renewals, and the grace of a declined one', async () => {
    const bought = await buySeats(suite, { seats: 4 });
    await suite.stripe.moveLookupKey(MONTHLY, { unitAmount: 1_100 });
    await suite.stripe.renew(bought.subscriptionId);
    await suite.stripe.idle();
    expect(await license(bought)).toMatchObject({ plan: 'pro', max: 4, hold: null });
    await suite.stripe.renew(bought.subscriptionId, 'declined');
    await suite.stripe.idle();
    const unpaidSinceMs = Math.floor(clocked.nowMs() / 1000) * 1000;
    const graceEndMs = unpaidSinceMs + PLANS.pro.paymentGraceDays * DAY_MS;
    expect(await license(bought)).toMatchObject({
      plan: 'pro',
      max: 4,
      hold: null,
      validUntilMs: graceEndMs,
    });
    expect(errors(bought)).toEqual([]);
  });

  test('a page that was opened before sells the plan that it shows', async () => {
    const purchase = await beginPurchase(suite, { seats: 4 });
    await suite.stripe.moveLookupKey(MONTHLY);
    await purchase.pay();
    await suite.stripe.idle();
    expect(await license(purchase)).toMatchObject({ plan: 'pro', max: 4, hold: null });
  });
});

describe('a subscription with several items', () => {
  test('has the seats of all items of its plan, beside metered items and add-ons', async () => {
    const bought = await buySeats(suite, { seats: 5 });
    const { stripe } = suite;
    const metered = await stripe.addPrice({ meter: 'api_calls' });
    const addOn = await stripe.addPrice({ lookupKey: 'support' });
    await stripe.addItem(bought.subscriptionId, { price: metered, position: 'first' });
    await stripe.addItem(bought.subscriptionId, { price: addOn, quantity: 3, position: 'first' });
    await stripe.addItem(bought.subscriptionId, { price: 'seatlease_pro_year', quantity: 20 });
    await stripe.idle();
    expect(await license(bought)).toMatchObject({ plan: 'pro', max: 25, hold: null });
    expect(errors(bought)).toEqual([]);
  });

  test('is recognised by the metadata of a price without a lookup key', async () => {
    const bought = await buySeats(suite, { seats: 5 });
    const price = await suite.stripe.addPrice({ metadata: { seatlease_plan: 'pro' } });
    await suite.stripe.addItem(bought.subscriptionId, { price, quantity: 2 });
    await suite.stripe.idle();
    expect(await license(bought)).toMatchObject({ max: 7 });
  });
});

test('an invoice that was written off does not matter after a later period was paid, also of another item', async () => {
  const bought = await buySeats(suite, { seats: 4 });
  const { subscriptionId, licenseId } = bought;
  const { stripe } = suite;
  const [item] = stripe.subscription(subscriptionId)?.items ?? [];
  await stripe.renew(subscriptionId, 'declined');
  await stripe.markUncollectible(stripe.invoicesOf(subscriptionId)[0]?.id ?? '', 'max_payment_attempts');
  // The vendor replaces the item, as a change of the product does.
  await stripe.addItem(subscriptionId, { price: MONTHLY, quantity: 4 });
  await stripe.removeItem(item?.id ?? '');
  await stripe.idle();
  expect(await suite.deps.records.get(SUBSCRIPTIONS, subscriptionId)).toMatchObject({
    unpaidSinceMs: expect.any(Number),
  });
  await stripe.renew(subscriptionId);
  await stripe.idle();
  expect(await suite.deps.records.get(SUBSCRIPTIONS, subscriptionId)).toMatchObject({
    hold: null,
    unpaidSinceMs: null,
  });
  const changed = await suite.operate('PATCH', `/api/v1/subscriptions/${licenseId}`, { seats: 5 });
  expect([changed.status, changed.body.seats], changed.text).toEqual([200, 5]);
});

test('a paid subscription that is not understood keeps its seats, and is reported in log, audit log and console', async () => {
  const bought = await buySeats(suite, { seats: 5 });
  const [item] = suite.stripe.subscription(bought.subscriptionId)?.items ?? [];
  const price = await suite.stripe.addPrice();
  await suite.stripe.addItem(bought.subscriptionId, { price, quantity: 9 });
  await suite.stripe.removeItem(item?.id ?? '');
  await suite.stripe.idle();
  expect(await license(bought)).toMatchObject({ plan: 'pro', max: 5, hold: null });
  expect(errors(bought)[0]).toBe(`${bought.subscriptionId}: no_plan`);
  expect(await reviews(bought)).toEqual([expect.objectContaining({ reason: 'no_plan' })]);
  expect(await listed(bought)).toMatchObject({ plan: 'pro', seats: 5, needs_review: 'no_plan' });

  // The daily check repeats the ERROR, and the notice keeps its id.
  const before = errors(bought).length;
  clocked.moveClock(DAY_MS + 1);
  await suite.sweep();
  expect(errors(bought).length).toBe(before + 1);
  expect(await reviews(bought)).toHaveLength(1);

  await suite.stripe.setPriceMetadata(price, { seatlease_plan: 'pro' });
  clocked.moveClock(DAY_MS + 1);
  await suite.sweep();
  expect(await license(bought)).toMatchObject({ plan: 'pro', max: 9 });
  expect(await listed(bought)).toMatchObject({ needs_review: null });
});

test('a meter that two subscriptions of a customer bill is an ERROR, until one of them has no price of it', async () => {
  const first = await buySeats(suite, {});
  const second = await buySeats(suite, { tenantId: first.tenantId });
  const price = await suite.stripe.addPrice({ meter: 'exports' });
  const twice = () => suite.logged.filter(({ message }) => message === 'usage is billed twice');
  await suite.stripe.addItem(first.subscriptionId, { price });
  await suite.stripe.idle();
  expect(twice()).toEqual([]);
  const item = await suite.stripe.addItem(second.subscriptionId, { price });
  await suite.stripe.idle();
  const ids = [first.subscriptionId, second.subscriptionId].sort().join(', ');
  const because = `exports is billed by ${ids}: leave its price on one of them`;
  expect(twice()).toMatchObject([{ severity: 'ERROR', license_id: second.licenseId, because }]);
  await suite.stripe.removeItem(item);
  await suite.stripe.idle();
  clocked.moveClock(DAY_MS + 1);
  await suite.sweep();
  expect(twice()).toHaveLength(1);
});

test('a payment for an unknown price grants nothing, and is reported', async () => {
  const purchase = await beginPurchase(suite, { seats: 4 });
  const subscriptionId = await withoutStripeEvents(suite, async () => {
    const id = await purchase.pay();
    const [item] = suite.stripe.subscription(id)?.items ?? [];
    await suite.stripe.addItem(id, { price: await suite.stripe.addPrice() });
    await suite.stripe.removeItem(item?.id ?? '');
    return id;
  });
  for (const { id } of suite.stripe.events) await suite.stripe.send(id);
  expect(await license(purchase)).toBeUndefined();
  expect(errors({ subscriptionId })).toContain(`${subscriptionId}: no_plan`);
  expect(await listed(purchase)).toMatchObject({ plan: null, seats: 0, needs_review: 'no_plan' });
});

test.each([
  [1, 'too_few_seats'],
  [PLANS.enterprise.seats.most + 1, 'too_many_seats'],
])('%i seats outside the range of their plan are granted as paid, and reported', async (seats, reason) => {
  const bought = await buySeats(suite, { plan: 'enterprise', interval: 'year', seats: 25 });
  await suite.stripe.changeSeats(bought.subscriptionId, seats);
  await suite.stripe.idle();
  expect(await license(bought)).toMatchObject({ plan: 'enterprise', max: seats, hold: null });
  expect(errors(bought)).toContain(`${bought.subscriptionId}: ${reason}`);
  expect(await reviews(bought)).toEqual([expect.objectContaining({ reason })]);
  await suite.stripe.changeSeats(bought.subscriptionId, 30);
  await suite.stripe.idle();
  expect(await listed(bought)).toMatchObject({ seats: 30, needs_review: null });
});

describe('a status that this release does not know', () => {
  test('keeps the seats until the end that they had, and is reported until the status is known', async () => {
    const bought = await buySeats(suite, { seats: 4 });
    const before = await license(bought);
    newStatus = 'on_hold';
    await suite.stripe.renew(bought.subscriptionId);
    await suite.stripe.idle();
    expect(await license(bought)).toEqual(before);
    expect(errors(bought)[0]).toBe(`${bought.subscriptionId}: unknown_status (on_hold)`);
    expect(await reviews(bought)).toEqual([expect.objectContaining({ reason: 'unknown_status' })]);
    expect(await listed(bought)).toMatchObject({ status: 'active', needs_review: 'unknown_status' });
    const { body } = await suite.operate('GET', '/api/v1/stripe-events');
    expect(body).toMatchObject({ stripe_events: [] });

    const reported = errors(bought).length;
    clocked.moveClock(DAY_MS + 1);
    await suite.sweep();
    expect(errors(bought).length).toBe(reported + 1);
    newStatus = undefined;
    clocked.moveClock(DAY_MS + 1);
    await suite.sweep();
    expect(await listed(bought)).toMatchObject({ status: 'active', needs_review: null });
    expect((await license(bought))?.validUntilMs).toBeGreaterThan(before?.validUntilMs ?? 0);
  });

  test('grants nothing to a subscription that was never seen with another, and is reported', async () => {
    newStatus = 'on_hold';
    const purchase = await beginPurchase(suite, { seats: 4 });
    const subscriptionId = await purchase.pay();
    await suite.stripe.idle();
    expect(await license(purchase)).toBeUndefined();
    expect(errors({ subscriptionId })).toContain(`${subscriptionId}: unknown_status (on_hold)`);
    newStatus = undefined;
    clocked.moveClock(DAY_MS + 1);
    await suite.sweep();
    expect(await license(purchase)).toMatchObject({ max: 4, hold: null });
  });
});

describe('a subscription that Stripe does not have', () => {
  const buy = ({ tenantId, licenseId }: BoughtLicense) => {
    const order = { tenant_id: tenantId, license_id: licenseId, plan: 'pro', seats: 2 };
    return suite.operate('POST', '/api/v1/checkout/create-session', order);
  };

  test('keeps its seats until its end, is reported daily, and then lets the license be bought again', async () => {
    const bought = await buySeats(suite, { seats: 4 });
    const before = await license(bought);
    missing.add(bought.subscriptionId);
    expect((await buy(bought)).body.code).toBe('ALREADY_SUBSCRIBED');
    expect(suite.logged.at(-1)).toMatchObject({ severity: 'ERROR', code: 'ALREADY_SUBSCRIBED' });
    await suite.stripe.changeSeats(bought.subscriptionId, 9);
    await suite.stripe.idle();
    expect(await license(bought)).toEqual(before);
    expect(errors(bought)).toEqual([`${bought.subscriptionId}: not_at_stripe`]);
    expect(await reviews(bought)).toEqual([expect.objectContaining({ reason: 'not_at_stripe' })]);
    expect(await listed(bought)).toMatchObject({ needs_review: 'not_at_stripe' });
    clocked.moveClock(DAY_MS + 1);
    await suite.sweep();
    expect(errors(bought)).toHaveLength(2);
    expect(await license(bought)).toEqual(before);

    clocked.moveClock((before?.validUntilMs ?? 0) - clocked.nowMs());
    expect((await bought.acquire('laptop')).body.code).toBe('LICENSE_EXPIRED');
    const { status, body } = await buy(bought);
    expect(status).toBe(201);
    await suite.stripe.pay(body.checkout_url);
    await suite.stripe.idle();
    expect(await license(bought)).toMatchObject({
      max: 2,
      subscriptionId: suite.stripe.subscriptionOf(body.checkout_url),
    });
    expect((await bought.acquire('laptop')).status).toBe(201);
    await suite.sweep();
    const reported = errors(bought).length;
    clocked.moveClock(DAY_MS + 1);
    await suite.sweep();
    expect(errors(bought), 'another one pays').toHaveLength(reported);
  });

  test('is as before once Stripe has it again', async () => {
    const bought = await buySeats(suite, { seats: 4 });
    missing.add(bought.subscriptionId);
    await suite.stripe.renew(bought.subscriptionId);
    await suite.stripe.idle();
    expect(await listed(bought)).toMatchObject({ needs_review: 'not_at_stripe' });
    missing.clear();
    clocked.moveClock(DAY_MS + 1);
    await suite.sweep();
    expect(await listed(bought)).toMatchObject({ needs_review: null });
    expect((await buy(bought)).body.code).toBe('ALREADY_SUBSCRIBED');
  });

  test('is reported no longer after its tenant was erased', async () => {
    const bought = await buySeats(suite, { seats: 4 });
    missing.add(bought.subscriptionId);
    const { tenantId } = bought;
    await suite.deps.records.transact(async (transaction) => {
      const tenant = await transaction.get(TENANTS, tenantId);
      if (tenant) transaction.set(TENANTS, tenantId, { ...tenant, closedAtMs: clocked.nowMs() });
    });
    clocked.moveClock(DAY_MS + 1);
    await suite.sweep();
    const reported = errors(bought).length;
    for (let day = 0; day < 2; day += 1) {
      clocked.moveClock(DAY_MS + 1);
      await suite.sweep();
    }
    expect(errors(bought)).toHaveLength(reported);
  });

  test('leaves its license to another one that was paid for it before', async () => {
    const bought = await buySeats(suite, { seats: 4 });
    const { tenantId, licenseId, customerId } = bought;
    const metadata = { seatlease_tenant_id: tenantId, seatlease_license_id: licenseId };
    const rival = await suite.stripe.createSubscription(customerId, {
      price: MONTHLY,
      quantity: 7,
      metadata,
    });
    await suite.stripe.idle();
    expect(await license(bought)).toMatchObject({ max: 4 });
    missing.add(bought.subscriptionId);
    clocked.moveClock(DAY_MS + 1);
    await suite.sweep();
    expect(await license(bought)).toMatchObject({ max: 7, subscriptionId: rival });
  });

  test('is replaced by another one that is paid for its license', async () => {
    const bought = await buySeats(suite, { seats: 4 });
    missing.add(bought.subscriptionId);
    const { tenantId, licenseId } = bought;
    const next = await (await beginPurchase(suite, { tenantId, licenseId, seats: 7 })).pay();
    await suite.stripe.idle();
    expect(await license(bought)).toMatchObject({ max: 7, subscriptionId: next });
    expect(suite.logged.filter(({ because }) => because?.includes('refund the second payment'))).toEqual([]);
  });
});
