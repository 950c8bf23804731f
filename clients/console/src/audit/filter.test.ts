import { expect, test } from 'vitest';
import { filterOf, queryOf } from './filter.ts';

test('keeps the filter when a link with it is opened', () => {
  const filter = {
    type: 'seat.denied',
    license: 'lic_1',
    session: '',
    first: '2026-11-01',
    last: '',
  } as const;
  expect(filterOf(new URLSearchParams(queryOf(filter)))).toEqual(filter);
});

test('ignores invalid values in a link', () => {
  const nothing = { type: '', license: '', session: '', first: '', last: '' };
  expect(filterOf(new URLSearchParams('type=toString&first=2026-99-99&last=soon'))).toEqual(nothing);
  expect(queryOf(filterOf(new URLSearchParams('')))).toBe('');
});
