import { describe, expect, test } from 'vitest';
import {
  addErased,
  beginErasure,
  continueAt,
  type Erasure,
  endStep,
  holdersOf,
  isHeldBy,
  isHolderOwn,
  putOff,
  roundOf,
  traceId,
} from './erasure.ts';
import { identityOf, pseudonyms } from './holder.ts';
import { newLicenseId, newTenantId } from './ids.ts';

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

describe('the pseudonyms of a user', () => {
  const asWritten = {
    holder: (licenseId: string, ...rest: readonly string[]) => [licenseId, ...rest].join('/'),
    session: () => '',
  };
  const holders = (email: string | undefined) => holdersOf({ userId: 'usr_ada', email }, 'lic_1', asWritten);

  test('are those of the user id and of the address, as stored and in lower case', () => {
    expect(holders('Ada@Shop.example')).toEqual([
      'lic_1/user/usr_ada',
      'lic_1/user/Ada@Shop.example',
      'lic_1/user/ada@shop.example',
    ]);
  });

  test('are listed once each', () => {
    expect(holders('ada@shop.example')).toEqual(['lic_1/user/usr_ada', 'lic_1/user/ada@shop.example']);
  });

  test('are those of the user id alone if the address was deleted', () => {
    expect(holders(undefined)).toEqual(['lic_1/user/usr_ada']);
  });
});

test.each<[userId: string | undefined, email: string | undefined, expected: boolean]>([
  ['usr_ada', 'ada@shop.example', true],
  ['usr_ada', undefined, true],
  ['ada@shop.example', 'ada@shop.example', true],
  ['ADA@shop.EXAMPLE', 'Ada@Shop.example', true],
  ['ada@shop.example', undefined, false],
  ['USR_ADA', 'ada@shop.example', false],
  ['bob@shop.example', 'ada@shop.example', false],
  [undefined, 'ada@shop.example', false],
  [undefined, undefined, false],
])('a session of the user id %s belongs to the user with the address %s: %s', (userId, email, expected) => {
  const facts = { fingerprint: 'laptop', ...(userId !== undefined && { userId }) };
  expect(isHeldBy({ userId: 'usr_ada', email }, facts)).toBe(expected);
});

describe('the holder of a session', () => {
  const licenseId = newLicenseId(newTenantId(16));
  const hashed = pseudonyms('pseudonym-key-0123456789abcdef0123456789');
  const ada = { userId: 'usr_ada', email: 'ada@shop.example' };
  const isOwn = (unit: 'machine' | 'user' | 'process', userId: string, isSignedIn: boolean) => {
    const facts = { fingerprint: 'laptop', userId, processId: '4711' };
    const { holders } = identityOf({ facts, isSignedIn }, licenseId, hashed);
    return isHolderOwn(ada, licenseId, { holder: holders[unit] ?? '', facts }, hashed);
  };

  test('is the user alone if seats are counted by user, or if the user had signed in', () => {
    for (const unit of ['machine', 'user', 'process'] as const)
      expect(isOwn(unit, ada.userId, true)).toBe(true);
    for (const name of [ada.userId, ada.email]) expect(isOwn('user', name, false)).toBe(true);
  });

  test('may have other users if a license key only claimed the user, or if it is another user', () => {
    for (const unit of ['machine', 'process'] as const) {
      expect(isOwn(unit, ada.userId, false)).toBe(false);
      expect(isOwn(unit, ada.email, false)).toBe(false);
    }
    for (const unit of ['machine', 'user', 'process'] as const)
      expect(isOwn(unit, 'usr_bob', true)).toBe(false);
  });

  test('is found for a loan that was restored without what its client had sent', () => {
    const holder = hashed.holder(licenseId, 'user', ada.email);
    expect(isHolderOwn(ada, licenseId, { holder, facts: { fingerprint: '' } }, hashed)).toBe(true);
  });
});

describe('an erasure', () => {
  test('takes these steps, in this order', () => {
    expect(BEGUN.todo).toEqual([
      ...['sign_out', 'sessions', 'pseudonyms', 'close', 'billing', 'licenses'],
      ...['histories', 'events', 'members', 'person'],
    ]);
    expect(afterSteps(3).todo).toEqual(BEGUN.todo.slice(3));
    expect(afterSteps(10).todo).toEqual([
      ...['pseudonyms', 'billing', 'licenses', 'histories', 'events', 'person', 'traces'],
    ]);
    expect(afterSteps(17).todo).toEqual([]);
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
    expect(afterSteps(12).dueAtMs).toBe(NOW_MS + 12 * MINUTE_MS + MINUTE_MS);
  });

  test('is complete after the first round, and starts its second round an hour later', () => {
    expect(afterSteps(9).completedAtMs).toBeNull();
    const completedAtMs = NOW_MS + 10 * MINUTE_MS;
    expect(afterSteps(10)).toMatchObject({ completedAtMs, dueAtMs: completedAtMs + HOUR_MS });
    expect(afterSteps(17).completedAtMs).toBe(completedAtMs);
    expect([0, 9, 10, 16, 17].map((steps) => roundOf(afterSteps(steps)))).toEqual([
      ...['first', 'first', 'second', 'second', 'over'],
    ]);
  });

  test('deletes its own ids after the second round, and is itself deleted after the retention', () => {
    expect(afterSteps(16)).toMatchObject({
      userId: 'usr_ada',
      searchedIds: ['ten_shop'],
      goingIds: ['ten_lab'],
    });
    expect(afterSteps(17)).toMatchObject({
      ...{ erasureId: 'era_1', userId: null, searchedIds: [], goingIds: [] },
      dueAtMs: NOW_MS + 17 * MINUTE_MS + RETENTION_DAYS * DAY_MS,
    });
  });

  test('keeps its place within a step, and starts the next step at the beginning', () => {
    const moved = continueAt(BEGUN, { tenant: 1, list: 'cursor' }, NOW_MS);
    expect(moved.place).toEqual({ tenant: 1, list: 'cursor', facts: null, again: false });
    expect(continueAt(moved, { again: true }, NOW_MS).place).toEqual({ ...moved.place, again: true });
    expect(endStep(moved, NOW_MS, RETENTION_DAYS).place).toEqual(BEGUN.place);
  });

  test('postpones its second round by another hour', () => {
    const later = putOff(afterSteps(10), NOW_MS + DAY_MS);
    expect(later).toEqual({ ...afterSteps(10), dueAtMs: NOW_MS + DAY_MS + HOUR_MS, revision: 1 });
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
