import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Hour, seatsNeeded } from './seats-needed.ts';

const hour = (peak_seats: number, denials = 0): Hour => ({ peak_seats, denials });
const times = (count: number, one: Hour): Hour[] => Array.from({ length: count }, () => one);

describe('seats needed for 99 % of the hours', () => {
  test('leaves out the busiest 1 % of the hours', () => {
    const hours = [...times(198, hour(5)), hour(40), hour(50)];
    expect(seatsNeeded(hours, 99)).toMatchObject({ seats: 5, busyHours: 200, isLowerBound: false });
    expect(seatsNeeded([...hours, hour(30)], 99)?.seats).toBe(30);
  });

  test('leaves out no hour if there are fewer than 100', () => {
    expect(seatsNeeded([...times(98, hour(5)), hour(40)], 99)?.seats).toBe(40);
    expect(seatsNeeded([...times(99, hour(5)), hour(40)], 99)?.seats).toBe(5);
  });

  test('ignores hours without activity, such as nights and weekends', () => {
    const advice = seatsNeeded([...times(10_000, hour(0)), ...times(50, hour(7))], 99);
    expect(advice).toMatchObject({ seats: 7, busyHours: 50 });
  });

  test('returns undefined for a license without any activity', () => {
    expect(seatsNeeded(times(744, hour(0)), 99)).toBeUndefined();
    expect(seatsNeeded([], 99)).toBeUndefined();
  });

  test('counts an hour with denials as one seat more than its peak', () => {
    expect(seatsNeeded(times(10, hour(5, 1)), 99)).toEqual({
      seats: 6,
      busyHours: 10,
      deniedHours: 10,
      isLowerBound: true,
    });
  });

  test('counts many denials in an hour as one seat, as one program can retry', () => {
    expect(seatsNeeded(times(10, hour(5, 360)), 99)?.seats).toBe(6);
  });

  test('counts an hour with denials and no seats', () => {
    expect(seatsNeeded([hour(0, 3)], 99)).toMatchObject({ seats: 1, busyHours: 1, isLowerBound: true });
  });

  test('reports an exact number if the denials do not affect it', () => {
    const hours = [...times(199, hour(5)), hour(5, 80)];
    expect(seatsNeeded(hours, 99)).toMatchObject({ seats: 5, deniedHours: 1, isLowerBound: false });
  });

  const anyHour = fc.record({ peak_seats: fc.nat(20), denials: fc.nat(3) });
  test('returns the smallest number that is enough in 99 % of the hours', () => {
    fc.assert(
      fc.property(fc.array(anyHour, { maxLength: 400 }), (hours) => {
        const advice = seatsNeeded(hours, 99);
        if (!advice) return;
        const enough = (seats: number): boolean => {
          const wanted = hours.filter(({ peak_seats, denials }) => peak_seats + denials > 0);
          const served = wanted.filter(
            ({ peak_seats, denials }) => peak_seats + Math.min(denials, 1) <= seats,
          );
          return served.length * 100 >= wanted.length * 99;
        };
        expect(enough(advice.seats)).toBe(true);
        expect(enough(advice.seats - 1)).toBe(false);
      }),
    );
  });

  test('reports as exact only numbers that hold however many users were denied', () => {
    fc.assert(
      fc.property(
        fc.array(anyHour, { maxLength: 300 }),
        fc.integer({ min: 1, max: 500 }),
        (hours, missing) => {
          const advice = seatsNeeded(hours, 99);
          if (!advice || advice.isLowerBound) return;
          const truth = hours.map(({ peak_seats, denials }) =>
            hour(peak_seats + (denials > 0 ? missing : 0)),
          );
          expect(seatsNeeded(truth, 99)?.seats).toBe(advice.seats);
        },
      ),
    );
  });
});
