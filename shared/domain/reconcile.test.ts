import { describe, expect, test } from 'vitest';
import { newLicenseId, newSessionId, newTenantId } from './ids.ts';
import { draftLicense, entitlementOf, withLicenseChange } from './license.ts';
import {
  duePass,
  isRetired,
  judgeCopy,
  judgeSession,
  LOST_AFTER_MS,
  lostEventOf,
  overrule,
  RECONCILE_EVERY_MS,
  retire,
} from './reconcile.ts';
import { addToHistory, type SessionHistory } from './session-history.ts';

const tenantId = newTenantId(16);
const licenseId = newLicenseId(tenantId);
const license = draftLicense({ tenantId, licenseId }, 'a key', { max: 5 }, 1_000);
const copy = entitlementOf(license);

describe('a comparison', () => {
  const finished = {
    startedAtMs: 10,
    finishedAtMs: 20,
    step: 'sessions' as const,
    shard: 16,
    after: null,
  };

  test('begins if there was none, and an hour after the last one began', () => {
    const begun = { startedAtMs: 5, finishedAtMs: null, step: 'copies', shard: 0, after: null };
    expect(duePass(undefined, 5)).toEqual(begun);
    expect(duePass(finished, 10 + RECONCILE_EVERY_MS - 1)).toBeUndefined();
    const nowMs = 10 + RECONCILE_EVERY_MS;
    expect(duePass(finished, nowMs)).toEqual({ ...begun, startedAtMs: nowMs });
  });

  test('that was not finished is resumed at any time', () => {
    const cut = { ...finished, finishedAtMs: null, after: 'lic_00_a' };
    expect(duePass(cut, 11)).toBe(cut);
    expect(duePass(cut, 10 + 9 * RECONCILE_EVERY_MS)).toBe(cut);
  });
});

describe('a copy', () => {
  test('is sound only if it matches the license in every field', () => {
    expect(judgeCopy(structuredClone(copy), license)).toBe('SOUND');
    const others = {
      max: 6,
      overdraft: 1,
      status: 'suspended',
      keyHash: 'x',
      validUntilMs: 9,
      tenantId: 'x',
      maxSessions: 1,
      signedLimit: 1,
      offlineStartDays: 1,
      requestsPerMinute: 1,
    };
    for (const [field, value] of Object.entries(others)) {
      expect(judgeCopy({ ...copy, [field]: value }, license), field).toBe('AHEAD');
    }
  });

  test.each([
    ['another plan', { plan: 'team' }],
    ['another feature', { features: ['export', 'audit'] }],
    ['features in another order', { features: ['beta', 'export'] }],
    ['another limit', { limits: { projects: 21 } }],
    ['one limit less', { limits: {} }],
    ['one limit more', { limits: { projects: 20, users: 1 } }],
  ] as const)('that tells clients %s is ahead', (_, change) => {
    const changed = withLicenseChange(license, { features: ['export', 'beta'] }, 2_000);
    const sound = entitlementOf(changed);
    const entitlements = { ...sound.entitlements, ...change };
    expect(judgeCopy({ ...sound, entitlements }, changed)).toBe('AHEAD');
  });

  test('is sound whatever the order of its limits', () => {
    const changed = withLicenseChange(license, { limits: { b: 1, a: 2 } }, 2_000);
    const sound = entitlementOf(changed);
    const limits = Object.fromEntries(Object.entries(sound.entitlements.limits).toReversed());
    expect(judgeCopy({ ...sound, entitlements: { ...sound.entitlements, limits } }, changed)).toBe('SOUND');
  });

  test('with an older version is behind, with a newer one ahead, without a license a stray', () => {
    const changed = withLicenseChange(license, { max: 6 }, 2_000);
    expect(judgeCopy(copy, changed)).toBe('BEHIND');
    expect(judgeCopy(entitlementOf(changed), license)).toBe('AHEAD');
    expect(judgeCopy(copy, undefined)).toBe('STRAY');
  });

  test("that was ahead is replaced by the license's terms under a version above both", () => {
    const ahead = { ...copy, version: 9, max: 50 };
    const raised = overrule(license, ahead, 3_000);
    expect(raised).toMatchObject({ version: 10, max: 5, updatedAtMs: 3_000 });
    expect(judgeCopy(ahead, raised)).toBe('BEHIND');
    expect(overrule({ ...license, version: 20 }, ahead, 3_000).version).toBe(21);
  });

  test('that is retired grants no seats and is recognised as retired', () => {
    const retired = retire({ ...copy, overdraft: 3 });
    expect(retired).toMatchObject({ max: 0, overdraft: 0, status: 'suspended', version: copy.version + 1 });
    expect(isRetired(retired)).toBe(true);
    expect(isRetired(copy)).toBe(false);
    expect(isRetired({ ...copy, status: 'suspended' })).toBe(false);
  });
});

describe('an open session', () => {
  const history: SessionHistory = {
    sessionId: newSessionId(licenseId),
    licenseId,
    tenantId,
    holder: 'a-holder',
    acquiredAtMs: 100,
    seatedSinceMs: 100,
    endedAtMs: null,
    endReason: null,
    seatedMs: 0,
    revivals: 0,
    isOpen: true,
    borrowedUntilMs: null,
    missingSinceMs: null,
    marks: [],
    settled: {
      seatedSinceMs: 100,
      endedAtMs: null,
      endReason: null,
      seatedMs: 0,
      revivals: 0,
      last: null,
    },
  };
  const missing = { ...history, missingSinceMs: 1_000 };

  test('counts as lost only after it was missing for longer than its end event can take', () => {
    expect(judgeSession(history, true, 1_000)).toBe('SOUND');
    expect(judgeSession(history, false, 1_000)).toBe('MISSING');
    expect(judgeSession(missing, false, 1_000 + LOST_AFTER_MS - 1)).toBe('STILL_MISSING');
    expect(judgeSession(missing, false, 1_000 + LOST_AFTER_MS)).toBe('LOST');
    expect(judgeSession(missing, true, 1_000 + LOST_AFTER_MS)).toBe('FOUND_AGAIN');
  });

  test('counts as lost after half an hour at the earliest, and before the next comparison', () => {
    expect(LOST_AFTER_MS).toBeGreaterThanOrEqual(1_800_000);
    expect(LOST_AFTER_MS).toBeLessThan(RECONCILE_EVERY_MS);
  });

  test('gets the same end event every time it is reported lost, which closes the history', () => {
    const loss = lostEventOf(missing, 1_000);
    expect(lostEventOf({ ...missing, marks: [] }, 1_000)).toEqual(loss);
    expect(loss).toMatchObject({ type: 'session.expired', atMs: 1_000, detail: { reason: 'lost' } });
    expect(addToHistory(missing, loss)).toMatchObject({
      isOpen: false,
      endedAtMs: 1_000,
      endReason: 'lost',
      seatedMs: 900,
      missingSinceMs: null,
    });
  });
});
