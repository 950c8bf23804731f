import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashSecret } from './ids.ts';
import {
  draftLicense,
  entitlementOf,
  FASTEST_PACE,
  isGraceAllowed,
  isHeartbeatIntervalValid,
  isOfflineStartAllowed,
  type LicenseChange,
  LicenseSchema,
  MAX_SEATS,
  MOST_SIGNED,
  rotateKey,
  TTL_SECONDS,
  withLicenseChange,
} from './license.ts';
import { MOST_SESSIONS, PLAN_NAMES, PLANS, type Plan, type PlanTerms } from './plans.ts';

const IDS = { tenantId: 'ten_00_x', licenseId: 'lic_00_x' };
const draft = draftLicense(IDS, 'key one', { max: 5 }, 1000);

const ttl = fc.integer({ min: TTL_SECONDS.shortest, max: TTL_SECONDS.longest });
const plan = fc.constantFrom(...PLAN_NAMES);
const changes: fc.Arbitrary<LicenseChange> = fc.record(
  {
    max: fc.nat(100),
    overdraft: fc.nat(10),
    status: fc.constantFrom('active' as const, 'suspended' as const),
    ttlSeconds: fc.option(ttl),
    heartbeatSeconds: fc.option(ttl),
    plan,
    features: fc.option(fc.array(fc.string(), { maxLength: 3 })),
    limits: fc.option(fc.dictionary(fc.constantFrom('projects', 'users'), fc.maxSafeNat())),
    validUntilMs: fc.option(fc.nat()),
    maxSessions: fc.option(fc.integer({ min: 1, max: MOST_SESSIONS })),
    signedLimit: fc.option(fc.nat(1_000)),
    offlineGraceDays: fc.option(fc.nat(90)),
    offlineStartDays: fc.option(fc.nat(90)),
    borrow: fc.option(fc.record({ maxDays: fc.nat(90), lowWater: fc.nat(10) })),
    requestsPerMinute: fc.option(fc.integer({ min: 1, max: FASTEST_PACE })),
  },
  { requiredKeys: [] },
);

test('creates an active license with the terms of its plan, for every plan', () => {
  for (const name of PLAN_NAMES) {
    const license = draftLicense(IDS, 'key', { max: 1, plan: name }, 1000);
    expect(LicenseSchema.parse(license)).toEqual(license);
    expect(license).toMatchObject({ status: 'active', overdraft: 0, validUntilMs: null, version: 1 });
    const { ttlSeconds, maxSessions, offlineGraceDays, offlineStartDays, borrow, features, limits } =
      PLANS[name];
    expect(entitlementOf(license)).toMatchObject({
      ...{ ttlSeconds, maxSessions, offlineGraceDays, offlineStartDays },
      ...{ borrowMaxDays: borrow.maxDays, borrowLowWater: borrow.lowWater },
      entitlements: { plan: name, features, limits },
    });
  }
  expect(Object.keys(PLANS).toSorted()).toEqual(PLAN_NAMES.toSorted());
});

test('sets a default heartbeat interval that keeps the lease, for every TTL', () => {
  fc.assert(
    fc.property(ttl, (ttlSeconds) => {
      const created = draftLicense(IDS, 'key', { max: 1, ttlSeconds }, 0);
      const changed = withLicenseChange(draft, { ttlSeconds }, 0);
      for (const license of [created, changed]) {
        const { heartbeatSeconds } = entitlementOf(license);
        expect(heartbeatSeconds).toBeGreaterThan(0);
        expect(heartbeatSeconds).toBeLessThan(ttlSeconds);
      }
    }),
    { seed: 1 },
  );
});

test('requires a heartbeat interval shorter than the TTL', () => {
  const isValid = (ttlSeconds: number | null, heartbeatSeconds: number | null) =>
    isHeartbeatIntervalValid({ plan: 'pro', ttlSeconds, heartbeatSeconds });
  expect([isValid(60, 59), isValid(60, 60), isValid(10, null)]).toEqual([true, false, true]);
  expect([isValid(null, 359), isValid(null, 360)]).toEqual([true, false]);
});

test('changes only the given fields and increments the version, so that every copy notices', () => {
  fc.assert(
    fc.property(changes, fc.nat(), (change, nowMs) => {
      const changed = withLicenseChange(draft, change, nowMs);
      expect(changed).toMatchObject(change);
      expect(changed.version).toBe(draft.version + 1);
      expect(changed).toMatchObject({ updatedAtMs: nowMs, change: 'license.updated' });
      const untouched: Record<string, unknown> = { ...draft };
      for (const name of [...Object.keys(change), 'version', 'change', 'updatedAtMs']) delete untouched[name];
      expect(changed).toMatchObject(untouched);
      expect(LicenseSchema.parse(changed)).toEqual(changed);
    }),
    { seed: 2 },
  );
});

test('does not modify its arguments', () => {
  const frozen = Object.freeze({ ...draft });
  const change = { features: ['a'] };
  withLicenseChange(frozen, change, 5).features?.push('b');
  entitlementOf(frozen);
  rotateKey(frozen, 'key two', 5, 5);
  expect([frozen, change]).toEqual([draft, { features: ['a'] }]);
});

test('keeps the replaced key for its overlap, and none without an overlap', () => {
  const overlapped = rotateKey(draft, 'key two', 60, 10_000);
  expect(overlapped).toMatchObject({
    keyHash: hashSecret('key two'),
    previousKeyHash: hashSecret('key one'),
    previousKeyUntilMs: 70_000,
    version: 2,
  });
  expect(rotateKey(overlapped, 'key three', 0, 20_000)).toMatchObject({
    keyHash: hashSecret('key three'),
    previousKeyHash: null,
    previousKeyUntilMs: null,
    version: 3,
  });
});

test('grants each term that is set for the license, and the one of its plan for every other', () => {
  fc.assert(
    fc.property(changes, (change) => {
      const license = withLicenseChange(draft, change, 0);
      const granted = entitlementOf(license);
      const terms: PlanTerms = PLANS[license.plan];
      const copied = ['licenseId', 'tenantId', 'version', 'max', 'overdraft', 'unit', 'keyHash'] as const;
      for (const field of copied) expect(granted[field]).toBe(license[field]);
      const borrow = license.borrow ?? terms.borrow;
      expect(granted).toMatchObject({
        ttlSeconds: license.ttlSeconds ?? terms.ttlSeconds,
        maxSessions: license.maxSessions ?? terms.maxSessions,
        signedLimit: license.signedLimit ?? 10 * (license.max + license.overdraft),
        borrowMaxDays: borrow.maxDays,
        borrowLowWater: borrow.lowWater,
      });
      expect(granted.entitlements).toEqual({
        plan: license.plan,
        features: license.features ?? terms.features,
        limits: { ...terms.limits, ...license.limits },
      });
      if (license.requestsPerMinute !== null)
        expect(granted.requestsPerMinute).toBe(license.requestsPerMinute);
    }),
    { seed: 3 },
  );
});

test('grants nothing that contradicts other terms, whatever is set', () => {
  fc.assert(
    fc.property(changes, (change) => {
      const license = withLicenseChange(draft, change, 0);
      const granted = entitlementOf(license);
      const terms = PLANS[license.plan];
      expect(granted.heartbeatSeconds).toBeLessThan(granted.ttlSeconds);
      expect(granted.offlineStartDays).toBeLessThanOrEqual(granted.offlineGraceDays);
      if (!terms.ownGrace) expect(granted.offlineGraceDays).toBe(terms.offlineGraceDays);
      if (isHeartbeatIntervalValid(license) && license.heartbeatSeconds !== null)
        expect(granted.heartbeatSeconds).toBe(license.heartbeatSeconds);
      if (isGraceAllowed(license) && license.offlineGraceDays !== null)
        expect(granted.offlineGraceDays).toBe(license.offlineGraceDays);
      if (isOfflineStartAllowed(license) && license.offlineStartDays !== null)
        expect(granted.offlineStartDays).toBe(license.offlineStartDays);
    }),
    { seed: 4 },
  );
});

test('changes with the plan every term that is not set, and none that is', () => {
  const set = {
    ttlSeconds: 60,
    maxSessions: 2,
    limits: { projects: 7 },
    borrow: { maxDays: 1, lowWater: 0 },
  };
  const license = withLicenseChange(draft, { ...set, plan: 'team' }, 0);
  expect(license).toMatchObject(set);
  expect(entitlementOf(license)).toMatchObject({
    ...{ ttlSeconds: 60, maxSessions: 2, borrowMaxDays: 1, offlineGraceDays: PLANS.team.offlineGraceDays },
    entitlements: { plan: 'team', features: PLANS.team.features, limits: { projects: 7 } },
  });
  const nothing = { ttlSeconds: null, maxSessions: null, limits: null, borrow: null };
  const back = withLicenseChange(license, nothing, 0);
  const ofPlan = withLicenseChange(draft, { plan: 'team' }, 0);
  expect(entitlementOf({ ...back, version: ofPlan.version })).toEqual(entitlementOf(ofPlan));
});

test('sets a signed limit of ten machines per seat, and the one that is set', () => {
  const limitOf = (change: LicenseChange) => entitlementOf(withLicenseChange(draft, change, 0)).signedLimit;
  expect(limitOf({ max: 5, overdraft: 2 })).toBe(70);
  expect(limitOf({ max: 5, signedLimit: 0 })).toBe(0);
  expect(limitOf({ max: MAX_SEATS })).toBe(MOST_SIGNED);
});

test('allows 1,200 requests per minute and 12 more per seat if no limit is set', () => {
  const paceOf = (change: LicenseChange) =>
    entitlementOf(withLicenseChange(draft, change, 0)).requestsPerMinute;
  expect(paceOf({ max: 0, overdraft: 0 })).toBe(1_200);
  expect(paceOf({ max: 5, overdraft: 2 })).toBe(1_284);
  expect(paceOf({ max: 1_000, overdraft: 0 })).toBe(13_200);
  expect(paceOf({ max: 5, overdraft: 2, requestsPerMinute: 7 })).toBe(7);
  const chosen = withLicenseChange(draft, { requestsPerMinute: 7 }, 0);
  expect(withLicenseChange(chosen, { max: 1 }, 0).requestsPerMinute).toBe(7);
  expect(withLicenseChange(chosen, { requestsPerMinute: null }, 0).requestsPerMinute).toBeNull();
});

test('allows an offline grace per license only in the enterprise plan', () => {
  for (const name of PLAN_NAMES) {
    expect(isGraceAllowed({ plan: name, offlineGraceDays: null })).toBe(true);
    expect(isGraceAllowed({ plan: name, offlineGraceDays: 0 })).toBe(name === 'enterprise');
  }
});

test('allows an offline start for as many days as the offline grace in effect', () => {
  const isAllowed = (plan: Plan, offlineGraceDays: number | null, offlineStartDays: number | null) =>
    isOfflineStartAllowed({ plan, offlineGraceDays, offlineStartDays });
  expect([isAllowed('pro', null, 7), isAllowed('pro', null, 8)]).toEqual([true, false]);
  expect([isAllowed('enterprise', 30, 30), isAllowed('enterprise', 30, 31)]).toEqual([true, false]);
  expect([isAllowed('free', null, 0), isAllowed('free', null, 1)]).toEqual([true, false]);
  expect(isAllowed('free', null, null)).toBe(true);
});
