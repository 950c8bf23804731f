import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startStripeStandIn } from './server.ts';
import type { StripeStandIn } from './types.ts';

let stripe: StripeStandIn;
beforeEach(async () => {
  stripe = await startStripeStandIn();
});
afterEach(() => stripe.close());

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

async function sessionForm(): Promise<Record<string, string>> {
  const customer = String((await call('POST', '/v1/customers', { name: 'Acme' })).body.id);
  return {
    mode: 'subscription',
    customer,
    'line_items[0][price]': 'price_seatlease_pro_month',
    'line_items[0][quantity]': '2',
    success_url: 'https://vendor.example/thanks',
  };
}

describe('as Stripe does, it refuses', () => {
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
    ['a parameter that cannot be read', { success_url: 'thanks' }, 'parameter_invalid', 'success_url'],
    [
      'seats that are no number',
      { 'line_items[0][quantity]': '1.5' },
      'parameter_invalid',
      'line_items[0][quantity]',
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

  test('a key that is not its own, another version, a call that nobody makes, and what is not there', async () => {
    const wrongKey = { authorization: 'Bearer sk_test_wrong' };
    expect((await call('POST', '/v1/customers', {}, wrongKey)).status).toBe(401);
    const old = { 'stripe-version': '2020-08-27' };
    expect((await call('POST', '/v1/customers', {}, old)).status).toBe(400);
    expect((await call('GET', '/v1/balance')).status).toBe(404);
    const missing = await call('GET', '/v1/subscriptions/sub_nobody');
    expect([missing.status, missing.body.error?.code]).toEqual([404, 'resource_missing']);
  });
});

test('the same idempotency key is the same answer, and with another request a mistake', async () => {
  const key = { 'idempotency-key': 'key 1' };
  const first = await call('POST', '/v1/customers', { name: 'Acme' }, key);
  const again = await call('POST', '/v1/customers', { name: 'Acme' }, key);
  expect([again.body.id, first.replayed, again.replayed]).toEqual([first.body.id, null, 'true']);
  const other = await call('POST', '/v1/customers', { name: 'Other' }, key);
  expect([other.status, other.body.error?.type]).toEqual([400, 'idempotency_error']);
});

test('a purchase is told in Stripe’s order, and billed in whole cents', async () => {
  const { body } = await call('POST', '/v1/checkout/sessions', await sessionForm());
  await stripe.pay(String(body.id));
  expect(stripe.events.map(({ type }) => type)).toEqual([
    'customer.subscription.created',
    'invoice.created',
    'invoice.finalized',
    'charge.succeeded',
    'invoice.paid',
    'customer.subscription.updated',
    'checkout.session.completed',
  ]);
  const paid = await call('GET', '/v1/invoices', {
    subscription: stripe.subscriptionOf(String(body.id)) ?? '',
  });
  expect(paid.body.data).toEqual([expect.objectContaining({ amount_due: 1_800, status: 'paid' })]);
});

test('the page sells, says when a card is declined, and sells nothing twice', async () => {
  const { body } = await call('POST', '/v1/checkout/sessions', await sessionForm());
  const url = String(body.url);
  expect(await (await fetch(url)).text()).toContain('$18.00 a month');
  const pay = (card: string) =>
    fetch(url, { method: 'POST', body: new URLSearchParams({ card }), redirect: 'manual' });
  expect(await (await pay('4000 0000 0000 0002')).text()).toContain('declined');
  const paid = await pay('4242 4242 4242 4242');
  expect([paid.status, paid.headers.get('location')]).toEqual([303, 'https://vendor.example/thanks']);
  expect(await (await pay('4242 4242 4242 4242')).text()).toContain('Nothing to pay');
  expect(stripe.events.filter(({ type }) => type === 'customer.subscription.created')).toHaveLength(1);
});

test('what it knows outlives it where it has a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'seatlease-stripe-'));
  try {
    const file = join(folder, 'stripe.json');
    await stripe.close();
    stripe = await startStripeStandIn({ file });
    const { apiKey, webhookSecret } = stripe;
    const { body } = await call('POST', '/v1/checkout/sessions', await sessionForm());
    await stripe.pay(String(body.id));
    const id = stripe.subscriptionOf(String(body.id)) ?? '';
    await stripe.close();
    stripe = await startStripeStandIn({ file });
    expect(stripe).toMatchObject({ apiKey, webhookSecret });
    expect(stripe.subscription(id)).toMatchObject({ status: 'active', seats: 2 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
