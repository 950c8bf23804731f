import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  countSeats,
  event,
  LICENSE,
  permutationsOf,
  poolLives,
  type Stay,
  TENANT,
} from '../testing/seats/events.ts';
import { type SeatEvent, writtenAtMs } from './event.ts';
import {
  addToHour,
  HOUR_MS,
  hourOf,
  type UsageHour,
  usageByDay,
  usageByHour,
  usageHourId,
  usageMsOf,
} from './usage.ts';

const START_MS = Date.parse('2030-01-01T00:00:00Z');
const SEED = { seed: 20261125, numRuns: 300 };

/** The documents of all hours in order, after these events were added. */
function hoursOf(events: readonly SeatEvent[]): UsageHour[] {
  const hours = new Map<number, UsageHour>();
  for (const each of events) {
    const hour = addToHour(hours.get(hourOf(usageMsOf(each))), each);
    if (hour) hours.set(hour.hourMs, hour);
  }
  return [...hours.values()].sort((a, b) => a.hourMs - b.hourMs);
}

/** The most seats in use at once from `fromMs` to before `toMs`: counted at the start and whenever a session begins. */
function countPeak(stays: readonly Stay[], fromMs: number, toMs: number): number {
  const moments = stays.map(({ startMs }) => startMs).filter((atMs) => atMs >= fromMs && atMs < toMs);
  return Math.max(...[fromMs, ...moments].map((atMs) => countSeats(stays, atMs)));
}

/** The end of the last hour in which something happened. */
function endOf(events: readonly SeatEvent[]): number {
  return hourOf(Math.max(START_MS, ...events.map(({ position }) => writtenAtMs(position)))) + HOUR_MS;
}

test('computes as peak no fewer seats than were in use at once in the hour, and no more than since the event before it', () => {
  let peaks = 0;
  fc.assert(
    fc.property(poolLives(START_MS), fc.integer({ min: 0, max: 30 }), ({ events, stays }, skipped) => {
      const fromMs = START_MS + skipped * HOUR_MS;
      const toMs = endOf(events) + 40 * HOUR_MS;
      const written = events.flatMap(({ detail, position }) =>
        detail.active === undefined ? [] : [writtenAtMs(position)],
      );
      for (const { atMs, peak } of usageByHour(hoursOf(events), fromMs, toMs)) {
        // No event reports an expiry before a sweep does: until the next event, the last count is carried on.
        const lastMs = Math.max(START_MS, ...written.filter((ms) => ms < atMs));
        expect(peak, new Date(atMs).toISOString()).toBeGreaterThanOrEqual(
          countPeak(stays, atMs, atMs + HOUR_MS),
        );
        expect(peak, new Date(atMs).toISOString()).toBeLessThanOrEqual(
          countPeak(stays, Math.min(lastMs, atMs), atMs + HOUR_MS),
        );
        if (peak > 1) peaks += 1;
      }
    }),
    SEED,
  );
  expect(peaks).toBeGreaterThan(1000);
});

test('computes as highest peak exactly the most seats that were ever in use at once', () => {
  fc.assert(
    fc.property(poolLives(START_MS), ({ events, stays }) => {
      const toMs = endOf(events);
      const peaks = usageByHour(hoursOf(events), START_MS, toMs).map(({ peak }) => peak);
      expect(Math.max(...peaks)).toBe(countPeak(stays, START_MS, toMs));
    }),
    SEED,
  );
});

test('adds up denials in the hour in which they happened', () => {
  fc.assert(
    fc.property(poolLives(START_MS), ({ events, denials }) => {
      const toMs = endOf(events);
      for (const { atMs, denials: counted } of usageByHour(hoursOf(events), START_MS, toMs)) {
        const here = denials.filter((denied) => hourOf(denied.atMs) === atMs);
        expect(counted).toBe(here.reduce((sum, { count }) => sum + count, 0));
      }
    }),
    SEED,
  );
});

test('computes the same hour from any order of events', () => {
  const lives = poolLives(START_MS).chain(({ events }) =>
    fc.tuple(fc.constant(events), fc.shuffledSubarray([...events], { minLength: events.length })),
  );
  fc.assert(
    fc.property(lives, ([inOrder, shuffled]) => {
      expect(hoursOf(shuffled)).toEqual(hoursOf(inOrder));
    }),
    SEED,
  );
});

test('counts a borrowed seat once', () => {
  const lent = event({ type: 'session.borrowed', atMs: START_MS, detail: { active: 2, borrowedUntilMs: 1 } });
  expect(hoursOf([lent])).toMatchObject([{ peak: 2, closing: { active: 2 } }]);
});

test('computes the same hour from four events in each of their 24 orders', () => {
  const at = (minute: number) => START_MS + minute * 60_000;
  const events = [
    event({ type: 'session.acquired', atMs: at(1), detail: { seat: 'taken', active: 1 } }),
    event({ type: 'session.acquired', atMs: at(2), detail: { seat: 'taken', active: 2 } }),
    event({ type: 'seat.denied', atMs: at(3), detail: { count: 7 } }),
    event({ type: 'session.released', atMs: at(4), detail: { seat: 'freed', active: 1 } }),
  ];
  for (const order of permutationsOf(events)) {
    expect(hoursOf(order)).toEqual([
      {
        licenseId: LICENSE,
        tenantId: TENANT,
        hourMs: START_MS,
        peak: 2,
        denials: 7,
        closing: { position: `${at(4)}-0`, active: 1 },
      },
    ]);
  }
});

test('takes the closing count from the last event in the outbox, compared as numbers', () => {
  const first = event({
    type: 'session.acquired',
    atMs: START_MS,
    position: `${START_MS}-9`,
    detail: { active: 5 },
  });
  const last = event({
    type: 'session.released',
    atMs: START_MS,
    position: `${START_MS}-10`,
    detail: { active: 4 },
  });
  for (const order of [
    [first, last],
    [last, first],
  ]) {
    expect(hoursOf(order)[0]?.closing?.active).toBe(4);
  }
});

test.each([
  ['session.released', {}],
  ['session.evicted', {}],
  ['session.expired', { reason: 'seats_reduced' }],
] as const)('counts a seat as in use until its last session ends (%s %j)', (type, more) => {
  const [hour] = hoursOf([event({ type, atMs: START_MS, detail: { seat: 'freed', active: 2, ...more } })]);
  expect(hour).toMatchObject({ peak: 3, closing: { active: 2 } });
});

test('counts no seat above a full pool when one of two programs on a seat ends', () => {
  const left = event({ type: 'session.released', atMs: START_MS, detail: { seat: 'kept', active: 5 } });
  expect(hoursOf([left])).toMatchObject([{ peak: 5, closing: { active: 5 } }]);
});

test('counts the seats of an expiry that was noticed late when it was noticed, without the expired seat', () => {
  const writtenMs = START_MS + 2 * HOUR_MS;
  const late = event({
    type: 'session.expired',
    atMs: START_MS,
    position: `${writtenMs}-0`,
    detail: { seat: 'freed', active: 4, reason: 'lease_ran_out' },
  });
  expect(hoursOf([late])).toMatchObject([{ hourMs: writtenMs, peak: 4, closing: { active: 4 } }]);
});

test('ignores events without a seat count or a denial', () => {
  for (const type of ['license.created', 'license.updated', 'license.key_rotated'] as const) {
    expect(addToHour(undefined, event({ type, detail: { version: 1 } }))).toBeUndefined();
  }
  expect(addToHour(undefined, event({ type: 'seat.denied', detail: { count: 0 } }))).toBeUndefined();
});

test('carries the seat count across an hour that has only denials', () => {
  const taken = event({ type: 'session.acquired', atMs: START_MS, detail: { active: 3 } });
  const denied = event({ type: 'seat.denied', atMs: START_MS + HOUR_MS, detail: { count: 2 } });
  const usage = usageByHour(hoursOf([taken, denied]), START_MS + 2 * HOUR_MS, START_MS + 4 * HOUR_MS);
  expect(usage.map(({ peak }) => peak)).toEqual([3, 3]);
});

test('sums up a day from midnight UTC: the highest peak and all denials', () => {
  const hours = [
    { atMs: START_MS - HOUR_MS, peak: 9, denials: 1 },
    { atMs: START_MS, peak: 2, denials: 2 },
    { atMs: START_MS + 23 * HOUR_MS, peak: 5, denials: 3 },
  ];
  expect(usageByDay(hours)).toEqual([
    { atMs: START_MS - 24 * HOUR_MS, peak: 9, denials: 1 },
    { atMs: START_MS, peak: 5, denials: 5 },
  ]);
});

test('gives all times of an hour the same document id', () => {
  expect(usageHourId(LICENSE, START_MS)).toBe(`${LICENSE}_2030-01-01T00`);
  expect(usageHourId(LICENSE, START_MS + HOUR_MS - 1)).toBe(`${LICENSE}_2030-01-01T00`);
  expect(usageHourId(LICENSE, START_MS + HOUR_MS)).toBe(`${LICENSE}_2030-01-01T01`);
});
