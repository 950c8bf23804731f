import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { billedUnits, meteredLicense } from '../testing/metered-license.ts';
import { buySeats } from '../testing/purchases.ts';
import type { TestSuite } from '../testing/suite.ts';
import { signIn } from '../testing/users.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let clocked: ClockedSuite;
let suite: TestSuite;
beforeEach(async () => {
  clocked = await openClockedSuite(undefined, {
    USAGE_METERS: 'exports,api_calls,coffee',
    USAGE_CAPS: '1000',
    USAGE_FLOORS: '1,api_calls=10',
  });
  suite = clocked.suite;
});
afterEach(() => clocked.close());

describe('the records of a license', () => {
  test('show what was billed, with all times', async () => {
    const app = await meteredLicense(suite);
    const used = new Date(clocked.nowMs() - HOUR_MS).toISOString();
    const received = new Date(clocked.nowMs()).toISOString();
    await app.record('run', 7, { timestamp: used });
    clocked.moveClock(1_000);
    await suite.sweep();
    const sent = new Date(clocked.nowMs()).toISOString();
    expect(await app.records()).toEqual({
      license_id: app.licenseId,
      records: [
        {
          ...{
            id: 'run',
            meter: 'exports',
            quantity: 7,
            timestamp: used,
            received_at: received,
            sent_at: sent,
          },
          ...{ state: 'sent', problem: null, voided: null },
        },
      ],
      next_cursor: null,
    });
  });

  test('are unbilled without a price for the meter, or without a subscription, and say which', async () => {
    const [priceless, free] = [
      await meteredLicense(suite, { price: false }),
      await meteredLicense(suite, { paying: false }),
    ];
    for (const app of [priceless, free]) await app.record('run', 7);
    expect((await suite.sweep()).body).toMatchObject({ usage_sent: 1, usage_without_price: 1 });
    expect(suite.logged.at(-1)).toMatchObject({
      severity: 'WARNING',
      licenses_without_price: [priceless.licenseId],
    });
    const [sent] = (await priceless.records('state=unbilled')).records;
    expect(sent).toMatchObject({ problem: 'no_price', sent_at: expect.any(String) });
    const [kept] = (await free.records('state=unbilled')).records;
    expect(kept).toMatchObject({ problem: 'no_customer', sent_at: null });
    // A price that is added in this period bills it all the same.
    expect(billedUnits(suite)).toBe(7);
  });

  test('are sent if any subscription of the tenant has a price', async () => {
    const app = await meteredLicense(suite);
    const { licenseId } = await buySeats(suite, { tenantId: app.tenantId });
    expect(licenseId).not.toBe(app.licenseId);
    await app.record('run', 7);
    expect((await suite.sweep()).body).toMatchObject({ usage_sent: 1, usage_without_price: 0 });
  });

  test('are late after the end of the subscription, and the log names the license', async () => {
    const app = await meteredLicense(suite);
    await app.record('run', 7);
    await suite.stripe.end(app.subscriptionId ?? '');
    await suite.stripe.idle();
    expect((await suite.sweep()).body).toMatchObject({ usage_sent: 1, usage_late: 1 });
    expect(suite.logged).toContainEqual(
      expect.objectContaining({ severity: 'WARNING', licenses_billed_late: [app.licenseId] }),
    );
    expect((await app.records('state=late')).records).toMatchObject([{ problem: 'subscription_ended' }]);
  });

  test('are late, and not sent, when no sweep ran until Stripe refuses them', async () => {
    const app = await meteredLicense(suite);
    await app.record('run', 7);
    clocked.moveClock(35 * DAY_MS);
    await suite.sweep();
    expect((await app.records('state=late')).records).toMatchObject([{ problem: 'too_old', sent_at: null }]);
    expect(billedUnits(suite)).toBe(0);
  });

  test('are uncertain after an outage of 23 hours', async () => {
    const app = await meteredLicense(suite);
    await app.record('run', 7);
    suite.stripe.breakApi('status 500');
    await suite.sweep();
    clocked.moveClock(23 * HOUR_MS);
    suite.stripe.breakApi(undefined);
    await suite.sweep();
    expect((await app.records('state=uncertain')).records).toMatchObject([
      { problem: 'outage', sent_at: null },
    ]);
  });

  test('are listed in pages, newest first, to admins of the tenant only', async () => {
    const ada = await signIn(suite, 'ada@shop.example');
    const [tenantId = ''] = ada.tenants.keys();
    const { licenseId } = await suite.createLicense({ tenant_id: tenantId });
    for (let n = 0; n < 3; n += 1) {
      clocked.moveClock(1);
      await ada.call('POST', '/api/v1/usage/record', {
        license_id: licenseId,
        id: `${n}`,
        meter: 'exports',
        quantity: 1,
      });
    }
    const path = `/api/v1/licenses/${licenseId}/usage-records?limit=2`;
    const first = (await ada.call('GET', path)).body;
    expect(first.records.map(({ id }: { id: string }) => id)).toEqual(['2', '1']);
    const second = (await ada.call('GET', `${path}&cursor=${first.next_cursor}`)).body;
    expect(second.records).toMatchObject([{ id: '0', state: 'new' }]);
    expect(second.next_cursor).toBeNull();
    const body = { license_id: licenseId, ids: ['0'], reason: 'for operators only' };
    await suite.operate('POST', '/api/v1/usage/void', body);
    const voided = (await ada.call('GET', `${path}&state=voided`)).body.records[0].voided;
    expect(voided).toEqual({ at: expect.any(String), at_stripe: 'not_billed' });
    const bob = await signIn(suite, 'bob@rival.example');
    const stranger = await bob.call('GET', path);
    expect([stranger.status, stranger.body.code]).toEqual([404, 'LICENSE_NOT_FOUND']);
  });
});

test('the totals name all meters of the settings, also without usage', async () => {
  const app = await meteredLicense(suite, { paying: false });
  expect(await app.totals()).toMatchObject({
    ...{ available_meters: ['exports', 'api_calls', 'coffee'], meters: [], days: [] },
  });
});

describe('the limits of one license', () => {
  const change = (licenseId: string, terms: Record<string, unknown>) =>
    suite.operate('PATCH', `/api/v1/licenses/${licenseId}`, terms);

  test('replace those of the settings, for that meter and license', async () => {
    const [app, other] = [await meteredLicense(suite), await meteredLicense(suite)];
    const changed = await change(app.licenseId, {
      usage_caps: { exports: 50 },
      usage_floors: { exports: 5 },
    });
    expect(changed.body).toMatchObject({
      ...{ usage_caps: { exports: 50 }, usage_floors: { exports: 5 } },
      overrides: expect.arrayContaining(['usage_caps', 'usage_floors']),
    });
    const below = await app.record('run', 4);
    expect([below.status, below.body.code, below.body.least]).toEqual([400, 'USAGE_BELOW_FLOOR', 5]);
    const above = await app.record('run', 51);
    expect([above.status, above.body.code, above.body.remaining]).toEqual([409, 'USAGE_CAP_REACHED', 50]);
    expect((await app.record('run', 50)).status).toBe(201);
    expect((await app.record('calls', 1_000, { meter: 'api_calls' })).status).toBe(201);
    expect((await other.record('run', 1_000)).status).toBe(201);
    await change(app.licenseId, { usage_caps: null, usage_floors: null });
    await suite.sweep();
    expect((await app.record('run 2', 1)).status).toBe(201);
  });

  test('hold for records that arrived before the sweep, and let them count once there is room', async () => {
    const app = await meteredLicense(suite);
    await change(app.licenseId, { usage_caps: { exports: 50 } });
    await Promise.all([1, 2, 3].map((n) => app.record(`run ${n}`, 30)));
    expect((await suite.sweep()).body).toMatchObject({ usage_counted: 1, usage_over_cap: 2 });
    expect((await app.totals()).meters).toMatchObject([
      {
        quantity: 30,
        states: [
          { state: 'sent', quantity: 30, records: 1 },
          { state: 'over_cap', quantity: 60, records: 2 },
        ],
      },
    ]);
    await change(app.licenseId, { usage_caps: { exports: 90 } });
    for (const n of [1, 2, 3]) expect((await app.record(`run ${n}`, 30)).status).toBe(200);
    await suite.sweep();
    expect(billedUnits(suite)).toBe(90);
  });

  test('forbid a meter with a cap of 0', async () => {
    const app = await meteredLicense(suite);
    await change(app.licenseId, { usage_caps: { exports: 0 } });
    const refused = await app.record('run', 1);
    expect([refused.status, refused.body.code, refused.body.remaining]).toEqual([
      409,
      'USAGE_CAP_REACHED',
      0,
    ]);
    expect(refused.body.detail).toBe('This license cannot use this meter.');
  });

  test('of the settings hold for all others', async () => {
    const app = await meteredLicense(suite);
    expect((await app.record('calls', 9, { meter: 'api_calls' })).body).toMatchObject({
      ...{ code: 'USAGE_BELOW_FLOOR', least: 10 },
    });
    expect((await app.record('calls', 10, { meter: 'api_calls' })).status).toBe(201);
  });

  test.each([
    ['of an unknown meter', { usage_caps: { export: 5 } }, '/usage_caps'],
    [
      'of a floor above the cap',
      { usage_caps: { exports: 5 }, usage_floors: { exports: 6 } },
      '/usage_floors',
    ],
    ['that are negative', { usage_caps: { exports: -1 } }, '/usage_caps/exports'],
    ['of a floor of 0', { usage_floors: { exports: 0 } }, '/usage_floors/exports'],
  ])('are refused %s', async (_, terms, at) => {
    const { licenseId } = await suite.createLicense();
    const refused = await change(licenseId, terms);
    expect([refused.status, refused.body.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(refused.body.errors[0].at).toBe(at);
    const created = await suite.operate('POST', '/api/v1/licenses', { max: 1, ...terms });
    expect(created.status).toBe(400);
  });
});
