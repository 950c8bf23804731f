import { expect, test } from 'vitest';
import { periodOf } from './days.ts';

test('a day is asked for from its beginning to its end, also where clocks change in it', () => {
  const { from = '', to = '' } = periodOf({ first: '2026-10-25', last: '2026-10-25' });
  for (const moment of [from, to]) expect(new Date(moment).getHours()).toBe(0);
  expect([new Date(from).getDate(), new Date(to).getDate()]).toEqual([25, 26]);
});

test('what is left open is not asked for', () => {
  expect(periodOf({ first: '', last: '' })).toEqual({});
  expect(Object.keys(periodOf({ first: '2026-01-01', last: '' }))).toEqual(['from']);
});
