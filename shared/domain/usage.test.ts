import fc from 'fast-check';
import { expect, test } from 'vitest';
import { event, LICENSE, permutationsOf, poolLives, type Stay, TENANT } from '../testing/seats/events.ts';
import type { SeatEvent } from './event.ts';
import { addToHour, HOUR_MS, hourOf, type UsageHour, usageByDay, usageByHour, usageHourId } from './usage.ts';

const START_MS = Date.parse('2030-01-01T00:00:00Z');
const SEED = { seed: 20261125, numRuns: 300 };

/** The hours' documents in order, as they are kept once these events have come in. */
function hoursOf(events: readonly SeatEvent[]): UsageHour[] {
  const hours = new Map<number, UsageHour>();
  for (const told of events) {
    const hour = addToHour(hours.get(hourOf(told.atMs)), told);
    if (hour) hours.set(hour.hourMs, hour);
  }
  return [...hours.values()].sort((a, b) => a.hourMs - b.hourMs);
}

/** The most seats held at once in an hour, counted at its beginning and whenever a seat was taken. */
function countPeak(stays: readonly Stay[], hourMs: number): number {
  const held = stays.filter(({ startMs, endMs }) => startMs < hourMs && endMs >= hourMs).length;
  const counts = stays
    .filter(({ startMs }) => hourOf(startMs) === hourMs)
    .map(({ startMs }) => stays.filter((stay) => stay.startMs <= startMs && stay.endMs > startMs).length);
  return Math.max(held, ...counts);
}

test('the peak of every hour is the most seats that were held at once in it, with events or without', () => {
  let peaks = 0;
  fc.assert(
    fc.property(poolLives(START_MS), fc.integer({ min: 0, max: 30 }), ({ events, stays }, skipped) => {
      const fromMs = START_MS + skipped * HOUR_MS;
      const toMs = hourOf(Math.max(START_MS, ...events.map(({ atMs }) => atMs))) + 40 * HOUR_MS;
      // Leases that nobody has noticed running out yet count as held: nothing has told of them.
      for (const { atMs, peak } of usageByHour(hoursOf(events), fromMs, toMs)) {
        expect(peak, new Date(atMs).toISOString()).toBe(countPeak(stays, atMs));
        if (peak > 1) peaks += 1;
      }
    }),
    SEED,
  );
  expect(peaks).toBeGreaterThan(1000);
});

test('denials are counted in the hour in which they were refused, and add up', () => {
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

test('an hour is the same whatever order its events come in', () => {
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

test('a seat that is borrowed is one of those taken, not one more', () => {
  const lent = event({ type: 'session.borrowed', atMs: START_MS, detail: { active: 2, borrowedUntilMs: 1 } });
  expect(hoursOf([lent])).toMatchObject([{ peak: 2, closing: { active: 2 } }]);
});

test('two seats taken, one refused and one given back are the same hour in each of their 24 orders', () => {
  const at = (minute: number) => START_MS + minute * 60_000;
  const told = [
    event({ type: 'session.acquired', atMs: at(1), detail: { active: 1 } }),
    event({ type: 'session.acquired', atMs: at(2), detail: { active: 2 } }),
    event({ type: 'seat.denied', atMs: at(3), detail: { count: 7 } }),
    event({ type: 'session.released', atMs: at(4), detail: { active: 1 } }),
  ];
  for (const order of permutationsOf(told)) {
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

test('of two events of one millisecond the later in the outbox closes the hour, by number and not by text', () => {
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

test('a seat given back was held until then: an hour of nothing but an end has a peak', () => {
  const [hour] = hoursOf([event({ type: 'session.expired', atMs: START_MS, detail: { active: 2 } })]);
  expect(hour).toMatchObject({ peak: 3, closing: { active: 2 } });
});

test('what tells of no seat and no denial leaves no trace', () => {
  for (const type of ['license.created', 'license.updated', 'license.key_rotated'] as const) {
    expect(addToHour(undefined, event({ type, detail: { version: 1 } }))).toBeUndefined();
  }
  expect(addToHour(undefined, event({ type: 'seat.denied', detail: { count: 0 } }))).toBeUndefined();
});

test('an hour in which seats were only refused does not hide how many were taken before it', () => {
  const taken = event({ type: 'session.acquired', atMs: START_MS, detail: { active: 3 } });
  const denied = event({ type: 'seat.denied', atMs: START_MS + HOUR_MS, detail: { count: 2 } });
  const usage = usageByHour(hoursOf([taken, denied]), START_MS + 2 * HOUR_MS, START_MS + 4 * HOUR_MS);
  expect(usage.map(({ peak }) => peak)).toEqual([3, 3]);
});

test('hours of a day add up to it: the highest peak, all denials, and a day begins at midnight UTC', () => {
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

test("an hour's document has one name for all of its moments", () => {
  expect(usageHourId(LICENSE, START_MS)).toBe(`${LICENSE}_2030-01-01T00`);
  expect(usageHourId(LICENSE, START_MS + HOUR_MS - 1)).toBe(`${LICENSE}_2030-01-01T00`);
  expect(usageHourId(LICENSE, START_MS + HOUR_MS)).toBe(`${LICENSE}_2030-01-01T01`);
});
