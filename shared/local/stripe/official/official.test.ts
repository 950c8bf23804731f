import { Stripe } from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { stripeClient } from '../../../testing/stripe-client.ts';
import { Refused } from '../refused.ts';
import { ROUTES } from '../routes/index.ts';
import { startFakeStripe } from '../server.ts';
import type { FakeStripe } from '../types.ts';
import { checkEvent, checkThinEvent } from './events.ts';
import { checkObject, complete } from './objects.ts';
import { checkRequest } from './requests.ts';
import TABLE from './table.json' with { type: 'json' };
import { API_VERSION, callAt, kindOf } from './table.ts';

let stripe: FakeStripe;
let client: Stripe;
beforeEach(async () => {
  stripe = await startFakeStripe();
  client = stripeClient(stripe);
});
afterEach(() => stripe.close());

const Shown = z.record(z.string(), z.unknown());

async function bought(): Promise<string> {
  const { id: customer } = await client.customers.create({ name: 'Acme' });
  const session = await client.checkout.sessions.create({
    mode: 'subscription',
    customer,
    line_items: [{ price: 'price_seatlease_pro_month', quantity: 2 }],
    success_url: 'https://vendor.example/thanks',
  });
  await stripe.pay(session.id);
  return stripe.subscriptionOf(session.id) ?? '';
}

test('the table is of the version that the library sends', () => {
  expect(new Stripe('sk_test_1').getApiField('version')).toBe(API_VERSION);
});

test('the fake answers each call of the table, and no other', () => {
  const answered = ROUTES.map(({ method, path }) => {
    const pattern = path.source.replaceAll(/[\^$]|\\(?=\/)/g, '').replaceAll('(\\w+)', '{}');
    return `${method} ${pattern}`;
  });
  expect(answered.toSorted()).toEqual(Object.keys(TABLE.calls).toSorted());
});

describe('an object', () => {
  /** What the fake shows for a subscription, with all that it contains. */
  async function subscription(): Promise<Record<string, unknown>> {
    await bought();
    const event = stripe.events.findLast(({ type }) => type === 'customer.subscription.updated');
    return z.parse(z.object({ data: z.object({ object: Shown }) }), JSON.parse(event?.body ?? '')).data
      .object;
  }
  const check = (object: object) => checkObject(kindOf('Subscription'), object, 'subscription');

  test('as the fake shows it is one of the library', async () => {
    check(await subscription());
  });

  test('without any one of its fields, or with one of another kind, is refused', async () => {
    const whole = await subscription();
    for (const name of Object.keys(whole)) {
      expect(() => check({ ...whole, [name]: undefined }), name).toThrow(`subscription.${name} is missing`);
      expect(() => check({ ...whole, [name]: [[]] }), name).toThrow(`subscription.${name}`);
    }
  });

  test('with an unknown field or value is refused, also inside another', async () => {
    const whole = await subscription();
    expect(() => check({ ...whole, color: 'red' })).toThrow('subscription.color is unknown');
    expect(() => check({ ...whole, status: 'happy' })).toThrow('subscription.status is happy, not one of');
    const paused = { ...whole, pause_collection: { behavior: 'later', resumes_at: null } };
    expect(() => check(paused)).toThrow('subscription.pause_collection.behavior is later');
    const [item] = z.parse(z.object({ data: z.array(Shown) }), whole.items).data;
    const items = { ...z.parse(Shown, whole.items), data: [{ ...item, quantity: 'two' }] };
    expect(() => check({ ...whole, items })).toThrow('subscription.items.data[0].quantity is not a whole');
    const { has_more: _, ...endless } = z.parse(Shown, whole.items);
    expect(() => check({ ...whole, items: endless })).toThrow('subscription.items is not a list');
  });

  test('with a field that the table does not describe is refused, with the place to describe it', async () => {
    const whole = { ...(await subscription()), transfer_data: { destination: 'acct_1' } };
    expect(() => check(whole)).toThrow('subscription.transfer_data is not in the table');
  });

  test('is completed with null, but not with values that Stripe chooses', () => {
    const customer = complete({ id: 'cus_1', object: 'customer', name: 'Acme' });
    expect(customer).toMatchObject({ email: null, metadata: {} });
    expect(() => checkObject(kindOf('Customer'), customer, 'customer')).toThrow(
      'customer.created is missing',
    );
  });
});

test('an event of a type that Stripe does not send, or about another object, is refused', async () => {
  await bought();
  const event = JSON.parse(stripe.events.at(-1)?.body ?? '');
  checkEvent(event);
  expect(() => checkEvent({ ...event, type: 'checkout.session.paid' })).toThrow('no event of the table');
  expect(() => checkEvent({ ...event, type: 'invoice.paid' })).toThrow('invoice.paid.lines is missing');
  expect(() => checkEvent({ ...event, request: undefined })).toThrow('request is missing');
});

test('a thin event has the fields of its type, and a notification has no data', () => {
  const notification = {
    id: 'evt_test_1',
    object: 'v2.core.event',
    created: '2027-01-31T12:00:00.000Z',
    livemode: false,
    type: 'v1.billing.meter.error_report_triggered',
    related_object: { id: 'mtr_1', type: 'billing.meter', url: '/v1/billing/meters/mtr_1' },
  };
  const data = {
    developer_message_summary: 'There is 1 invalid event',
    reason: {
      error_count: 1,
      error_types: [
        {
          code: 'meter_event_customer_not_found',
          error_count: 1,
          sample_errors: [{ error_message: 'No such customer', request: { identifier: 'use_1' } }],
        },
      ],
    },
    validation_start: '2027-01-31T12:00:00.000Z',
    validation_end: '2027-01-31T12:00:10.000Z',
  };
  checkThinEvent(notification, 'notification');
  checkThinEvent(Object.assign({ data }, notification), 'event');
  expect(() => checkThinEvent(Object.assign({ data }, notification), 'notification')).toThrow(
    'data is unknown',
  );
  expect(() => checkThinEvent(notification, 'event')).toThrow('data is missing');
  expect(() => checkThinEvent({ ...notification, type: 'v1.billing.meter.lost' }, 'event')).toThrow(
    'no thin event',
  );
});

describe('a request', () => {
  const parameters = callAt('POST', '/v1/subscriptions/sub_1')?.parameters;
  const refusal = (form: Parameters<typeof checkRequest>[1]): unknown => {
    try {
      checkRequest(parameters, form);
      return undefined;
    } catch (error) {
      return error instanceof Refused ? error.error : error;
    }
  };

  test('with parameters of the library is accepted, and empty texts unset what can be unset', () => {
    for (const form of [
      {},
      { cancel_at_period_end: 'true', metadata: { a: 'b' }, days_until_due: '30' },
      { metadata: '', description: '', cancel_at: '', pause_collection: '' },
      { cancel_at: 'min_period_end', proration_behavior: 'none', expand: ['latest_invoice'] },
      { cancel_at: '1800000000', metadata: { a: '' } },
    ])
      expect(refusal(form), JSON.stringify(form)).toBeUndefined();
  });

  test.each([
    [{ color: 'red' }, 'parameter_unknown', 'color'],
    [{ days_until_due: 'many' }, 'parameter_invalid_integer', 'days_until_due'],
    [{ cancel_at_period_end: '' }, 'parameter_invalid_empty', 'cancel_at_period_end'],
    [{ cancel_at_period_end: 'yes' }, undefined, 'cancel_at_period_end'],
    [{ proration_behavior: 'some' }, undefined, 'proration_behavior'],
    [{ items: 'many' }, undefined, 'items'],
    [{ metadata: { ['k'.repeat(41)]: 'v' } }, undefined, 'metadata'],
    [{ metadata: { k: 'v'.repeat(501) } }, undefined, 'metadata[k]'],
    [
      { metadata: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, 'v'])) },
      undefined,
      'metadata',
    ],
  ])('%j is refused as Stripe refuses it', (form, code, param) => {
    expect(refusal(form)).toMatchObject({ type: 'invalid_request_error', param, ...(code && { code }) });
  });

  test('without a required parameter is refused', async () => {
    const { parameters } = callAt('POST', '/v1/billing/meter_events') ?? {};
    expect(() => checkRequest(parameters, { event_name: 'exports' })).toThrow(
      'Missing required param: payload',
    );
  });
});

describe('expand', () => {
  test('puts whole objects in the place of ids, also in lists', async () => {
    const id = await bought();
    const subscription = await client.subscriptions.retrieve(id, { expand: ['latest_invoice', 'customer'] });
    expect(subscription).toMatchObject({
      latest_invoice: { object: 'invoice', status: 'paid' },
      customer: { object: 'customer', name: 'Acme' },
    });
    const { data } = await client.invoices.list({ subscription: id, expand: ['data.customer'] });
    expect(data).toMatchObject([{ customer: { name: 'Acme' } }]);
  });

  test('refuses what is no id, what is unknown, and more than four levels', async () => {
    const id = await bought();
    for (const path of ['status', 'color', 'items.data.quantity', 'data.customer'])
      await expect(client.subscriptions.retrieve(id, { expand: [path] }), path).rejects.toThrow(
        `This property cannot be expanded (${path}).`,
      );
    await expect(client.subscriptions.retrieve(id, { expand: ['a.b.c.d.e'] })).rejects.toThrow('4 levels');
  });
});
