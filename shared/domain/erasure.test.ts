import { describe, expect, test } from 'vitest';
import {
  addErased,
  beginErasure,
  continueAt,
  decideErasure,
  type Erasure,
  endStep,
  isSameTenants,
  isWithdrawn,
  putOff,
  roundOf,
  traceId,
  withdrawErasure,
} from './erasure.ts';

const NOW_MS = Date.UTC(2026, 10, 25);
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const RETENTION_DAYS = 40;
const BEGUN = beginErasure(
  'era_1',
  { userId: 'usr_ada', searchedIds: ['ten_shop'], goingIds: ['ten_lab'] },
  NOW_MS,
);

/** The erasure after `steps` steps, a minute each. */
function afterSteps(steps: number): Erasure {
  let erasure = BEGUN;
  for (let i = 1; i <= steps; i += 1) erasure = endStep(erasure, NOW_MS + i * MINUTE_MS, RETENTION_DAYS);
  return erasure;
}

describe('an erasure', () => {
  test('takes these steps, in this order', () => {
    expect(BEGUN.todo).toEqual([
      ...[
        'decide',
        'sign_out',
        'sessions',
        'addresses',
        'acts',
        'pseudonyms',
        'close',
        'billing',
        'licenses',
      ],
      ...['histories', 'events', 'members', 'person'],
    ]);
    expect(afterSteps(3).todo).toEqual(BEGUN.todo.slice(3));
    expect(afterSteps(13).todo).toEqual([
      ...['addresses', 'erased_ids', 'acts', 'pseudonyms', 'billing', 'licenses', 'histories', 'events'],
      ...['person', 'traces'],
    ]);
    expect(afterSteps(23).todo).toEqual([]);
  });

  test('begins without anything erased', () => {
    expect(BEGUN).toMatchObject({
      ...{ erasureId: 'era_1', userId: 'usr_ada', searchedIds: ['ten_shop'], goingIds: ['ten_lab'] },
      place: { tenant: 0, list: null, facts: null, again: false },
      erased: {
        ...{ sessions: 0, sessionHistories: 0, auditEvents: 0, memberships: 0 },
        ...{ invitations: 0, signIns: 0, tenants: 0, users: 0 },
      },
      ...{ requestedAtMs: NOW_MS, completedAtMs: null, revision: 0 },
    });
  });

  test('is resumed by the sweep a minute after its last progress', () => {
    expect(BEGUN.dueAtMs).toBe(NOW_MS + MINUTE_MS);
    expect(continueAt(BEGUN, {}, NOW_MS + 5).dueAtMs).toBe(NOW_MS + 5 + MINUTE_MS);
    expect(afterSteps(2).dueAtMs).toBe(NOW_MS + 2 * MINUTE_MS + MINUTE_MS);
    expect(afterSteps(14).dueAtMs).toBe(NOW_MS + 14 * MINUTE_MS + MINUTE_MS);
  });

  test('is complete after the first round, and starts its second round an hour later', () => {
    expect(afterSteps(12).completedAtMs).toBeNull();
    const completedAtMs = NOW_MS + 13 * MINUTE_MS;
    expect(afterSteps(13)).toMatchObject({ completedAtMs, dueAtMs: completedAtMs + HOUR_MS });
    expect(afterSteps(23).completedAtMs).toBe(completedAtMs);
    expect([0, 12, 13, 22, 23].map((steps) => roundOf(afterSteps(steps)))).toEqual([
      ...['first', 'first', 'second', 'second', 'over'],
    ]);
  });

  test('deletes its own ids after the second round, and is itself deleted after the retention', () => {
    expect(afterSteps(19)).toMatchObject({
      userId: 'usr_ada',
      searchedIds: ['ten_shop'],
      goingIds: ['ten_lab'],
    });
    expect(afterSteps(23)).toMatchObject({
      ...{ erasureId: 'era_1', userId: null, searchedIds: [], goingIds: [] },
      dueAtMs: NOW_MS + 23 * MINUTE_MS + RETENTION_DAYS * DAY_MS,
    });
  });

  test('keeps its place within a step, and starts the next step at the beginning', () => {
    const moved = continueAt(BEGUN, { tenant: 1, list: 'cursor' }, NOW_MS);
    expect(moved.place).toEqual({ tenant: 1, list: 'cursor', facts: null, again: false });
    expect(continueAt(moved, { again: true }, NOW_MS).place).toEqual({ ...moved.place, again: true });
    expect(endStep(moved, NOW_MS, RETENTION_DAYS).place).toEqual(BEGUN.place);
  });

  test('postpones its second round by another hour', () => {
    const later = putOff(afterSteps(13), NOW_MS + DAY_MS);
    expect(later).toEqual({ ...afterSteps(13), dueAtMs: NOW_MS + DAY_MS + HOUR_MS, revision: 1 });
  });

  test('is decided with the tenants that the user was a member of, and forgets who confirmed it', () => {
    const by = { actor: { kind: 'user', id: 'usr_ada' }, requestId: 'req_1' } as const;
    const plan = { userId: 'usr_ada', searchedIds: [], goingIds: ['ten_lab'] };
    const begun = beginErasure('era_1', plan, NOW_MS, by);
    expect(begun.confirmedBy).toEqual(by);
    expect(decideErasure(begun, ['ten_shop'], NOW_MS)).toEqual({ ...BEGUN, todo: BEGUN.todo.slice(1) });
  });

  test('that is withdrawn runs no step, and differs from one that is complete', () => {
    expect(withdrawErasure(BEGUN).todo).toEqual([]);
    const erasures = [withdrawErasure(BEGUN), BEGUN, afterSteps(13), afterSteps(23)];
    expect(erasures.map(isWithdrawn)).toEqual([true, false, false, false]);
  });

  test('compares tenants without their order', () => {
    expect(isSameTenants(['ten_a', 'ten_b'], ['ten_b', 'ten_a'])).toBe(true);
    expect(isSameTenants(['ten_a'], ['ten_a', 'ten_b'])).toBe(false);
  });

  test('adds up what it erased', () => {
    const once = addErased(BEGUN, { sessions: 2, users: 1 });
    expect(addErased(once, { sessions: 3 }).erased).toEqual({ ...BEGUN.erased, sessions: 5, users: 1 });
    expect(BEGUN.erased.sessions).toBe(0);
  });

  test('has one trace for each session or license', () => {
    expect(traceId({ erasureId: 'era_1', at: 'lic_1' })).toBe('era_1:lic_1');
  });
});
