import { expect, test } from 'vitest';
import type { Session } from '../../../sdk/src/api.ts';
import { byAge, matches } from './rows.ts';

const session = (facts: Partial<Session> = {}): Session => ({
  session_id: 'ses_1',
  license_id: 'lic_1',
  holder: 'h_4711',
  fingerprint: 'F00D-CAFE',
  hostname: null,
  user_id: null,
  process_id: null,
  app_version: null,
  acquired_at: '2026-11-28T10:00:00Z',
  expires_at: '2026-11-28T10:06:00Z',
  borrowed_until: null,
  ...facts,
});

test('sorts sessions by start, oldest first, whenever they expire', () => {
  const rows = [
    session({ session_id: 'c', acquired_at: '2026-11-28T10:05:00Z', expires_at: '2026-11-28T10:07:00Z' }),
    session({ session_id: 'b', expires_at: '2026-12-01T10:00:00Z' }),
    session({ session_id: 'a' }),
  ];
  expect(rows.toSorted(byAge).map(({ session_id }) => session_id)).toEqual(['a', 'b', 'c']);
});

test.each([
  ['', true],
  ['cad', true],
  ['CAD-01', true],
  ['food cad', false],
  ['f00d cad', true],
  ['ada 4.2', true],
  ['4711', true],
  ['grace', false],
  ['null', false],
])('matches the search "%s": %s', (search, isFound) => {
  const row = session({ hostname: 'cad-01', user_id: 'Ada', app_version: '4.2.1' });
  expect(matches(row, search)).toBe(isFound);
});
