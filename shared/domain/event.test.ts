import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BY } from '../testing/by.ts';
import { eventFields } from '../testing/seats/events.ts';
import { compareMoments, comparePositions, eventOf, SeatEventSchema } from './event.ts';
import { EVENT_ID, newLicenseId, newSessionId, newTenantId, shardOf } from './ids.ts';

const SEED = { seed: 20261125, numRuns: 500 };

test('gives a duplicate the same id, at any position and with its fields in any order', () => {
  fc.assert(
    fc.property(eventFields, fc.string(), (fields, position) => {
      const reversed = Object.fromEntries(Object.entries(fields.detail).reverse());
      const again = {
        detail: { ...reversed, holder: fields.detail.holder },
        position,
        ...BY,
        atMs: fields.atMs,
        sessionId: fields.sessionId,
        licenseId: fields.licenseId,
        tenantId: fields.tenantId,
        type: fields.type,
      };
      expect(eventOf(again).eventId).toBe(eventOf(fields).eventId);
    }),
    SEED,
  );
});

test('gives events of different types, tenants, licenses, sessions or times different ids', () => {
  fc.assert(
    fc.property(
      eventFields,
      eventFields,
      fc.constantFrom('type', 'tenantId', 'licenseId', 'sessionId', 'atMs'),
      (a, b, field) => {
        fc.pre(a[field] !== b[field]);
        expect(eventOf({ ...a, [field]: b[field] }).eventId).not.toBe(eventOf(a).eventId);
      },
    ),
    SEED,
  );
});

test('gives two versions of a license different events, even within one millisecond', () => {
  fc.assert(
    fc.property(eventFields, fc.nat(), (fields, version) => {
      fc.pre(fields.detail.version !== version);
      const other = { ...fields, detail: { ...fields.detail, version } };
      expect(eventOf(other).eventId).not.toBe(eventOf(fields).eventId);
    }),
    SEED,
  );
});

test('gives two loans of a session different events, even within one millisecond', () => {
  fc.assert(
    fc.property(eventFields, fc.nat(), (fields, borrowedUntilMs) => {
      fc.pre(fields.detail.borrowedUntilMs !== borrowedUntilMs);
      const other = { ...fields, detail: { ...fields.detail, borrowedUntilMs } };
      expect(eventOf(other).eventId).not.toBe(eventOf(fields).eventId);
    }),
    SEED,
  );
});

test('gives a duplicate with other counts the same id', () => {
  fc.assert(
    fc.property(eventFields, eventFields, (fields, other) => {
      const { version, borrowedUntilMs } = fields.detail;
      const again = { ...fields, detail: { ...other.detail, version, borrowedUntilMs } };
      expect(eventOf(again).eventId).toBe(eventOf(fields).eventId);
    }),
    SEED,
  );
});

test('keeps all fields and adds an id in the shard of the license', () => {
  fc.assert(
    fc.property(eventFields, (fields) => {
      const event = eventOf(fields);
      expect(event).toEqual({ ...fields, eventId: event.eventId });
      expect(event.eventId).toMatch(EVENT_ID);
      expect(shardOf(event.eventId)).toBe(shardOf(fields.licenseId));
      expect(SeatEventSchema.parse(event)).toEqual(event);
    }),
    SEED,
  );
});

test.each([
  ['type', 'session.born'],
  ['tenantId', 'ten_1'],
  ['licenseId', newSessionId(newLicenseId(newTenantId(16)))],
  ['sessionId', undefined],
  ['atMs', 1.5],
  ['atMs', '1'],
  ['position', '1'],
  ['position', '1-'],
  ['position', '-1-1'],
  ['detail', { active: -1 }],
  ['detail', null],
  ['eventId', 'evt_1'],
])('rejects an event with %s %j', (field, value) => {
  fc.assert(
    fc.property(eventFields, (fields) => {
      expect(SeatEventSchema.safeParse({ ...eventOf(fields), [field]: value }).success).toBe(false);
    }),
    { seed: 20261125, numRuns: 10 },
  );
});

test('orders outbox positions as numbers, not as text', () => {
  const inOrder = [
    '0-0',
    '0-1',
    '9-0',
    '9-2',
    '9-10',
    '10-0',
    '10-18446744073709551614',
    '10-18446744073709551615',
  ];
  fc.assert(
    fc.property(fc.shuffledSubarray(inOrder, { minLength: inOrder.length }), (shuffled) => {
      expect(shuffled.toSorted(comparePositions)).toEqual(inOrder);
    }),
    SEED,
  );
  expect(comparePositions('9-10', '9-10')).toBe(0);
});

test('orders events by when they happened, not by when they were noticed', () => {
  const lapsed = { atMs: 5, position: '20-0' };
  const revived = { atMs: 20, position: '20-1' };
  const acquired = { atMs: 10, position: '10-0' };
  expect([revived, acquired, lapsed].toSorted(compareMoments)).toEqual([lapsed, acquired, revived]);
  const first = { atMs: 20, position: '20-0' };
  expect([revived, first].toSorted(compareMoments)).toEqual([first, revived]);
});
