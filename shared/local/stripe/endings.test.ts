import { Stripe } from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startFakeStripe } from './server.ts';
import type { FakeStripe } from './types.ts';

const START_MS = Date.UTC(2027, 0, 31, 12);
const START = START_MS / 1000;
const DAY = 24 * 3600;

let stripe: FakeStripe;
let client: Stripe;
let nowMs: number;
beforeEach(async () => {
  nowMs = START_MS;
  stripe = await startFakeStripe({ nowMs: () => nowMs });
  const { host, port } = stripe;
  client = new Stripe(stripe.apiKey, {
    host,
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  });
});
afterEach(() => stripe.close());

async function bought(): Promise<string> {
  const { id: customer } = await client.customers.create({ name: 'Acme' });
  const { data } = await client.prices.list({ lookup_keys: ['seatlease_pro_month'] });
  const session = await client.checkout.sessions.create({
    mode: 'subscription',
    customer,
    line_items: [{ price: data[0]?.id ?? '', quantity: 2 }],
    success_url: 'https://vendor.example/thanks',
  });
  await stripe.pay(session.id);
  return stripe.subscriptionOf(session.id) ?? '';
}

async function withUsage(subscription: string): Promise<void> {
  await stripe.addPrice({ lookupKey: 'exports', meter: 'exports', unitAmount: 5 });
  await stripe.addItem(subscription, { price: 'exports' });
  const { customer } = await client.subscriptions.retrieve(subscription);
  await client.billing.meterEvents.create({
    event_name: 'exports',
    identifier: subscription,
    payload: { stripe_customer_id: String(customer), value: '7' },
    timestamp: Math.floor(nowMs / 1000),
  });
}

const eventsSince = (first: number): string[] => stripe.events.slice(first).map(({ type }) => type);

describe('an end', () => {
  test('is a date or the end of the period, but not both in one call', async () => {
    const id = await bought();
    await expect(
      client.subscriptions.update(id, { cancel_at: '', cancel_at_period_end: false }),
    ).rejects.toThrow(
      'Received both cancel_at_period_end and cancel_at parameters. Please pass in only one.',
    );
    const atEnd = await client.subscriptions.update(id, { cancel_at_period_end: true });
    expect(atEnd).toMatchObject({
      cancel_at_period_end: true,
      cancel_at: stripe.subscription(id)?.periodEnd,
    });
    const onDay = await client.subscriptions.update(id, { cancel_at: START + 40 * DAY });
    expect(onDay).toMatchObject({ cancel_at_period_end: false, cancel_at: START + 40 * DAY });
  });

  test('that is a date stays when cancel_at_period_end is set to false', async () => {
    const id = await bought();
    await client.subscriptions.update(id, { cancel_at: 'max_period_end' });
    const { cancel_at } = await client.subscriptions.update(id, { cancel_at_period_end: false });
    expect(cancel_at).toBe(stripe.subscription(id)?.periodEnd);
    expect((await client.subscriptions.update(id, { cancel_at: '' })).cancel_at).toBeNull();
  });

  test('within the period shortens it, with a credit unless prorations are disabled', async () => {
    const id = await bought();
    const whole = stripe.subscription(id)?.periodEnd ?? 0;
    const cancel_at = START + (whole - START) / 2;
    await client.subscriptions.update(id, { cancel_at, proration_behavior: 'none' });
    expect([stripe.subscription(id)?.periodEnd, stripe.prorationOf(id)]).toEqual([cancel_at, 0]);
    await client.subscriptions.update(id, { cancel_at: '', proration_behavior: 'none' });
    await client.subscriptions.update(id, { cancel_at });
    expect(stripe.prorationOf(id)).toBe(-900);
    await client.subscriptions.update(id, { cancel_at: '' });
    expect([stripe.subscription(id)?.periodEnd, stripe.prorationOf(id)]).toEqual([whole, 0]);
  });

  test('is refused in the past, by a word in the billing mode classic, and after the end', async () => {
    const id = await bought();
    await expect(client.subscriptions.update(id, { cancel_at: START })).rejects.toMatchObject({
      param: 'cancel_at',
    });
    await stripe.setBillingMode(id, 'classic');
    for (const cancel_at of ['min_period_end', 'max_period_end'] as const)
      await expect(client.subscriptions.update(id, { cancel_at })).rejects.toMatchObject({
        param: 'cancel_at',
      });
    await client.subscriptions.cancel(id);
    await expect(client.subscriptions.update(id, { cancel_at: '' })).rejects.toThrow('can only update');
    await expect(client.subscriptions.cancel(id)).rejects.toMatchObject({ code: 'resource_missing' });
  });

  test.each([
    [{}, undefined],
    [{ invoice_now: true }, 35],
    [{ invoice_now: true, prorate: true }, 0],
  ] as const)('now with %j leaves a draft of the final invoice: %s cents', async (how, amount) => {
    const id = await bought();
    await withUsage(id);
    const before = stripe.invoicesOf(id)[0]?.id;
    await client.subscriptions.cancel(id, how);
    const final = stripe.invoicesOf(id)[0];
    if (amount === undefined) expect(final?.id).toBe(before);
    else expect(final).toMatchObject({ status: 'draft', autoAdvance: false, amountDue: amount });
    await stripe.advanceDrafts();
    expect(stripe.invoicesOf(id)[0]?.status).toBe(amount === undefined ? 'paid' : 'draft');
  });
});

describe('a schedule', () => {
  const MANAGED = /is managed by the subscription schedule `sub_sched_\w+`/;

  test('sets the end in its last phase, and alone can change it', async () => {
    const id = await bought();
    const scheduleId = await stripe.addSchedule(id, 'cancel', 1);
    expect(stripe.subscription(id)?.cancelAt).toBeNull();
    await stripe.renew(id);
    expect(stripe.subscription(id)?.cancelAt).toBe(stripe.subscription(id)?.periodEnd);
    for (const change of [{ cancel_at: '' }, { cancel_at_period_end: false }] as const)
      await expect(client.subscriptions.update(id, change)).rejects.toThrow(MANAGED);
    await client.subscriptionSchedules.update(scheduleId, { end_behavior: 'release' });
    expect(stripe.subscription(id)?.cancelAt).toBeNull();
    await stripe.renew(id);
    expect((await client.subscriptionSchedules.retrieve(scheduleId)).status).toBe('completed');
    expect((await client.subscriptions.retrieve(id)).schedule).toBeNull();
  });

  test.each([
    [{}, null],
    [{ preserve_cancel_date: true }, START + 28 * DAY],
  ])('that is released with %j leaves the end %s', async (how, cancelAt) => {
    const id = await bought();
    const scheduleId = await stripe.addSchedule(id, 'cancel');
    const released = await client.subscriptionSchedules.release(scheduleId, how);
    expect(released).toMatchObject({ status: 'released', subscription: null, released_subscription: id });
    expect(stripe.subscription(id)?.cancelAt).toBe(cancelAt);
    await expect(client.subscriptionSchedules.release(scheduleId)).rejects.toThrow('`released`');
  });

  test('ends with its subscription, and invoices and prorates unless it is told not to', async () => {
    const id = await bought();
    await withUsage(id);
    const scheduleId = await stripe.addSchedule(id, 'release');
    await client.subscriptionSchedules.cancel(scheduleId, { prorate: false });
    expect(stripe.subscription(id)?.status).toBe('canceled');
    expect(stripe.invoicesOf(id)[0]).toMatchObject({ status: 'draft', amountDue: 35 });
    expect((await client.subscriptionSchedules.retrieve(scheduleId)).status).toBe('canceled');
  });
});

describe('a pause', () => {
  test('names its reason, ends the period, invoices usage and credits the rest', async () => {
    const id = await bought();
    await withUsage(id);
    nowMs += 7 * DAY * 1000;
    const first = stripe.events.length;
    const paused = await client.subscriptions.pause(id, { invoicing_behavior: 'pending_invoice_item' });
    expect(paused).toMatchObject({
      status: 'paused',
      status_details: { paused: { type: 'subscription', subscription: { type: 'pause_requested' } } },
    });
    expect(eventsSince(first)).toEqual(['customer.subscription.paused', 'customer.subscription.updated']);
    expect(stripe.subscription(id)?.periodEnd).toBe(nowMs / 1000);
    expect(stripe.prorationOf(id)).toBe(-1350);
    await expect(client.subscriptions.pause(id)).rejects.toThrow('has the status paused');
  });

  test('ends in a new period once its invoice is paid; by default nobody tries', async () => {
    const id = await bought();
    await expect(client.subscriptions.resume(id)).rejects.toThrow('not paused');
    nowMs += 7 * DAY * 1000;
    await client.subscriptions.pause(id);
    expect((await client.subscriptions.resume(id)).status).toBe('paused');
    expect(stripe.invoicesOf(id)[0]).toMatchObject({ status: 'open', amountDue: 1800 - 1350 });
    await stripe.retryPayment(id);
    const { status, status_details } = await client.subscriptions.retrieve(id);
    expect([status, status_details]).toEqual(['active', undefined]);
  });
});
