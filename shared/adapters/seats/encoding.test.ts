import { describe, expect, test } from 'vitest';
import { newLicenseId, newSessionId, newTenantId } from '../../domain/ids.ts';
import { newEntitlement } from '../../testing/contracts/seats/pool.ts';
import {
  memberOf,
  packEntitlement,
  packFacts,
  sessionOfMember,
  unpackEntitlement,
  unpackSession,
} from './encoding.ts';

const tenantId = newTenantId(16);
const [licenseId, another] = [newLicenseId(tenantId), newLicenseId(tenantId)];

test('decodes the same session that was encoded', () => {
  const sessionId = newSessionId(licenseId);
  const member = memberOf(licenseId, sessionId);
  expect(sessionOfMember(licenseId, member)).toBe(sessionId);
  expect(sessionId.endsWith(member)).toBe(true);
  expect(member).toHaveLength(16);
});

test('does not confuse a session with one of another license whose id has the same end', () => {
  const own = newSessionId(licenseId);
  const alike = own.replace(licenseId.slice(4), another.slice(4));
  expect(memberOf(another, alike)).toBe(memberOf(licenseId, own));
  expect(memberOf(licenseId, alike)).toBe(alike);
  for (const unknown of ['', 'ses_', 'ses_never_was', licenseId])
    expect(memberOf(licenseId, unknown)).toBe(unknown);
});

test('decodes a session as the scripts store it, of each kind, on a machine that is its holder or not', () => {
  const sessionId = newSessionId(licenseId);
  const facts = { fingerprint: 'a|b', userId: '' };
  const session = { sessionId, holder: 'h', acquiredAtMs: 1, expiresAtMs: 2, facts };
  const packed = (kind: string, machine: string) => `h|2|1|${kind}|${machine}|${packFacts(facts)}`;
  expect(unpackSession(sessionId, packed('i', ''))).toEqual({ ...session, kind: 'instance', machine: 'h' });
  expect(unpackSession(sessionId, packed('m', 'm'))).toEqual({ ...session, kind: 'machine', machine: 'm' });
  expect(unpackSession(sessionId, packed('l', 'm'))).toEqual({ ...session, kind: 'loan', machine: 'm' });
});

test.each(['[2,"f","ada-laptop"]', '[1,7,"ada-laptop"]', 'ada-laptop', '{"hostname":"ada-laptop"}', ''])(
  'reports facts in another form, %j, without quoting them',
  (facts) => {
    expect(() => unpackSession('s', `h|2|1|i||${facts}`)).toThrow(/^unknown form of session facts$/);
  },
);

test.each(['h|2|1|x||[1,"f"]', 'h|2|1|i|[1,"f"]', 'h|2|i||[1,"f"]', ''])(
  'reports a session in another form, %j, without quoting it',
  (packed) => {
    expect(() => unpackSession('s', packed)).toThrow(/^unknown form of session facts$/);
  },
);

describe('an entitlement copy', () => {
  const entitlement = newEntitlement({ validUntilMs: 5, previousKeyHash: 'x', previousKeyUntilMs: 6 });
  const flat = ['version', '1', ...packEntitlement(entitlement)];

  /** The copy with another value in one field. */
  const withField = (field: string, value: string) =>
    flat.map((word, i) => (i % 2 === 1 && flat[i - 1] === field ? value : word));

  test('is decoded as it was encoded, also among counters', () => {
    expect(unpackEntitlement(entitlement.licenseId, [...flat, 'pa', '17', 'denied', '1 2 x'])).toEqual(
      entitlement,
    );
  });

  test.each([
    ['v', '2'],
    ['max', 'many'],
    ['entitlements', '{"plan":"a newer one","features":[],"limits":{}}'],
    ['entitlements', 'no JSON'],
  ])('counts as lost if its %s is %s', (field, value) => {
    expect(unpackEntitlement(entitlement.licenseId, withField(field, value))).toBeUndefined();
  });

  test('counts as lost if it is missing', () => {
    expect(unpackEntitlement(entitlement.licenseId, [])).toBeUndefined();
    expect(unpackEntitlement(entitlement.licenseId, flat.slice(0, -2))).toBeUndefined();
  });
});
