import { expect, test } from 'vitest';
import type { License } from '../../sdk/src/api.ts';
import type { Call } from './api-call.ts';
import { limitsText, nameOf, readLicenses, troubleOf } from './licenses.ts';

const NOW = Date.parse('2026-11-28T10:00:00Z');

const license = (terms: Partial<License> = {}): License => ({
  license_id: 'lic_1',
  tenant_id: 'ten_1',
  plan: 'team',
  features: [],
  limits: {},
  max: 8,
  overdraft: 0,
  ttl_seconds: 360,
  heartbeat_seconds: 300,
  unit: 'machine',
  max_sessions: 64,
  status: 'active',
  hold: null,
  subscription_id: null,
  trial: false,
  valid_until: null,
  offline_grace_days: 3,
  offline_start_days: 0,
  signed_limit: 80,
  overrides: [],
  borrow: { max_days: 0, low_water: 0 },
  requests_per_minute: 1_200,
  usage_caps: {},
  usage_floors: {},
  created_at: '2026-11-01T00:00:00Z',
  updated_at: '2026-11-01T00:00:00Z',
  ...terms,
});

test('names a license by its plan and seats', () => {
  expect(nameOf(license())).toBe('Team, 8 seats');
  expect(nameOf(license({ plan: 'pro', max: 1, trial: true }))).toBe('Pro trial, 1 seat');
});

test('shows limits by name, with separated thousands', () => {
  expect(limitsText({ projects: 20, 'rows per table': 1_000_000 })).toBe(
    'projects: 20, rows per table: 1,000,000',
  );
});

test.each([
  ['in force', {}, undefined],
  ['overdue', { status: 'suspended', hold: 'payment' }, 'Pay the open invoice'],
  ['suspended', { status: 'suspended' }, 'suspended'],
  ['at its end date', { valid_until: '2026-11-28T10:00:00Z' }, 'expired'],
  ['before its end date', { valid_until: '2026-11-28T10:00:01Z' }, undefined],
] as const)('reports whether and why a license that is %s grants no seats', (_, terms, words) => {
  const trouble = troubleOf(license(terms), NOW);
  if (words === undefined) expect(trouble).toBeUndefined();
  else expect(trouble).toContain(words);
});

test('adds an older license by its id, but no license of another tenant', async () => {
  const others: Readonly<Record<string, License>> = {
    lic_old: license({ license_id: 'lic_old' }),
    lic_foreign: license({ license_id: 'lic_foreign', tenant_id: 'ten_2' }),
  };
  const called: string[] = [];
  const call = (async (operation: string, input: { params?: { license_id: string } }) => {
    called.push(operation);
    return operation === 'licensesList' ? { licenses: [license()] } : others[input.params?.license_id ?? ''];
  }) as unknown as Call;
  const { signal } = new AbortController();
  const idsFor = async (wanted: string): Promise<string[]> =>
    (await readLicenses(call, 'ten_1', wanted, signal)).map(({ license_id }) => license_id);

  expect(await idsFor('')).toEqual(['lic_1']);
  expect(await idsFor('lic_1')).toEqual(['lic_1']);
  expect(called).toEqual(['licensesList', 'licensesList']);
  expect(await idsFor('lic_old')).toEqual(['lic_1', 'lic_old']);
  expect(await idsFor('lic_foreign')).toEqual(['lic_1']);
});
