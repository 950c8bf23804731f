import { describe, expect, test } from 'vitest';
import { Features, Limits } from '../http/fields.ts';
import {
  BILLING_INTERVALS,
  MOST_SESSIONS,
  PLAN_NAMES,
  PLANS,
  type PlanTerms,
  planOfPrice,
  priceKeyOf,
} from './plans.ts';

/** A copy of the terms, so that no edit of a plan that customers pay for is accidental. Edit both. */
const SOLD: Readonly<Record<string, PlanTerms>> = {
  free: {
    ...{ seats: { least: 1, most: 3 }, trialSeats: 0, ttlSeconds: 360, paymentGraceDays: 0, features: [] },
    ...{ offlineGraceDays: 0, ownGrace: false, borrow: { maxDays: 0, lowWater: 0 }, limits: { projects: 3 } },
    ...{ maxSessions: 64, signedLimit: null, offlineStartDays: 0 },
    prices: {},
  },
  pro: {
    ...{ seats: { least: 1, most: 50 }, trialSeats: 3, ttlSeconds: 360, paymentGraceDays: 7 },
    ...{ offlineGraceDays: 7, ownGrace: false, borrow: { maxDays: 14, lowWater: 0 }, features: ['export'] },
    ...{ maxSessions: 64, signedLimit: null, offlineStartDays: 0, limits: { projects: 20 } },
    prices: { month: ['seatlease_pro_month'], year: ['seatlease_pro_year'] },
  },
  team: {
    ...{ seats: { least: 5, most: 1_000 }, trialSeats: 5, ttlSeconds: 360, paymentGraceDays: 14 },
    ...{ offlineGraceDays: 3, ownGrace: false, borrow: { maxDays: 30, lowWater: 1 } },
    ...{ maxSessions: 64, signedLimit: null, offlineStartDays: 0, limits: { projects: 100 } },
    features: ['export', 'shared-settings'],
    prices: { month: ['seatlease_team_month'], year: ['seatlease_team_year'] },
  },
  enterprise: {
    ...{ seats: { least: 25, most: 100_000 }, trialSeats: 25, ttlSeconds: 360, paymentGraceDays: 30 },
    ...{ offlineGraceDays: 7, ownGrace: true, borrow: { maxDays: 90, lowWater: 5 } },
    ...{ maxSessions: 64, signedLimit: null, offlineStartDays: 0, limits: {} },
    features: ['export', 'shared-settings', 'audit'],
    prices: { year: ['seatlease_enterprise_year'] },
  },
};

test('the plans have the terms that are sold', () => {
  expect(PLANS).toEqual(SOLD);
});

test('the plans are listed from the smallest to the largest', () => {
  expect(PLAN_NAMES).toEqual(['free', 'pro', 'team', 'enterprise']);
});

describe.each(PLAN_NAMES)('the %s plan', (plan) => {
  const terms: PlanTerms = PLANS[plan];

  test('has limits that can be met', () => {
    const { seats, trialSeats, borrow } = terms;
    expect(seats.least).toBeGreaterThan(0);
    expect(seats.most).toBeGreaterThanOrEqual(seats.least);
    expect(trialSeats).toBeLessThanOrEqual(seats.most);
    expect(borrow.lowWater).toBeLessThanOrEqual(seats.least);
    expect(terms.offlineStartDays).toBeLessThanOrEqual(terms.offlineGraceDays);
    expect(terms.maxSessions).toBeGreaterThanOrEqual(1);
    expect(terms.maxSessions).toBeLessThanOrEqual(MOST_SESSIONS);
  });

  test('has features and limits that could also be set for one license', () => {
    expect(Features.parse(terms.features)).toEqual(terms.features);
    expect(Limits.parse(terms.limits)).toEqual(terms.limits);
  });

  test.each(BILLING_INTERVALS)('is found by its price per %s, if it has one', (interval) => {
    const keys = SOLD[plan]?.prices[interval] ?? [];
    expect(priceKeyOf(plan, interval)).toBe(keys[0]);
    for (const lookupKey of keys) expect(planOfPrice({ lookupKey, planName: null })).toBe(plan);
  });
});

test('each price belongs to one plan and interval', () => {
  const keys = Object.values(SOLD).flatMap(({ prices }) => Object.values(prices).flat());
  expect(new Set(keys).size).toBe(keys.length);
});

test.each([null, '', 'seatlease_pro', 'another_price'])('the price %s belongs to no plan', (lookupKey) => {
  expect(planOfPrice({ lookupKey, planName: null })).toBeUndefined();
});

test('a price without a lookup key belongs to the plan in its metadata, if that is a plan', () => {
  expect(planOfPrice({ lookupKey: null, planName: 'team' })).toBe('team');
  expect(planOfPrice({ lookupKey: 'another_price', planName: 'team' })).toBe('team');
  expect(planOfPrice({ lookupKey: null, planName: 'Team' })).toBeUndefined();
});

test('the lookup key of a plan comes before metadata', () => {
  expect(planOfPrice({ lookupKey: 'seatlease_pro_month', planName: 'team' })).toBe('pro');
});
