import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lastDays } from './period.ts';
import { marksUpTo } from './scale.ts';

test.each([
  [0, [0, 1]],
  [1, [0, 1]],
  [8, [0, 2, 4, 6, 8]],
  [9, [0, 5, 10]],
  [90, [0, 50, 100]],
  [1_000, [0, 500, 1_000]],
])('marks an axis up to %i at %j', (most, marks) => {
  expect(marksUpTo(most)).toEqual(marks);
});

test('covers the largest value with at most five whole marks', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), (most) => {
      const marks = marksUpTo(most);
      expect(marks.at(-1)).toBeGreaterThanOrEqual(most);
      expect(marks.length).toBeLessThanOrEqual(5);
      expect(marks.every(Number.isInteger)).toBe(true);
    }),
  );
});

test('covers 31 whole UTC days, including today', () => {
  const { from, to } = lastDays(Date.parse('2026-11-28T23:59:59.999Z'));
  expect(from).toBe('2026-10-29T00:00:00.000Z');
  expect(to).toBe('2026-11-29T00:00:00.000Z');
});
