import { describe, expect, test } from 'vitest';
import { hashSecret, newLicenseId, newTenantId } from './ids.ts';
import {
  counted,
  isAcceptedTime,
  isDeduplicated,
  isUsageRecordId,
  isWithinSession,
  limitFor,
  meteredDayId,
  newUsageRecord,
  nextForVoided,
  rejected,
  remainingOf,
  sentTo,
  type UsagePayer,
  type UsageRecord,
  uncertain,
  usageRecordId,
  voidedFor,
  withChange,
} from './metering.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const NOON_MS = Date.UTC(2026, 10, 25, 12);
const CAP = 1_000;
const RECORD = newUsageRecord(
  { licenseId: 'lic_1', tenantId: 'ten_1', recordId: 'one', meter: 'exports', quantity: 7 },
  NOON_MS,
);
const CUSTOMER = { customerId: 'cus_1' };
const SENDING = counted(RECORD, undefined, CAP, CUSTOMER, NOON_MS);

function paying(endedAtMs: number | null, ...meters: string[]): UsagePayer {
  const meteredPrices = meters.map((meter) => ({ meter, periodStartMs: NOON_MS - DAY_MS }));
  return { ...CUSTOMER, subscriptions: [{ endedAtMs, cancelAtMs: null, meteredPrices }] };
}
const SENT = sentTo(SENDING, paying(null, 'exports'), NOON_MS, NOON_MS);

test.each([
  ['30 days old', -30 * DAY_MS, true],
  ['more than 30 days old', -30 * DAY_MS - 1, false],
  ['5 minutes in the future', 5 * MINUTE_MS, true],
  ['more than 5 minutes in the future', 5 * MINUTE_MS + 1, false],
])('accepts a usage record that is %s: %i ms from now, %s', (_, fromNowMs, expected) => {
  expect(isAcceptedTime(NOON_MS + fromNowMs, NOON_MS)).toBe(expected);
});

test('Stripe recognises a resent record for 23 hours after the first attempt to send it', () => {
  expect(isDeduplicated(SENDING, NOON_MS + 23 * HOUR_MS - 1)).toBe(true);
  expect(isDeduplicated(SENDING, NOON_MS + 23 * HOUR_MS)).toBe(false);
  expect(isDeduplicated(RECORD, NOON_MS)).toBe(false);
});

test('the identifier of a record names its license, and no other text is taken for one', () => {
  const licenseId = newLicenseId(newTenantId(16));
  expect(isUsageRecordId(usageRecordId({ licenseId, recordId: 'run 1' }))).toBe(true);
  const hash = hashSecret('run 1');
  for (const other of [
    '',
    'run 1',
    `${licenseId}:`,
    `lic_1:${hash}`,
    `${licenseId}:${hash}:1`,
    `${licenseId}:../x`,
  ])
    expect(isUsageRecordId(other), other).toBe(false);
});

describe('a new record', () => {
  const counts = (change: Partial<UsageRecord>, customer: Pick<UsagePayer, 'customerId'> = CUSTOMER) => {
    const { state, problem, isOpen, sendingSinceMs } = counted(
      { ...RECORD, ...change },
      undefined,
      CAP,
      customer,
      NOON_MS,
    );
    return { state, problem, isOpen, sendingSinceMs };
  };
  const closed = { isOpen: false, sendingSinceMs: null };

  test('is sent from the moment it is counted', () => {
    expect(counts({ quantity: CAP })).toEqual({
      ...{ state: 'sending', problem: null, isOpen: true, sendingSinceMs: NOON_MS },
    });
  });

  test.each([
    ['beyond the cap', { quantity: CAP + 1 }, CUSTOMER, 'over_cap', 'over_cap'],
    ['of a tenant that pays nothing', {}, { customerId: undefined }, 'unbilled', 'no_customer'],
    ['older than Stripe accepts', { atMs: NOON_MS - 34 * DAY_MS - 1 }, CUSTOMER, 'late', 'too_old'],
  ] as const)('%s is not sent, and says why', (_, change, customer, state, problem) => {
    expect(counts(change, customer)).toEqual({ ...closed, state, problem });
  });
});

describe('a record that Stripe has', () => {
  test.each([
    ['is billed by the price of its meter', paying(null, 'calls', 'exports'), 'sent', null],
    ['is unbilled without a price', paying(null, 'calls'), 'unbilled', 'no_price'],
    ['is late after the end of the subscription', paying(NOON_MS, 'exports'), 'late', 'subscription_ended'],
  ] as const)('%s', (_, payer, state, problem) => {
    expect(sentTo(SENDING, payer, NOON_MS, NOON_MS)).toMatchObject({
      state,
      problem,
      isOpen: false,
      sentAtMs: NOON_MS,
    });
  });

  test('is late an hour after its period, when the invoice is final', () => {
    const meteredPrices = [{ meter: 'exports', periodStartMs: NOON_MS + 1 }];
    const payer = { subscriptions: [{ endedAtMs: null, cancelAtMs: null, meteredPrices }] };
    const at = (nowMs: number) => sentTo(SENDING, payer, nowMs, nowMs);
    expect(at(NOON_MS + HOUR_MS).state).toBe('sent');
    expect(at(NOON_MS + 1 + HOUR_MS)).toMatchObject({ state: 'late', problem: 'invoice_closed' });
  });

  const meteredPrices = [{ meter: 'exports', periodStartMs: NOON_MS - DAY_MS }];
  const ended = { endedAtMs: NOON_MS + 1, cancelAtMs: null, meteredPrices };
  test.each([
    ['asked for here', { ...ended, endRequestedAtMs: NOON_MS }],
    ['planned', { ...ended, cancelAtMs: NOON_MS + 1 }],
  ])('is on the final invoice for an hour after an end that was %s', (_, subscription) => {
    const at = (nowMs: number) => sentTo(SENDING, { subscriptions: [subscription] }, nowMs, nowMs);
    expect(at(NOON_MS + HOUR_MS).state).toBe('sent');
    expect(at(NOON_MS + 1 + HOUR_MS)).toMatchObject({ state: 'late', problem: 'subscription_ended' });
    const after = { ...SENDING, atMs: NOON_MS + 1 };
    expect(sentTo(after, { subscriptions: [subscription] }, NOON_MS + 2, NOON_MS + 2).state).toBe('late');
  });

  test('is refused when Stripe rejects it later, and only once', () => {
    const refused = rejected(SENT, 'archived_meter');
    expect(refused).toMatchObject({ state: 'refused', problem: 'archived_meter' });
    expect(refused && rejected(refused, 'no_meter')).toBeUndefined();
    expect(rejected(RECORD, 'no_meter')).toBeUndefined();
  });
});

describe('a voided record', () => {
  const voidAt = (record: UsageRecord | undefined, nowMs = NOON_MS) =>
    voidedFor(record ?? RECORD, 'stolen key', nowMs).voided?.atStripe;

  test.each([
    ['new', RECORD, 'not_billed'],
    ['refused', rejected(SENT, 'no_meter'), 'not_billed'],
    ['over the cap', counted(RECORD, undefined, 0, CUSTOMER, NOON_MS), 'not_billed'],
    ['being sent', SENDING, 'cancel_pending'],
    ['sent', SENT, 'cancel_pending'],
    ['uncertain', uncertain(SENDING), 'cancel_pending'],
  ])('that was %s is %s at Stripe', (_, record, outcome) => {
    expect(voidAt(record)).toBe(outcome);
  });

  test('needs a credit note 24 hours after Stripe got it', () => {
    expect(voidAt(SENT, NOON_MS + DAY_MS - 1)).toBe('cancel_pending');
    expect(voidAt(SENT, NOON_MS + DAY_MS)).toBe('credit_note_needed');
    const voided = voidedFor(SENT, 'stolen key', NOON_MS);
    expect(nextForVoided(voided, NOON_MS + DAY_MS - 1)).toBe('CANCEL');
    expect(nextForVoided(voided, NOON_MS + DAY_MS)).toBe('TOO_LATE');
  });

  test('is canceled only when no request can still be sending it', () => {
    const voided = voidedFor(SENDING, 'stolen key', NOON_MS + MINUTE_MS);
    expect(nextForVoided(voided, NOON_MS + 6 * MINUTE_MS - 1)).toBe('WAIT');
    expect(nextForVoided(voided, NOON_MS + 6 * MINUTE_MS)).toBe('CANCEL');
  });

  test('needs no credit note if Stripe rejects it after all', () => {
    const voided = voidedFor(SENT, 'stolen key', NOON_MS + DAY_MS);
    expect(rejected(voided, 'no_meter')).toMatchObject({
      state: 'voided',
      voided: { atStripe: 'not_billed' },
    });
  });
});

describe('the totals of a day', () => {
  test('start with its first record, and follow each change of state', () => {
    const first = withChange(undefined, RECORD, SENDING);
    expect(first).toEqual({
      ...{ licenseId: 'lic_1', tenantId: 'ten_1', meter: 'exports', dayMs: NOON_MS - 12 * HOUR_MS },
      ...{ quantity: 7, records: 1, states: { sending: { quantity: 7, records: 1 } } },
    });
    expect(first && meteredDayId(first)).toBe('lic_1:exports:2026-11-25');
    const sent = withChange(first, SENDING, SENT);
    expect(sent).toMatchObject({ quantity: 7, records: 1, states: { sent: { quantity: 7, records: 1 } } });
    const voided = withChange(sent, SENT, voidedFor(SENT, 'stolen key', NOON_MS));
    expect(voided).toMatchObject({ quantity: 0, records: 0 });
    expect(voided?.states).toEqual({ voided: { quantity: 7, records: 1 } });
  });

  test('show what is over the cap without counting it', () => {
    const over = counted(RECORD, undefined, 0, CUSTOMER, NOON_MS);
    expect(withChange(undefined, RECORD, over)).toMatchObject({
      ...{ quantity: 0, records: 0, states: { over_cap: { quantity: 7, records: 1 } } },
    });
  });
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

test('a limit is the one of the license, else of the meter, else of all meters', () => {
  const setting = { each: 100, byMeter: { exports: 60, calls: 80 } };
  expect(limitFor('exports', null, setting)).toBe(60);
  expect(limitFor('exports', { exports: 0 }, setting)).toBe(0);
  expect(limitFor('calls', { exports: 0 }, setting)).toBe(80);
  expect(limitFor('constructor', { exports: 0 }, setting)).toBe(100);
});

test('the rest of a day is never negative', () => {
  const day = withChange(undefined, RECORD, SENDING);
  expect(remainingOf(undefined, 60)).toBe(60);
  expect(remainingOf(day, 60)).toBe(53);
  expect(remainingOf(day, 6)).toBe(0);
});
