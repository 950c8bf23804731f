import { expect, test } from 'vitest';
import { figureOf, ratioOf } from './figure.ts';
import { asMarkdown, type Goal, verdictOf } from './report.ts';

test('figureOf returns the median, smallest, largest and number of samples, and rejects an empty list', () => {
  expect(figureOf([5, 1, 3])).toEqual({ median: 3, least: 1, most: 5, samples: 3 });
  expect(figureOf([4, 1, 2, 10])).toEqual({ median: 3, least: 1, most: 10, samples: 4 });
  expect(figureOf([7])).toEqual({ median: 7, least: 7, most: 7, samples: 1 });
  expect(() => figureOf([])).toThrow(RangeError);
});

test('ratioOf divides pairs of samples, so that a slow spell of the machine cancels out', () => {
  expect(ratioOf([10, 100, 20], [5, 50, 10])).toEqual({ median: 2, least: 2, most: 2, samples: 3 });
  expect(() => ratioOf([1, 2], [1])).toThrow(RangeError);
});

test('a goal is missed, reached, or beyond its better value', () => {
  const atLeast = (reached: number): Goal => ({ what: '', reached, bound: { atLeast: 0.65 }, stretch: 0.8 });
  expect([0.64, 0.65, 0.79, 0.8].map(atLeast).map(verdictOf)).toEqual([
    'missed',
    'reached',
    'reached',
    'beyond',
  ]);
  const atMost = (reached: number): Goal => ({
    what: '',
    reached: figureOf([reached]),
    bound: { atMost: 2 },
  });
  expect([1, 2, 2.01].map(atMost).map(verdictOf)).toEqual(['reached', 'reached', 'missed']);
  // Nothing was measured.
  expect(verdictOf(atMost(Number.NaN))).toBe('missed');
});

test('a report shows each figure with its range, and the verdict on each goal', () => {
  const text = asMarkdown({
    title: 'Title',
    meaning: 'Meaning.',
    tables: [{ columns: ['what', 'ms'], rows: [['one', figureOf([1, 2, 30])]] }],
    goals: [{ what: 'two', reached: 3, bound: { atMost: 2 } }],
  });
  expect(text).toBe(`## Title

Meaning.

| what | ms          |
| ---- | ----------- |
| one  | 2 (1 to 30) |

| Goal | Bound | Now |        |
| ---- | ----- | --- | ------ |
| two  | ≤ 2   | 3   | missed |`);
});
