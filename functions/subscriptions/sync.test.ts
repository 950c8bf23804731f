import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newLicenseId } from '../../shared/domain/ids.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { EVENTS_BY_RECORDING } from '../../shared/ports/queries.ts';
import { beginPurchase, buySeats, withoutStripeEvents } from '../testing/purchases.ts';
import { openTestSuite, type TestSuite } from '../testing/suite.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

const sync = (licenseId: string, query = '') =>
  suite.operate('POST', `/api/v1/subscriptions/${licenseId}/sync${query}`);
const licenseOf = async (licenseId: string) =>
  (await suite.operate('GET', `/api/v1/licenses/${licenseId}`)).body;

async function auditedOf(licenseId: string) {
  const all = await Array.fromAsync(eachDocument(suite.deps.records, EVENTS_BY_RECORDING, {}));
  return all
    .filter((event) => event.licenseId === licenseId)
    .map(({ type, actor }) => `${type} by ${actor.kind}`);
}

describe('a sync of a subscription', () => {
  test('gives the seats of a payment whose event is lost, and records by whom', async () => {
    const { licenseId, subscriptionId } = await buySeats(suite, { seats: 2 });
    await suite.stripe.renew(subscriptionId, 'declined');
    await suite.stripe.giveUp(subscriptionId, 'unpaid');
    await suite.stripe.idle();
    await withoutStripeEvents(suite, () => suite.stripe.retryPayment(subscriptionId));
    expect((await licenseOf(licenseId)).hold).toBe('payment');
    const before = await auditedOf(licenseId);
    const synced = await sync(licenseId);
    expect([synced.status, synced.body]).toMatchObject([
      200,
      { subscription_id: subscriptionId, license_id: licenseId, status: 'active', seats: 2, hold: null },
    ]);
    expect((await licenseOf(licenseId)).hold).toBeNull();
    const after = await auditedOf(licenseId);
    expect(before).not.toContain('license.updated by operator');
    expect(after.toSorted()).toEqual([...before, 'license.updated by operator'].toSorted());
  });

  test('records nothing if Stripe has what is known', async () => {
    const { licenseId } = await buySeats(suite);
    const before = await auditedOf(licenseId);
    const { version } = await licenseOf(licenseId);
    expect((await sync(licenseId)).status).toBe(200);
    expect(await auditedOf(licenseId)).toEqual(before);
    expect((await licenseOf(licenseId)).version).toBe(version);
  });

  test('gives the seats of a purchase of which no event arrived, if it is named', async () => {
    const begun = await beginPurchase(suite, { seats: 3 });
    const subscriptionId = await withoutStripeEvents(suite, () => begun.pay());
    expect((await sync(begun.licenseId)).body.code).toBe('LICENSE_NOT_FOUND');
    const synced = await sync(begun.licenseId, `?subscription_id=${subscriptionId}`);
    expect([synced.status, synced.body.seats]).toEqual([200, 3]);
    expect(await licenseOf(begun.licenseId)).toMatchObject({ max: 3, subscription_id: subscriptionId });
  });

  test('shows a subscription that has ended', async () => {
    const { licenseId, subscriptionId } = await buySeats(suite);
    await withoutStripeEvents(suite, () => suite.stripe.end(subscriptionId));
    expect((await sync(licenseId)).body).toMatchObject({ status: 'canceled' });
  });

  test('is refused for an unknown license, for one that nothing pays for, and for another subscription', async () => {
    const { licenseId } = await buySeats(suite);
    const unpaid = await suite.createLicense({ max: 1 });
    const answers = [
      await sync(newLicenseId(unpaid.tenantId)),
      await sync(unpaid.licenseId),
      await sync(licenseId, '?subscription_id=sub_unknown'),
      await sync(unpaid.licenseId, `?subscription_id=${(await sync(licenseId)).body.subscription_id}`),
      await sync(licenseId, '?subscription_id=in_1'),
    ];
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [404, 'LICENSE_NOT_FOUND'],
      [404, 'SUBSCRIPTION_NOT_FOUND'],
      [404, 'SUBSCRIPTION_NOT_FOUND'],
      [404, 'SUBSCRIPTION_NOT_FOUND'],
      [400, 'VALIDATION_FAILED'],
    ]);
    expect(answers[2]?.body.detail).toContain('the subscription does not exist at Stripe');
    expect(answers[3]?.body.detail).toContain('pays for another license');
  });
});
