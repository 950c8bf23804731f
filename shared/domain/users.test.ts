import { expect, test } from 'vitest';
import { ROLES, type Role } from './authorization.ts';
import { isClosing, isOperator, mayAppoint, newTenant, refuseJoining } from './users.ts';

const HOUR_MS = 3_600_000;
const EMAIL = 'ada@vendor.example';
const ADA = {
  email: EMAIL,
  addresses: [{ email: EMAIL, fromMs: 0, untilMs: null }],
  hostedDomain: 'vendor.example',
};
const NO_ONE = { emails: [] };

test.each([
  ['by address', { emails: ['ada@vendor.example'] }, true],
  ['by Workspace domain', { emails: [], domain: 'vendor.example' }, true],
  ['by neither', { emails: ['bob@vendor.example'], domain: 'other.example' }, false],
  ['if none is configured', NO_ONE, false],
])('a user is an operator %s', (_, rule, expected) => {
  expect(isOperator(ADA, 0, rule, 1)).toBe(expected);
});

test('a user without a Workspace domain is no operator by domain, whatever the address', () => {
  const personal = { ...ADA, hostedDomain: null };
  expect(isOperator(personal, 0, { emails: [], domain: 'vendor.example' }, 1)).toBe(false);
  expect(isOperator(personal, 0, NO_ONE, 1)).toBe(false);
});

test('a user is an operator for 12 hours after signing in', () => {
  const rule = { emails: [ADA.email] };
  expect(isOperator(ADA, 7, rule, 7 + 12 * HOUR_MS - 1)).toBe(true);
  expect(isOperator(ADA, 7, rule, 7 + 12 * HOUR_MS)).toBe(false);
});

test('a user is no operator by an address that another account has now', () => {
  const addresses = [{ email: EMAIL, fromMs: 0, untilMs: 5 }];
  expect(isOperator({ ...ADA, addresses }, 0, { emails: [EMAIL] }, 6)).toBe(false);
});

/** Which roles a user with this role can give. */
const APPOINTS: Readonly<Record<Role, readonly Role[]>> = {
  member: ['member'],
  admin: ['member', 'admin'],
  owner: ['member', 'admin'],
};

test.each(ROLES)('%s gives only these roles, to anyone but the owner', (own) => {
  for (const current of [undefined, 'member', 'admin'] as const)
    expect(ROLES.filter((wanted) => mayAppoint(own, current, wanted))).toEqual(APPOINTS[own]);
  expect(ROLES.filter((wanted) => mayAppoint(own, 'owner', wanted))).toEqual([]);
});

test('a user without a role gives none', () => {
  expect(ROLES.filter((wanted) => mayAppoint(undefined, undefined, wanted))).toEqual([]);
});

test.each([
  ['an open tenant', {}, { erasureId: null }, undefined],
  ['a closed tenant', { closedAtMs: 1 }, { erasureId: null }, 'TENANT_CLOSED'],
  ['a tenant whose erasure has begun', { erasureId: 'era_1' }, { erasureId: null }, 'TENANT_CLOSED'],
  ['an open tenant while their own erasure runs', {}, { erasureId: 'era_1' }, 'USER_NOT_FOUND'],
  ['an open tenant after they were erased', {}, undefined, 'USER_NOT_FOUND'],
] as const)('a user who joins %s is accepted or refused by rule', (_, state, user, expected) => {
  const tenant = { ...newTenant('ten_1', 'The shop', null, 0), ...state };
  expect(refuseJoining(tenant, user)).toBe(expected);
  expect(isClosing(tenant)).toBe(expected === 'TENANT_CLOSED');
});
