import { expect, test } from 'vitest';
import { hashLicenseKey, newLicenseId, newLicenseKey } from '../domain/ids.ts';
import type { Deps } from '../ports/deps.ts';
import { authenticate, challenge } from './credentials.ts';

const OPERATOR_KEY = 'the-operator-key';
const deps = { isOperatorKey: (presented: string): boolean => presented === OPERATOR_KEY } as Deps;
const licenseId = newLicenseId('ten_07_0123456789abcdef');
const key = newLicenseKey(licenseId);
const BOTH = ['license', 'operator'] as const;

test('a license key names its license and is passed on as its hash alone', () => {
  const caller = authenticate(`License ${key}`, BOTH, deps);
  expect(caller).toEqual({
    kind: 'license',
    licenseId,
    proof: { kind: 'license-key', keyHash: hashLicenseKey(key) },
  });
  expect(JSON.stringify(caller)).not.toContain(key);
});

test('the scheme is read in any case, the key as it is', () => {
  expect(authenticate(`license ${key}`, BOTH, deps)).toMatchObject({ kind: 'license' });
  expect(authenticate(`OPERATOR  ${OPERATOR_KEY}`, BOTH, deps)).toEqual({
    kind: 'operator',
    proof: { kind: 'trusted' },
  });
  expect(authenticate(`Operator ${OPERATOR_KEY.toUpperCase()}`, BOTH, deps)).toMatchObject({
    problem: 'CREDENTIALS_INVALID',
  });
});

test.each([
  undefined,
  '',
  'License',
  'License ',
  ` License ${key}`,
  `License\t${key}`,
  'Basic eDp5',
  'License a b',
  `License ${'x'.repeat(4096)}`,
])('%j is no usable credential', (header) => {
  expect(authenticate(header, BOTH, deps)).toEqual({ problem: 'AUTHENTICATION_REQUIRED' });
});

test('good credentials of a kind that the endpoint does not take are told which it takes', () => {
  expect(authenticate(`License ${key}`, ['operator'], deps)).toEqual({
    problem: 'FORBIDDEN',
    detail: 'This endpoint takes "Operator <key>".',
  });
});

test('where credentials are optional, none is fine and a bad one is not', () => {
  const accepted = ['anyone', 'operator'] as const;
  expect(authenticate(undefined, accepted, deps)).toEqual({ kind: 'anyone' });
  expect(authenticate(`Operator ${OPERATOR_KEY}`, accepted, deps)).toMatchObject({ kind: 'operator' });
  expect(authenticate('Operator wrong', accepted, deps)).toMatchObject({ problem: 'CREDENTIALS_INVALID' });
  expect(authenticate('rubbish', accepted, deps)).toMatchObject({ problem: 'AUTHENTICATION_REQUIRED' });
});

test('where everybody may come, nobody is asked who they are', () => {
  expect(authenticate('Operator wrong', ['anyone'], deps)).toEqual({ kind: 'anyone' });
});

test('a 401 offers every scheme that would do', () => {
  expect(challenge(BOTH)).toBe('License realm="seatlease", Operator realm="seatlease"');
  expect(challenge(['anyone', 'operator'])).toBe('Operator realm="seatlease"');
});
