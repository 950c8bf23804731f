import { expect, test } from 'vitest';
import { type Filter, queryOf } from './filter.ts';

const NOTHING: Filter = { type: '', license: '', session: '', from: '', to: '' };

test('a filter of nothing asks for everything', () => {
  expect(queryOf(NOTHING)).toEqual({});
});

test('days are whole, the last one too, where the viewer is', () => {
  const { from, to } = queryOf({ ...NOTHING, from: '2026-03-28', to: '2026-03-29' });
  expect(from).toBe(new Date(2026, 2, 28).toISOString());
  expect(to).toBe(new Date(2026, 2, 30).toISOString());
});

test('the last day of a year ends with the first of the next', () => {
  expect(queryOf({ ...NOTHING, to: '2026-12-31' }).to).toBe(new Date(2027, 0, 1).toISOString());
});

test('a kind of event that there is not, as an address may name, is not asked for', () => {
  expect(queryOf({ ...NOTHING, type: 'session.acquired' })).toEqual({ type: 'session.acquired' });
  expect(queryOf({ ...NOTHING, type: 'nonsense', license: 'lic_1', session: 'ses_1' })).toEqual({
    license_id: 'lic_1',
    session_id: 'ses_1',
  });
});
