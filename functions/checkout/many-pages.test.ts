import { expect, test } from 'vitest';
import { unlimited } from '../testing/no-limits.ts';
import { createTrial } from '../testing/purchases.ts';
import { openTestSuite } from '../testing/suite.ts';

test('a purchase costs a few calls to Stripe, however many pages of the tenant are open', async () => {
  const suite = await openTestSuite({}, unlimited);
  const { tenantId, licenseId } = await createTrial(suite);
  const buy = (more: object = {}) =>
    suite.operate('POST', '/api/v1/checkout/create-session', {
      ...{ tenant_id: tenantId, plan: 'pro', seats: 2 },
      ...more,
    });
  const first = await buy({ license_id: licenseId });
  for (let n = 0; n < 210; n += 1) expect((await buy()).status).toBe(201);
  for (const expected of ['another', 'the same']) {
    const callsBefore = suite.stripe.calls.length;
    const again = await buy({ license_id: licenseId });
    expect(
      suite.stripe.calls.length - callsBefore,
      suite.stripe.calls.slice(callsBefore).join(),
    ).toBeLessThan(7);
    const open = suite.stripe.openSessions(licenseId).map(({ url }) => url);
    expect(open, expected).toEqual([again.body.checkout_url]);
    expect(again.body.checkout_url).not.toBe(first.body.checkout_url);
  }
  await suite.close();
});
