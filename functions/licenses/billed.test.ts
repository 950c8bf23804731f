import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { system } from '../../shared/domain/actor.ts';
import { licenseUnder, type Subscription } from '../../shared/domain/subscription.ts';
import { LICENSES, SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import { changeLicense } from '../../shared/use-cases/licenses.ts';
import { openTestSuite, type Reply, type TestLicense, type TestSuite } from '../testing/suite.ts';
import { signIn } from '../testing/users.ts';

const DAY_MS = 24 * 3600 * 1000;

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

/** A license that a subscription pays for, as after a read of Stripe. */
async function billedLicense(change: Partial<Subscription> = {}): Promise<TestLicense> {
  const created = await suite.createLicense({ max: 1 });
  await bill(created, change);
  return created;
}

async function bill({ licenseId, tenantId }: TestLicense, change: Partial<Subscription> = {}): Promise<void> {
  const { records, clock } = suite.deps;
  const nowMs = clock.nowMs();
  const subscription: Subscription = {
    subscriptionId: `sub_of_${licenseId}`,
    customerId: 'cus_1',
    tenantId,
    licenseId,
    status: 'active',
    items: [],
    meteredPrices: [],
    planOfPriceId: {},
    seatItemIds: [],
    plan: 'pro',
    seats: 2,
    review: null,
    reviewSinceMs: null,
    collection: 'automatic',
    isCollectionPaused: false,
    scheduleId: null,
    unpaidItemIds: [],
    isNeverPaid: false,
    createdAtMs: nowMs,
    periodEndMs: nowMs + 30 * DAY_MS,
    cancelAtMs: null,
    endedAtMs: null,
    latestInvoiceId: null,
    unpaidSinceMs: null,
    unpaidInvoiceId: null,
    payments: { disputes: {}, refunds: {}, lifts: {} },
    itemsSinceMs: nowMs,
    pendingChange: null,
    change: null,
    hold: change.status === 'unpaid' ? 'payment' : null,
    rivalIds: [],
    lookAtMs: null,
    revision: 1,
    ...change,
  };
  const license = licenseUnder(subscription, await records.get(LICENSES, licenseId), nowMs);
  if (!license) throw new Error('no license');
  await changeLicense(suite.deps, { actor: system('stripe') }, async (transaction) => {
    transaction.set(SUBSCRIPTIONS, subscription.subscriptionId, subscription);
    transaction.writeLicense(license, nowMs);
  });
}

function change({ licenseId }: TestLicense, terms: Record<string, unknown>): Promise<Reply> {
  return suite.operate('PATCH', `/api/v1/licenses/${licenseId}`, terms);
}

async function read({ licenseId }: TestLicense): Promise<Reply['body']> {
  return (await suite.operate('GET', `/api/v1/licenses/${licenseId}`)).body;
}

describe('a license that a subscription pays for', () => {
  test.each([
    ['seats', { max: 100 }, ['/max']],
    ['plan', { plan: 'enterprise' }, ['/plan']],
    ['TTL', { ttl_seconds: 3600 }, ['/ttl_seconds']],
    ['end', { valid_until: null }, ['/valid_until']],
    ['seats and plan, beside what may be changed', { overdraft: 1, max: 3, plan: 'team' }, ['/max', '/plan']],
  ])('refuses a change of %s, and names the fields', async (_, terms, places) => {
    const license = await billedLicense();
    const before = await read(license);
    const refused = await change(license, terms);
    expect([refused.status, refused.body.code]).toEqual([409, 'BILLED_BY_SUBSCRIPTION']);
    expect(refused.body.errors.map(({ at }: { at: string }) => at)).toEqual(places);
    expect(await read(license)).toEqual(before);
  });

  test('lets the vendor change all other terms, and the seats too once the subscription has ended', async () => {
    const license = await billedLicense();
    expect((await change(license, { overdraft: 1, features: ['beta'] })).body).toMatchObject({
      overdraft: 1,
      features: ['beta'],
      max: 2,
    });
    await bill(license, { status: 'canceled', endedAtMs: suite.deps.clock.nowMs() });
    expect((await change(license, { max: 7, valid_until: null })).body).toMatchObject({ max: 7 });
  });
});

describe('a license on hold for an unpaid invoice', () => {
  test('grants no seat, shows the reason to admins, and is not released by a change of status', async () => {
    const license = await billedLicense({ status: 'unpaid' });
    expect(await read(license)).toMatchObject({ status: 'suspended', hold: 'payment', trial: false });
    expect((await license.acquire('laptop')).body.code).toBe('LICENSE_SUSPENDED');
    expect((await change(license, { status: 'active' })).body.status).toBe('suspended');
    expect((await license.acquire('laptop')).body.code).toBe('LICENSE_SUSPENDED');
  });

  test('grants seats again once paid, unless the vendor has suspended it', async () => {
    const license = await billedLicense({ status: 'unpaid' });
    await bill(license);
    expect((await license.acquire('laptop')).status).toBe(201);
    await change(license, { status: 'suspended' });
    await bill(license, { seats: 3 });
    expect((await license.acquire('desktop')).body.code).toBe('LICENSE_SUSPENDED');
  });

  test('is not signed', async () => {
    const license = await billedLicense();
    const { session_id } = (await license.acquire('laptop')).body;
    await bill(license, { status: 'unpaid' });
    expect((await license.sign({ session_id })).body.code).toBe('LICENSE_SUSPENDED');
  });
});

describe('an admin of a tenant', () => {
  test('can rotate the key of a license of the tenant, and of no other', async () => {
    const license = await billedLicense();
    const bob = await signIn(suite, 'bob@shop.example');
    const [tenantId = ''] = bob.tenants.keys();
    const own = await suite.createLicense({ tenant_id: tenantId, max: 1 });
    const rotated = await bob.call('POST', `/api/v1/licenses/${own.licenseId}/rotate-key`, {});
    expect(rotated.status).toBe(200);
    const acquired = await suite.call('POST', '/api/v1/licenses/acquire', {
      authorization: `License ${rotated.body.license_key}`,
      body: { fingerprint: 'laptop' },
    });
    expect(acquired.status).toBe(201);
    expect((await own.acquire('laptop')).status).toBe(401);

    const foreign = await bob.call('POST', `/api/v1/licenses/${license.licenseId}/rotate-key`, {});
    expect([foreign.status, foreign.body.code]).toEqual([404, 'LICENSE_NOT_FOUND']);
    expect((await license.acquire('laptop')).status).toBe(201);
  });
});
