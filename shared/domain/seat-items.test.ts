import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pricedItem as item } from '../testing/subscription-state.ts';
import { PLANS } from './plans.ts';
import { isUnderstood, type PaidFor, type PricedItem, paidFor } from './seat-items.ts';

const METERED = item({ itemId: 'si_usage', priceId: 'price_usage', lookupKey: null, isMetered: true });
const ADD_ON = item({ itemId: 'si_support', priceId: 'price_support', lookupKey: 'support', quantity: 1 });
const YEARLY = item({
  itemId: 'si_year',
  priceId: 'price_year',
  lookupKey: 'seatlease_pro_year',
  quantity: 20,
});
const UNKNOWN = { priceId: 'price_new', lookupKey: null };

function paidAfter(...steps: readonly (readonly PricedItem[])[]): PaidFor {
  let paid: PaidFor | undefined;
  for (const items of steps) paid = paidFor(items, null, paid);
  if (!paid) throw new Error('no steps');
  return paid;
}

describe('a subscription pays for', () => {
  test('the seats of its seat item, whatever other items it has and in whatever order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([METERED, ADD_ON]), fc.nat(2), (others, at) => {
        const items = others.toSpliced(Math.min(at, others.length), 0, item());
        expect(paidAfter(items)).toMatchObject({ plan: 'pro', seats: 5, review: null });
      }),
    );
  });

  test('the sum of all seat items of one plan', () => {
    expect(paidAfter([item(), METERED, YEARLY])).toMatchObject({ plan: 'pro', seats: 25, review: null });
  });

  test('the plan that it had, after the lookup key of its price moved to a new price', () => {
    const moved = item({ lookupKey: null });
    expect(paidAfter([item()], [moved])).toMatchObject({ plan: 'pro', seats: 5, review: null });
    expect(paidAfter([item()], [moved], [{ ...moved, quantity: 9 }])).toMatchObject({
      plan: 'pro',
      seats: 9,
    });
  });

  test('the plan that it was sold with, if the lookup key moved before it was first fetched', () => {
    const moved = item({ lookupKey: null });
    const sold = { priceId: 'price_pro', plan: 'pro' } as const;
    expect(paidFor([moved], sold, undefined)).toMatchObject({ plan: 'pro', seats: 5, review: null });
    expect(paidFor([moved], { ...sold, priceId: 'another' }, undefined)).toMatchObject({
      plan: null,
      seats: 0,
    });
  });

  test('the plan of a former price that it returns to', () => {
    const team = item({ priceId: 'price_team', lookupKey: 'seatlease_team_month' });
    expect(paidAfter([item()], [team], [item({ lookupKey: null })])).toMatchObject({
      plan: 'pro',
      review: null,
    });
  });
});

describe('a subscription that is not understood keeps plan and seats, with the reason:', () => {
  test.each([
    ['no_plan', 'the seat item was removed', [METERED]],
    ['no_plan', 'another item took its place', [item({ ...UNKNOWN, itemId: 'si_2', quantity: 7 })]],
    ['price_replaced', 'its price was replaced by an unknown one', [item({ ...UNKNOWN, quantity: 7 })]],
    ['price_replaced', 'one of two prices was replaced', [item({ ...UNKNOWN, quantity: 7 }), YEARLY]],
    [
      'several_plans',
      'an item of another plan was added',
      [item(), item({ itemId: 'si_2', planName: 'team', ...UNKNOWN })],
    ],
  ] as const)('%s if %s', (review, _, items) => {
    const paid = paidAfter([item()], items);
    expect(paid).toMatchObject({ plan: 'pro', seats: 5, review });
    expect(isUnderstood(paid)).toBe(false);
    // The reason stays the same, however often it is fetched.
    expect(paidAfter([item()], items, items)).toEqual(paid);
  });

  test('and is understood again once its seat item is back', () => {
    expect(paidAfter([item()], [item(UNKNOWN)], [item({ quantity: 6 })])).toMatchObject({
      seats: 6,
      review: null,
    });
  });

  test('unless it was never understood: then it pays for nothing', () => {
    expect(paidAfter([item(UNKNOWN)])).toMatchObject({ plan: null, seats: 0, review: 'no_plan' });
  });
});

test.each([
  [PLANS.enterprise.seats.least - 1, 'too_few_seats'],
  [PLANS.enterprise.seats.least, null],
  [PLANS.enterprise.seats.most, null],
  [PLANS.enterprise.seats.most + 1, 'too_many_seats'],
])('%i seats of the enterprise plan are as paid, with the review %s', (quantity, review) => {
  const paid = paidAfter([item({ ...UNKNOWN, planName: 'enterprise', quantity })]);
  expect(paid).toMatchObject({ plan: 'enterprise', seats: quantity, review });
  expect(isUnderstood(paid)).toBe(true);
});

const anyItems = fc.array(
  fc.constantFrom(
    item(),
    item({ lookupKey: null }),
    item(UNKNOWN),
    item({ priceId: 'price_team', lookupKey: 'seatlease_team_month', quantity: 8 }),
    METERED,
    ADD_ON,
    YEARLY,
  ),
  { minLength: 1, maxLength: 4 },
);

test('for any life of a subscription, seats are never taken from an item that is not a seat item', () => {
  let kept = 0;
  fc.assert(
    fc.property(fc.array(anyItems, { minLength: 1, maxLength: 6 }), (life) => {
      let before: PaidFor | undefined;
      for (const items of life) {
        const paid = paidFor(items, null, before);
        if (isUnderstood(paid)) {
          const seatItems = paid.items.filter(({ plan }) => plan === paid.plan);
          expect(paid.seats).toBe(seatItems.reduce((sum, { quantity }) => sum + quantity, 0));
          for (const { itemId } of seatItems) expect([METERED.itemId, ADD_ON.itemId]).not.toContain(itemId);
        } else {
          expect([paid.plan, paid.seats]).toEqual([before?.plan ?? null, before?.seats ?? 0]);
          kept += 1;
        }
        before = paid;
      }
    }),
  );
  expect(kept).toBeGreaterThan(50);
});
