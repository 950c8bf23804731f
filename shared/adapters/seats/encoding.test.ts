import { expect, test } from 'vitest';
import { newLicenseId, newSessionId, newTenantId } from '../../domain/ids.ts';
import { newEntitlement } from '../../testing/contracts/seats/pool.ts';
import { memberOf, packEntitlement, sessionOfMember, unpackEntitlement, unpackFacts } from './encoding.ts';

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

test.each(['[2,"f","ada-laptop"]', '[1,7,"ada-laptop"]', 'ada-laptop', '{"hostname":"ada-laptop"}', ''])(
  'reports facts in another form, %j, without quoting them',
  (facts) => {
    expect(() => unpackFacts(`holder|1|2|3|${facts}`)).toThrow(/^unknown form of session facts$/);
  },
);

test('decodes the same entitlement that was encoded, and none with entitlements in another form', () => {
  const limits = { 'größe "a"': 2 ** 53 - 1, '7': 0 };
  const terms = newEntitlement({ entitlements: { plan: 'team', features: ['größe', '"'], limits } });
  const packed = ['version', '1', ...packEntitlement(terms)];
  expect(unpackEntitlement(terms.licenseId, packed)).toEqual(terms);
  const at = packed.indexOf('entitlements') + 1;
  for (const text of ['', '{}', '{"plan":"gold","features":[],"limits":{}}', '[1'])
    expect(unpackEntitlement(terms.licenseId, packed.with(at, text))).toBeUndefined();
});
