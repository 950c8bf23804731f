import { expect, test } from 'vitest';
import { newLicenseId, newSessionId, newTenantId } from '../../domain/ids.ts';
import { memberOf, sessionOfMember, unpackFacts } from './encoding.ts';

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
