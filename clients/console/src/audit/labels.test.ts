import { expect, test } from 'vitest';
import type { AuditEvent } from '../../../sdk/src/api.ts';
import { dateAndTime } from '../time.ts';
import { detailOf } from './labels.ts';

const ACQUIRED: AuditEvent = {
  event_id: 'evt_00_x',
  type: 'session.acquired',
  tenant_id: 'ten_00_x',
  license_id: 'lic_00_x',
  session_id: 'ses_00_x',
  at: '2026-11-29T12:00:00.000Z',
  position: '1-0',
  seat: 'taken',
  active: 1,
  max: 3,
  recorded_at: '2026-11-29T12:01:00.000Z',
  seq: 1,
};

test('shows when a program started offline beside the seats in use', () => {
  const since = '2026-11-27T09:30:00.000Z';
  expect(detailOf({ ...ACQUIRED, offline_since: since })).toBe(
    `1 of 3 seats in use then, program started offline on ${dateAndTime(new Date(since))}`,
  );
  expect(detailOf(ACQUIRED)).toBe('1 of 3 seats in use then');
});
