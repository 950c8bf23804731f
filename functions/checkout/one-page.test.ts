import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Billing } from '../../shared/ports/billing.ts';
import { BILLING_ACCOUNTS, CHECKOUTS, LICENSES, TENANTS } from '../../shared/ports/collections.ts';
import { NO_LIMITS } from '../testing/no-limits.ts';
import { buySeats, createTrial, withoutStripeEvents } from '../testing/purchases.ts';
import { OPERATOR_KEY, openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';

/** A purchase is answered by a page that can be paid now, the only one of its license, or by the reason why not. */

const CREATE = '/api/v1/checkout/create-session';
const HOUR_MS = 3600 * 1000;

let suite: TestSuite;
/** Changes calls to Stripe until the test ends. */
let changes: Partial<Billing> = {};
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  suite = await openTestSuite({}, (deps) => ({
    ...deps,
    limits: NO_LIMITS,
    checkout: { ...deps.checkout },
    billing: deps.billing && changeable(deps.billing),
  }));
});
/** Calls the functions in `changes` instead of Stripe's. */
function changeable(billing: Billing): Billing {
  return {
    ...billing,
    readPrices: () => (changes.readPrices ?? billing.readPrices)(),
    createCheckout: (order) => (changes.createCheckout ?? billing.createCheckout)(order),
    createCustomer: (tenant) => (changes.createCustomer ?? billing.createCustomer)(tenant),
  };
}
beforeEach(() => {
  changes = {};
});
afterEach(() => suite.stripe.breakApi(undefined));
afterAll(async () => {
  await suite.close();
  vi.useRealTimers();
});

/** A tenant whose trial has just ended. */
function trial() {
  return createTrial(suite, { validUntilMs: Date.now() - 1 });
}

interface Of {
  readonly tenantId: string;
  readonly licenseId?: string;
}

function ask({ tenantId, licenseId }: Of, more: object = {}, key?: string): Promise<Reply> {
  return suite.call('POST', CREATE, {
    authorization: `Operator ${OPERATOR_KEY}`,
    body: {
      tenant_id: tenantId,
      plan: 'pro',
      seats: 2,
      ...(licenseId && { license_id: licenseId }),
      ...more,
    },
    headers: key === undefined ? {} : { 'idempotency-key': key },
  });
}

/** The address in the answer, of the only page that can be paid for the license. */
function onlyPage(reply: Reply): string {
  expect(reply.status, reply.text).toBe(201);
  const { checkout_url, license_id } = reply.body;
  expect(suite.stripe.openSessions(license_id).map(({ url }) => url)).toEqual([checkout_url]);
  return checkout_url;
}

function refusal({ status, body }: Reply): [number, string] {
  return [status, body.code];
}

function wait(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

async function rename(tenantId: string, name: string): Promise<void> {
  const reply = await suite.operate('PATCH', `/api/v1/tenants/${tenantId}`, { name });
  expect(reply.status, reply.text).toBe(200);
}

async function paidBy(of: { readonly licenseId: string }, url: string): Promise<void> {
  await suite.stripe.pay(url);
  await suite.stripe.idle();
  const license = await suite.deps.records.get(LICENSES, of.licenseId);
  expect(license).toMatchObject({ subscriptionId: suite.stripe.subscriptionOf(url), hold: null });
  const pool = await suite.deps.seats.listSeats(of.licenseId, { limit: 0 });
  expect(pool).toMatchObject({ max: 2 });
}

describe('a license whose subscription has ended is bought again at the first try', () => {
  test.each([
    ['without an Idempotency-Key', undefined, 0],
    ['with the same Idempotency-Key at once', 'order-1', 0],
    ['with the same Idempotency-Key 24 hours later', 'order-1', 24 * HOUR_MS],
  ])('%s', async (_, key, laterMs) => {
    const of = await trial();
    const first = onlyPage(await ask(of, {}, key));
    await paidBy(of, first);
    await suite.stripe.end(suite.stripe.subscriptionOf(first) ?? '');
    await suite.stripe.idle();
    wait(laterMs);
    const second = onlyPage(await ask(of, {}, key));
    expect(second).not.toBe(first);
    await paidBy(of, second);
  });

  test('although no event of Stripe arrived', async () => {
    const of = await trial();
    const first = onlyPage(await ask(of));
    await paidBy(of, first);
    await withoutStripeEvents(suite, async () => {
      await suite.stripe.end(suite.stripe.subscriptionOf(first) ?? '');
      expect(onlyPage(await ask(of))).not.toBe(first);
    });
  });

  test('although its page was paid and no event of that arrived either', async () => {
    const of = await trial();
    const first = onlyPage(await ask(of));
    await withoutStripeEvents(suite, async () => {
      await suite.stripe.pay(first);
      await suite.stripe.end(suite.stripe.subscriptionOf(first) ?? '');
    });
    await paidBy(of, onlyPage(await ask(of)));
  });

  test('after its customer was deleted at Stripe, with no event', async () => {
    const of = await trial();
    await paidBy(of, onlyPage(await ask(of)));
    const account = await suite.deps.records.get(BILLING_ACCOUNTS, of.tenantId);
    await withoutStripeEvents(suite, () => suite.stripe.deleteCustomer(account?.customerId ?? ''));
    await paidBy(of, onlyPage(await ask(of)));
    expect(suite.stripe.customersOf(of.tenantId)).toHaveLength(1);
  });
});

test('only the first subscription of a tenant begins with a trial, also if each is canceled in its trial', async () => {
  Object.assign(suite.deps.checkout, { trialDays: 14 });
  try {
    const of = await trial();
    const statuses: (string | undefined)[] = [];
    for (const licenseId of [of.licenseId, of.licenseId, undefined]) {
      const { checkout_url } = (await ask({ tenantId: of.tenantId, ...(licenseId && { licenseId }) })).body;
      await suite.stripe.pay(checkout_url);
      await suite.stripe.idle();
      const id = suite.stripe.subscriptionOf(checkout_url) ?? '';
      statuses.push(suite.stripe.subscription(id)?.status);
      await suite.stripe.end(id);
      await suite.stripe.idle();
    }
    expect(statuses).toEqual(['trialing', 'active', 'active']);
  } finally {
    Object.assign(suite.deps.checkout, { trialDays: 0 });
  }
});

describe('after a lost answer, the same request', () => {
  test('returns the same page while it can be paid', async () => {
    const of = await trial();
    const first = onlyPage(await ask(of, {}, 'order-1'));
    expect(onlyPage(await ask(of, {}, 'order-1'))).toBe(first);
    wait(23 * HOUR_MS);
    expect(onlyPage(await ask(of, {}, 'order-1'))).toBe(first);
  });

  test.each([
    ['expires within half an hour', () => wait(23 * HOUR_MS + HOUR_MS / 2 + 1)],
    ['has expired', () => wait(24 * HOUR_MS)],
  ])('returns another page if the first one %s', async (_, pass) => {
    const of = await trial();
    const first = onlyPage(await ask(of, {}, 'order-1'));
    pass();
    const second = onlyPage(await ask(of, {}, 'order-1'));
    expect(second).not.toBe(first);
    await paidBy(of, second);
  });

  test('is refused if the page was paid meanwhile, before and after the event of Stripe', async () => {
    const { tenantId } = await suite.createLicense();
    const first = await ask({ tenantId }, {}, 'order-1');
    await withoutStripeEvents(suite, () => suite.stripe.pay(onlyPage(first)));
    const again = () => ask({ tenantId }, {}, 'order-1');
    expect(refusal(await again())).toEqual([409, 'ALREADY_SUBSCRIBED']);
    for (const { id } of suite.stripe.events.slice(-6)) await suite.stripe.send(id);
    expect(await suite.deps.records.get(LICENSES, first.body.license_id)).toMatchObject({ max: 2 });
    expect(refusal(await again())).toEqual([409, 'ALREADY_SUBSCRIBED']);
  });

  test('leaves one open page, also if the answer of each call to Stripe was lost', async () => {
    const { tenantId } = await suite.createLicense();
    suite.stripe.breakApi('reset after doing');
    for (let i = 0; i < 2; i += 1)
      expect((await ask({ tenantId }, {}, 'order-1')).body.code).toBe('BILLING_UNAVAILABLE');
    suite.stripe.breakApi(undefined);
    await rename(tenantId, 'Another name');
    onlyPage(await ask({ tenantId }, {}, 'order-1'));
    expect(suite.stripe.customersOf(tenantId)).toMatchObject([{ name: 'Another name' }]);
  });

  test('is a purchase although Stripe saved a failure under the idempotency keys of the first one', async () => {
    const of = await trial();
    suite.stripe.breakApi('saved 500');
    expect((await ask(of, {}, 'order-1')).body.code).toBe('BILLING_UNAVAILABLE');
    suite.stripe.breakApi(undefined);
    onlyPage(await ask(of, {}, 'order-1'));
  });
});

describe('one Idempotency-Key is one purchase although', () => {
  test.each([
    ['the tenant was renamed', ({ tenantId }: Of) => rename(tenantId, 'Another name'), 'same'],
    [
      'the customer was replaced',
      async ({ tenantId }: Of) => {
        const account = await suite.deps.records.get(BILLING_ACCOUNTS, tenantId);
        await suite.stripe.deleteCustomer(account?.customerId ?? '');
        await suite.stripe.idle();
      },
      'other',
    ],
    [
      'the return address was changed',
      async () => void Object.assign(suite.deps.checkout, { returnUrl: 'https://vendor.example/thanks' }),
      'other',
    ],
    [
      'the price was replaced',
      () => suite.stripe.moveLookupKey('seatlease_pro_month', { unitAmount: 950 }),
      'other',
    ],
  ])('%s', async (_, change, which) => {
    const of = await trial();
    const first = onlyPage(await ask(of, {}, 'order-1'));
    await change(of);
    const second = onlyPage(await ask(of, {}, 'order-1'));
    expect(second === first ? 'same' : 'other').toBe(which);
    await paidBy(of, second);
  });

  test('the tenant was renamed after the answer about its customer was lost', async () => {
    const of = await trial();
    changes.createCustomer = async (tenant) => {
      changes = {};
      await suite.deps.billing?.createCustomer(tenant);
      throw new Error('crashes here');
    };
    expect((await ask(of, {}, 'order-1')).status).toBe(500);
    await rename(of.tenantId, 'Another name');
    await paidBy(of, onlyPage(await ask(of, {}, 'order-1')));
    expect(suite.stripe.customersOf(of.tenantId)).toMatchObject([{ name: 'Another name' }]);
  });
});

describe('two people at once', () => {
  test('get the same page for the same order', async () => {
    const of = await trial();
    const replies = await Promise.all(['one', 'two'].map((key) => ask(of, {}, key)));
    expect(new Set(replies.map(onlyPage)).size).toBe(1);
  });

  test('get one page that stays open for two orders, and the paid one wins', async () => {
    for (let i = 0; i < 5; i += 1) {
      const of = await trial();
      const orders = [2, 3, 4, 5].map((seats) => ask(of, { seats }, `order-of-${seats}`));
      const replies = await Promise.all(orders);
      const [open, ...others] = suite.stripe.openSessions(of.licenseId);
      expect(others).toEqual([]);
      expect(replies.map(({ body }) => body.checkout_url)).toContain(open?.url);
      for (const { body } of replies)
        if (body.checkout_url !== open?.url)
          await expect(suite.stripe.pay(body.checkout_url)).rejects.toThrow();
      await suite.stripe.pay(open?.url ?? '');
      expect(refusal(await ask(of, { seats: 6 }))).toEqual([409, 'ALREADY_SUBSCRIBED']);
      expect(suite.stripe.openSessions(of.licenseId)).toEqual([]);
    }
  });

  test('pay once: the page that was paid while another was asked for wins', async () => {
    const of = await trial();
    const first = onlyPage(await ask(of));
    changes.readPrices = async () => {
      changes = {};
      await withoutStripeEvents(suite, () => suite.stripe.pay(first));
      return (await suite.deps.billing?.readPrices()) ?? [];
    };
    expect(refusal(await ask(of, { seats: 3 }))).toEqual([409, 'ALREADY_SUBSCRIBED']);
    expect(suite.stripe.openSessions(of.licenseId)).toEqual([]);
  });

  test('replace each other’s pages: only the latest can be paid', async () => {
    const of = await trial();
    const first = onlyPage(await ask(of, { seats: 3 }, 'ada'));
    const second = onlyPage(await ask(of, { seats: 2 }, 'bob'));
    await expect(suite.stripe.pay(first)).rejects.toThrow();
    await paidBy(of, second);
  });

  test('create one customer for their tenant, whatever they buy', async () => {
    const { tenantId } = await suite.createLicense();
    const replies = await Promise.all([1, 2, 3, 4].map((seats) => ask({ tenantId }, { seats })));
    expect(new Set(replies.map(onlyPage)).size).toBe(4);
    const customers = suite.stripe.customersOf(tenantId);
    expect(customers).toHaveLength(1);
    const account = await suite.deps.records.get(BILLING_ACCOUNTS, tenantId);
    expect(account).toMatchObject({ customerId: customers[0]?.id, formerCustomerIds: [] });
  });

  test('create one customer also if a deleted one is replaced meanwhile', async () => {
    const { tenantId } = await suite.createLicense();
    changes.createCustomer = async (tenant) => {
      changes = {};
      const id = (await suite.deps.billing?.createCustomer({ ...tenant, attempt: 7 })) ?? '';
      onlyPage(await ask({ tenantId }));
      return id;
    };
    onlyPage(await ask({ tenantId }, { seats: 3 }));
    expect(suite.stripe.customersOf(tenantId)).toHaveLength(1);
  });
});

test('leaves no customer at Stripe if the tenant is closed meanwhile', async () => {
  const { tenantId } = await suite.createLicense();
  const { records } = suite.deps;
  changes.createCustomer = async (tenant) => {
    changes = {};
    await records.transact(async (transaction) => {
      const stored = await transaction.get(TENANTS, tenantId);
      if (stored) transaction.set(TENANTS, tenantId, { ...stored, closedAtMs: Date.now() });
    });
    return (await suite.deps.billing?.createCustomer(tenant)) ?? '';
  };
  expect(refusal(await ask({ tenantId }))).toEqual([409, 'TENANT_CLOSED']);
  expect(suite.stripe.customersOf(tenantId)).toEqual([]);
  expect(await records.get(BILLING_ACCOUNTS, tenantId)).toBeUndefined();
});

test('a price that is archived while a page is created is read again', async () => {
  const of = await trial();
  changes.createCheckout = async (order) => {
    changes = {};
    const { priceId } = order.price;
    await suite.stripe.moveLookupKey('seatlease_pro_month', { unitAmount: 950 });
    await suite.stripe.archivePrice(priceId);
    return (await suite.deps.billing?.createCheckout(order)) ?? { verdict: 'NO_PRICE' };
  };
  await paidBy(of, onlyPage(await ask(of)));
});

test('a plan whose price is archived is refused, and the log has a WARNING', async () => {
  const of = await trial();
  await suite.stripe.archivePrice(await suite.stripe.moveLookupKey('seatlease_team_year'));
  const reply = await ask(of, { plan: 'team', interval: 'year', seats: 5 });
  expect(refusal(reply)).toEqual([409, 'PLAN_NOT_FOR_SALE']);
  const line = suite.logged.findLast(({ code }) => code === 'PLAN_NOT_FOR_SALE');
  expect(line).toMatchObject({ severity: 'WARNING', because: expect.stringMatching(/team per year/) });
});

describe('nothing is sold beside a subscription that', () => {
  test.each([
    ['is active', async () => {}, 'ALREADY_SUBSCRIBED'],
    [
      'is to end with its period',
      (id: string) => suite.stripe.cancelAt(id, 2_000_000_000),
      'ALREADY_SUBSCRIBED',
    ],
    ['is paused', (id: string) => suite.stripe.pause(id), 'ALREADY_SUBSCRIBED'],
    ['is past due', (id: string) => suite.stripe.renew(id, 'declined'), 'INVOICE_NOT_PAID'],
    [
      'is unpaid',
      async (id: string) => {
        await suite.stripe.renew(id, 'declined');
        await suite.stripe.giveUp(id, 'unpaid');
      },
      'INVOICE_NOT_PAID',
    ],
  ])('%s: %s', async (_, change, code) => {
    const bought = await buySeats(suite);
    await change(bought.subscriptionId);
    await suite.stripe.idle();
    expect(refusal(await ask(bought))).toEqual([409, code]);
    expect(suite.stripe.openSessions(bought.licenseId)).toEqual([]);
  });

  test('has a first payment on its way, until it is paid or given up', async () => {
    for (const end of ['paid', 'given up'] as const) {
      const of = await trial();
      const page = onlyPage(await ask(of));
      await suite.stripe.payLater(page);
      await suite.stripe.idle();
      const id = suite.stripe.subscriptionOf(page) ?? '';
      const pending = await ask(of);
      expect(refusal(pending)).toEqual([409, 'INVOICE_NOT_PAID']);
      expect(pending.body.detail).toMatch(/23 hours/);
      if (end === 'paid') await suite.stripe.retryPayment(id);
      else await suite.stripe.giveUp(id, 'incomplete_expired');
      await suite.stripe.idle();
      if (end === 'paid') expect(refusal(await ask(of))).toEqual([409, 'ALREADY_SUBSCRIBED']);
      else await paidBy(of, onlyPage(await ask(of)));
    }
  });
});

test('a declined card leaves the page open, and no subscription behind', async () => {
  const of = await trial();
  const page = onlyPage(await ask(of));
  await suite.stripe.pay(page, 'declined');
  await suite.stripe.idle();
  expect(onlyPage(await ask(of))).toBe(page);
  await paidBy(of, page);
});

test('records the page that was given out, and one event for each', async () => {
  const of = await trial();
  const first = onlyPage(await ask(of));
  await ask(of);
  const second = onlyPage(await ask(of, { seats: 3 }));
  expect(await suite.deps.records.get(CHECKOUTS, of.licenseId)).toMatchObject({ url: second });
  const { body } = await suite.operate(
    'GET',
    `/api/v1/audit?license_id=${of.licenseId}&type=checkout.created`,
  );
  expect(body.events).toHaveLength(2);
  expect(first).not.toBe(second);
});

describe('seats that would not count', () => {
  test('are not sold: of a license that the vendor has suspended', async () => {
    const trialed = await createTrial(suite, { status: 'suspended' });
    const refused = await ask(trialed);
    expect(refusal(refused)).toEqual([409, 'LICENSE_NOT_FOR_SALE']);
    expect(refused.body.detail).toBe('The vendor has suspended this license. Contact the vendor.');
  });

  test('are not sold beside a subscription that is held, and count after its end', async () => {
    const bought = await buySeats(suite);
    const dispute = await suite.stripe.dispute(suite.stripe.chargeOf(bought.subscriptionId) ?? '');
    await suite.stripe.idle();
    expect(refusal(await ask(bought))).toEqual([409, 'ALREADY_SUBSCRIBED']);
    await suite.stripe.moveDispute(dispute, 'lost');
    await suite.stripe.end(bought.subscriptionId);
    await suite.stripe.idle();
    await suite.stripe.pay(onlyPage(await ask(bought, { seats: 3 })));
    await suite.stripe.idle();
    expect((await suite.operate('GET', `/api/v1/licenses/${bought.licenseId}`)).body).toMatchObject({
      max: 3,
      hold: null,
    });
  });
});
