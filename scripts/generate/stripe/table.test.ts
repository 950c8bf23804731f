import { expect, test } from 'vitest';
import { CALLS, DETAILS } from './scope.ts';
import { stripeTable } from './table.ts';

const { calls, events, types } = stripeTable();

test('a call has the verb, the path, the parameters and the answer of its method', () => {
  expect(Object.keys(calls)).toHaveLength(CALLS.length);
  expect(calls['DELETE /v1/subscriptions/{}']).toEqual({
    parameters: 'SubscriptionCancelParams',
    answer: 'Subscription',
  });
  expect(calls['GET /v1/checkout/sessions']).toEqual({
    parameters: 'Checkout.SessionListParams',
    answer: 'list<Checkout.Session>',
  });
});

test.each([
  ['Subscription', 'id', 'string'],
  ['Subscription', 'object', "'subscription'"],
  ['Subscription', 'status', 'Subscription.Status'],
  ['Subscription', 'cancel_at', 'number | null'],
  ['Subscription', 'customer', 'id | Customer | DeletedCustomer'],
  ['Subscription', 'application', 'id | null'],
  ['Subscription', 'items', 'list<SubscriptionItem>'],
  ['Subscription', 'metadata', 'metadata'],
  ['Subscription', 'transfer_data', 'other | null'],
  ['SubscriptionItem', 'quantity?', 'number'],
  ['Price', 'unit_amount_decimal', 'decimal | null'],
  ['Billing.MeterEvent', 'payload', 'map<string>'],
  // Inherited, without the field that the notification omits.
  ['V2.Core.V1BillingMeterNoMeterFoundEventNotification', 'created', 'string'],
  ['SubscriptionUpdateParams', 'metadata?', "'' | metadata"],
  ['SubscriptionUpdateParams', 'items?', 'SubscriptionUpdateParams.Item[]'],
  ['SubscriptionItemListParams', 'limit?', 'number'],
])('%s.%s is %s', (type, field, kind) => {
  expect(types[type]).toMatchObject({ [field]: kind });
});

test('an enum has its values, without the open end', () => {
  expect(types['Subscription.PauseCollection.Behavior']).toEqual([
    'keep_as_draft',
    'mark_uncollectible',
    'void',
  ]);
});

test('an event names its object, and no event of other objects is listed', () => {
  expect(events['customer.subscription.updated']).toBe('Subscription');
  expect(events['checkout.session.completed']).toBe('Checkout.Session');
  expect(events).not.toHaveProperty('topup.created');
});

test('every type that DETAILS names exists, and every kind is described', () => {
  for (const name of DETAILS) expect(types).toHaveProperty([name]);
  const kinds = Object.values(types).flatMap((type) => (Array.isArray(type) ? [] : Object.values(type)));
  for (const name of kinds.flatMap((kind) => kind.match(/[A-Z]\w*(\.\w+)*/g) ?? []))
    expect(types).toHaveProperty([name]);
});
