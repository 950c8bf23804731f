import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Hour, seatsToBuy } from './seats-to-buy.ts';

const hour = (peak_seats: number, denials = 0): Hour => ({ peak_seats, denials });
const times = (count: number, one: Hour): Hour[] => Array.from({ length: count }, () => one);

describe('seats to buy for 99 %', () => {
  test('leaves out the busiest hundredth of the hours', () => {
    const hours = [...times(198, hour(5)), hour(40), hour(50)];
    expect(seatsToBuy(hours, 99)).toMatchObject({ seats: 5, busyHours: 200, mayBeMore: false });
    expect(seatsToBuy([...hours, hour(30)], 99)?.seats).toBe(30);
  });

  test('of fewer than a hundred hours, none is left out', () => {
    expect(seatsToBuy([...times(98, hour(5)), hour(40)], 99)?.seats).toBe(40);
    expect(seatsToBuy([...times(99, hour(5)), hour(40)], 99)?.seats).toBe(5);
  });

  test('does not take nights and weekends for a proof that few are needed', () => {
    const advice = seatsToBuy([...times(10_000, hour(0)), ...times(50, hour(7))], 99);
    expect(advice).toMatchObject({ seats: 7, busyHours: 50 });
  });

  test('says nothing of a license that nobody has tried to use', () => {
    expect(seatsToBuy(times(744, hour(0)), 99)).toBeUndefined();
    expect(seatsToBuy([], 99)).toBeUndefined();
  });

  test('an hour in which somebody was refused wanted at least one seat more than it got', () => {
    expect(seatsToBuy(times(10, hour(5, 1)), 99)).toEqual({
      seats: 6,
      busyHours: 10,
      deniedHours: 10,
      mayBeMore: true,
    });
  });

  test('does not take a program that tries again and again for many people', () => {
    expect(seatsToBuy(times(10, hour(5, 360)), 99)?.seats).toBe(6);
  });

  test('an hour in which nobody got a seat counts, if somebody asked for one', () => {
    expect(seatsToBuy([hour(0, 3)], 99)).toMatchObject({ seats: 1, busyHours: 1, mayBeMore: true });
  });

  test('is sure of itself where those who were refused do not matter', () => {
    const hours = [...times(199, hour(5)), hour(5, 80)];
    expect(seatsToBuy(hours, 99)).toMatchObject({ seats: 5, deniedHours: 1, mayBeMore: false });
  });

  const anyHour = fc.record({ peak_seats: fc.nat(20), denials: fc.nat(3) });
  test('suffices in 99 % of the hours, and one seat fewer would not', () => {
    fc.assert(
      fc.property(fc.array(anyHour, { maxLength: 400 }), (hours) => {
        const advice = seatsToBuy(hours, 99);
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

  test('however many people were behind a refusal, the answer is right where it says it is sure', () => {
    fc.assert(
      fc.property(
        fc.array(anyHour, { maxLength: 300 }),
        fc.integer({ min: 1, max: 500 }),
        (hours, missing) => {
          const advice = seatsToBuy(hours, 99);
          if (!advice || advice.mayBeMore) return;
          const truth = hours.map(({ peak_seats, denials }) =>
            hour(peak_seats + (denials > 0 ? missing : 0)),
          );
          expect(seatsToBuy(truth, 99)?.seats).toBe(advice.seats);
        },
      ),
    );
  });
});
