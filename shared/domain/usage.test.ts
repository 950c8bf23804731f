import fc from 'fast-check';
import { expect, test } from 'vitest';
import { event, LICENSE, permutationsOf, poolLives, type Stay, TENANT } from '../testing/seats/events.ts';
import type { SeatEvent } from './event.ts';
import { addToHour, HOUR_MS, hourOf, type UsageHour, usageByDay, usageByHour, usageHourId } from './usage.ts';

const START_MS = Date.parse('2030-01-01T00:00:00Z');
const SEED = { seed: 20261125, numRuns: 300 };

/** The documents of all hours in order, after these events were added. */
function hoursOf(events: readonly SeatEvent[]): UsageHour[] {
  const hours = new Map<number, UsageHour>();
  for (const each of events) {
    const hour = addToHour(hours.get(hourOf(each.atMs)), each);
    if (hour) hours.set(hour.hourMs, hour);
  }
  return [...hours.values()].sort((a, b) => a.hourMs - b.hourMs);
}

/** The most seats held at once in an hour, counted at its start and whenever a seat was taken. */
function countPeak(stays: readonly Stay[], hourMs: number): number {
  const held = stays.filter(({ startMs, endMs }) => startMs < hourMs && endMs >= hourMs).length;
  const counts = stays
    .filter(({ startMs }) => hourOf(startMs) === hourMs)
    .map(({ startMs }) => stays.filter((stay) => stay.startMs <= startMs && stay.endMs > startMs).length);
  return Math.max(held, ...counts);
}

test('computes as peak the most seats held at once, for hours with and without events', () => {
  let peaks = 0;
  fc.assert(
    fc.property(poolLives(START_MS), fc.integer({ min: 0, max: 30 }), ({ events, stays }, skipped) => {
      const fromMs = START_MS + skipped * HOUR_MS;
      const toMs = hourOf(Math.max(START_MS, ...events.map(({ atMs }) => atMs))) + 40 * HOUR_MS;
      // Expired leases that were not noticed yet count as held: no event has reported them.
      for (const { atMs, peak } of usageByHour(hoursOf(events), fromMs, toMs)) {
        expect(peak, new Date(atMs).toISOString()).toBe(countPeak(stays, atMs));
        if (peak > 1) peaks += 1;
      }
    }),
    SEED,
  );
  expect(peaks).toBeGreaterThan(1000);
});

test('adds up denials in the hour in which they happened', () => {
  fc.assert(
    fc.property(poolLives(START_MS), ({ events, denials }) => {
      const toMs = hourOf(Math.max(START_MS, ...events.map(({ atMs }) => atMs))) + HOUR_MS;
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
    event({ type: 'session.acquired', atMs: at(1), detail: { active: 1 } }),
    event({ type: 'session.acquired', atMs: at(2), detail: { active: 2 } }),
    event({ type: 'seat.denied', atMs: at(3), detail: { count: 7 } }),
    event({ type: 'session.released', atMs: at(4), detail: { active: 1 } }),
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

test('counts a seat that is given back as held until then', () => {
  const [hour] = hoursOf([event({ type: 'session.expired', atMs: START_MS, detail: { active: 2 } })]);
  expect(hour).toMatchObject({ peak: 3, closing: { active: 2 } });
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
