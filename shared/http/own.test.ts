import { describe, expect, test } from 'vitest';
import type { Role, Standing } from '../domain/authorization.ts';
import { newLicenseId, newSessionId, newTenantId } from '../domain/ids.ts';
import type { Caller } from './contract.ts';
import { own, requestedLicense, requestedTenant, requiredTenant } from './own.ts';

const OPERATOR = { kind: 'operator', proof: { kind: 'trusted' } } as const;
const STANDINGS: Readonly<Record<string, Standing>> = {
  ten_a: 'ALLOWED',
  ten_b: 'ALLOWED',
  ten_c: 'FORBIDDEN',
};
const standing = (tenantId: string): Standing => STANDINGS[tenantId] ?? 'STRANGER';

/** A user who belongs to these tenants. */
function userOf(...tenantIds: string[]) {
  const tenants = Object.fromEntries(tenantIds.map((id): [string, Role] => [id, 'admin']));
  const proof = { kind: 'user', userId: 'usr_1', tenantIds } as const;
  return { kind: 'person', userId: 'usr_1', signInId: 'sin_1', tenants, proof } as const satisfies Caller;
}

test.each([
  ['is returned to a caller with access', 'ten_a', undefined],
  ['is forbidden to a member without access', 'ten_c', 'FORBIDDEN'],
  ['does not exist for a stranger', 'ten_z', 'LICENSE_NOT_FOUND'],
])('an object %s', (_, tenantId, problem) => {
  const found = { tenantId };
  expect(own(found, standing, 'LICENSE_NOT_FOUND')).toEqual(problem ? { problem } : found);
});

test('an object that does not exist is refused like one of another tenant', () => {
  expect(own(undefined, standing, 'LICENSE_NOT_FOUND')).toEqual({ problem: 'LICENSE_NOT_FOUND' });
});

describe.each([
  ['requestedTenant', requestedTenant],
  ['requiredTenant', requiredTenant],
] as const)('%s, for a user,', (_, tenantOf) => {
  test.each([
    ['the tenant that is named', 'ten_b', ['ten_a', 'ten_b'], { tenantId: 'ten_b' }],
    ['no tenant of others', 'ten_z', ['ten_a'], { problem: 'TENANT_NOT_FOUND' }],
    ['no tenant without access', 'ten_c', ['ten_c'], { problem: 'FORBIDDEN' }],
    ['the only tenant, if none is named', undefined, ['ten_a'], { tenantId: 'ten_a' }],
    ['the only tenant with access', undefined, ['ten_c', 'ten_a'], { tenantId: 'ten_a' }],
    ['no tenant, if none gives access', undefined, ['ten_c'], { problem: 'FORBIDDEN' }],
    ['no tenant, without any', undefined, [], { problem: 'FORBIDDEN' }],
  ])('is %s', (__, named, tenantIds, expected) => {
    expect(tenantOf(named, userOf(...tenantIds), standing)).toMatchObject(expected);
  });

  test('is required when there are several with access', () => {
    expect(tenantOf(undefined, userOf('ten_a', 'ten_b'), standing)).toMatchObject({
      problem: 'VALIDATION_FAILED',
      members: {
        errors: [{ at: 'tenant_id', detail: 'is required when you have several tenants' }],
      },
    });
  });
});

test('for an operator, no tenant means all tenants, or is refused if one is required', () => {
  expect(requestedTenant(undefined, OPERATOR, standing)).toEqual({ tenantId: undefined });
  expect(requestedTenant('ten_z', OPERATOR, standing)).toEqual({ tenantId: 'ten_z' });
  expect(requiredTenant('ten_z', OPERATOR, standing)).toEqual({ tenantId: 'ten_z' });
  expect(requiredTenant(undefined, OPERATOR, standing)).toMatchObject({
    problem: 'VALIDATION_FAILED',
    members: { errors: [{ at: 'tenant_id', detail: 'is required' }] },
  });
});

test('a request about a session is for the license of the key or, for a user, of the session', () => {
  const [ofKey, ofSession] = [newLicenseId(newTenantId(4)), newLicenseId(newTenantId(4))];
  const byKey = { kind: 'license', licenseId: ofKey, proof: { kind: 'license-key', keyHash: 'h' } } as const;
  expect(requestedLicense(byKey, newSessionId(ofSession))).toBe(ofKey);
  expect(requestedLicense(userOf('ten_a'), newSessionId(ofSession))).toBe(ofSession);
});
