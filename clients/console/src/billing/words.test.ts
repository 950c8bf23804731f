import { describe, expect, test } from 'vitest';
import type { Subscription } from '../../../sdk/src/api.ts';
import { isRunning, standingOf, worthOf } from './words.ts';

const subscription = (more: Partial<Subscription>): Subscription => ({
  subscription_id: 'sub_1',
  tenant_id: 'ten_1',
  license_id: 'lic_1',
  plan: 'pro',
  seats: 4,
  status: 'active',
  created_at: '2026-11-01T12:00:00.000Z',
  current_period_end: '2026-12-01T12:00:00.000Z',
  cancel_at: null,
  ended_at: null,
  grace_until: null,
  ...more,
});

describe('a subscription', () => {
  test.each<[Partial<Subscription>, string, string]>([
    [{}, 'Paid', 'The next payment is due on 1 Dec 2026.'],
    [{ cancel_at: '2026-12-01T12:00:00.000Z' }, 'Ends soon', 'It ends on 1 Dec 2026.'],
    [{ status: 'trialing' }, 'Not paid for yet', 'The next payment is due on 1 Dec 2026.'],
    [
      { status: 'past_due', grace_until: '2026-12-08T12:00:00.000Z' },
      'Payment overdue',
      'Seats can be used until 8 Dec 2026.',
    ],
    [{ status: 'unpaid' }, 'Not paid', 'Pay the open invoice to have seats again.'],
    [{ status: 'canceled', ended_at: '2026-11-20T12:00:00.000Z' }, 'Ended', 'It ended on 20 Nov 2026.'],
    // Whatever else it says: it is over.
    [{ status: 'active', ended_at: '2026-11-20T12:00:00.000Z' }, 'Ended', 'It ended on 20 Nov 2026.'],
  ])('%j is told as %s: %s', (more, words, next) => {
    expect(standingOf(subscription(more))).toMatchObject({ words, next });
  });

  test('that has ended cannot be ended again', () => {
    expect(isRunning(subscription({}))).toBe(true);
    expect(isRunning(subscription({ status: 'past_due' }))).toBe(true);
    expect(isRunning(subscription({ status: 'canceled' }))).toBe(false);
    expect(isRunning(subscription({ ended_at: '2026-11-20T12:00:00.000Z' }))).toBe(false);
  });
});

test('a plan says what it is worth, and nothing that it is not', () => {
  const plan = {
    plan: 'pro',
    seats: { least: 1, most: 100 },
    ttl_seconds: 360,
    offline_grace_days: 7,
    borrow: { max_days: 1, low_water: 0 },
    features: ['export'],
    payment_grace_days: 0,
    intervals: ['month'],
  } as const;
  expect(worthOf({ ...plan, features: ['export'], intervals: ['month'] })).toEqual([
    'works offline for 7 days',
    'seats can be borrowed for 1 day',
    'export',
  ]);
});
