import { expect, test } from 'vitest';
import type { AuditEvent } from '../../../sdk/src/api.ts';
import { dateAndTime } from '../time.ts';
import { actorOf, detailOf, subjectOf } from './labels.ts';

const ACQUIRED: AuditEvent = {
  event_id: 'evt_00_x',
  type: 'session.acquired',
  tenant_id: 'ten_00_x',
  license_id: 'lic_00_x',
  actor: { type: 'license', id: 'lic_00_x' },
  subject: null,
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

test('shows that a seat ended because the license got fewer', () => {
  const ended = {
    ...ACQUIRED,
    type: 'session.expired',
    seat: 'freed',
    max: 1,
    reason: 'seats_reduced',
  } as const;
  expect(detailOf(ended)).toBe('the license got fewer seats, 1 of 1 seats in use then');
});

test('shows what a license update changed', () => {
  const change = { fields: ['hold', 'plan'], plan: 'team', hold: null, version: 4 };
  const { seat: _, active: __, max: ___, ...event } = ACQUIRED;
  expect(detailOf({ ...event, type: 'license.updated', ...change })).toBe(
    'changed: hold, plan, plan team, no longer held, license version 4',
  );
});

test('shows what was paused of a subscription, and the last usage before its end', () => {
  const { seat: _, active: __, max: ___, ...event } = ACQUIRED;
  expect(detailOf({ ...event, type: 'subscription.paused', pause: 'collection' })).toBe(
    'collection of payments',
  );
  const usage = [{ meter: 'exports', outcome: 'refused', records: 2, quantity: 7 }] as const;
  expect(detailOf({ ...event, type: 'subscription.end_requested', usage: [...usage] })).toBe(
    'last usage of exports: 7, refused',
  );
});

test('shows how many usage records an event is about, and the reason that an operator gave', () => {
  const { seat: _, active: __, max: ___, ...event } = ACQUIRED;
  const voided = { ...event, type: 'usage.voided', count: 2, quantity: 7 } as const;
  expect(detailOf({ ...voided, note: 'stolen key' })).toBe('2 usage records, 7 in total, stolen key');
  expect(detailOf({ ...voided, count: 1 })).toBe('1 usage record, 7 in total');
  expect(detailOf({ ...event, type: 'seat.denied', count: 2 })).toBe('2 requests within a minute');
});

test('shows which invoice and which dispute a payment event is about', () => {
  const { seat: _, active: __, max: ___, ...event } = ACQUIRED;
  const disputed = {
    ...event,
    type: 'subscription.disputed',
    invoice_id: 'in_1',
    dispute_id: 'du_1',
  } as const;
  expect(detailOf(disputed)).toBe('dispute du_1, invoice in_1');
});

test('shows why a subscription needs a review', () => {
  const { seat: _, active: __, max: ___, ...event } = ACQUIRED;
  expect(detailOf({ ...event, type: 'subscription.needs_review', reason: 'price_replaced' })).toBe(
    'price replaced',
  );
});

test('names members, and says what kind of actor anyone else is', () => {
  const names = new Map([['usr_ada', 'Ada']]);
  const by = (type: AuditEvent['actor']['type'], id: string | null) =>
    actorOf({ ...ACQUIRED, actor: { type, id } }, names);
  expect([by('user', 'usr_ada'), by('operator', 'usr_ada'), by('user', 'usr_bob')]).toEqual([
    'Ada',
    'Ada (operator)',
    'user usr_bob',
  ]);
  expect([by('operator', 'bootstrap'), by('license', 'lic_00_x'), by('system', 'stripe')]).toEqual([
    'operator bootstrap',
    'license key',
    'Seatlease stripe',
  ]);
  expect(by('user', null)).toBe('user (erased)');
  expect(subjectOf({ ...ACQUIRED, subject: 'usr_ada' }, names)).toBe('Ada');
  expect(subjectOf({ ...ACQUIRED, subject: 'inv_1' }, names)).toBe('inv_1');
  expect(subjectOf(ACQUIRED, names)).toBe('');
});
