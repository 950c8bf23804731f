import type { Stripe } from 'stripe';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stripeClient } from '../../testing/stripe-client.ts';
import { startFakeStripe } from './server.ts';
import type { FakeStripe } from './types.ts';

const START_MS = Date.UTC(2027, 0, 31, 12);
const DAY_MS = 24 * 3600 * 1000;

let stripe: FakeStripe;
let client: Stripe;
let nowMs: number;
beforeEach(async () => {
  nowMs = START_MS;
  stripe = await startFakeStripe({ nowMs: () => nowMs });
  client = stripeClient(stripe);
});
afterEach(() => stripe.close());

async function bought(lookupKey = 'seatlease_pro_month', quantity = 2): Promise<string> {
  const { id: customer } = await client.customers.create({ name: 'Acme' });
  const { data } = await client.prices.list({ lookup_keys: [lookupKey] });
  const session = await client.checkout.sessions.create({
    mode: 'subscription',
    customer,
    line_items: [{ price: data[0]?.id ?? '', quantity }],
    success_url: 'https://vendor.example/thanks',
  });
  await stripe.pay(session.id);
  return stripe.subscriptionOf(session.id) ?? '';
}

const day = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10);
const eventTypes = (): string[] => stripe.events.map(({ type }) => type);
const newestInvoice = async (subscription: string): Promise<Stripe.Invoice | undefined> =>
  (await client.invoices.list({ subscription, limit: 1 })).data[0];

test('a subscription has licensed and metered items in any order, each with its own period', async () => {
  const id = await bought('seatlease_pro_month', 5);
  await stripe.addItem(id, { price: 'seatlease_pro_year', quantity: 20 });
  const meter = await stripe.addPrice({ meter: 'exports', unitAmount: 3 });
  await stripe.addItem(id, { price: meter, position: 'first' });
  const { items } = await client.subscriptions.retrieve(id);
  expect(items.data.map(({ price, quantity }) => [price.lookup_key, quantity])).toEqual([
    [null, undefined],
    ['seatlease_pro_month', 5],
    ['seatlease_pro_year', 20],
  ]);
  expect(items.data.map((item) => day(item.current_period_end))).toEqual([
    '2027-02-28',
    '2027-02-28',
    '2028-01-31',
  ]);
  expect(items.data[0]?.price.recurring).toMatchObject({ usage_type: 'metered', meter: 'mtr_exports' });
  expect(stripe.subscription(id)).toMatchObject({ lookupKey: 'seatlease_pro_month', seats: 5 });
  await stripe.renew(id);
  expect(stripe.subscription(id)?.items.map((item) => day(item.periodEnd))).toEqual([
    '2027-03-31',
    '2027-03-31',
    '2028-01-31',
  ]);
});

test('an invoice has a line for each item of its period, and charges usage once', async () => {
  const id = await bought();
  const { customer } = await client.subscriptions.retrieve(id);
  await stripe.addItem(id, { price: await stripe.addPrice({ meter: 'exports', unitAmount: 3 }) });
  const timestamp = START_MS / 1000;
  const payload = { stripe_customer_id: String(customer), value: '7' };
  await client.billing.meterEvents.create({ event_name: 'exports', identifier: 'a', timestamp, payload });
  await stripe.renew(id);
  const renewed = await newestInvoice(id);
  expect(renewed?.lines.data.map(({ amount, quantity }) => [amount, quantity])).toEqual([
    [1_800, 2],
    [21, 7],
  ]);
  expect(renewed).toMatchObject({ amount_due: 1_821, billing_reason: 'subscription_cycle' });
  expect([renewed?.period_start ?? 0, renewed?.period_end ?? 0].map(day)).toEqual([
    '2027-01-31',
    '2027-02-28',
  ]);
  await stripe.renew(id);
  expect((await newestInvoice(id))?.amount_due).toBe(1_800);
});

test('each item with a price of a meter bills all usage of the customer, from when it was added', async () => {
  const id = await bought();
  const { customer } = await client.subscriptions.retrieve(id);
  const second = await stripe.createSubscription(String(customer), { price: 'seatlease_pro_month' });
  const price = await stripe.addPrice({ meter: 'exports', unitAmount: 3 });
  const use = async (identifier: string) => {
    const payload = { stripe_customer_id: String(customer), value: '7' };
    const timestamp = START_MS / 1000;
    await client.billing.meterEvents.create({ event_name: 'exports', identifier, timestamp, payload });
  };
  await stripe.addItem(id, { price });
  await use('a');
  await stripe.renew(id);
  await stripe.addItem(second, { price });
  await use('b');
  for (const each of [id, second]) {
    await stripe.renew(each);
    expect((await newestInvoice(each))?.lines.data.at(-1)).toMatchObject({ amount: 21, quantity: 7 });
  }
});

test('items are added, changed and removed, but the last one is not', async () => {
  const id = await bought();
  const other = await stripe.addItem(id, { price: 'seatlease_team_month', quantity: 5 });
  await stripe.changeQuantityOf(other, 6);
  const [first] = stripe.subscription(id)?.items ?? [];
  expect(stripe.subscription(id)?.items[1]?.quantity).toBe(6);
  await stripe.removeItem(first?.id ?? '');
  expect(stripe.subscription(id)).toMatchObject({ lookupKey: 'seatlease_team_month', seats: 6 });
  await expect(stripe.removeItem(other)).rejects.toThrow('at least one item');
  await expect(stripe.changeQuantityOf('si_nobody', 1)).rejects.toThrow('No such subscription_item');
});

test('a subscription shows its first ten items, and the list of items shows all, page by page', async () => {
  const id = await bought();
  for (let n = 1; n < 13; n++) await stripe.addItem(id, { price: 'seatlease_pro_month' });
  const { items } = await client.subscriptions.retrieve(id);
  expect([items.data.length, items.has_more]).toEqual([10, true]);
  const ids: string[] = [];
  for await (const item of client.subscriptionItems.list({ subscription: id })) ids.push(item.id);
  expect(ids).toEqual(stripe.subscription(id)?.items.map((item) => item.id));
  await expect(client.subscriptionItems.list({ subscription: 'sub_nobody' })).rejects.toMatchObject({
    code: 'resource_missing',
  });
});

test('a lookup key moves to a new price, and the subscribers of the old price keep it without the key', async () => {
  const id = await bought();
  const [before] = stripe.subscription(id)?.items ?? [];
  const moved = await stripe.moveLookupKey('seatlease_pro_month', { unitAmount: 1_200 });
  expect(eventTypes().slice(-2)).toEqual(['price.updated', 'price.created']);
  const { data } = await client.prices.list({ lookup_keys: ['seatlease_pro_month'] });
  expect(data).toMatchObject([{ id: moved, unit_amount: 1_200, product: 'prod_pro' }]);
  expect(stripe.subscription(id)).toMatchObject({ lookupKey: null, items: [{ priceId: before?.priceId }] });
  await stripe.setPriceMetadata(before?.priceId ?? '', { seatlease_plan: 'pro' });
  const { items } = await client.subscriptions.retrieve(id);
  expect(items.data[0]?.price.metadata).toEqual({ seatlease_plan: 'pro' });
  await stripe.renew(id);
  expect((await newestInvoice(id))?.amount_due).toBe(1_800);
});

test.each([
  ['keep_as_draft', 'draft', 'invoice.created'],
  ['mark_uncollectible', 'uncollectible', 'invoice.marked_uncollectible'],
  ['void', 'void', 'invoice.voided'],
] as const)(
  'collection paused with %s leaves invoices %s and the status active',
  async (how, status, event) => {
    const id = await bought();
    await stripe.pauseCollection(id, how);
    const paused = await client.subscriptions.retrieve(id);
    expect(paused.pause_collection).toEqual({ behavior: how, resumes_at: null });
    await stripe.renew(id, 'declined');
    expect((await newestInvoice(id))?.status).toBe(status);
    expect(eventTypes().at(-1)).toBe(event);
    expect(stripe.subscription(id)?.status).toBe('active');
    await stripe.resumeCollection(id);
    expect((await client.subscriptions.retrieve(id)).pause_collection).toBeNull();
    await stripe.renew(id, 'declined');
    expect(stripe.subscription(id)?.status).toBe('past_due');
  },
);

test('a sent invoice is due in 30 days, and the subscription is past due only after that', async () => {
  const id = await bought();
  await stripe.sendInvoice(id);
  await stripe.renew(id);
  expect(eventTypes().at(-1)).toBe('invoice.sent');
  const due = nowMs / 1000 + 30 * 24 * 3600;
  expect(await newestInvoice(id)).toMatchObject({
    status: 'open',
    due_date: due,
    collection_method: 'send_invoice',
  });
  expect(stripe.subscription(id)?.status).toBe('active');
  nowMs += 31 * DAY_MS;
  await stripe.passDueDate(id);
  expect(eventTypes().slice(-2)).toEqual(['invoice.overdue', 'customer.subscription.updated']);
  expect(stripe.subscription(id)?.status).toBe('past_due');
  await stripe.retryPayment(id);
  expect([stripe.subscription(id)?.status, (await newestInvoice(id))?.status]).toEqual(['active', 'paid']);
});

test('a subscription ends at its `cancel_at`, in the period that contains it', async () => {
  const id = await bought();
  const end = Date.UTC(2027, 2, 15) / 1000;
  await stripe.cancelAt(id, end);
  expect(await client.subscriptions.retrieve(id)).toMatchObject({
    cancel_at: end,
    cancel_at_period_end: false,
  });
  await stripe.renew(id);
  expect(stripe.subscription(id)?.status).toBe('active');
  await stripe.renew(id);
  expect(stripe.subscription(id)?.status).toBe('canceled');
});
