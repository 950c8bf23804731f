import { describe, expect, test } from 'vitest';
import { identityOf, pseudonyms } from './holder.ts';
import { newLicenseId, newTenantId } from './ids.ts';
import {
  type AddressPeriod,
  belongingsOf,
  hasAddress,
  isWithin,
  withAddress,
  withoutAddress,
} from './person.ts';

const LICENSE_ID = newLicenseId(newTenantId(16));
const HASHED = pseudonyms('pseudonym-key-0123456789abcdef0123456789');
const EMAIL = 'ada@shop.example';
/** The account had this address from 100 to 200, and has another one since. */
const ADDRESSES: AddressPeriod[] = [
  { email: EMAIL, fromMs: 100, untilMs: 200 },
  { email: 'ada@new.example', fromMs: 200, untilMs: null },
];
const ADA = { userId: 'usr_ada', addresses: ADDRESSES };
const OWN = belongingsOf(ADA, LICENSE_ID, HASHED);

test.each([
  [99, false],
  [100, true],
  [199, true],
  [200, false],
])('a period from 100 until 200 contains %i: %s', (atMs, expected) => {
  expect(isWithin(atMs, { fromMs: 100, untilMs: 200 })).toBe(expected);
  expect(isWithin(atMs, { fromMs: 100, untilMs: null })).toBe(atMs >= 100);
});

describe('the addresses of an account', () => {
  test('begin with the first sign-in, and stay the same until the address changes', () => {
    const first = withAddress([], EMAIL, 100);
    expect(first).toEqual([{ email: EMAIL, fromMs: 100, untilMs: null }]);
    expect(withAddress(first, EMAIL, 150)).toBe(first);
    expect(withAddress(first, 'ada@new.example', 200)).toEqual(ADDRESSES);
  });

  test('end when another account has the address, and begin again if it returns', () => {
    const lost = withoutAddress(withAddress([], EMAIL, 100), 200);
    expect(lost).toEqual([{ email: EMAIL, fromMs: 100, untilMs: 200 }]);
    expect(hasAddress(lost, EMAIL)).toBe(false);
    expect(withAddress(lost, EMAIL, 300)).toEqual([...lost, { email: EMAIL, fromMs: 300, untilMs: null }]);
  });
});

test.each<[userId: string | undefined, acquiredAtMs: number, expected: boolean]>([
  ['usr_ada', 0, true],
  ['usr_ada', 999, true],
  [EMAIL, 99, false],
  [EMAIL, 100, true],
  ['ADA@shop.EXAMPLE', 199, true],
  [EMAIL, 200, false],
  ['ada@new.example', 199, false],
  ['ada@new.example', 999, true],
  ['USR_ADA', 150, false],
  ['bob@shop.example', 150, false],
  [undefined, 150, false],
])('a session that names %s and began at %i belongs to the user: %s', (userId, acquiredAtMs, expected) => {
  const facts = { fingerprint: 'laptop', ...(userId !== undefined && { userId }) };
  expect(OWN.owns({ holder: 'of-a-machine', acquiredAtMs, facts })).toBe(expected);
});

test('a loan that was restored without facts is found by its holder, for an address only in its period', () => {
  const facts = { fingerprint: '' };
  const owns = (name: string, acquiredAtMs: number) =>
    OWN.owns({ holder: HASHED.holder(LICENSE_ID, 'user', name), acquiredAtMs, facts });
  expect([owns('usr_ada', 0), owns(EMAIL, 150), owns(EMAIL, 250), owns('usr_bob', 150)]).toEqual([
    ...[true, true, false, false],
  ]);
});

describe('the holder of a session', () => {
  const ownsHolder = (unit: 'machine' | 'user' | 'process', userId: string, isSignedIn: boolean) => {
    const facts = { fingerprint: 'laptop', userId, processId: '4711' };
    const { holders } = identityOf({ facts, isSignedIn }, LICENSE_ID, HASHED);
    return OWN.ownsHolder({ holder: holders[unit] ?? '', acquiredAtMs: 150, facts });
  };

  test('is the user alone if it is the user id, or a machine or process of the signed-in user', () => {
    for (const unit of ['machine', 'user', 'process'] as const)
      expect(ownsHolder(unit, ADA.userId, true)).toBe(true);
    expect(ownsHolder('user', ADA.userId, false)).toBe(true);
  });

  test('may have had other users if it is an address, if a license key only claimed the user, or if it is another user', () => {
    expect(ownsHolder('user', EMAIL, false)).toBe(false);
    for (const unit of ['machine', 'process'] as const) {
      expect(ownsHolder(unit, ADA.userId, false)).toBe(false);
      expect(ownsHolder(unit, EMAIL, false)).toBe(false);
    }
    for (const unit of ['machine', 'user', 'process'] as const)
      expect(ownsHolder(unit, 'usr_bob', true)).toBe(false);
  });
});

test('the pseudonyms are that of the user id at any time, and those of the addresses in their periods', () => {
  const holder = (name: string) => HASHED.holder(LICENSE_ID, 'user', name);
  expect(OWN.holders).toEqual([holder('usr_ada')]);
  expect(OWN.holdersWithin).toEqual([
    { holder: holder(EMAIL), fromMs: 100, untilMs: 200 },
    { holder: holder('ada@new.example'), fromMs: 200, untilMs: null },
  ]);
  expect(belongingsOf({ ...ADA, addresses: [] }, LICENSE_ID, HASHED).holdersWithin).toEqual([]);
});
