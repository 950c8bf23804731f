import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ACTIVE,
  HOLD_POLICY,
  pricedItem as item,
  NO_PAYMENTS,
  NOW_MS,
  OWNER,
} from '../testing/subscription-state.ts';
import { draftLicense, entitlementOf, type License, MAX_SEATS, withLicenseChange } from './license.ts';
import { DISPUTE_STATUSES, type PaymentsRead, paymentHolds } from './payment-holds.ts';
import { PLANS, type Plan } from './plans.ts';
import type { PricedItem } from './seat-items.ts';
import {
  type HoldPolicy,
  hasBegun,
  holdsOf,
  isOver,
  licenseUnder,
  lifted,
  SUBSCRIPTION_STATUSES,
  type Subscription,
  type SubscriptionState,
  seenAs,
} from './subscription.ts';

const DAY_MS = 24 * 3600 * 1000;
const ADDED_BY_VENDOR = { overdraft: 2, requestsPerMinute: 77, status: 'suspended' as const };

function seatsOf(plan: Plan, quantity = 5): PricedItem {
  return item({ priceId: `price_${plan}`, lookupKey: null, planName: plan, quantity });
}

function seen(
  change: Partial<SubscriptionState> = {},
  before?: Subscription,
  nowMs = NOW_MS,
  payments = NO_PAYMENTS,
  policy = HOLD_POLICY,
): Subscription {
  return seenAs({ state: { ...ACTIVE, ...change }, payments }, OWNER, before, policy, nowMs);
}

/** A subscription bought at `NOW_MS`, and its license. */
function bought(change: Partial<SubscriptionState> = {}): { subscription: Subscription; license: License } {
  const subscription = seen(change);
  const license = licenseUnder(subscription, undefined, NOW_MS);
  if (!license) throw new Error('no license');
  return { subscription, license };
}

const moment = fc.integer({ min: NOW_MS - 60 * DAY_MS, max: NOW_MS + 60 * DAY_MS });
const anyItem: fc.Arbitrary<PricedItem> = fc.record({
  itemId: fc.constantFrom('si_1', 'si_2', 'si_3'),
  priceId: fc.constantFrom('price_1', 'price_2'),
  isPriceActive: fc.boolean(),
  lookupKey: fc.option(fc.constantFrom('seatlease_pro_month', 'seatlease_team_year', 'addon'), { nil: null }),
  planName: fc.option(fc.constant('pro'), { nil: null }),
  quantity: fc.integer({ min: 1, max: 100 }),
  isMetered: fc.nat(4).map((n) => n === 0),
  interval: fc.constant('month'),
  intervalCount: fc.constant(1),
  currency: fc.constant('usd'),
  unitAmount: fc.option(fc.constant('900'), { nil: null }),
  periodStartMs: moment,
  periodEndMs: moment,
});
const anyState: fc.Arbitrary<SubscriptionState> = fc.record({
  subscriptionId: fc.constantFrom('sub_1', 'sub_2'),
  customerId: fc.constant('cus_1'),
  status: fc.constantFrom(...SUBSCRIPTION_STATUSES),
  items: fc.array(anyItem, { minLength: 1, maxLength: 3 }),
  meteredPrices: fc.constant([]),
  isNeverPaid: fc.constant(false),
  createdAtMs: moment,
  collection: fc.constantFrom('automatic', 'invoice'),
  isCollectionPaused: fc.boolean(),
  scheduleId: fc.constant(null),
  cancelAtMs: fc.option(moment),
  endedAtMs: fc.option(moment),
  latestInvoiceId: fc.option(fc.constantFrom('in_1', 'in_2')),
  unpaidSinceMs: fc.option(moment),
  unpaidInvoiceId: fc.constant(null),
  unpaidItemIds: fc.subarray(['si_1', 'si_2', 'si_3']),
  pendingUpdate: fc.option(fc.record({ items: fc.constant([]), untilMs: moment, payUrl: fc.constant(null) })),
  soldAs: fc.constant({ ...OWNER, price: null }),
});
const anyDispute = fc.record({
  disputeId: fc.constantFrom('du_1', 'du_2'),
  chargeId: fc.constant('ch_1'),
  status: fc.constantFrom(...DISPUTE_STATUSES, 'of tomorrow'),
  isMoneyWithdrawn: fc.boolean(),
  createdAtMs: moment,
});
const anyPayment = fc.record({
  chargeId: fc.constantFrom('ch_1', 'ch_2'),
  subscriptionId: fc.constant('sub_1'),
  invoiceId: fc.constantFrom('in_1', 'in_2'),
  refund: fc.option(
    fc.record({ refundId: fc.constant('re_1'), status: fc.constant('succeeded'), atMs: moment }),
  ),
});
const anyPaidInvoice = fc.record({
  invoiceId: fc.constantFrom('in_1', 'in_2'),
  paidAtMs: moment,
  amountPaid: fc.nat(2),
  periods: fc.array(fc.record({ itemId: fc.constantFrom('si_1', 'si_2'), startMs: moment }), {
    maxLength: 2,
  }),
});
const anyPayments: fc.Arbitrary<PaymentsRead> = fc
  .record({
    disputes: fc.array(anyDispute, { maxLength: 2 }),
    payments: fc.array(anyPayment, { maxLength: 2 }),
    paidInvoices: fc.array(anyPaidInvoice, { maxLength: 3 }),
  })
  .map(({ disputes, payments, paidInvoices }) => ({
    disputes: new Map(disputes.map((each) => [each.disputeId, each])),
    payments: new Map(payments.map((each) => [each.chargeId, each])),
    paidInvoices,
  }));
const anyPolicy: fc.Arbitrary<HoldPolicy> = fc.record({
  disputes: fc.constantFrom('hold', 'keep'),
  pausedCollection: fc.constantFrom('hold', 'keep'),
});

/** Whether the license grants a new seat at `atMs`. */
function grantsSeats(license: License | undefined, atMs: number): boolean {
  if (!license) return false;
  const { status, validUntilMs } = entitlementOf(license);
  return status === 'active' && (validUntilMs === null || atMs < validUntilMs);
}

describe('for every subscription that Stripe can report,', () => {
  const aLicense = fc.option(
    fc.constantFrom(draftLicense(OWNER, 'key', { max: 3, plan: 'team' }, NOW_MS - DAY_MS), {
      ...draftLicense(OWNER, 'key', { max: 3 }, NOW_MS - DAY_MS),
      trial: true,
      validUntilMs: NOW_MS,
    }),
    { nil: undefined },
  );

  test('the license grants the seats that are paid for, and none after its end or grace', () => {
    let granting = 0;
    fc.assert(
      fc.property(
        anyState,
        anyPayments,
        anyPolicy,
        aLicense,
        moment,
        (state, paid, policy, before, nowMs) => {
          const first = seen(state, undefined, nowMs, paid, policy);
          const subscription = seen(state, first, nowMs, NO_PAYMENTS, policy);
          const license = licenseUnder(subscription, before, nowMs);
          if (!hasBegun(subscription) || subscription.plan === null || !license) {
            expect(license).toBe(before);
            return;
          }
          expect(license.max).toBeLessThanOrEqual(subscription.seats);
          expect(license.trial).toBe(false);
          const graceMs = PLANS[subscription.plan].paymentGraceDays * DAY_MS;
          const lastEndMs = Math.max(...state.items.map((each) => each.periodEndMs));
          const ends = [state.cancelAtMs, state.endedAtMs].filter((end) => end !== null);
          const isSent = state.collection === 'invoice' && state.unpaidSinceMs !== null;
          if (state.status === 'canceled') ends.push(state.endedAtMs ?? nowMs);
          else if (state.status === 'past_due' || isSent)
            ends.push(Math.max((state.unpaidSinceMs ?? nowMs) + graceMs, lastEndMs));
          else ends.push(lastEndMs + graceMs);
          for (const end of ends) expect(grantsSeats(license, Math.max(end, nowMs))).toBe(false);
          const isTakenBack = paymentHolds(subscription.payments).some(
            ({ kind }) => kind === 'refund' || policy.disputes === 'hold',
          );
          if (isTakenBack) expect(license.hold).toMatch(/^(dispute|refund)$/);
          else expect(license.hold ?? 'none').toMatch(/^(payment|paused|none)$/);
          const isUnpaid = state.status === 'unpaid' && !isSent && state.unpaidItemIds.length === 0;
          const isPaused = state.isCollectionPaused && policy.pausedCollection === 'hold' && !isOver(state);
          if (isTakenBack || isUnpaid || isPaused || state.status === 'paused')
            expect(grantsSeats(license, nowMs)).toBe(false);
          granting += grantsSeats(license, nowMs) ? 1 : 0;
        },
      ),
      { numRuns: 4_000 },
    );
    expect(granting).toBeGreaterThan(100);
  });

  test('the same state leaves the license unchanged, and a change increments its version once', () => {
    fc.assert(
      fc.property(anyState, anyState, aLicense, moment, (first, second, before, nowMs) => {
        const one = seen({ ...first, subscriptionId: 'sub_1' }, undefined, nowMs);
        const license = licenseUnder(one, before, nowMs);
        expect(licenseUnder(one, license, nowMs)).toBe(license);
        const two = seen({ ...second, subscriptionId: 'sub_1' }, one, nowMs);
        const next = licenseUnder(two, license, nowMs);
        if (license && next && next !== license) expect(next.version).toBe(license.version + 1);
        expect(licenseUnder(two, next, nowMs)).toBe(next);
      }),
    );
  });

  test('a payment that stays overdue ends the license after the grace, however often the state is fetched', () => {
    const sometimes = fc.option(moment, { freq: 2 });
    const someDays = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(anyState, sometimes, sometimes, someDays, (state, unpaidSinceMs, cancelAtMs, days) => {
        const dates = { unpaidSinceMs, cancelAtMs, endedAtMs: null };
        const late = { ...state, ...dates, status: 'past_due' as const, items: [item()], unpaidItemIds: [] };
        const firstMs = NOW_MS;
        let record = seen(late, undefined, firstMs);
        let license = licenseUnder(record, undefined, firstMs);
        let nowMs = firstMs;
        for (const day of days) {
          nowMs += day * DAY_MS;
          record = seen(late, record, nowMs);
          license = licenseUnder(record, license, nowMs);
        }
        const sinceMs = unpaidSinceMs ?? firstMs;
        const graceEndMs = sinceMs + PLANS.pro.paymentGraceDays * DAY_MS;
        expect(grantsSeats(license, Math.max(nowMs, graceEndMs))).toBe(false);
        const endsMs = Math.min(cancelAtMs ?? graceEndMs, graceEndMs);
        expect(grantsSeats(license, nowMs)).toBe(nowMs < endsMs);
      }),
    );
  });

  test('the next fetch is within a day, and there is none once the subscription has ended', () => {
    fc.assert(
      fc.property(anyState, moment, (state, nowMs) => {
        const { lookAtMs } = seen(state, undefined, nowMs);
        if (isOver(state)) expect(lookAtMs).toBeNull();
        else {
          expect(lookAtMs).toBeGreaterThan(nowMs);
          expect(lookAtMs).toBeLessThanOrEqual(nowMs + DAY_MS);
        }
      }),
    );
  });

  test("a payment keeps the vendor's own changes and never lifts a suspension", () => {
    fc.assert(
      fc.property(anyState, (state) => {
        const { license } = bought();
        const touched = withLicenseChange(license, ADDED_BY_VENDOR, NOW_MS);
        const subscription = seen({ ...state, subscriptionId: 'sub_1' }, seen());
        const after = licenseUnder(subscription, touched, NOW_MS) ?? touched;
        expect(after).toMatchObject(ADDED_BY_VENDOR);
        expect(grantsSeats(after, NOW_MS)).toBe(false);
      }),
    );
  });
});

/** What each status means for a pro subscription with 20 days left, in days from now; its grace is 7 days. */
interface Meaning {
  readonly status: SubscriptionState['status'];
  readonly change?: Partial<SubscriptionState>;
  readonly isOver?: true;
  /** Absent if it grants no license. */
  readonly license?: { readonly hold: License['hold']; readonly validForDays: number };
  /** When it is fetched again; `null` for never. */
  readonly lookInDays: number | null;
}

const MEANINGS: readonly Meaning[] = [
  { status: 'incomplete', lookInDays: 1 },
  { status: 'incomplete_expired', isOver: true, lookInDays: null },
  { status: 'trialing', license: { hold: null, validForDays: 27 }, lookInDays: 1 },
  { status: 'active', license: { hold: null, validForDays: 27 }, lookInDays: 1 },
  {
    ...{ status: 'past_due', change: { unpaidSinceMs: NOW_MS - DAY_MS } },
    ...{ license: { hold: null, validForDays: 6 }, lookInDays: 1 },
  },
  {
    ...{ status: 'past_due', change: { unpaidSinceMs: NOW_MS - 7 * DAY_MS } },
    ...{ license: { hold: 'payment', validForDays: 0 }, lookInDays: 1 },
  },
  { status: 'unpaid', license: { hold: 'payment', validForDays: 20 }, lookInDays: 1 },
  { status: 'paused', license: { hold: 'paused', validForDays: 20 }, lookInDays: 1 },
  {
    ...{ status: 'canceled', change: { endedAtMs: NOW_MS - DAY_MS }, isOver: true },
    ...{ license: { hold: null, validForDays: -1 }, lookInDays: null },
  },
];

test.each(MEANINGS)(
  'a subscription that is $status ($change) has the listed effect on its license',
  ({ status, change, ...meaning }) => {
    const subscription = seen({ status, ...change });
    expect(isOver(subscription)).toBe(meaning.isOver ?? false);
    expect(hasBegun(subscription)).toBe(meaning.license !== undefined);
    const { lookInDays, license: expected } = meaning;
    expect(subscription.lookAtMs).toBe(lookInDays === null ? null : NOW_MS + lookInDays * DAY_MS);
    const license = licenseUnder(subscription, undefined, NOW_MS);
    expect(license?.hold).toBe(expected?.hold);
    expect(license?.validUntilMs).toBe(expected && NOW_MS + expected.validForDays * DAY_MS);
  },
);

test('a subscription whose first payment failed has no grace', () => {
  const state = { status: 'past_due', unpaidSinceMs: NOW_MS - 1, isNeverPaid: true } as const;
  expect(licenseUnder(seen(state), undefined, NOW_MS)).toMatchObject({ hold: 'payment' });
  expect(licenseUnder(seen({ ...state, isNeverPaid: false }), undefined, NOW_MS)?.hold).toBeNull();
});

test('every status of Stripe has a meaning', () => {
  expect(SUBSCRIPTION_STATUSES).toEqual([...new Set(MEANINGS.map(({ status }) => status))]);
});

describe('a paid license', () => {
  test('takes its terms from the plan', () => {
    const { license } = bought({ items: [seatsOf('team', 8)] });
    const { ttlSeconds, borrow, features, limits } = PLANS.team;
    expect(entitlementOf(license)).toMatchObject({
      ttlSeconds,
      borrowMaxDays: borrow.maxDays,
      entitlements: { plan: 'team', features, limits },
    });
    expect(license).toMatchObject({
      max: 8,
      subscriptionId: 'sub_1',
      status: 'active',
      hold: null,
      version: 1,
    });
  });

  test("takes the terms of a new plan, and keeps the vendor's changes while the plan stays the same", () => {
    const { license } = bought();
    const touched = withLicenseChange(
      license,
      { features: ['export', 'beta'], limits: { users: 1 } },
      NOW_MS,
    );
    const grantedBy = (subscription: Subscription) => {
      const after = licenseUnder(subscription, touched, NOW_MS);
      return after && entitlementOf(after).entitlements;
    };
    expect(grantedBy(seen({ items: [item({ quantity: 9 })] }))).toMatchObject({
      features: ['export', 'beta'],
      limits: { ...PLANS.pro.limits, users: 1 },
    });
    const { features, limits } = PLANS.team;
    expect(grantedBy(seen({ items: [seatsOf('team')] }))).toEqual({ plan: 'team', features, limits });
  });

  test("lasts for the plan's grace after the paid period", () => {
    const { license, subscription } = bought();
    const end = subscription.periodEndMs + PLANS.pro.paymentGraceDays * DAY_MS;
    expect(grantsSeats(license, end - 1)).toBe(true);
    expect(grantsSeats(license, end)).toBe(false);
  });

  test('keeps the seats of items whose own period is paid, when another item stays unpaid', () => {
    const yearEndMs = NOW_MS + 300 * DAY_MS;
    const yearly = item({ itemId: 'si_2', planName: 'pro', quantity: 20, periodEndMs: yearEndMs });
    const items = [item(), yearly];
    const { license } = bought({ items });
    expect(license).toMatchObject({ max: 25, validUntilMs: yearEndMs + PLANS.pro.paymentGraceDays * DAY_MS });
    const late = { items, status: 'past_due' as const, unpaidSinceMs: NOW_MS, unpaidItemIds: ['si_1'] };
    expect(licenseUnder(seen(late), license, NOW_MS)).toMatchObject({ max: 25, hold: null });
    const afterMs = NOW_MS + PLANS.pro.paymentGraceDays * DAY_MS;
    const part = { max: 20, hold: null, validUntilMs: yearEndMs };
    expect(licenseUnder(seen(late, undefined, afterMs), license, afterMs)).toMatchObject(part);
    const unpaid = seen({ ...late, status: 'unpaid' }, undefined, afterMs);
    expect(licenseUnder(unpaid, license, afterMs)).toMatchObject(part);
    const both = seen({ ...late, unpaidItemIds: ['si_1', 'si_2'] }, undefined, afterMs);
    expect(licenseUnder(both, license, afterMs)).toMatchObject({ max: 25, hold: 'payment' });
  });

  test('loses the seats of an item whose period and grace ended without news, and keeps the others', () => {
    const yearEndMs = NOW_MS + 300 * DAY_MS;
    const yearly = item({ itemId: 'si_2', planName: 'pro', quantity: 20, periodEndMs: yearEndMs });
    const { license, subscription } = bought({ items: [item(), yearly] });
    const graceEndMs = NOW_MS + (20 + PLANS.pro.paymentGraceDays) * DAY_MS;
    expect(licenseUnder(subscription, license, graceEndMs - 1)?.max).toBe(25);
    expect(licenseUnder(subscription, license, graceEndMs)?.max).toBe(20);
  });

  test('keeps what it had while its subscription is not understood, which is fetched again daily', () => {
    const { license, subscription } = bought();
    const unknown = [item({ priceId: 'price_new', lookupKey: null, quantity: 9 })];
    const strange = seen({ items: unknown }, subscription, NOW_MS + DAY_MS);
    expect(strange.reviewSinceMs).toBe(NOW_MS + DAY_MS);
    expect(strange.lookAtMs).toBe(NOW_MS + 2 * DAY_MS);
    expect(licenseUnder(strange, license, NOW_MS)).toBe(license);
    const later = seen({ items: unknown }, strange, NOW_MS + 2 * DAY_MS);
    expect(later.reviewSinceMs).toBe(NOW_MS + DAY_MS);
    expect(seen({}, later).reviewSinceMs).toBeNull();
  });

  test('has at most as many seats as the seat store counts', () => {
    const { license } = bought({ items: [seatsOf('enterprise', MAX_SEATS + 1)] });
    expect(license.max).toBe(MAX_SEATS);
  });

  test('ends exactly at the scheduled cancellation, and continues if that is undone', () => {
    const { license, subscription } = bought();
    const cancelAtMs = subscription.periodEndMs;
    const ending = licenseUnder(seen({ cancelAtMs }), license, NOW_MS);
    expect([grantsSeats(ending, cancelAtMs - 1), grantsSeats(ending, cancelAtMs)]).toEqual([true, false]);
    expect(grantsSeats(licenseUnder(seen(), ending, NOW_MS), cancelAtMs)).toBe(true);
  });

  test('keeps its seats under a schedule, whose phases change them when they begin', () => {
    const { license } = bought();
    const scheduleId = 'sub_sched_1';
    expect(licenseUnder(seen({ scheduleId }), license, NOW_MS)).toBe(license);
    const next = seen({ scheduleId, items: [item({ quantity: 9 })] });
    expect(licenseUnder(next, license, NOW_MS)).toMatchObject({ max: 9 });
  });

  test('stays usable during its grace when a payment fails, is then suspended, and is usable again once paid', () => {
    const { license } = bought();
    const late = { status: 'past_due' as const, unpaidSinceMs: NOW_MS };
    const graceEnd = NOW_MS + PLANS.pro.paymentGraceDays * DAY_MS;
    const within = licenseUnder(seen(late), license, NOW_MS);
    expect([grantsSeats(within, graceEnd - 1), grantsSeats(within, graceEnd)]).toEqual([true, false]);
    const after = licenseUnder(seen(late, undefined, graceEnd), within, graceEnd);
    expect(after?.hold).toBe('payment');
    expect(grantsSeats(licenseUnder(seen({}, undefined, graceEnd), after, graceEnd), graceEnd)).toBe(true);
  });

  test('is held back while a payment is disputed, unless that is lifted or the vendor keeps seats', () => {
    const { license, subscription } = bought();
    const disputed = (disputeId: string, before: Subscription, policy = HOLD_POLICY) => {
      const dispute = { disputeId, chargeId: 'ch_1', isMoneyWithdrawn: true, createdAtMs: NOW_MS };
      const disputes = new Map([[disputeId, { ...dispute, status: 'needs_response' }]]);
      return seen({}, before, NOW_MS, { ...NO_PAYMENTS, disputes }, policy);
    };
    const holdUnder = (record: Subscription) => licenseUnder(record, license, NOW_MS)?.hold;
    const held = disputed('du_1', subscription);
    expect(holdUnder(held)).toBe('dispute');
    expect(holdUnder(disputed('du_1', subscription, { ...HOLD_POLICY, disputes: 'keep' }))).toBeNull();
    const lift = { atMs: NOW_MS, actor: { kind: 'operator', id: 'opt_1' }, reason: 'known' } as const;
    const free = lifted(held, 'du_1', lift, HOLD_POLICY, NOW_MS);
    expect(holdUnder(free)).toBeNull();
    expect(free.revision).toBe(held.revision + 1);
    expect(holdUnder(seen({}, free))).toBeNull();
    const again = disputed('du_2', free);
    expect(holdUnder(again)).toBe('dispute');
    expect(holdsOf(again, HOLD_POLICY, NOW_MS).map(({ id, lift }) => [id, lift?.reason])).toEqual([
      ['du_1', 'known'],
      ['du_2', undefined],
    ]);
  });

  test('keeps its seats while collection is paused, unless the vendor holds them; a paused status holds always', () => {
    const { license } = bought();
    for (const [change, kept, held] of [
      [{ isCollectionPaused: true }, null, 'paused'],
      [{ status: 'paused' as const }, 'paused', 'paused'],
      [{ status: 'paused' as const, isCollectionPaused: true }, 'paused', 'paused'],
      [{ status: 'canceled' as const, isCollectionPaused: true }, null, null],
    ] as const) {
      const under = (pausedCollection: 'keep' | 'hold') => {
        const policy = { ...HOLD_POLICY, pausedCollection };
        return licenseUnder(seen(change, undefined, NOW_MS, NO_PAYMENTS, policy), license, NOW_MS)?.hold;
      };
      expect([under('keep'), under('hold')], JSON.stringify(change)).toEqual([kept, held]);
    }
  });

  describe('that is paid by invoices sent to the customer', () => {
    const dueMs = NOW_MS + 5 * DAY_MS;
    const graceEndMs = dueMs + PLANS.pro.paymentGraceDays * DAY_MS;
    const sent = { collection: 'invoice' as const, unpaidSinceMs: dueMs, unpaidItemIds: ['si_1'] };

    test.each(['active', 'past_due', 'unpaid'] as const)(
      'keeps its seats for the grace after the due date, in the status %s, and has none after it',
      (status) => {
        const { license } = bought();
        for (const [atMs, hold] of [
          [dueMs - 1, null],
          [dueMs + DAY_MS, null],
          [graceEndMs - 1, null],
          [graceEndMs, 'payment'],
        ] as const) {
          const record = seen({ ...sent, status }, undefined, atMs);
          const under = licenseUnder(record, license, atMs);
          expect(under?.hold, String(atMs - dueMs)).toBe(hold);
          expect(grantsSeats(under, atMs)).toBe(hold === null);
          // Without any news, the seats end with the grace.
          if (hold === null) expect(grantsSeats(under, graceEndMs)).toBe(false);
          expect(record.lookAtMs).toBeLessThanOrEqual(Math.max(graceEndMs, atMs + DAY_MS));
        }
      },
    );

    test('has its seats for the whole period once they are paid', () => {
      const { license } = bought({ collection: 'invoice' });
      expect(license.validUntilMs).toBe(NOW_MS + (20 + PLANS.pro.paymentGraceDays) * DAY_MS);
    });
  });

  test('that was a trial keeps its id and key', () => {
    const trial = { ...draftLicense(OWNER, 'key', { max: 3 }, NOW_MS), trial: true, validUntilMs: NOW_MS };
    const paid = licenseUnder(seen(), trial, NOW_MS);
    expect(paid).toMatchObject({ licenseId: trial.licenseId, keyHash: trial.keyHash, trial: false, max: 5 });
    expect(grantsSeats(paid, NOW_MS)).toBe(true);
  });

  test('gets a new random key', () => {
    expect(bought().license.keyHash).not.toBe(bought().license.keyHash);
  });
});
