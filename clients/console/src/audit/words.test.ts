import { describe, expect, test } from 'vitest';
import type { AuditCheck, AuditEvent } from '../../../sdk/src/api.ts';
import { detailWords, EVENT_TYPES, NOTHING_CHECKED, typeWords, withPart } from './words.ts';

const event = (more: Partial<AuditEvent>): AuditEvent => ({
  event_id: 'evt_1',
  type: 'session.acquired',
  tenant_id: 'ten_1',
  license_id: 'lic_1',
  session_id: null,
  at: '2026-11-28T10:00:00.000Z',
  position: '1-0',
  recorded_at: '2026-11-28T10:00:01.000Z',
  seq: 1,
  ...more,
});

test('no two kinds of event are called the same', () => {
  const words = EVENT_TYPES.map(typeWords);
  expect(words.length).toBeGreaterThan(10);
  expect(new Set(words).size).toBe(words.length);
});

test.each<[Partial<AuditEvent>, string]>([
  [{}, ''],
  [{ active: 3, max: 5 }, '3 of 5 seats taken then'],
  [{ type: 'seat.denied', count: 1, max: 5 }, '1 request within a minute, 5 seats'],
  [{ type: 'seat.denied', count: 7, max: 5 }, '7 requests within a minute, 5 seats'],
  [{ type: 'session.expired', reason: 'lost' }, 'the server had lost it'],
  [{ type: 'license.updated', version: 3, max: 8 }, '8 seats, version 3'],
])('%j is told as %j', (more, words) => {
  expect(detailWords(event(more))).toBe(words);
});

describe('a log that is checked in parts', () => {
  const part = (more: Partial<AuditCheck>): AuditCheck => ({
    tenant_id: 'ten_1',
    sealed: 0,
    unsealed: 0,
    head: null,
    problems: [],
    next_cursor: null,
    ...more,
  });
  const wrong = { kind: 'REMOVED', seq: 7, event_id: null, detail: 'the event is missing' } as const;

  test('is what all of them are together, and no problem of any is forgotten', () => {
    const checked = [
      part({ sealed: 1_000, problems: [wrong] }),
      part({ sealed: 30, head: { seq: 1_030, hash: 'x' } }),
      part({ unsealed: 2 }),
    ].reduce(withPart, NOTHING_CHECKED);
    expect(checked).toEqual({
      sealed: 1_030,
      unsealed: 2,
      head: { seq: 1_030, hash: 'x' },
      problems: [wrong],
    });
  });
});
