import { describe, expect, test } from 'vitest';
import {
  ACTIVE,
  HOLD_POLICY,
  NO_PAYMENTS,
  NOW_MS,
  OWNER,
  pricedItem,
} from '../testing/subscription-state.ts';
import { type PendingItem, pendingChangeOf } from './pending-change.ts';
import type { PricedItem } from './seat-items.ts';
import { notAtStripe, type SubscriptionState, seenAs } from './subscription.ts';

const HOUR_MS = 3600 * 1000;
const UNTIL_MS = NOW_MS + 23 * HOUR_MS;
const YEARLY: PendingItem = {
  itemId: 'si_1',
  priceId: 'price_team_year',
  lookupKey: 'seatlease_team_year',
  planName: null,
  quantity: 7,
  interval: 'year',
};
/** As in Stripe's documentation: a price by its id alone. */
const BARE: PendingItem = { ...YEARLY, priceId: 'price_pro', lookupKey: null, interval: null };

function seen(change: Partial<SubscriptionState>) {
  const state = { ...ACTIVE, ...change };
  return seenAs({ state, payments: NO_PAYMENTS }, OWNER, undefined, HOLD_POLICY, NOW_MS);
}

function pendingOf(pending: readonly PendingItem[], items: readonly PricedItem[] = [pricedItem()]) {
  const update = { items: pending, untilMs: UNTIL_MS, payUrl: 'https://pay.example/in_1' };
  const { pendingChange } = seen({ items, pendingUpdate: update });
  const { untilMs: _, payUrl: __, ...after } = pendingChange ?? {};
  return after;
}

describe('a change that waits for its payment', () => {
  const EXTRA = pricedItem({ itemId: 'si_2', priceId: 'price_pro_2', quantity: 3 });
  const ADD_ON = pricedItem({ itemId: 'si_3', priceId: 'price_support', lookupKey: null });
  const UNKNOWN = { plan: null, seats: null, interval: null };

  test.each<[string, PendingItem[], PricedItem[], object]>([
    ['another price and quantity', [YEARLY], [pricedItem()], { plan: 'team', seats: 7, interval: 'year' }],
    ['a price that it had before', [BARE], [pricedItem()], { plan: 'pro', seats: 7, interval: 'month' }],
    [
      'a price without a quantity',
      [{ ...YEARLY, quantity: null }],
      [pricedItem()],
      { plan: 'team', seats: 5, interval: 'year' },
    ],
    ['one of several items', [BARE], [pricedItem(), EXTRA], { plan: 'pro', seats: 10, interval: 'month' }],
    [
      'an item more, of another interval',
      [{ ...YEARLY, itemId: 'si_9', lookupKey: 'seatlease_pro_year' }],
      [pricedItem(), ADD_ON],
      { plan: 'pro', seats: 12, interval: null },
    ],
    [
      'an add-on',
      [{ ...BARE, itemId: 'si_3', priceId: 'price_support' }],
      [pricedItem(), ADD_ON],
      { plan: 'pro', seats: 5, interval: 'month' },
    ],
    ['a price of no plan', [{ ...BARE, priceId: 'price_unknown' }], [pricedItem()], UNKNOWN],
    ['items of two plans', [YEARLY], [pricedItem(), EXTRA], UNKNOWN],
  ])('to %s shows the plan and seats that it gives', (_, pending, items, after) => {
    expect(pendingOf(pending, items)).toEqual(after);
  });

  test('is gone when it expires, and Stripe is read again then', () => {
    const subscription = seen({ pendingUpdate: { items: [BARE], untilMs: UNTIL_MS, payUrl: null } });
    expect(subscription).toMatchObject({ pendingChange: { untilMs: UNTIL_MS }, lookAtMs: UNTIL_MS });
    const update = { items: [BARE], untilMs: UNTIL_MS, payUrl: null };
    expect(pendingChangeOf(update, subscription, UNTIL_MS - 1)).not.toBeNull();
    expect(pendingChangeOf(update, subscription, UNTIL_MS)).toBeNull();
    expect(pendingChangeOf(null, subscription, NOW_MS)).toBeNull();
    expect(notAtStripe(subscription, HOLD_POLICY, UNTIL_MS)).toMatchObject({ pendingChange: null });
  });
});
