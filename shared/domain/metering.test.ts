import { describe, expect, test } from 'vitest';
import {
  addToDay,
  inState,
  isAcceptedTime,
  isDeduplicated,
  isWithinSession,
  meteredDayId,
  remainingOf,
  type UsageRecord,
} from './metering.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const NOON_MS = Date.UTC(2026, 10, 25, 12);
const RECORD: UsageRecord = {
  ...{ licenseId: 'lic_1', recordId: 'one', meter: 'exports', quantity: 7 },
  ...{ atMs: NOON_MS, receivedAtMs: NOON_MS, state: 'new', sendingSinceMs: null, isOpen: true },
};

test.each([
  ['30 days old', -30 * DAY_MS, true],
  ['more than 30 days old', -30 * DAY_MS - 1, false],
  ['5 minutes in the future', 5 * MINUTE_MS, true],
  ['more than 5 minutes in the future', 5 * MINUTE_MS + 1, false],
])('accepts a usage record that is %s: %i ms from now, %s', (_, fromNowMs, expected) => {
  expect(isAcceptedTime(NOON_MS + fromNowMs, NOON_MS)).toBe(expected);
});

test('Stripe recognises a resent record for 23 hours after the first attempt to send it', () => {
  const sending = inState(RECORD, 'sending', NOON_MS);
  expect(isDeduplicated(sending, NOON_MS + 23 * HOUR_MS - 1)).toBe(true);
  expect(isDeduplicated(sending, NOON_MS + 23 * HOUR_MS)).toBe(false);
  expect(isDeduplicated(RECORD, NOON_MS)).toBe(false);
});

test.each([
  ['new', true],
  ['sending', true],
  ['sent', false],
  ['unbilled', false],
  ['refused', false],
  ['uncertain', false],
  ['over_cap', false],
] as const)('a record that is %s still has to be processed: %s', (state, isOpen) => {
  expect(inState({ ...RECORD, isOpen: !isOpen }, state, NOON_MS)).toMatchObject({ state, isOpen });
});

test('a record keeps the time of the first attempt to send it', () => {
  const first = inState(RECORD, 'sending', NOON_MS);
  expect(first.sendingSinceMs).toBe(NOON_MS);
  expect(inState(first, 'sending', NOON_MS + 1).sendingSinceMs).toBe(NOON_MS);
  expect(inState(first, 'sent', NOON_MS + 1).sendingSinceMs).toBe(NOON_MS);
  expect(inState(RECORD, 'unbilled', NOON_MS).sendingSinceMs).toBeNull();
});

test('the totals of a day start with its first record, and add each further one', () => {
  const first = addToDay(undefined, RECORD, 'ten_1');
  expect(first).toEqual({
    ...{ licenseId: 'lic_1', tenantId: 'ten_1', meter: 'exports', dayMs: NOON_MS - 12 * HOUR_MS },
    ...{ quantity: 7, records: 1 },
  });
  expect(addToDay(first, { ...RECORD, quantity: 2 }, 'ten_1')).toEqual({ ...first, quantity: 9, records: 2 });
  expect(meteredDayId(first)).toBe('lic_1:exports:2026-11-25');
});

describe('usage belongs to a session', () => {
  const session = { acquiredAtMs: NOON_MS, expiresAtMs: NOON_MS + HOUR_MS };

  test.each([
    ['neither grace nor offline start', 0, 0, HOUR_MS],
    ['grace', 7, 0, HOUR_MS + 7 * DAY_MS],
    ['offline start, which is longer', 1, 3, HOUR_MS + 3 * DAY_MS],
  ])('from before its start to after its end, with %s', (_, offlineGraceDays, offlineStartDays, marginMs) => {
    const within = (atMs: number) => isWithinSession(atMs, session, { offlineGraceDays, offlineStartDays });
    const [first, last] = [session.acquiredAtMs - marginMs, session.expiresAtMs + marginMs];
    expect([first - 1, first, NOON_MS, last, last + 1].map(within)).toEqual([false, true, true, true, false]);
  });
});

test('the rest of a day is never negative, and a meter can have its own cap', () => {
  const day = addToDay(undefined, { ...RECORD, quantity: 70 }, 'ten_1');
  const caps = { each: 100, byMeter: { exports: 60, calls: 80 } };
  expect(remainingOf(undefined, 'exports', caps)).toBe(60);
  expect(remainingOf(day, 'exports', caps)).toBe(0);
  expect(remainingOf(day, 'calls', caps)).toBe(10);
  expect(remainingOf(day, 'constructor', caps)).toBe(30);
});
