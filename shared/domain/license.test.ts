import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashSecret } from './ids.ts';
import {
  draftLicense,
  entitlementOf,
  FASTEST_PACE,
  isGraceAllowed,
  isHeartbeatIntervalValid,
  type LicenseChange,
  LicenseSchema,
  rotateKey,
  TTL_SECONDS,
  withLicenseChange,
} from './license.ts';
import { PLAN_NAMES, PLANS } from './plans.ts';

const IDS = { tenantId: 'ten_00_x', licenseId: 'lic_00_x' };
const draft = draftLicense(IDS, 'key one', { max: 5 }, 1000);

const ttl = fc.integer({ min: TTL_SECONDS.shortest, max: TTL_SECONDS.longest });
const plan = fc.constantFrom(...PLAN_NAMES);
const changes: fc.Arbitrary<LicenseChange> = fc.record(
  {
    max: fc.nat(100),
    overdraft: fc.nat(10),
    status: fc.constantFrom('active' as const, 'suspended' as const),
    ttlSeconds: ttl,
    heartbeatSeconds: ttl,
    plan,
    features: fc.array(fc.string(), { maxLength: 3 }),
    validUntilMs: fc.option(fc.nat()),
    offlineGraceDays: fc.option(fc.nat(90)),
    borrow: fc.record({ maxDays: fc.nat(90), lowWater: fc.nat(10) }),
    requestsPerMinute: fc.option(fc.integer({ min: 1, max: FASTEST_PACE })),
  },
  { requiredKeys: [] },
);

test('creates an active license with valid default terms in every plan', () => {
  for (const name of PLAN_NAMES) {
    const license = draftLicense(IDS, 'key', { max: 1, plan: name }, 1000);
    expect(LicenseSchema.parse(license)).toEqual(license);
    expect(license).toMatchObject({ status: 'active', overdraft: 0, validUntilMs: null, version: 1 });
    expect(isHeartbeatIntervalValid(license)).toBe(true);
    expect(entitlementOf(license).offlineGraceDays).toBe(PLANS[name].offlineGraceDays);
  }
  expect(Object.keys(PLANS).toSorted()).toEqual(PLAN_NAMES.toSorted());
});

test('sets a default heartbeat interval that keeps the lease, for every TTL', () => {
  fc.assert(
    fc.property(ttl, (ttlSeconds) => {
      const created = draftLicense(IDS, 'key', { max: 1, ttlSeconds }, 0);
      const changed = withLicenseChange(draft, { ttlSeconds }, 0);
      for (const license of [created, changed]) {
        expect(license.heartbeatSeconds).toBeGreaterThan(0);
        expect(isHeartbeatIntervalValid(license)).toBe(true);
      }
    }),
    { seed: 1 },
  );
});

test('requires a heartbeat interval shorter than the TTL', () => {
  expect(isHeartbeatIntervalValid({ ttlSeconds: 60, heartbeatSeconds: 59 })).toBe(true);
  expect(isHeartbeatIntervalValid({ ttlSeconds: 60, heartbeatSeconds: 60 })).toBe(false);
});

test('changes only the given fields and increments the version, so that every copy notices', () => {
  fc.assert(
    fc.property(changes, fc.nat(), (change, nowMs) => {
      const changed = withLicenseChange(draft, change, nowMs);
      expect(changed).toMatchObject(change);
      expect(changed.version).toBe(draft.version + 1);
      expect(changed).toMatchObject({ updatedAtMs: nowMs, change: 'license.updated' });
      const { ttlSeconds, heartbeatSeconds } = change;
      const untouched: Record<string, unknown> = { ...draft };
      for (const name of [...Object.keys(change), 'version', 'change', 'updatedAtMs']) delete untouched[name];
      if (ttlSeconds !== undefined && heartbeatSeconds === undefined) delete untouched.heartbeatSeconds;
      expect(changed).toMatchObject(untouched);
      expect(LicenseSchema.parse(changed)).toEqual(changed);
    }),
    { seed: 2 },
  );
});

test('does not modify its arguments', () => {
  const frozen = Object.freeze({ ...draft, features: Object.freeze(['a']) as string[] });
  const changed = withLicenseChange(frozen, { max: 1 }, 5);
  changed.features.push('b');
  rotateKey(frozen, 'key two', 5, 5);
  expect(frozen).toEqual({ ...draft, features: ['a'] });
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

test('copies every limit of the record to the entitlement', () => {
  fc.assert(
    fc.property(changes, (change) => {
      const license = withLicenseChange(draft, change, 0);
      const { offlineGraceDays, requestsPerMinute, borrowMaxDays, borrowLowWater, ...copied } =
        entitlementOf(license);
      expect(license).toMatchObject(copied);
      expect(offlineGraceDays).toBe(license.offlineGraceDays ?? PLANS[license.plan].offlineGraceDays);
      expect(license.borrow).toEqual({ maxDays: borrowMaxDays, lowWater: borrowLowWater });
      if (license.requestsPerMinute !== null) expect(requestsPerMinute).toBe(license.requestsPerMinute);
    }),
    { seed: 3 },
  );
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

test('reads a license from before request limits as one without its own limit', () => {
  const { requestsPerMinute: _, ...old } = draft;
  expect(LicenseSchema.parse(old)).toEqual(draft);
});

test('allows an offline grace per license only in the enterprise plan', () => {
  for (const name of PLAN_NAMES) {
    expect(isGraceAllowed({ plan: name, offlineGraceDays: null })).toBe(true);
    expect(isGraceAllowed({ plan: name, offlineGraceDays: 0 })).toBe(name === 'enterprise');
  }
});

test('reads a license from before borrowing as one without borrowing, with the grace of its plan', () => {
  const { offlineGraceDays: _, borrow: __, ...old } = draft;
  expect(LicenseSchema.parse(old)).toEqual(draft);
  expect(entitlementOf(LicenseSchema.parse(old))).toMatchObject({
    borrowMaxDays: 0,
    borrowLowWater: 0,
    offlineGraceDays: 7,
  });
});
