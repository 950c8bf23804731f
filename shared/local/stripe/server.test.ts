import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stripe } from 'stripe';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { stripeClient } from '../../testing/stripe-client.ts';
import { startFakeStripe } from './server.ts';
import type { FakeStripe } from './types.ts';

const START_MS = Date.UTC(2027, 0, 31, 12);
const DAY_MS = 24 * 3600 * 1000;

let stripe: FakeStripe;
let nowMs: number;
beforeEach(async () => {
  nowMs = START_MS;
  stripe = await startFakeStripe({ nowMs: () => nowMs });
});
afterEach(() => stripe.close());

const day = (seconds: number | null | undefined): string | undefined =>
  seconds == null ? undefined : new Date(seconds * 1000).toISOString().slice(0, 10);

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown> & { readonly error?: Record<string, string> };
  readonly replayed: string | null;
}

async function call(
  method: string,
  path: string,
  form: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<Answer> {
  const encoded = new URLSearchParams(form);
  const isPost = method === 'POST';
  const response = await fetch(`${stripe.url}${path}${isPost ? '' : `?${encoded}`}`, {
    method,
    headers: {
      authorization: `Bearer ${stripe.apiKey}`,
      'stripe-version': '2026-10-28.endive',
      // A kept-alive connection would outlive the server, and the next server can have the same port.
      connection: 'close',
      ...headers,
    },
    ...(isPost && { body: encoded }),
  });
  return {
    status: response.status,
    body: JSON.parse(await response.text()),
    replayed: response.headers.get('idempotent-replayed'),
  };
}

async function sessionForm(change: Record<string, string> = {}): Promise<Record<string, string>> {
  const customer = String((await call('POST', '/v1/customers', { name: 'Acme' })).body.id);
  return {
    mode: 'subscription',
    customer,
    'line_items[0][price]': 'price_seatlease_pro_month',
    'line_items[0][quantity]': '2',
    success_url: 'https://vendor.example/thanks',
    ...change,
  };
}

async function openSession(
  change?: Record<string, string>,
): Promise<{ id: string; url: string; customer: string }> {
  const { body } = await call('POST', '/v1/checkout/sessions', await sessionForm(change));
  return { id: String(body.id), url: String(body.url), customer: String(body.customer) };
}

async function bought(change?: Record<string, string>): Promise<string> {
  const { id } = await openSession(change);
  await stripe.pay(id);
  return stripe.subscriptionOf(id) ?? '';
}

/** Types of the events that `work` causes. */
async function eventsOf(work: () => Promise<unknown>): Promise<string[]> {
  const before = stripe.events.length;
  await work();
  return stripe.events.slice(before).map(({ type }) => type);
}

const eventObject = (body: string): Record<string, unknown> => JSON.parse(body).data.object;

describe('like Stripe, it refuses', () => {
  test.each([
    ['an unknown parameter', { color: 'red' }, 'parameter_unknown', 'color'],
    [
      'an unknown parameter inside another',
      { 'subscription_data[color]': 'red' },
      'parameter_unknown',
      'subscription_data[color]',
    ],
    ['a missing parameter', { success_url: undefined }, 'parameter_missing', 'success_url'],
    [
      'a missing parameter inside another',
      { 'line_items[0][quantity]': undefined },
      'parameter_missing',
      'line_items[0][quantity]',
    ],
    ['an invalid URL', { success_url: 'thanks' }, 'url_invalid', 'success_url'],
    ['an empty text', { client_reference_id: '' }, 'parameter_invalid_empty', 'client_reference_id'],
    ['an unsupported value', { mode: 'payment' }, undefined, 'mode'],
    [
      'a fraction of a seat',
      { 'line_items[0][quantity]': '1.5' },
      'parameter_invalid_integer',
      'line_items[0][quantity]',
    ],
    ['no seats', { 'line_items[0][quantity]': '0' }, 'parameter_invalid_integer', 'line_items[0][quantity]'],
    ['a name that every object inherits', { 'metadata[x][__proto__]': 'red' }, undefined, 'metadata[x]'],
    ['an unknown customer', { customer: 'cus_nobody' }, 'resource_missing', 'customer'],
    [
      'an unknown price',
      { 'line_items[0][price]': 'price_nothing' },
      'resource_missing',
      'line_items[0][price]',
    ],
  ])('%s', async (_, change, code, param) => {
    const form = Object.entries({ ...(await sessionForm()), ...change });
    const given = Object.fromEntries(
      form.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );
    const { status, body } = await call('POST', '/v1/checkout/sessions', given);
    expect([status, body.error?.type, body.error?.code, body.error?.param]).toEqual([
      400,
      'invalid_request_error',
      code,
      param,
    ]);
  });

  test('a wrong API key, another API version, and calls that we do not use', async () => {
    const wrongKey = { authorization: 'Bearer sk_test_wrong' };
    expect((await call('POST', '/v1/customers', {}, wrongKey)).status).toBe(401);
    const old = { 'stripe-version': '2020-08-27' };
    expect((await call('POST', '/v1/customers', {}, old)).status).toBe(400);
    expect((await call('GET', '/v1/balance')).status).toBe(404);
    expect((await call('PUT', '/v1/customers')).status).toBe(404);
  });

  test.each([
    'GET /v1/subscriptions/sub_nobody',
    'DELETE /v1/subscriptions/sub_nobody',
    'GET /v1/charges/ch_nobody',
    'GET /v1/disputes/dp_nobody',
    'GET /v1/checkout/sessions/cs_test_nobody',
    'POST /v1/checkout/sessions/cs_test_nobody/expire',
    'DELETE /v1/customers/cus_nobody',
    'GET /v1/subscriptions/constructor',
  ])('%s, because the object does not exist', async (endpoint) => {
    const [method = '', path = ''] = endpoint.split(' ');
    const { status, body } = await call(method, path);
    expect([status, body.error?.type, body.error?.code, body.error?.param]).toEqual([
      404,
      'invalid_request_error',
      'resource_missing',
      'id',
    ]);
  });
});

describe('an idempotency key', () => {
  const key = { 'idempotency-key': 'key 1' };

  test('returns the same answer for the same request, and an error for another', async () => {
    const first = await call('POST', '/v1/customers', { name: 'Acme' }, key);
    const again = await call('POST', '/v1/customers', { name: 'Acme' }, key);
    expect([again.body, first.replayed, again.replayed]).toEqual([first.body, null, 'true']);
    const other = await call('POST', '/v1/customers', { name: 'Other' }, key);
    expect([other.status, other.body.error?.type]).toEqual([400, 'idempotency_error']);
  });

  test('is valid for exactly one day', async () => {
    const first = await call('POST', '/v1/customers', { name: 'Acme' }, key);
    nowMs += DAY_MS - 1_000;
    expect((await call('POST', '/v1/customers', { name: 'Acme' }, key)).body.id).toBe(first.body.id);
    nowMs += 1_000;
    expect((await call('POST', '/v1/customers', { name: 'Acme' }, key)).body.id).not.toBe(first.body.id);
  });

  test('can be used again after invalid parameters, but not after another error', async () => {
    expect((await call('POST', '/v1/customers', { color: 'red' }, key)).status).toBe(400);
    expect((await call('POST', '/v1/customers', { name: 'Acme' }, key)).status).toBe(200);
    const other = { 'idempotency-key': 'key 2' };
    const unknown = await sessionForm({ customer: 'cus_nobody' });
    const refused = await call('POST', '/v1/checkout/sessions', unknown, other);
    expect(refused.body.error?.code).toBe('resource_missing');
    const again = await call('POST', '/v1/checkout/sessions', unknown, other);
    expect([again.status, again.body, again.replayed]).toEqual([400, refused.body, 'true']);
    const changed = await call('POST', '/v1/checkout/sessions', await sessionForm(), other);
    expect([changed.status, changed.body.error?.type]).toEqual([400, 'idempotency_error']);
  });

  test('cannot have 256 characters', async () => {
    const long = { 'idempotency-key': 'k'.repeat(256) };
    expect((await call('POST', '/v1/customers', { name: 'Acme' }, long)).status).toBe(400);
  });
});

const BOUGHT = [
  'customer.subscription.created',
  'invoice.created',
  'invoice.finalized',
  'charge.succeeded',
  'invoice.paid',
  'customer.subscription.updated',
  'checkout.session.completed',
];
const BILLED = ['customer.subscription.updated', 'invoice.created', 'invoice.finalized'];

describe('a subscription, with events in Stripe’s order and amounts in cents,', () => {
  const invoices = async (id: string): Promise<unknown> =>
    (await call('GET', '/v1/invoices', { subscription: id })).body.data;

  test('is paid when it is bought', async () => {
    const { id } = await openSession();
    expect(await eventsOf(() => stripe.pay(id))).toEqual(BOUGHT);
    const subscriptionId = stripe.subscriptionOf(id) ?? '';
    expect(stripe.subscription(subscriptionId)).toMatchObject({ status: 'active', seats: 2 });
    expect(await invoices(subscriptionId)).toEqual([
      expect.objectContaining({ amount_due: 1_800, amount_paid: 1_800, status: 'paid' }),
    ]);
    await expect(stripe.pay(id)).rejects.toThrow('not open');
  });

  test('costs nothing during the trial, and is paid from its end on', async () => {
    const { id } = await openSession({ 'subscription_data[trial_period_days]': '14' });
    const withoutCharge = BOUGHT.filter((type) => !/charge|updated/.test(type));
    expect(await eventsOf(() => stripe.pay(id))).toEqual(withoutCharge);
    const subscriptionId = stripe.subscriptionOf(id) ?? '';
    expect(stripe.subscription(subscriptionId)?.status).toBe('trialing');
    expect(await invoices(subscriptionId)).toEqual([
      expect.objectContaining({ amount_due: 0, status: 'paid' }),
    ]);
    expect(stripe.chargeOf(subscriptionId)).toBeUndefined();
    expect(await eventsOf(() => stripe.announceTrialEnd(subscriptionId))).toEqual([
      'customer.subscription.trial_will_end',
    ]);
    await stripe.renew(subscriptionId);
    expect(stripe.subscription(subscriptionId)?.status).toBe('active');
    expect(stripe.chargeOf(subscriptionId)).toBeDefined();
  });

  test('does not start with a declined card, and can then be paid with another', async () => {
    const { id } = await openSession();
    expect(await eventsOf(() => stripe.pay(id, 'declined'))).toEqual(['payment_intent.payment_failed']);
    expect(stripe.subscriptionOf(id)).toBeUndefined();
    await stripe.pay(id);
    expect(stripe.subscriptionOf(id)).toBeDefined();
  });

  test('continues for another period with each payment', async () => {
    const id = await bought();
    expect(await eventsOf(() => stripe.renew(id))).toEqual([...BILLED, 'charge.succeeded', 'invoice.paid']);
    expect(await invoices(id)).toHaveLength(2);
  });

  test('ends its periods on the day of the month when it started, or on the last day of a shorter month', async () => {
    const id = await bought();
    const ends = [day(stripe.subscription(id)?.periodEnd)];
    for (const _ of [1, 2, 3]) {
      await stripe.renew(id);
      ends.push(day(stripe.subscription(id)?.periodEnd));
    }
    expect(ends).toEqual(['2027-02-28', '2027-03-31', '2027-04-30', '2027-05-31']);
    nowMs = Date.UTC(2028, 1, 29);
    const yearly = await bought({ 'line_items[0][price]': 'price_seatlease_pro_year' });
    expect(day(stripe.subscription(yearly)?.periodEnd)).toBe('2029-02-28');
  });

  test('is past due after a failed payment, until a retry succeeds or the retries end', async () => {
    const id = await bought();
    expect(await eventsOf(() => stripe.renew(id, 'declined'))).toEqual([
      ...BILLED,
      'invoice.payment_failed',
      'customer.subscription.updated',
    ]);
    expect(stripe.subscription(id)?.status).toBe('past_due');
    expect(stripe.chargeOf(id)).toBeUndefined();
    expect(await eventsOf(() => stripe.retryPayment(id, 'declined'))).toEqual(['invoice.payment_failed']);
    expect(await eventsOf(() => stripe.retryPayment(id))).toEqual([
      'charge.succeeded',
      'invoice.paid',
      'customer.subscription.updated',
    ]);
    expect(stripe.subscription(id)?.status).toBe('active');
    await stripe.renew(id, 'declined');
    await stripe.giveUp(id, 'unpaid');
    expect(stripe.subscription(id)?.status).toBe('unpaid');
    expect(await eventsOf(() => stripe.giveUp(id, 'canceled'))).toEqual(['customer.subscription.deleted']);
  });

  test('changes its seats at once and its price in the next period', async () => {
    const id = await bought();
    expect(await eventsOf(() => stripe.changeSeats(id, 5))).toEqual(['customer.subscription.updated']);
    expect(await invoices(id)).toHaveLength(1);
    await stripe.renew(id);
    expect(await invoices(id)).toEqual([
      expect.objectContaining({ amount_due: 4_500 }),
      expect.objectContaining({ amount_due: 1_800 }),
    ]);
  });

  test('starts a new period when the interval changes, but not when only the plan changes', async () => {
    const id = await bought();
    nowMs += 3 * DAY_MS;
    expect(await eventsOf(() => stripe.changePrice(id, 'seatlease_team_month'))).toEqual([
      'customer.subscription.updated',
    ]);
    expect(await eventsOf(() => stripe.changePrice(id, 'seatlease_team_year'))).toEqual([
      ...BILLED,
      'charge.succeeded',
      'invoice.paid',
    ]);
    expect(stripe.subscription(id)?.lookupKey).toBe('seatlease_team_year');
    expect(day(stripe.subscription(id)?.periodEnd)).toBe('2028-02-03');
    await expect(stripe.changePrice(id, 'nothing')).rejects.toThrow('No such price');
  });

  test('ends with its period after a cancellation, unless the cancellation is undone', async () => {
    const id = await bought();
    const end = (ends: string) => call('POST', `/v1/subscriptions/${id}`, { cancel_at_period_end: ends });
    expect(await eventsOf(() => end('true'))).toEqual(['customer.subscription.updated']);
    expect(await eventsOf(() => end('true'))).toEqual([]);
    const { periodEnd } = stripe.subscription(id) ?? {};
    expect(stripe.subscription(id)?.cancelAt).toBe(periodEnd);
    await end('false');
    expect(stripe.subscription(id)?.cancelAt).toBeNull();
    await end('true');
    expect(await eventsOf(() => stripe.renew(id))).toEqual(['customer.subscription.deleted']);
    expect(stripe.subscription(id)?.status).toBe('canceled');
  });

  test('cannot be changed after it has ended', async () => {
    const id = await bought();
    await stripe.end(id);
    expect(
      await eventsOf(async () => {
        for (const change of [
          () => stripe.changeSeats(id, 3),
          () => stripe.changePrice(id, 'seatlease_team_month'),
          () => stripe.renew(id),
          () => stripe.retryPayment(id),
          () => stripe.giveUp(id, 'unpaid'),
          () => stripe.pause(id),
          () => stripe.resume(id),
          () => stripe.end(id),
        ])
          await expect(change()).rejects.toThrow();
        const kept = await call('POST', `/v1/subscriptions/${id}`, { cancel_at_period_end: 'false' });
        expect(kept.status).toBe(400);
        expect((await call('DELETE', `/v1/subscriptions/${id}`)).status).toBe(404);
      }),
    ).toEqual([]);
    expect(stripe.subscription(id)).toMatchObject({ status: 'canceled', endedAt: START_MS / 1000 });
  });

  test('can be paused and resumed', async () => {
    const id = await bought();
    expect(await eventsOf(() => stripe.pause(id))).toEqual([
      'customer.subscription.paused',
      'customer.subscription.updated',
    ]);
    expect(stripe.subscription(id)?.status).toBe('paused');
    expect(await eventsOf(() => stripe.resume(id))).toEqual([
      'customer.subscription.resumed',
      'customer.subscription.updated',
    ]);
    expect(stripe.subscription(id)?.status).toBe('active');
  });

  test('ends when its customer is deleted, but not when another one is', async () => {
    const { id, customer } = await openSession();
    await stripe.pay(id);
    await stripe.end(await bought({ customer }));
    const waiting = await openSession({ customer });
    const others = await bought();
    expect(await eventsOf(() => call('DELETE', `/v1/customers/${customer}`))).toEqual([
      'customer.subscription.deleted',
      'customer.deleted',
    ]);
    expect(stripe.subscription(others)?.status).toBe('active');
    await expect(stripe.pay(waiting.id)).rejects.toThrow('No such customer');
    expect((await call('POST', '/v1/checkout/sessions', await sessionForm({ customer }))).status).toBe(400);
  });
});

test('a charge can be refunded in parts up to its amount, and again once a refund has failed', async () => {
  const charge = stripe.chargeOf(await bought()) ?? '';
  const read = async () => (await call('GET', `/v1/charges/${charge}`)).body;
  const payment_intent = String((await read()).payment_intent);
  const refunds = async () =>
    (await call('GET', '/v1/refunds', { payment_intent })).body.data as { amount: number; status: string }[];
  const events = ['refund.created', 'charge.refunded'];
  expect(await eventsOf(() => stripe.refund(charge, 800).then(() => {}))).toEqual(events);
  expect(await read()).toMatchObject({ amount: 1_800, amount_refunded: 800, refunded: false });
  const last = await stripe.refund(charge);
  expect(await read()).toMatchObject({ amount_refunded: 1_800, refunded: true });
  await expect(stripe.refund(charge)).rejects.toThrow('Already refunded');
  expect(await eventsOf(() => stripe.failRefund(last))).toEqual([
    'refund.updated',
    'charge.refund.updated',
    'refund.failed',
  ]);
  const statuses = ({ amount, status }: { amount: number; status: string }) => [amount, status];
  expect((await refunds()).map(statuses)).toEqual([
    [1_000, 'failed'],
    [800, 'succeeded'],
  ]);
  await stripe.refund(charge);
  expect((await refunds())[0]).toMatchObject({ amount: 1_000, status: 'succeeded', charge });
});

test('a dispute moves from status to status with the events of Stripe, and moves money', async () => {
  const charge = stripe.chargeOf(await bought()) ?? '';
  const read = async (id: string) => (await call('GET', `/v1/disputes/${id}`)).body;
  let id = '';
  const open = async (kind?: 'inquiry') => {
    id = await stripe.dispute(charge, kind);
  };
  expect(await eventsOf(() => open())).toEqual(['charge.dispute.created', 'charge.dispute.funds_withdrawn']);
  expect(await read(id)).toMatchObject({ charge, status: 'needs_response', amount: 1_800 });
  expect(await eventsOf(() => stripe.moveDispute(id, 'lost'))).toEqual(['charge.dispute.closed']);
  await expect(stripe.moveDispute(id, 'won')).rejects.toThrow('after lost');
  await stripe.moveDispute(id, 'appeal_needs_response');
  await stripe.moveDispute(id, 'appeal_under_review');
  expect(await eventsOf(() => stripe.moveDispute(id, 'won'))).toEqual([
    'charge.dispute.closed',
    'charge.dispute.funds_reinstated',
  ]);
  const amounts = async () =>
    ((await read(id)).balance_transactions as { amount: number }[]).map(({ amount }) => amount);
  expect(await amounts()).toEqual([-1_800, 1_800]);

  expect(await eventsOf(() => open('inquiry'))).toEqual(['charge.dispute.created']);
  expect(await amounts()).toEqual([]);
  expect(await eventsOf(() => stripe.moveDispute(id, 'needs_response'))).toEqual([
    'charge.dispute.funds_withdrawn',
    'charge.dispute.updated',
  ]);
  expect(await amounts()).toEqual([-1_800]);
});

test('a session expires after a day or by a call, and can then not be paid', async () => {
  const late = await openSession();
  const closed = await openSession();
  expect(await eventsOf(() => call('POST', `/v1/checkout/sessions/${closed.id}/expire`))).toEqual([
    'checkout.session.expired',
  ]);
  await expect(stripe.pay(closed.id)).rejects.toThrow('not open');
  expect((await call('POST', `/v1/checkout/sessions/${closed.id}/expire`)).status).toBe(400);
  nowMs += DAY_MS - 1_000;
  expect((await call('GET', `/v1/checkout/sessions/${late.id}`)).body.status).toBe('open');
  nowMs += 1_000;
  expect(await eventsOf(() => expect(stripe.pay(late.id)).rejects.toThrow('not open'))).toEqual([
    'checkout.session.expired',
  ]);
});

test('objects have only the fields that Stripe has, so that code cannot rely on others', async () => {
  const { id } = await openSession();
  await stripe.pay(id);
  const subscriptionId = stripe.subscriptionOf(id) ?? '';
  const charge = (await call('GET', `/v1/charges/${stripe.chargeOf(subscriptionId)}`)).body;
  expect(charge).not.toHaveProperty('invoice');
  expect(Object.keys(charge).filter((name) => /[A-Z]/.test(name))).toEqual([]);
  const session = (await call('GET', `/v1/checkout/sessions/${id}`)).body;
  expect(session).not.toHaveProperty('order');
  const subscription = (await call('GET', `/v1/subscriptions/${subscriptionId}`)).body;
  // Since version 2025-03-31.basil, the items have this field.
  expect(subscription).not.toHaveProperty('current_period_end');
  expect(subscription).toHaveProperty('items.data.0.current_period_end');
});

describe('Stripe’s own client', () => {
  const client = (): Stripe => stripeClient(stripe);

  test('reads invoices page by page, newest first, each once', async () => {
    const subscription = await bought();
    for (const _ of [1, 2, 3, 4]) {
      nowMs += 1_000;
      await stripe.renew(subscription);
    }
    const times: number[] = [];
    for await (const { created } of client().invoices.list({ subscription, limit: 2 })) times.push(created);
    expect(times).toEqual([4, 3, 2, 1, 0].map((later) => START_MS / 1000 + later));
    const { data, has_more } = await client().invoices.list({ subscription, limit: 2 });
    expect([data.length, has_more]).toEqual([2, true]);
    expect((await client().invoices.list({ subscription, limit: 5 })).has_more).toBe(false);
    expect((await client().invoices.list({ subscription, status: 'open' })).data).toEqual([]);
    await expect(client().invoices.list({ subscription, limit: 101 })).rejects.toMatchObject({
      param: 'limit',
    });
    await expect(client().invoices.list({ subscription: 'sub_nobody' })).rejects.toMatchObject({
      code: 'resource_missing',
    });
  });

  test('finds the invoice of a payment, and the whole object with expand', async () => {
    const subscription = await bought();
    const { payment_intent } = await client().charges.retrieve(stripe.chargeOf(subscription) ?? '');
    const payment = { type: 'payment_intent' as const, payment_intent: String(payment_intent) };
    const [named] = (await client().invoicePayments.list({ payment })).data;
    const [whole] = (await client().invoicePayments.list({ payment, expand: ['data.invoice'] })).data;
    expect(whole?.invoice).toMatchObject({
      id: named?.invoice,
      parent: { subscription_details: { subscription } },
    });
    const other = { type: 'payment_intent' as const, payment_intent: 'pi_nobody' };
    expect((await client().invoicePayments.list({ payment: other })).data).toEqual([]);
  });

  test('finds prices by their lookup keys', async () => {
    const lookup_keys = ['seatlease_pro_month', 'nothing'];
    const [price, ...others] = (await client().prices.list({ lookup_keys, active: true, limit: 1 })).data;
    expect([price?.unit_amount, others]).toEqual([900, []]);
    expect((await client().prices.list({ lookup_keys, active: false })).data).toEqual([]);
  });

  test('records usage once a day per identifier, for a known customer and a timestamp in range', async () => {
    const { id: customer } = await client().customers.create({ name: 'Acme' });
    const now = (): number => Math.floor(nowMs / 1000);
    const record = (identifier: string, more: { timestamp?: number; customer?: string } = {}) =>
      client().billing.meterEvents.create({
        event_name: 'exports',
        identifier,
        timestamp: more.timestamp ?? now(),
        payload: { stripe_customer_id: more.customer ?? customer, value: '7' },
      });
    await record('a');
    await expect(record('a')).rejects.toThrow('An event already exists with identifier a.');
    await expect(record('b', { customer: 'cus_nobody' })).rejects.toMatchObject({ code: 'resource_missing' });
    const oldest = now() - 35 * 24 * 3600;
    await record('oldest', { timestamp: oldest });
    await expect(record('older', { timestamp: oldest - 1 })).rejects.toMatchObject({ statusCode: 400 });
    await record('newest', { timestamp: now() + 300 });
    await expect(record('newer', { timestamp: now() + 301 })).rejects.toMatchObject({ statusCode: 400 });
    nowMs += DAY_MS;
    await record('a');
    expect([...stripe.meterEvents.keys()]).toEqual(['a', 'oldest', 'newest', 'a again']);
  });

  test.each([
    ['status 500', 'StripeAPIError'],
    ['status 429', 'StripeRateLimitError'],
    ['reset', 'StripeConnectionError'],
  ] as const)('reports %s like Stripe, and nothing is done', async (how, type) => {
    const idempotencyKey = 'key 1';
    const create = () => client().customers.create({ name: 'Acme' }, { idempotencyKey });
    stripe.breakApi(how);
    await expect(create()).rejects.toMatchObject({ type });
    stripe.breakApi(undefined);
    expect(new Set(stripe.calls)).toEqual(new Set(['POST /v1/customers']));
    expect((await create()).lastResponse.headers).not.toHaveProperty('idempotent-replayed');
  });

  test('gets the original answer on a retry after the connection was lost', async () => {
    const idempotencyKey = 'key 1';
    stripe.breakApi('reset after doing');
    await expect(client().customers.create({ name: 'Acme' }, { idempotencyKey })).rejects.toThrow();
    stripe.breakApi(undefined);
    const again = await client().customers.create({ name: 'Acme' }, { idempotencyKey });
    expect(again.lastResponse.headers['idempotent-replayed']).toBe('true');
  });
});

describe('events', () => {
  interface Delivery {
    readonly id: string;
    readonly event: Stripe.Event;
  }

  /** A webhook endpoint like ours. It answers with the next of `answers`, and with 200 after the last. */
  async function endpoint(answers: readonly number[] = []) {
    const left = [...answers];
    const deliveries: Delivery[] = [];
    const statuses: number[] = [];
    const server = http.createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const signature = String(request.headers['stripe-signature']);
      const secret = stripe.webhookSecret;
      try {
        const event = Stripe.webhooks.constructEvent(
          Buffer.concat(chunks),
          signature,
          secret,
          300,
          undefined,
          nowMs,
        );
        deliveries.push({ id: event.id, event });
        statuses.push(left.shift() ?? 200);
      } catch {
        statuses.push(400);
      }
      response.writeHead(statuses.at(-1) ?? 500).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = z.parse(z.object({ port: z.int() }), server.address());
    return {
      url: `http://127.0.0.1:${port}/hook`,
      deliveries,
      statuses,
      close: () => {
        server.closeAllConnections();
        server.close();
      },
    };
  }

  let hook: Awaited<ReturnType<typeof endpoint>>;
  afterEach(() => hook.close());

  test('are sent one after the other, signed, with the object at the time of the event', async () => {
    hook = await endpoint();
    stripe.sendEventsTo(hook.url);
    const id = await bought();
    await stripe.idle();
    expect(hook.deliveries.map(({ event }) => event.type)).toEqual(BOUGHT);
    expect(hook.deliveries.map((delivery) => delivery.id)).toEqual(stripe.events.map((event) => event.id));
    const [created, updated] = [hook.deliveries[0]?.event, hook.deliveries[5]?.event];
    expect(created).toMatchObject({
      object: 'event',
      api_version: '2026-10-28.endive',
      created: START_MS / 1000,
      livemode: false,
      data: { object: { id, status: 'incomplete' } },
    });
    expect(updated).toMatchObject({ data: { object: { id, status: 'active' } } });
  });

  test('are resent before later ones if they were not accepted', async () => {
    hook = await endpoint([500, 503]);
    stripe.sendEventsTo(hook.url);
    await stripe.addEvent('a', {});
    await stripe.addEvent('b', {});
    await stripe.idle();
    expect(hook.deliveries.map(({ event }) => event.type)).toEqual(['a', 'a', 'a', 'b']);
  });

  test('are given up after four attempts, do not block later ones, and can be sent by hand', async () => {
    hook = await endpoint([500, 500, 500, 500]);
    stripe.sendEventsTo(hook.url);
    const { id } = await stripe.addEvent('a', {});
    await stripe.addEvent('b', {});
    await stripe.idle();
    expect(hook.deliveries.map(({ event }) => event.type)).toEqual(['a', 'a', 'a', 'a', 'b']);
    expect(await stripe.send(id)).toBe(200);
    expect(hook.deliveries.at(-1)?.id).toBe(id);
  });

  test('are not sent without an endpoint, but can be sent by hand in any order and repeatedly', async () => {
    hook = await endpoint();
    await bought();
    await stripe.idle();
    expect(hook.deliveries).toEqual([]);
    const ids = stripe.events.map(({ id }) => id).toReversed();
    for (const id of [...ids, ...ids]) expect(await stripe.send(id, { url: hook.url })).toBe(200);
    expect(hook.deliveries.map(({ id }) => id)).toEqual([...ids, ...ids]);
    await expect(stripe.send('evt_nothing', { url: hook.url })).rejects.toThrow('No such event');
  });

  test('can have the signature of another secret or an old one', async () => {
    hook = await endpoint();
    const { id } = await stripe.addEvent('a', {});
    const { url } = hook;
    expect(await stripe.send(id, { url, secret: 'whsec_of_a_stranger' })).toBe(400);
    expect(await stripe.send(id, { url, signedAt: START_MS / 1000 - 301 })).toBe(400);
    expect(await stripe.send(id, { url })).toBe(200);
  });

  test('are signed with the current time, even if a test changes the clock later', async () => {
    await stripe.close();
    stripe = await startFakeStripe();
    hook = await endpoint();
    try {
      nowMs = Date.UTC(2031, 0, 1);
      vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
      const { id, created } = await stripe.addEvent('a', {});
      expect(created).toBe(nowMs / 1000);
      expect(await stripe.send(id, { url: hook.url })).toBe(200);
    } finally {
      vi.useRealTimers();
    }
  });

  test('that an event causes are included in idle()', async () => {
    const id = await bought();
    const ending = http.createServer(async (request, response) => {
      request.resume();
      await once(request, 'end');
      if (stripe.subscription(id)?.endedAt === null) await call('DELETE', `/v1/subscriptions/${id}`);
      response.end();
    });
    ending.listen(0, '127.0.0.1');
    await once(ending, 'listening');
    hook = await endpoint();
    try {
      const { port } = z.parse(z.object({ port: z.int() }), ending.address());
      stripe.sendEventsTo(`http://127.0.0.1:${port}`);
      await stripe.addEvent('a', {});
      const answered = once(ending, 'request').then(() => stripe.sendEventsTo(hook.url));
      await stripe.idle();
      await answered;
      expect(hook.deliveries.map(({ event }) => event.type)).toEqual(['customer.subscription.deleted']);
    } finally {
      ending.closeAllConnections();
      ending.close();
    }
  });

  test('of a deleted customer contain the customer', async () => {
    hook = await endpoint();
    const { customer } = await openSession();
    await stripe.deleteCustomer(customer);
    const [event] = stripe.events;
    const shown = eventObject(event?.body ?? '');
    expect(shown).toMatchObject({ id: customer, name: 'Acme' });
    expect(shown).not.toHaveProperty('deleted');
  });
});

describe('in a browser', () => {
  const HOSTILE = `https://vendor.example/?a="><script>alert(1)</script>`;

  async function show(url: string): Promise<{ status: number; page: string; headers: Headers }> {
    const answer = await fetch(url, { redirect: 'manual' });
    return { status: answer.status, page: await answer.text(), headers: answer.headers };
  }

  async function submit(url: string, form: Record<string, string>) {
    const answer = await fetch(url, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' });
    return {
      status: answer.status,
      location: answer.headers.get('location'),
      page: await answer.text(),
    };
  }

  test('the checkout page shows the order, the price and that it takes no money, and runs no script', async () => {
    const { url } = await openSession({ cancel_url: HOSTILE });
    const { page, headers } = await show(url);
    for (const text of [
      'fake Stripe',
      'no money',
      '<dd>pro</dd>',
      '$9.00 per seat / month',
      '<dt>Total</dt><dd>$18.00 per month</dd>',
      '<dt>Due today</dt><dd>$18.00</dd>',
      'Pay $18.00',
    ])
      expect(page).toContain(text);
    expect(page).toContain('<html lang="en">');
    expect(page).toContain('<label for="card">');
    expect(page).not.toContain('<script');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    const trial = await openSession({
      'subscription_data[trial_period_days]': '14',
      'line_items[0][price]': 'price_seatlease_team_year',
      'line_items[0][quantity]': '1001',
    });
    const shown = (await show(trial.url)).page;
    for (const text of [
      '14 days free. The first payment of $150,150.00 is on 2027-02-14.',
      'Start trial',
      '$150.00 per seat / year',
      '$150,150.00 per year',
      '<dt>Due today</dt><dd>$0.00</dd>',
    ])
      expect(shown).toContain(text);
  });

  test('the pages show a currency without decimals in wholes', async () => {
    const price = await stripe.addPrice({ unitAmount: 1_200, currency: 'jpy', metadata: { plan: 'pro' } });
    const { id, url, customer } = await openSession({ 'line_items[0][price]': price });
    for (const text of ['¥1,200 per seat / month', '¥2,400 per month', 'Pay ¥2,400'])
      expect((await show(url)).page).toContain(text);
    await stripe.pay(id);
    const { body } = await call('POST', '/v1/billing_portal/sessions', { customer, return_url: HOSTILE });
    expect((await show(String(body.url))).page).toContain(
      '2 seats, ¥1,200 per seat / month, ¥2,400 per month',
    );
  });

  test('the checkout page reports a declined card, accepts another, redirects back, and sells only once', async () => {
    const { id, url } = await openSession();
    const declined = await submit(url, { card: '4000 0000 0000 0002' });
    expect(declined.page).toContain('The card was declined');
    expect(stripe.subscriptionOf(id)).toBeUndefined();
    const paid = await submit(url, { card: '4242 4242 4242 4242' });
    expect([paid.status, paid.location]).toEqual([303, 'https://vendor.example/thanks']);
    expect((await submit(url, { card: '4242 4242 4242 4242' })).page).toContain('already paid');
    expect((await show(url)).page).toContain('already paid');
    expect(stripe.events.filter(({ type }) => type === 'customer.subscription.created')).toHaveLength(1);
  });

  test('the checkout page reports an expired session and a deleted customer', async () => {
    const late = await openSession();
    const deleted = await openSession();
    await stripe.deleteCustomer(deleted.customer);
    const refused = await submit(deleted.url, { card: '4242' });
    expect([refused.status, refused.page]).toEqual([404, expect.stringContaining('No such customer')]);
    nowMs += DAY_MS;
    expect((await show(late.url)).page).toContain('expired');
    expect((await submit(late.url, { card: '4242' })).page).toContain('expired');
    expect(stripe.events.some(({ type }) => type === 'customer.subscription.created')).toBe(false);
  });

  test('the portal changes subscriptions of its own customer only', async () => {
    const { id, customer } = await openSession();
    await stripe.pay(id);
    const subscription = stripe.subscriptionOf(id) ?? '';
    const { body } = await call('POST', '/v1/billing_portal/sessions', { customer, return_url: HOSTILE });
    const url = String(body.url);
    const change = (what: string, more: Record<string, string> = {}) =>
      submit(url, { subscription, do: what, ...more });
    const { page } = await show(url);
    for (const text of [
      '<h2>pro</h2>',
      '2 seats, $9.00 per seat / month, $18.00 per month, until 2027-02-28',
      '<p>active</p>',
      '<label for="seats-0">',
      '<option value="price_seatlease_pro_month" selected>',
    ])
      expect(page).toContain(text);
    for (const text of ['<script', 'overdue']) expect(page).not.toContain(text);
    const changed = await change('seats', { seats: '7' });
    expect([changed.status, changed.location]).toEqual([303, new URL(url).pathname]);
    expect(stripe.subscription(subscription)?.seats).toBe(7);
    for (const seats of ['0', '-1', '1.5', 'many', ''])
      expect((await change('seats', { seats })).status, seats).toBe(400);
    expect(stripe.subscription(subscription)?.seats).toBe(7);
    await change('price', { price: 'price_seatlease_team_month' });
    expect(stripe.subscription(subscription)).toMatchObject({ lookupKey: 'seatlease_team_month', seats: 7 });
    expect((await change('price', { price: 'price_nothing' })).status).toBe(400);
    for (const how of ['cancel', 'cancel_at']) {
      await change(how);
      expect(day(stripe.subscription(subscription)?.cancelAt)).toBe('2027-02-28');
      const { body } = await call('GET', `/v1/subscriptions/${subscription}`);
      expect(body.cancel_at_period_end).toBe(how === 'cancel');
      expect((await show(url)).page).toContain('ends on 2027-02-28');
      await change('keep');
      expect(stripe.subscription(subscription)?.cancelAt).toBeNull();
    }
    await change('fail');
    expect(stripe.subscription(subscription)?.status).toBe('past_due');
    expect((await show(url)).page).toContain('Pay overdue invoices');
    await change('retry');
    expect(stripe.subscription(subscription)?.status).toBe('active');
    await change('renew');
    expect(day(stripe.subscription(subscription)?.periodEnd)).toBe('2027-04-30');

    const others = await bought();
    expect((await change('seats', { seats: '9', subscription: others })).status).toBe(404);
    expect(stripe.subscription(others)?.seats).toBe(2);
    await stripe.end(subscription);
    expect((await change('seats', { seats: '9' })).status).toBe(400);
    const ended = (await show(url)).page;
    expect(ended).toContain('canceled, ended on 2027-01-31');
    expect(ended).not.toContain('<form');
  });

  test('the portal only cancels a subscription with several items', async () => {
    const { id, customer } = await openSession();
    await stripe.pay(id);
    const subscription = stripe.subscriptionOf(id) ?? '';
    await stripe.addItem(subscription, { price: await stripe.addPrice({ meter: 'exports', unitAmount: 3 }) });
    const { body } = await call('POST', '/v1/billing_portal/sessions', { customer, return_url: HOSTILE });
    const url = String(body.url);
    const { page } = await show(url);
    for (const text of ['2 seats', '$0.03 per unit / month, metered', 'can only be canceled here'])
      expect(page).toContain(text);
    for (const what of [
      { do: 'seats', seats: '3' },
      { do: 'price', price: 'price_seatlease_team_month' },
    ])
      expect((await submit(url, { subscription, ...what })).status).toBe(400);
    await submit(url, { subscription, do: 'cancel' });
    expect(stripe.subscription(subscription)).toMatchObject({ seats: 2, cancelAt: expect.any(Number) });
  });

  test('the return page thanks only for what was paid', async () => {
    expect((await show(`${stripe.returnUrl}?checkout=paid`)).page).toContain('Thank you');
    for (const query of ['', '?checkout=canceled', '?checkout=other'])
      expect((await show(stripe.returnUrl + query)).page, query).not.toContain('Thank you');
    expect((await show(`${stripe.returnUrl}?checkout=canceled`)).page).toContain('Nothing was bought');
  });

  test('shows a 404 for unknown pages', async () => {
    for (const path of ['/', '/pay/cs_test_nobody', '/portal/constructor', '/pay/__proto__'])
      expect((await show(`${stripe.url}${path}`)).status, path).toBe(404);
  });
});

describe('with a state file', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'seatlease-stripe-'));
    file = join(folder, 'stripe.json');
    await stripe.close();
    stripe = await startFakeStripe({ file });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('keeps its state, its page addresses and its idempotency keys after a restart', async () => {
    const { apiKey, webhookSecret, url } = stripe;
    const key = { 'idempotency-key': 'key 1' };
    const form = await sessionForm();
    const session = await call('POST', '/v1/checkout/sessions', form, key);
    const id = await bought();
    await stripe.refund(stripe.chargeOf(id) ?? '', 1);
    const events = [...stripe.events];
    await stripe.close();
    stripe = await startFakeStripe({ file });
    expect(stripe).toMatchObject({ apiKey, webhookSecret, url });
    expect(stripe.subscription(id)).toMatchObject({ status: 'active', seats: 2 });
    expect(stripe.events).toEqual(events);
    const again = await call('POST', '/v1/checkout/sessions', form, key);
    expect([again.body, again.replayed]).toEqual([session.body, 'true']);
    expect(await (await fetch(String(session.body.url))).text()).toContain('Buy seats');
  });

  test('uses another port if its last one is taken, unless a port was set', async () => {
    const { port } = stripe;
    const other = await startFakeStripe({ file });
    try {
      expect(other.port).not.toBe(port);
      await expect(startFakeStripe({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    } finally {
      await other.close();
    }
  });

  test('refuses a file that is not a state file', async () => {
    const broken = join(folder, 'other.json');
    await writeFile(broken, 'not JSON');
    await expect(startFakeStripe({ file: broken })).rejects.toThrow(/other\.json is not a state file/);
    const unreadable = { code: 'EISDIR', syscall: 'read' };
    await expect(startFakeStripe({ file: folder })).rejects.toMatchObject(unreadable);
  });
});
