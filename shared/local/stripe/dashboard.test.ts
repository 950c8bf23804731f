import type { Stripe } from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventTypesOf, stripeClient } from '../../testing/stripe-client.ts';
import { startFakeStripe } from './server.ts';
import type { FakeStripe } from './types.ts';

const START_MS = Date.UTC(2027, 3, 1);
const DAY_SECONDS = 24 * 3600;

let stripe: FakeStripe;
let client: Stripe;
let nowMs: number;
beforeEach(async () => {
  nowMs = START_MS;
  stripe = await startFakeStripe({ nowMs: () => nowMs });
  client = stripeClient(stripe);
});
afterEach(() => stripe.close());

async function subscribed(card: 'good' | 'declined' = 'good') {
  const { id: customer } = await client.customers.create({ name: 'Acme' });
  const id = await stripe.createSubscription(customer, { price: 'seatlease_pro_month', quantity: 2, card });
  return { id, customer };
}

const status = (id: string) => stripe.subscription(id)?.status;
const latest = (id: string) => stripe.invoicesOf(id)[0] ?? expect.fail('no invoice');

const eventsOf = (work: () => Promise<unknown>): Promise<string[]> => eventTypesOf(stripe, work);

describe('the newest invoice that is not void decides the status:', () => {
  test.each([
    ['voidInvoice', 'invoice.voided', 'void'],
    ['markUncollectible', 'invoice.marked_uncollectible', 'uncollectible'],
    ['payOutOfBand', 'invoice.paid', 'paid'],
  ] as const)(
    '%s of the overdue invoice publishes %s and ends past_due',
    async (control, event, expected) => {
      const { id } = await subscribed();
      await stripe.renew(id, 'declined');
      expect(status(id)).toBe('past_due');
      const invoice = latest(id);
      expect(await eventsOf(() => stripe[control](invoice.id))).toEqual([
        event,
        'customer.subscription.updated',
      ]);
      expect([latest(id).status, status(id)]).toEqual([expected, 'active']);
    },
  );

  test('an older one that is voided leaves it past_due, and only a payment ends unpaid', async () => {
    const { id } = await subscribed();
    await stripe.renew(id, 'declined');
    const older = latest(id);
    await stripe.renew(id, 'declined');
    expect(await eventsOf(() => stripe.voidInvoice(older.id))).toEqual(['invoice.voided']);
    expect(status(id)).toBe('past_due');
    await stripe.giveUp(id, 'unpaid');
    await stripe.markUncollectible(latest(id).id);
    expect(status(id)).toBe('unpaid');
    await stripe.payOutOfBand(latest(id).id);
    expect([status(id), latest(id).amountPaid]).toEqual(['active', 1_800]);
    expect(stripe.chargeOf(id)).toBeUndefined();
  });

  test('a paid or void invoice cannot be voided, written off or paid again', async () => {
    const { id } = await subscribed();
    const { id: paid } = latest(id);
    for (const refused of [stripe.voidInvoice, stripe.markUncollectible, stripe.payOutOfBand])
      await expect(refused(paid)).rejects.toThrow('an invoice that is paid');
  });
});

test('a credit note reduces what is due of an open invoice, which is paid when nothing is left', async () => {
  const { id } = await subscribed();
  await stripe.renew(id, 'declined');
  const { id: invoice } = latest(id);
  await stripe.creditInvoice(invoice, 800, 'balance');
  expect([latest(id).amountDue, status(id)]).toEqual([1_000, 'past_due']);
  await expect(stripe.creditInvoice(invoice, 1_001, 'balance')).rejects.toThrow('more than the invoice');
  await stripe.creditInvoice(invoice, 1_000, 'balance');
  expect([latest(id).status, latest(id).amountPaid, status(id)]).toEqual(['paid', 0, 'active']);
});

test('a credit note of a paid invoice is refunded, or credited for later invoices, which then charge less', async () => {
  const { id } = await subscribed();
  const { id: invoice } = latest(id);
  const charge = stripe.chargeOf(id) ?? '';
  await stripe.creditInvoice(invoice, 500, 'refund');
  expect((await client.charges.retrieve(charge)).amount_refunded).toBe(500);
  await stripe.creditInvoice(invoice, 700, 'balance');
  await stripe.renew(id);
  expect(latest(id).amountDue).toBe(1_100);
  await stripe.renew(id);
  expect(latest(id).amountDue).toBe(1_800);
});

test('a discount reduces later invoices until it is removed, and one of 100 % makes them free', async () => {
  const { id } = await subscribed();
  await stripe.discount(id, 100);
  expect((await client.subscriptions.retrieve(id)).discounts).toHaveLength(1);
  await stripe.renew(id);
  expect(latest(id)).toMatchObject({ status: 'paid', amountDue: 0 });
  expect(stripe.chargeOf(id)).toBeUndefined();
  await stripe.discount(id, 0);
  await stripe.renew(id);
  expect(latest(id).amountDue).toBe(1_800);
});

test('a trial can begin in a paid period, without a charge, and end at once, with one', async () => {
  const { id } = await subscribed();
  const end = START_MS / 1000 + 60 * DAY_SECONDS;
  await stripe.setTrialEnd(id, end);
  expect([status(id), stripe.subscription(id)?.periodEnd, latest(id).amountDue]).toEqual([
    'trialing',
    end,
    0,
  ]);
  await expect(stripe.setTrialEnd(id, START_MS / 1000)).rejects.toThrow('in the future');
  await stripe.setTrialEnd(id, 'now');
  expect([status(id), stripe.subscription(id)?.periodEnd, latest(id).amountDue]).toEqual([
    'active',
    Date.UTC(2027, 4, 1) / 1000,
    1_800,
  ]);
});

test('a billing cycle that is reset begins and charges a new period now', async () => {
  const { id } = await subscribed();
  nowMs += 10 * DAY_SECONDS * 1000;
  await stripe.resetBillingCycle(id);
  expect([stripe.subscription(id)?.periodEnd, latest(id).amountDue]).toEqual([
    Date.UTC(2027, 4, 11) / 1000,
    1_800,
  ]);
  await stripe.resetBillingCycle(id, 'declined');
  expect(status(id)).toBe('past_due');
});

test('metadata is added, changed and removed by key', async () => {
  const { id } = await subscribed();
  await stripe.setMetadata(id, { a: '1', b: '2' });
  await stripe.setMetadata(id, { a: '', b: '3' });
  expect((await client.subscriptions.retrieve(id)).metadata).toEqual({ b: '3' });
});

test('a first payment that is declined leaves the subscription incomplete, and 23 hours later expired', async () => {
  const { id } = await subscribed('declined');
  expect(status(id)).toBe('incomplete');
  await stripe.expireFirstPayment(id);
  expect([status(id), latest(id).status]).toEqual(['incomplete_expired', 'void']);
  const { id: paid } = await subscribed();
  await expect(stripe.expireFirstPayment(paid)).rejects.toThrow('was made');
});

test('a subscription with sent invoices is active before the first is paid', async () => {
  const { id: customer } = await client.customers.create({ name: 'Acme' });
  const id = await stripe.createSubscription(customer, { price: 'seatlease_pro_month', daysUntilDue: 30 });
  expect([status(id), latest(id).status]).toEqual(['active', 'open']);
});
