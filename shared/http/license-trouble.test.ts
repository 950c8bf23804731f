import { expect, test } from 'vitest';
import type { Proof } from '../ports/seats.ts';
import { refuseKey, refuseLicense } from './license-trouble.ts';

const KEY: Proof = { kind: 'license-key', keyHash: 'hash' };
const PERSON: Proof = { kind: 'user', userId: 'usr_0000000000000000', tenantIds: [] };

test('whoever shows a key cannot tell a license that is not there from a key that does not fit', () => {
  for (const verdict of ['UNKNOWN_LICENSE', 'WRONG_KEY'] as const)
    expect(refuseLicense({ verdict }, KEY).problem).toBe('CREDENTIALS_INVALID');
});

test('whoever is signed in cannot tell a license that is not there from one of somebody else', () => {
  for (const verdict of ['UNKNOWN_LICENSE', 'NOT_YOURS'] as const)
    expect(refuseLicense({ verdict }, PERSON).problem).toBe('LICENSE_NOT_FOUND');
});

test.each([KEY, PERSON])('a $kind is told how long to wait, and how a license of theirs stands', (proof) => {
  const wait = { verdict: 'TOO_OFTEN', retryAfterSeconds: 7 } as const;
  for (const refusal of [refuseKey(wait, proof), refuseLicense(wait, proof)])
    expect(refusal).toMatchObject({ problem: 'RATE_LIMITED', retryAfterSeconds: 7 });
  expect(refuseLicense({ verdict: 'SUSPENDED' }, proof)).toEqual({ problem: 'LICENSE_SUSPENDED' });
  expect(refuseLicense({ verdict: 'EXPIRED' }, proof)).toEqual({ problem: 'LICENSE_EXPIRED' });
});
