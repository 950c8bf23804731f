import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { draftLicense, type LicenseTerms } from './license.ts';
import type { SessionKind } from './session.ts';
import {
  draftLicenseData,
  type LicenseAsk,
  type LicenseData,
  LicenseDataSchema,
  offlineUntilMs,
} from './signed-license.ts';

const DAY_MS = 24 * 3600 * 1000;
const NOW_MS = Date.UTC(2026, 10, 25, 12);
const IDS = { tenantId: 'ten_00_x', licenseId: 'lic_00_x' };
const SESSION = {
  sessionId: 'ses_00_x',
  kind: 'instance' as SessionKind,
  holder: 'holder',
  machine: 'machine',
  acquiredAtMs: NOW_MS - 1000,
  expiresAtMs: NOW_MS + 360_000,
  facts: { fingerprint: 'machine' },
};
const TERMS: LicenseTerms = {
  max: 3,
  features: ['export', 'print'],
  limits: { projects: 20, toString: 1, none: 0 },
};
const at = (ms: number): string => new Date(ms).toISOString();

function draft(ask: LicenseAsk = {}, terms: Partial<LicenseTerms> = {}, session = SESSION) {
  const license = draftLicense(IDS, 'key', { ...TERMS, ...terms }, NOW_MS);
  const drafted = draftLicenseData(license, session, ask, { nowMs: NOW_MS, jti: 'jti-1' });
  return 'excess' in drafted ? drafted.excess.map(({ field }) => field) : drafted.data;
}

test('signs the whole license if nothing in particular is requested', () => {
  expect(draft()).toEqual({
    jti: 'jti-1',
    license_id: 'lic_00_x',
    tenant_id: 'ten_00_x',
    plan: 'pro',
    features: ['export', 'print'],
    limits: { projects: 20, toString: 1, none: 0 },
    seats: 3,
    fingerprint: 'machine',
    issued_at: at(NOW_MS),
    expires_at: at(NOW_MS + 7 * DAY_MS),
    offline_until: at(NOW_MS + 7 * DAY_MS),
  });
});

describe('the time that a client can run offline', () => {
  const leaseEndMs = SESSION.expiresAtMs;
  test.each([
    ['free', leaseEndMs],
    ['pro', NOW_MS + 7 * DAY_MS],
    ['team', NOW_MS + 3 * DAY_MS],
    ['enterprise', NOW_MS + 7 * DAY_MS],
  ] as const)('follows from the plan: %s', (plan, untilMs) => {
    expect(draft({}, { plan })).toMatchObject({ offline_until: at(untilMs), expires_at: at(untilMs) });
  });

  test('is what an enterprise license sets itself', () => {
    const terms = { plan: 'enterprise', offlineGraceDays: 30 } as const;
    expect(draft({}, terms)).toMatchObject({ offline_until: at(NOW_MS + 30 * DAY_MS) });
    expect(draft({}, { ...terms, offlineGraceDays: 0 })).toMatchObject({ offline_until: at(leaseEndMs) });
  });

  test('never exceeds the end of the license', () => {
    expect(draft({}, { validUntilMs: NOW_MS + 1000 })).toMatchObject({ offline_until: at(NOW_MS + 1000) });
  });

  test("is exactly the loan's for a borrowed seat, whether shorter or longer than the grace", () => {
    for (const days of [1, 20]) {
      const untilMs = NOW_MS + days * DAY_MS;
      const session = { ...SESSION, kind: 'loan' as const, expiresAtMs: untilMs };
      expect(draft({}, {}, session)).toMatchObject({ offline_until: at(untilMs), expires_at: at(untilMs) });
    }
  });

  test('is at least the lease, and at most what lease, grace and license allow, for any terms', () => {
    const days = fc.integer({ min: 0, max: 90 });
    const ms = fc.integer({ min: 1, max: 100 * DAY_MS });
    fc.assert(
      fc.property(days, fc.option(ms), ms, (offlineGraceDays, validForMs, leaseMs) => {
        const validUntilMs = validForMs === null ? null : NOW_MS + validForMs;
        const expiresAtMs = Math.min(NOW_MS + leaseMs, validUntilMs ?? Number.POSITIVE_INFINITY);
        const untilMs = offlineUntilMs(
          { kind: 'instance', expiresAtMs },
          { offlineGraceDays, validUntilMs },
          NOW_MS,
        );
        expect(untilMs).toBeGreaterThanOrEqual(expiresAtMs);
        expect(untilMs).toBeLessThanOrEqual(Math.max(expiresAtMs, NOW_MS + offlineGraceDays * DAY_MS));
        if (validUntilMs !== null) expect(untilMs).toBeLessThanOrEqual(validUntilMs);
      }),
    );
  });
});

describe('a client can request less than the license', () => {
  test.each<[LicenseAsk, object]>([
    [{ features: [] }, { features: [] }],
    [{ features: ['print', 'print'] }, { features: ['print'] }],
    [{ features: ['print', 'export'] }, { features: ['export', 'print'] }],
    [{ limits: {} }, { limits: {} }],
    [{ limits: { projects: 19, none: 0 } }, { limits: { projects: 19, none: 0 } }],
    [{ limits: { toString: 0 } }, { limits: { toString: 0 } }],
    [{ seats: 1 }, { seats: 1 }],
    [{ seats: 0 }, { seats: 0 }],
    [{ expires_at: at(NOW_MS + 1) }, { expires_at: at(NOW_MS + 1), offline_until: at(NOW_MS + 1) }],
    [
      { expires_at: at(NOW_MS + 3), offline_until: at(NOW_MS + 2) },
      { expires_at: at(NOW_MS + 2), offline_until: at(NOW_MS + 2) },
    ],
    [
      { offline_until: '2026-11-25T14:00:00+01:00' },
      { expires_at: '2026-11-25T13:00:00.000Z', offline_until: '2026-11-25T13:00:00.000Z' },
    ],
  ])('%j', (ask, signed) => {
    expect(draft(ask)).toEqual({ ...(draft() as LicenseData), ...signed });
  });

  test('or repeat the whole license', () => {
    const whole = draft();
    if (Array.isArray(whole)) throw new Error('refused');
    const { issued_at: _, ...ask } = whole;
    expect(draft(ask)).toEqual(whole);
  });
});

describe('a request for more than the license is refused with the name of each field', () => {
  test.each<[LicenseAsk, string[]]>([
    [{ license_id: 'lic_00_y' }, ['license_id']],
    [{ tenant_id: 'ten_00_y' }, ['tenant_id']],
    [{ plan: 'enterprise' }, ['plan']],
    [{ plan: 'free' }, ['plan']],
    [{ fingerprint: 'Machine' }, ['fingerprint']],
    [{ features: ['export', 'admin'] }, ['features']],
    [{ features: ['Export'] }, ['features']],
    [{ limits: { projects: 21 } }, ['limits']],
    [{ limits: { none: 1 } }, ['limits']],
    [{ limits: { Projects: 1 } }, ['limits']],
    [{ limits: { users: 0 } }, ['limits']],
    [{ limits: { valueOf: 0, projects: 20 } }, ['limits']],
    [{ limits: { users: 1, projects: 21 } }, ['limits', 'limits']],
    [{ seats: 4 }, ['seats']],
    [{ expires_at: at(NOW_MS + 7 * DAY_MS + 1) }, ['expires_at']],
    [{ offline_until: '9999-12-31T23:59:59.999Z' }, ['offline_until']],
    [{ expires_at: at(NOW_MS) }, ['expires_at']],
    [{ tenant_id: 'x', seats: 9, features: ['a', 'b'] }, ['tenant_id', 'features', 'features', 'seats']],
  ])('%j', (ask, fields) => {
    expect(draft(ask)).toEqual(fields);
  });

  test('and no request leads to a signature for more than the license', () => {
    const own = (value: string) =>
      fc.oneof({ weight: 4, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: fc.string() });
    const moment = fc.integer({ min: NOW_MS - DAY_MS, max: NOW_MS + 9 * DAY_MS }).map(at);
    const ask: fc.Arbitrary<LicenseAsk> = fc.record(
      {
        license_id: own('lic_00_x'),
        tenant_id: own('ten_00_x'),
        plan: fc.constantFrom('pro' as const, 'pro' as const, 'pro' as const, 'enterprise' as const),
        features: fc.array(fc.constantFrom('export', 'print', 'export', 'print', 'admin'), { maxLength: 2 }),
        limits: fc.oneof(
          fc.record({ projects: fc.nat(21), toString: fc.nat(1), none: fc.nat(1) }, { requiredKeys: [] }),
          fc.constantFrom({ valueOf: 0 }, { projects: 20, users: 0 }),
        ),
        seats: fc.nat(5),
        fingerprint: own('machine'),
        expires_at: moment,
        offline_until: moment,
      },
      { requiredKeys: [] },
    );
    let signed = 0;
    fc.assert(
      fc.property(ask, (request) => {
        const data = draft(request);
        if (Array.isArray(data)) return;
        signed += 1;
        expect(LicenseDataSchema.parse(data)).toEqual(data);
        expect(data).toMatchObject({
          license_id: 'lic_00_x',
          tenant_id: 'ten_00_x',
          plan: 'pro',
          fingerprint: 'machine',
          issued_at: at(NOW_MS),
        });
        expect(['export', 'print']).toEqual(expect.arrayContaining(data.features));
        const granted = new Map(Object.entries(TERMS.limits ?? {}));
        for (const [name, limit] of Object.entries(data.limits))
          expect(limit).toBeLessThanOrEqual(granted.get(name) ?? -1);
        if (request.limits) expect(data.limits).toEqual(request.limits);
        expect(data.seats).toBeLessThanOrEqual(3);
        expect(Date.parse(data.expires_at)).toBeLessThanOrEqual(NOW_MS + 7 * DAY_MS);
        expect(data.offline_until).toBe(data.expires_at);
      }),
      { seed: 20261125, numRuns: 6000 },
    );
    expect(signed).toBeGreaterThan(200);
  });
});
