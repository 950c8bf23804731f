import { expect, test } from 'vitest';
import type { Proof } from '../ports/seats.ts';
import { refuseKey, refuseLicense } from './license-refusal.ts';

const KEY: Proof = { kind: 'license-key', keyHash: 'hash' };
const PERSON: Proof = { kind: 'user', userId: 'usr_0000000000000000', tenantIds: [] };

test('a caller with a key gets the same refusal for an unknown license and a wrong key', () => {
  for (const verdict of ['UNKNOWN_LICENSE', 'WRONG_KEY'] as const)
    expect(refuseLicense({ verdict }, KEY).problem).toBe('CREDENTIALS_INVALID');
});

test('a signed-in user gets the same refusal for an unknown license and one of another tenant', () => {
  for (const verdict of ['UNKNOWN_LICENSE', 'NOT_YOURS'] as const)
    expect(refuseLicense({ verdict }, PERSON).problem).toBe('LICENSE_NOT_FOUND');
});

test.each([KEY, PERSON])('a $kind proof gets the wait time and the status of its license', (proof) => {
  const wait = { verdict: 'TOO_OFTEN', retryAfterSeconds: 7 } as const;
  for (const refusal of [refuseKey(wait, proof), refuseLicense(wait, proof)])
    expect(refusal).toMatchObject({ problem: 'RATE_LIMITED', retryAfterSeconds: 7 });
  expect(refuseLicense({ verdict: 'SUSPENDED' }, proof)).toEqual({ problem: 'LICENSE_SUSPENDED' });
  expect(refuseLicense({ verdict: 'EXPIRED' }, proof)).toEqual({ problem: 'LICENSE_EXPIRED' });
});
