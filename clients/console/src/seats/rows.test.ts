import { expect, test } from 'vitest';
import type { Session } from '../../../sdk/src/api.ts';
import { nameOf, seatsIn } from './rows.ts';

const session = (facts: Partial<Session> = {}): Session => ({
  session_id: 'ses_1',
  license_id: 'lic_1',
  kind: 'program',
  seat_expires_at: '2026-11-28T10:06:00Z',
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

const idsIn = (sessions: readonly Session[], search = ''): string[][] =>
  seatsIn(sessions, search).map((seat) => seat.sessions.map(({ session_id }) => session_id));

test('groups sessions by seat, and sorts both by start, oldest first, whenever they expire', () => {
  const rows = [
    session({ session_id: 'd', holder: 'two', acquired_at: '2026-11-28T10:09:00Z' }),
    session({ session_id: 'c', acquired_at: '2026-11-28T10:05:00Z', expires_at: '2026-11-28T10:07:00Z' }),
    session({ session_id: 'b', holder: 'two', expires_at: '2026-12-01T10:00:00Z' }),
    session({ session_id: 'a' }),
  ];
  expect(idsIn(rows)).toEqual([
    ['a', 'c'],
    ['b', 'd'],
  ]);
});

test('finds a seat with all its sessions by any of them', () => {
  const rows = [
    session({ session_id: 'a', hostname: 'desk' }),
    session({ session_id: 'b', hostname: 'laptop' }),
    session({ session_id: 'c', holder: 'other' }),
  ];
  expect(idsIn(rows, 'laptop')).toEqual([['a', 'b']]);
});

test('names a seat by its machine, or by its user if it has sessions on several', () => {
  const names = (rows: readonly Session[]) => seatsIn(rows, '').map(nameOf);
  const desk = session({ session_id: 'a', hostname: 'desk', user_id: 'ada' });
  expect(names([desk])).toEqual(['desk']);
  expect(names([desk, session({ session_id: 'b', fingerprint: 'LAPTOP', user_id: 'ada' })])).toEqual(['ada']);
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
  expect(seatsIn([row], search)).toHaveLength(isFound ? 1 : 0);
});
