import { afterEach, expect, test, vi } from 'vitest';
import { periodOf } from './days.ts';

afterEach(() => vi.unstubAllEnvs());

test('covers whole days in the time zone of the viewer, also on days of a clock change', () => {
  vi.stubEnv('TZ', 'Europe/Berlin');
  expect(periodOf({ first: '2026-10-25', last: '2026-10-25' })).toEqual({
    from: '2026-10-24T22:00:00.000Z',
    to: '2026-10-25T23:00:00.000Z',
  });
});

test('leaves out a start or end that is not chosen', () => {
  expect(periodOf({ first: '', last: '' })).toEqual({});
  expect(Object.keys(periodOf({ first: '2026-01-01', last: '' }))).toEqual(['from']);
});
