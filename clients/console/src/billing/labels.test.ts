import { describe, expect, test } from 'vitest';
import type { Plan, Subscription } from '../../../sdk/src/api.ts';
import { dateAndTime } from '../time.ts';
import {
  canChange,
  costTexts,
  isPaymentDue,
  pendingNote,
  priceText,
  reviewNote,
  subscriptionState,
  titleOf,
  totalText,
  unchangeableNote,
} from './labels.ts';

type Price = NonNullable<Plan['prices']>[number];

function planWith(prices: Plan['prices']): Plan {
  return {
    plan: 'team',
    seats: { least: 5, most: 1_000 },
    ttl_seconds: 360,
    max_sessions: 64,
    offline_grace_days: 0,
    offline_start_days: 0,
    signed_limit: null,
    borrow: { max_days: 0, low_water: 0 },
    features: [],
    limits: {},
    payment_grace_days: 7,
    intervals: ['month', 'year'],
    prices,
  };
}

const MONTHLY: Price = {
  interval: 'month',
  currency: 'usd',
  unit_amount: 1_500,
  unit_amount_decimal: '1500',
  tiers: false,
  tax_behavior: 'exclusive',
};
const YEARLY: Price = { ...MONTHLY, interval: 'year', currency: 'jpy', unit_amount_decimal: '9000' };

describe('a plan', () => {
  test('shows the price of a seat and of all seats in the chosen interval', () => {
    const plan = planWith([MONTHLY, { ...YEARLY, tax_behavior: 'inclusive' }]);
    expect(priceText(plan, 'month')).toBe('$15.00 per seat per month');
    expect(totalText(plan, 'month', 6)).toBe('Total: $90.00 per month, plus taxes');
    expect(totalText(plan, 'year', 6)).toBe('Total: ¥54,000 per year, including taxes');
  });

  test.each([
    ['while prices are not known', planWith(null), 6],
    ['if the price depends on the number of seats', planWith([{ ...MONTHLY, unit_amount_decimal: null }]), 6],
    ['for fewer seats than the plan has', planWith([MONTHLY]), 4],
    ['for more seats than the plan has', planWith([MONTHLY]), 1_001],
    ['for no number', planWith([MONTHLY]), Number.NaN],
  ])('shows no total %s', (_, plan, seats) => {
    expect(totalText(plan, 'month', seats)).toBe('The next page shows the price before you pay.');
  });
});

test('a subscription shows what its seats cost, for each price', () => {
  const item = { plan: 'team', interval_count: 1, current_period_end: '2027-01-01T00:00:00.000Z' } as const;
  const subscription: Pick<Subscription, 'items'> = {
    items: [
      { ...item, ...MONTHLY, seats: 5 },
      { ...item, ...YEARLY, seats: 1, interval_count: 2 },
      { ...item, ...MONTHLY, seats: 3, unit_amount_decimal: null },
    ],
  };
  expect(costTexts(subscription)).toEqual([
    '5 seats, $15.00 per seat per month',
    '1 seat, ¥9,000 per seat per 2 years',
  ]);
});

describe('a subscription', () => {
  const ACTIVE: Subscription = {
    subscription_id: 'sub_1',
    tenant_id: 'ten_07_0000000000000000',
    license_id: 'lic_07_0000000000000000',
    plan: 'team',
    seats: 5,
    items: [],
    needs_review: null,
    status: 'active',
    collection: 'automatic',
    created_at: '2026-12-01T12:00:00.000Z',
    collection_paused: false,
    current_period_end: '2027-01-01T12:00:00.000Z',
    cancel_at: null,
    ended_at: null,
    grace_until: null,
    unchangeable: null,
    pending_change: null,
    hold: null,
  };
  test('says what waits for its payment until it expires', () => {
    const until = '2026-12-31T11:00:00.000Z';
    const pending_change = {
      plan: 'team',
      seats: 9,
      interval: 'year',
      pay_url: 'https://pay.example/in_1',
      until,
    } as const;
    const noteOf = (change: Partial<Subscription>, nowMs: number) =>
      pendingNote({ ...ACTIVE, ...change }, nowMs);
    const early = Date.parse(until) - 1;
    const end = `Without it, the change is discarded on ${dateAndTime(new Date(until))}.`;
    expect(noteOf({ pending_change }, early)).toBe(
      `A change to Team, 9 seats, billed every year, waits for its payment. ${end}`,
    );
    const unknown = { ...pending_change, plan: null, seats: null, interval: null };
    expect(noteOf({ pending_change: unknown }, early)).toBe(`A change waits for its payment. ${end}`);
    expect(noteOf({ pending_change }, Date.parse(until))).toBeUndefined();
    expect(noteOf({}, early)).toBeUndefined();
  });

  test('of which no plan was ever known says that it gives no seats', () => {
    const unknown: Subscription = { ...ACTIVE, plan: null, seats: 0, needs_review: 'no_plan' };
    expect(titleOf(unknown)).toBe('Plan not recognized');
    expect(reviewNote(unknown)).toContain('gives your license no seats');
    const replaced: Subscription = { ...ACTIVE, needs_review: 'price_replaced' };
    expect(titleOf(replaced)).toBe('Team, 5 seats');
    expect(reviewNote(replaced)).toContain('keeps its plan and seats');
  });

  test('can be changed unless the server says why not, or it has ended', () => {
    const because = (reason: NonNullable<Subscription['unchangeable']>['reason']): Subscription => ({
      ...ACTIVE,
      unchangeable: { reason, what_to_do: 'Contact the vendor.' },
    });
    expect(canChange(ACTIVE)).toBe(true);
    expect(unchangeableNote(ACTIVE)).toBeUndefined();
    expect(canChange({ ...ACTIVE, status: 'canceled' })).toBe(false);
    for (const reason of ['several_items', 'not_recognized', 'scheduled', 'collection_paused'] as const) {
      expect(canChange(because(reason))).toBe(false);
      expect(unchangeableNote(because(reason))).toBe(
        'Seats and plan cannot be changed here. Contact the vendor.',
      );
    }
    // The explanation of the state says it.
    expect(canChange(because('ending'))).toBe(false);
    expect(unchangeableNote(because('ending'))).toBeUndefined();
  });

  const GRACE = '2027-01-08T12:00:00.000Z';

  test.each([
    ['that is paid', {}, 'Renews on 1 Jan 2027.', false],
    [
      'whose sent invoice is not due yet',
      { grace_until: GRACE },
      'Renews on 1 Jan 2027. An invoice is open: pay it by 8 Jan 2027 to keep the seats.',
      true,
    ],
    [
      'with an overdue invoice',
      { status: 'past_due', grace_until: GRACE },
      'An invoice is not paid. Pay it by 8 Jan 2027 to keep the seats.',
      true,
    ],
    [
      'that is held for an unpaid invoice',
      { status: 'past_due', hold: { code: 'payment', what_to_do: 'Pay it.' } },
      'No seats can be acquired or renewed. Pay it.',
      true,
    ],
    [
      'that is held for a dispute',
      { hold: { code: 'dispute', what_to_do: 'Ask your bank.' } },
      'No seats can be acquired or renewed. Ask your bank.',
      false,
    ],
    ['that has ended', { status: 'canceled', grace_until: GRACE }, 'The subscription has ended.', false],
  ] as const)('%s says what to do, and leads to the invoice if one is open', (_, change, text, isDue) => {
    const subscription = { ...ACTIVE, ...change };
    expect(subscriptionState(subscription).explanation).toBe(text);
    expect(isPaymentDue(subscription)).toBe(isDue);
  });
});
