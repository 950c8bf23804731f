import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BILLING_ACCOUNTS, LICENSES } from '../../shared/ports/collections.ts';
import { withoutStripeEvents } from '../testing/purchases.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';
import { signIn, type TestUser } from '../testing/users.ts';

const CREATE = '/api/v1/checkout/create-session';
const PORTAL = '/api/v1/checkout/create-portal-session';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite({ TRIALS_PER_DOMAIN: '0' });
});
afterAll(() => suite.close());

let people = 0;
/** A user with their own tenant. */
async function buyer(): Promise<Buyer> {
  people += 1;
  const person = await signIn(suite, `buyer${people}@shop${people}.example`);
  const [tenantId = ''] = person.tenants.keys();
  return { ...person, tenantId };
}
type Buyer = TestUser & { readonly tenantId: string };

/** Asks for a page to buy seats for the buyer's tenant. */
function order(buyer: Buyer, body: object, headers: Record<string, string> = {}): Promise<Reply> {
  return buyer.call('POST', CREATE, { tenant_id: buyer.tenantId, ...body }, headers);
}

function acquire(person: TestUser, licenseId: string, fingerprint: string): Promise<Reply> {
  return person.call('POST', '/api/v1/licenses/acquire', { license_id: licenseId, fingerprint });
}

function calls(call: string): number {
  return suite.stripe.calls.filter((made) => made === call).length;
}

test('lists the plans without credentials', async () => {
  const { status, body } = await suite.call('GET', '/api/v1/plans');
  expect(status).toBe(200);
  expect(body.plans.map(({ plan }: { plan: string }) => plan)).toEqual(['pro', 'team', 'enterprise']);
  expect(body.plans[1]).toMatchObject({ seats: { least: 5, most: 1000 }, intervals: ['month', 'year'] });
});

describe('a buyer', () => {
  test('pays at Stripe, then uses the seats signed in and with a new license key', async () => {
    const ada = await buyer();
    const created = await order(ada, { plan: 'pro', seats: 2 });
    expect(created.status, created.text).toBe(201);
    const { checkout_url, license_id } = created.body;
    expect((await acquire(ada, license_id, 'laptop')).body.code).toBe('LICENSE_NOT_FOUND');
    await suite.stripe.pay(checkout_url);
    await suite.stripe.idle();
    expect((await acquire(ada, license_id, 'laptop')).body).toMatchObject({ seats: { active: 1, max: 2 } });

    const rotated = await ada.call('POST', `/api/v1/licenses/${license_id}/rotate-key`, {});
    const byKey = await suite.call('POST', '/api/v1/licenses/acquire', {
      authorization: `License ${rotated.body.license_key}`,
      body: { fingerprint: 'desktop' },
    });
    expect(byKey.body).toMatchObject({ seats: { active: 2, max: 2 } });
    expect((await acquire(ada, license_id, 'tablet')).body.code).toBe('SEATS_EXHAUSTED');

    const { body } = await ada.call('GET', '/api/v1/subscriptions');
    expect(body.subscriptions).toEqual([
      expect.objectContaining({ license_id, plan: 'pro', seats: 2, status: 'active', cancel_at: null }),
    ]);
    const portal = await ada.call('POST', PORTAL, { tenant_id: ada.tenantId });
    expect(portal.body.portal_url).toMatch(/\/portal\//);
  });

  test('causes two calls to Stripe, two more for the first purchase, and two for the same page again', async () => {
    const ada = await buyer();
    async function callsOf(headers?: Record<string, string>): Promise<string[]> {
      const before = suite.stripe.calls.length;
      expect((await order(ada, { plan: 'pro', seats: 1 }, headers)).status).toBe(201);
      return suite.stripe.calls.slice(before).map((call) => call.replace(/cus_\w+/, 'cus'));
    }
    const [prices, page] = ['GET /v1/prices', 'POST /v1/checkout/sessions'];
    expect(await callsOf()).toEqual([prices, 'POST /v1/customers', 'POST /v1/customers/cus', page]);
    const key = { 'idempotency-key': 'order-1' };
    expect(await callsOf(key)).toEqual([prices, page]);
    expect(await callsOf(key)).toEqual([prices, 'GET /v1/checkout/sessions']);
  });

  test('turns a trial into a paid license that keeps its sessions', async () => {
    const ada = await buyer();
    const trial = await ada.call('POST', '/api/v1/licenses/trial/activate', {
      tenant_id: ada.tenantId,
      fingerprint: 'laptop',
    });
    expect(trial.status, trial.text).toBe(201);
    const { license_id, license_key } = trial.body;
    const authorization = `License ${license_key}`;
    const seat = await suite.call('POST', '/api/v1/licenses/acquire', {
      authorization,
      body: { fingerprint: 'laptop' },
    });
    const created = await order(ada, { plan: 'team', seats: 6, license_id });
    expect(created.body.license_id).toBe(license_id);
    await suite.stripe.pay(created.body.checkout_url);
    await suite.stripe.idle();
    const { session_id, session_token } = seat.body;
    const beat = await suite.call('PUT', '/api/v1/licenses/heartbeat', {
      authorization,
      body: { session_id, session_token },
    });
    expect(beat.status, beat.text).toBe(200);
    expect(beat.body.session_id).toBe(session_id);
    const license = await suite.operate('GET', `/api/v1/licenses/${license_id}`);
    expect(license.body).toMatchObject({ trial: false, plan: 'team', max: 6, seats: { active: 1 } });
  });
});

describe('an Idempotency-Key', () => {
  test('makes one purchase of twenty concurrent requests', async () => {
    const ada = await buyer();
    const before = [calls('POST /v1/customers'), calls('POST /v1/checkout/sessions')];
    const ask = () => order(ada, { plan: 'pro', seats: 3 }, { 'idempotency-key': 'order-1' });
    const replies = await Promise.all(Array.from({ length: 20 }, ask));
    expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(201));
    expect(new Set(replies.map(({ body }) => body.checkout_url)).size).toBe(1);
    expect(new Set(replies.map(({ body }) => body.license_id)).size).toBe(1);
    expect(calls('POST /v1/checkout/sessions')).toBeGreaterThan(before[1] ?? 0);
    const account = await suite.deps.records.get(BILLING_ACCOUNTS, ada.tenantId);
    expect(account).toMatchObject({ formerCustomerIds: [] });
  });

  test('is refused with other options, and is independent of the same key in another tenant', async () => {
    const [ada, bob] = [await buyer(), await buyer()];
    const key = { 'idempotency-key': 'order-1' };
    const first = await order(ada, { plan: 'pro', seats: 3 }, key);
    const other = await order(ada, { plan: 'pro', seats: 4 }, key);
    expect([other.status, other.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    const bobs = await order(bob, { plan: 'pro', seats: 4 }, key);
    expect(bobs.status).toBe(201);
    expect(bobs.body.license_id).not.toBe(first.body.license_id);
  });

  test.each([
    ['', 400],
    [' ', 400],
    ['x'.repeat(256), 400],
    ['schlüssel', 400],
    ['x'.repeat(255), 201],
  ])('with the value %j returns %i', async (key, status) => {
    const ada = await buyer();
    const headers = { 'idempotency-key': Buffer.from(key).toString('latin1') };
    const reply = await order(ada, { plan: 'pro', seats: 1 }, headers);
    expect(reply.status).toBe(status);
  });

  test('makes one purchase of all retries, even if answers of Stripe are lost', async () => {
    const ada = await buyer();
    const ask = () => order(ada, { plan: 'pro', seats: 3 }, { 'idempotency-key': 'order-1' });
    suite.stripe.breakApi('reset after doing');
    expect((await ask()).body.code).toBe('BILLING_UNAVAILABLE');
    suite.stripe.breakApi('status 500');
    expect((await ask()).body.code).toBe('BILLING_UNAVAILABLE');
    suite.stripe.breakApi(undefined);
    const created = await ask();
    expect(created.status).toBe(201);
    expect((await ask()).body).toEqual(created.body);
  });
});

describe('a license is not paid for twice', () => {
  async function trialOf(person: Buyer): Promise<string> {
    const trial = await person.call('POST', '/api/v1/licenses/trial/activate', {
      tenant_id: person.tenantId,
      fingerprint: `laptop of ${person.email}`,
    });
    return trial.body.license_id;
  }

  test('when two pages are open: only the latest accepts a payment', async () => {
    const ada = await buyer();
    const license_id = await trialOf(ada);
    const first = await order(ada, { plan: 'pro', seats: 2, license_id });
    const second = await order(ada, { plan: 'pro', seats: 3, license_id });
    await expect(suite.stripe.pay(first.body.checkout_url)).rejects.toThrow();
    await suite.stripe.pay(second.body.checkout_url);
    await suite.stripe.idle();
    const third = await order(ada, { plan: 'pro', seats: 4, license_id });
    expect([third.status, third.body.code]).toEqual([409, 'ALREADY_SUBSCRIBED']);
  });

  test('when the event of the payment has not arrived yet', async () => {
    const ada = await buyer();
    const license_id = await trialOf(ada);
    const first = await order(ada, { plan: 'pro', seats: 2, license_id });
    await withoutStripeEvents(suite, () => suite.stripe.pay(first.body.checkout_url));
    const second = await order(ada, { plan: 'pro', seats: 2, license_id });
    expect([second.status, second.body.code]).toEqual([409, 'ALREADY_SUBSCRIBED']);
  });
});

describe('a purchase that is not possible', () => {
  test.each([
    ['a plan without a price', { plan: 'free', seats: 1 }, 409, 'PLAN_NOT_FOR_SALE'],
    ['a plan with another interval', { plan: 'enterprise', seats: 30 }, 409, 'PLAN_NOT_FOR_SALE'],
    ['fewer seats than the plan allows', { plan: 'team', seats: 4 }, 400, 'VALIDATION_FAILED'],
    ['more seats than the plan allows', { plan: 'pro', seats: 51 }, 400, 'VALIDATION_FAILED'],
    ['no seats', { plan: 'pro', seats: 0 }, 400, 'VALIDATION_FAILED'],
    ['half a seat', { plan: 'pro', seats: 1.5 }, 400, 'VALIDATION_FAILED'],
    ['a price of the caller', { plan: 'pro', seats: 1, price: 'price_1' }, 400, 'VALIDATION_FAILED'],
    ['a return address of the caller', { plan: 'pro', seats: 1, return_url: 'x' }, 400, 'VALIDATION_FAILED'],
  ])('%s is refused without calling Stripe', async (_, terms, status, code) => {
    const ada = await buyer();
    const before = suite.stripe.calls.length;
    const reply = await order(ada, terms);
    expect([reply.status, reply.body.code]).toEqual([status, code]);
    expect(suite.stripe.calls).toHaveLength(before);
  });

  test('a license that the vendor manages or that belongs to another tenant is refused', async () => {
    const ada = await buyer();
    const own = await suite.createLicense({ tenant_id: ada.tenantId, max: 1 });
    const foreign = await suite.createLicense({ max: 1 });
    for (const [license_id, code] of [
      [own.licenseId, 'LICENSE_NOT_FOR_SALE'],
      [foreign.licenseId, 'LICENSE_NOT_FOUND'],
    ]) {
      const reply = await order(ada, { plan: 'pro', seats: 1, license_id });
      expect(reply.body.code).toBe(code);
    }
    expect((await suite.deps.records.get(LICENSES, own.licenseId))?.subscriptionId).toBeNull();
  });
});

test('requires tenant_id and names the field, if the user can buy for more than one tenant', async () => {
  const ada = await buyer();
  await ada.call('POST', '/api/v1/tenants', { name: 'Another shop' });
  for (const reply of [
    await ada.call('POST', CREATE, { plan: 'pro', seats: 1 }),
    await suite.operate('POST', CREATE, { plan: 'pro', seats: 1 }),
    await ada.call('POST', PORTAL, {}),
  ])
    expect(reply.body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ at: '/tenant_id' }] });
});

test('refuses the portal to a tenant that has bought nothing', async () => {
  const ada = await buyer();
  expect((await ada.call('POST', PORTAL, { tenant_id: ada.tenantId })).body.code).toBe('NO_BILLING_ACCOUNT');
});

test('creates a new customer at the next purchase if the previous one was deleted at Stripe', async () => {
  const ada = await buyer();
  await order(ada, { plan: 'pro', seats: 1 });
  const before = await suite.deps.records.get(BILLING_ACCOUNTS, ada.tenantId);
  await withoutStripeEvents(suite, () => suite.stripe.deleteCustomer(before?.customerId ?? ''));
  const created = await order(ada, { plan: 'pro', seats: 1 });
  expect(created.status).toBe(201);
  const after = await suite.deps.records.get(BILLING_ACCOUNTS, ada.tenantId);
  expect(after?.formerCustomerIds).toEqual([before?.customerId]);
  await suite.stripe.pay(created.body.checkout_url);
  await suite.stripe.idle();
  expect((await acquire(ada, created.body.license_id, 'laptop')).status).toBe(201);
});

test('a plan whose price Stripe does not have is not for sale', async () => {
  const own = await openTestSuite({}, (deps) => ({
    ...deps,
    billing: deps.billing && { ...deps.billing, readPrices: async () => [] },
  }));
  const { tenantId } = await own.createLicense();
  const reply = await own.operate('POST', CREATE, { tenant_id: tenantId, plan: 'pro', seats: 1 });
  await own.close();
  expect([reply.status, reply.body.code]).toEqual([409, 'PLAN_NOT_FOR_SALE']);
});

test.each([
  [CREATE, { plan: 'pro', seats: 1 }],
  [PORTAL, {}],
])('%s returns BILLING_NOT_SET_UP if payments are not configured', async (path, body) => {
  const own = await openTestSuite({}, (deps) => ({ ...deps, billing: undefined }));
  const { tenantId } = await own.createLicense();
  const reply = await own.operate('POST', path, { tenant_id: tenantId, ...body });
  await own.close();
  expect([reply.status, reply.body.code]).toEqual([503, 'BILLING_NOT_SET_UP']);
});
