import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ACTIVE,
  HOLD_POLICY,
  NO_PAYMENTS,
  NOW_MS,
  OWNER,
  pricedItem,
} from '../testing/subscription-state.ts';
import { BILLING_INTERVALS, PLAN_NAMES, PLANS, priceKeyOf } from './plans.ts';
import type { PricedItem } from './seat-items.ts';
import { type Subscription, type SubscriptionState, seenAs } from './subscription.ts';
import {
  decideChange,
  isAsWanted,
  isChangedTo,
  isPreviewValid,
  isUnpaid,
  obstacleTo,
} from './subscription-change.ts';

const DAY_MS = 24 * 3600 * 1000;
const ITEM = pricedItem();

function subscriptionOf(items: readonly PricedItem[], change: Partial<SubscriptionState> = {}): Subscription {
  const state = { ...ACTIVE, items, ...change };
  return seenAs({ state, payments: NO_PAYMENTS }, OWNER, undefined, HOLD_POLICY, NOW_MS);
}

const PRO = subscriptionOf([ITEM]);

describe('a change', () => {
  test('of the seats keeps the price, whatever its interval', () => {
    const quarterly = subscriptionOf([{ ...ITEM, intervalCount: 3 }]);
    for (const subscription of [PRO, quarterly])
      expect(decideChange(subscription, { seats: 7 })).toMatchObject({
        verdict: 'CHANGE',
        change: { itemId: 'si_1', from: { seats: 5 }, to: { plan: 'pro', seats: 7 }, newPrice: null },
      });
    expect(decideChange(quarterly, { interval: 'month' })).toMatchObject({
      change: { newPrice: { plan: 'pro', interval: 'month' } },
    });
    expect(decideChange(quarterly, { plan: 'team' })).toEqual({ verdict: 'NOT_SOLD', plan: 'team' });
  });

  test('leaves metered items and add-ons beside the seats alone', () => {
    const addOn = { ...ITEM, itemId: 'si_2', priceId: 'price_support', lookupKey: null };
    const metered = { ...ITEM, itemId: 'si_3', priceId: 'price_exports', lookupKey: null, isMetered: true };
    for (const items of [
      [addOn, metered, ITEM],
      [ITEM, metered, addOn],
    ])
      expect(decideChange(subscriptionOf(items), { seats: 7 })).toMatchObject({ change: { itemId: 'si_1' } });
  });

  test('is decided for every plan, interval and number of seats: to a price that is sold, within its range', () => {
    fc.assert(
      fc.property(
        fc.record(
          {
            plan: fc.constantFrom(...PLAN_NAMES),
            interval: fc.constantFrom(...BILLING_INTERVALS),
            seats: fc.integer({ min: 1, max: 100_001 }),
          },
          { requiredKeys: [] },
        ),
        (wanted) => {
          const decision = decideChange(PRO, wanted);
          const plan = wanted.plan ?? 'pro';
          const interval = wanted.interval ?? 'month';
          const seats = wanted.seats ?? 5;
          const isSold = priceKeyOf(plan, interval) !== undefined;
          const { least, most } = PLANS[plan].seats;
          const isInRange = seats >= least && seats <= most;
          expect(decision.verdict).toBe(!isSold ? 'NOT_SOLD' : isInRange ? 'CHANGE' : 'OUT_OF_RANGE');
          if (decision.verdict === 'CHANGE') expect(decision.change.to).toEqual({ plan, interval, seats });
          expect(isAsWanted(PRO, wanted)).toBe(plan === 'pro' && interval === 'month' && seats === 5);
        },
      ),
    );
  });

  test.each([
    ['unpaid', { status: 'past_due' }],
    ['unpaid', { status: 'unpaid' }],
    ['unpaid', { status: 'incomplete' }],
    ['paused', { status: 'paused' }],
    ['collection_paused', { isCollectionPaused: true }],
    ['scheduled', { scheduleId: 'sub_sched_1' }],
    ['ending', { cancelAtMs: NOW_MS + DAY_MS }],
    ['unpaid', { collection: 'invoice', unpaidSinceMs: NOW_MS - 60 * DAY_MS }],
  ] as const)('is refused as %s for %j', (reason, change) => {
    const subscription = subscriptionOf([ITEM], change);
    expect(decideChange(subscription, { seats: 7 })).toEqual({ verdict: 'UNCHANGEABLE', reason });
    expect(obstacleTo(subscription)).toBe(reason);
  });

  const UNKNOWN = { ...ITEM, itemId: 'si_9', priceId: 'price_unknown', lookupKey: null };
  test.each([
    ['several_items', [ITEM, { ...ITEM, itemId: 'si_2' }]],
    ['not_recognized', [UNKNOWN]],
    ['not_recognized', [ITEM, { ...ITEM, itemId: 'si_2', lookupKey: 'seatlease_team_month' }]],
  ] as const)('is refused as %s for items that it cannot be made on', (reason, items) => {
    const subscription = subscriptionOf(items);
    expect(decideChange(subscription, { seats: 7 })).toEqual({ verdict: 'UNCHANGEABLE', reason });
    expect(obstacleTo(subscription)).toBe(reason);
  });

  test('has no obstacle if it can be made, or if the subscription has ended', () => {
    expect(obstacleTo(PRO)).toBeUndefined();
    expect(obstacleTo(subscriptionOf([ITEM], { status: 'canceled' }))).toBeUndefined();
  });

  test('of seats out of the range of their plan is possible into it', () => {
    const alone = subscriptionOf([
      { ...ITEM, lookupKey: 'seatlease_enterprise_year', interval: 'year', quantity: 1 },
    ]);
    expect(alone.review).toBe('too_few_seats');
    expect(decideChange(alone, { seats: 25 })).toMatchObject({ verdict: 'CHANGE' });
    expect(decideChange(alone, { seats: 2 })).toEqual({ verdict: 'OUT_OF_RANGE', plan: 'enterprise' });
  });
});

test('a change is made once the item has its price and number of seats', () => {
  const quarterly = subscriptionOf([{ ...ITEM, intervalCount: 3 }]);
  const decision = decideChange(quarterly, { interval: 'month' });
  if (decision.verdict !== 'CHANGE') throw new Error(decision.verdict);
  const change = { ...decision.change, priceId: 'price_month' };
  expect(isChangedTo(quarterly, change)).toBe(false);
  expect(isChangedTo(subscriptionOf([{ ...ITEM, priceId: 'price_month' }]), change)).toBe(true);
  const seven = { ...change, to: { ...change.to, seats: 7 }, priceId: ITEM.priceId };
  expect(isChangedTo(PRO, seven)).toBe(false);
  expect(isChangedTo(subscriptionOf([{ ...ITEM, quantity: 7 }]), seven)).toBe(true);
  expect(isChangedTo(subscriptionOf([{ ...ITEM, quantity: 7, priceId: 'price_team' }]), seven)).toBe(false);
});

test.each([
  ['now', 0, true],
  ['half an hour old', -30 * 60_000, true],
  ['older', -30 * 60_000 - 1, false],
  ['in the future', 1, false],
])('a preview that is %s can be charged: %s ms, %s', (_, offsetMs, isValid) => {
  expect(isPreviewValid(PRO, NOW_MS + offsetMs, NOW_MS)).toBe(isValid);
});

test('a preview of the period before cannot be charged', () => {
  const renewed = subscriptionOf([{ ...ITEM, periodStartMs: NOW_MS - 60_000 }]);
  expect(isPreviewValid(renewed, NOW_MS - 60_001, NOW_MS)).toBe(false);
  expect(isPreviewValid(renewed, NOW_MS - 60_000, NOW_MS)).toBe(true);
});

test('a sent invoice for a change is unpaid while it is due, whatever its lines name', () => {
  const sent = subscriptionOf([ITEM], { collection: 'invoice' });
  const invoice = { isPaid: false, isDue: true, reason: 'subscription_update', periods: [] };
  expect(isUnpaid([invoice], sent, 'si_1', NOW_MS)).toBe(true);
  expect(isUnpaid([{ ...invoice, isDue: false }], sent, 'si_1', NOW_MS)).toBe(false);
  expect(isUnpaid([invoice], PRO, 'si_1', NOW_MS)).toBe(false);
  expect(isUnpaid([{ ...invoice, reason: 'subscription_cycle' }], sent, 'si_1', NOW_MS)).toBe(false);
});

test('an invoice is not unpaid any more after a later period was paid that runs now', () => {
  const endMs = NOW_MS + DAY_MS;
  const bill = (isPaid: boolean, isProration = false) => ({
    ...{ isPaid, isDue: false, reason: 'subscription_cycle' },
    periods: [{ itemId: 'si_1', endMs, isProration }],
  });
  expect(isUnpaid([bill(true), bill(false)], PRO, 'si_1', NOW_MS)).toBe(false);
  expect(isUnpaid([bill(false), bill(true)], PRO, 'si_1', NOW_MS)).toBe(true);
  expect(isUnpaid([bill(true, true), bill(false)], PRO, 'si_1', NOW_MS)).toBe(true);
  expect(isUnpaid([bill(true), bill(false)], PRO, 'si_2', NOW_MS)).toBe(false);
});
