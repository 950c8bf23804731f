import type { Stripe } from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventTypesOf, stripeClient } from '../../testing/stripe-client.ts';
import { startFakeStripe } from './server.ts';
import type { FakeStripe } from './types.ts';

/** A period of 30 days, half of which has passed. */
const START_MS = Date.UTC(2027, 3, 1);
const HALF_MS = 15 * 24 * 3600 * 1000;

let fake: FakeStripe;
let stripe: Stripe;
let nowMs: number;
beforeEach(async () => {
  nowMs = START_MS;
  fake = await startFakeStripe({ nowMs: () => nowMs });
  stripe = stripeClient(fake);
});
afterEach(() => fake.close());

interface Bought {
  readonly id: string;
  readonly itemId: string;
  readonly customer: string;
}

async function bought(seats = 2, trialDays?: number): Promise<Bought> {
  const { id: customer } = await stripe.customers.create({ name: 'Acme' });
  const session = await stripe.checkout.sessions.create({
    mode: 'subscription',
    customer,
    line_items: [{ price: 'price_seatlease_pro_month', quantity: seats }],
    success_url: 'https://vendor.example/thanks',
    ...(trialDays !== undefined && { subscription_data: { trial_period_days: trialDays } }),
  });
  await fake.pay(session.id);
  const id = fake.subscriptionOf(session.id) ?? '';
  const itemId = (await stripe.subscriptions.retrieve(id)).items.data[0]?.id ?? '';
  nowMs += HALF_MS;
  return { id, itemId, customer };
}

type Update = Omit<Stripe.SubscriptionUpdateParams, 'items'>;

function change({ id, itemId }: Bought, item: { quantity?: number; price?: string }, more: Update = {}) {
  return stripe.subscriptions.update(id, {
    items: [{ id: itemId, ...item }],
    proration_behavior: 'always_invoice',
    payment_behavior: 'pending_if_incomplete',
    expand: ['latest_invoice'],
    ...more,
  });
}

function preview(
  { id, itemId }: Bought,
  item: { quantity?: number; price?: string },
  details: Stripe.InvoiceCreatePreviewParams.SubscriptionDetails = { proration_behavior: 'always_invoice' },
) {
  return stripe.invoices.createPreview({
    subscription: id,
    subscription_details: { items: [{ id: itemId, ...item }], ...details },
  });
}

const invoiceOf = ({ latest_invoice }: Stripe.Subscription): Stripe.Invoice =>
  latest_invoice as Stripe.Invoice;
const amountsOf = ({ lines }: Stripe.Invoice): number[] => lines.data.map(({ amount }) => amount);

const eventsOf = (work: () => Promise<unknown>): Promise<string[]> => eventTypesOf(fake, work);

describe('a change of an item', () => {
  test('charges the rest of the period at once, as it was previewed', async () => {
    const subscription = await bought();
    const previewed = await preview(subscription, { quantity: 5 });
    expect([amountsOf(previewed), previewed.amount_due, previewed.currency]).toEqual([
      [-900, 2250],
      1350,
      'usd',
    ]);
    const changed = await change(subscription, { quantity: 5 });
    expect(changed.items.data[0]?.quantity).toBe(5);
    expect(amountsOf(invoiceOf(changed))).toEqual([-900, 2250]);
    expect(invoiceOf(changed)).toMatchObject({ status: 'paid', amount_paid: 1350 });
    expect(changed.pending_update).toBeNull();
  });

  test('prorates from the proration date', async () => {
    const subscription = await bought();
    const proration_date = START_MS / 1000;
    const changed = await change(subscription, { quantity: 5 }, { proration_date });
    expect(amountsOf(invoiceOf(changed))).toEqual([-1800, 4500]);
  });

  test('credits removed seats to the customer, and the credit pays the next invoices', async () => {
    const subscription = await bought(5);
    const changed = await change(subscription, { quantity: 1 });
    expect(invoiceOf(changed)).toMatchObject({
      total: -1800,
      amount_due: 0,
      ending_balance: -1800,
      status: 'paid',
    });
    await fake.renew(subscription.id);
    const { data } = await stripe.invoices.list({ subscription: subscription.id, limit: 1 });
    expect(data[0]).toMatchObject({
      total: 900,
      starting_balance: -1800,
      amount_due: 0,
      ending_balance: -900,
    });
  });

  test('begins a new period now if the interval changes', async () => {
    const subscription = await bought();
    const price = 'price_seatlease_pro_year';
    const yearly = { start: (START_MS + HALF_MS) / 1000, end: Date.UTC(2028, 3, 16) / 1000 };
    const whole = await preview(subscription, { price }, { proration_behavior: 'none' });
    expect(amountsOf(whole)).toEqual([18_000]);
    const changed = await change(subscription, { price });
    const { lines } = invoiceOf(changed);
    expect(lines.data.map(({ amount, period }) => [amount, period.start, period.end])).toEqual([
      [-900, yearly.start, Date.UTC(2027, 4, 1) / 1000],
      [18_000, yearly.start, yearly.end],
    ]);
    expect(changed.items.data[0]?.current_period_end).toBe(yearly.end);
  });

  test('costs nothing in a trial, and its preview is the next regular invoice', async () => {
    const subscription = await bought(2, 30);
    const previewed = await preview(subscription, { quantity: 5 });
    expect(previewed.lines.data.map(({ amount, period }) => [amount, period.start])).toEqual([
      [4500, START_MS / 1000 + 30 * 24 * 3600],
    ]);
    const events = await eventsOf(() => change(subscription, { quantity: 5 }));
    expect(events).toEqual(['customer.subscription.updated']);
  });

  test('is refused for another item, price or currency, an inactive price, and a date outside the period', async () => {
    const subscription = await bought();
    const euros = await fake.addPrice({ currency: 'eur' });
    for (const refused of [
      () => change({ ...subscription, itemId: 'si_another' }, { quantity: 5 }),
      () => change(subscription, { price: 'price_another' }),
      () => change(subscription, { price: euros }),
      () => change(subscription, { quantity: 5 }, { proration_date: START_MS / 1000 - 1 }),
      () => preview(subscription, { quantity: 5 }, { proration_behavior: 'none', proration_date: 1 }),
    ])
      await expect(refused()).rejects.toMatchObject({ statusCode: 400 });
    expect((await stripe.subscriptions.retrieve(subscription.id)).items.data[0]?.quantity).toBe(2);
  });
});

describe('a change whose payment is declined', () => {
  async function declined(): Promise<{ subscription: Bought; pending: Stripe.Subscription }> {
    const subscription = await bought();
    await fake.setCard(subscription.id, 'declined');
    return { subscription, pending: await change(subscription, { quantity: 5 }) };
  }

  test('waits until its invoice is paid', async () => {
    const { subscription, pending } = await declined();
    expect([pending.status, pending.items.data[0]?.quantity]).toEqual(['active', 2]);
    expect(pending.pending_update).toMatchObject({
      expires_at: (START_MS + HALF_MS) / 1000 + 23 * 3600,
      subscription_items: [{ id: subscription.itemId, quantity: 5 }],
    });
    const invoice = invoiceOf(pending);
    expect(invoice).toMatchObject({ status: 'open', amount_due: 1350 });
    const page = await (await fetch(invoice.hosted_invoice_url ?? '')).text();
    expect(page).toContain('$13.50');
    const events = await eventsOf(() =>
      fetch(invoice.hosted_invoice_url ?? '', { method: 'POST', body: 'card=4242', redirect: 'manual' }),
    );
    expect(events).toEqual([
      'charge.succeeded',
      'invoice.paid',
      'customer.subscription.updated',
      'customer.subscription.pending_update_applied',
    ]);
    const paid = await stripe.subscriptions.retrieve(subscription.id);
    expect([paid.pending_update, paid.items.data[0]?.quantity]).toEqual([null, 5]);
  });

  test.each([
    ['in time', async ({ id }: Bought) => fake.expirePendingUpdate(id)],
    ['before the next period', async ({ id }: Bought) => fake.renew(id)],
    ['before another change', async (each: Bought) => change(each, { quantity: 1 })],
  ])('is discarded if it is not paid %s', async (_, passes) => {
    const { subscription, pending } = await declined();
    expect(await eventsOf(() => passes(subscription))).toContain(
      'customer.subscription.pending_update_expired',
    );
    const now = await stripe.subscriptions.retrieve(subscription.id);
    expect([now.pending_update, now.items.data[0]?.quantity]).not.toContain(5);
    await expect(fake.payInvoice(invoiceOf(pending).id)).rejects.toThrow();
  });

  test('is made all the same without pending updates, which sent invoices do not have', async () => {
    const subscription = await bought();
    await fake.sendInvoice(subscription.id);
    await fake.setCard(subscription.id, 'declined');
    await expect(change(subscription, { quantity: 5 })).rejects.toMatchObject({ statusCode: 400 });
    const changed = await stripe.subscriptions.update(subscription.id, {
      items: [{ id: subscription.itemId, quantity: 5 }],
      proration_behavior: 'always_invoice',
    });
    expect([changed.items.data[0]?.quantity, changed.status]).toEqual([5, 'active']);
  });
});
