import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Unavailable } from '../../shared/errors.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { EVENTS_BY_RECORDING } from '../../shared/ports/queries.ts';
import type { Records } from '../../shared/ports/records.ts';
import { openClockedSuite } from '../testing/clocked-suite.ts';
import { openCrashes } from '../testing/crashes.ts';
import { NO_LIMITS } from '../testing/no-limits.ts';
import { buySeats, type PurchaseOptions, withoutStripeEvents } from '../testing/purchases.ts';
import { OPERATOR_KEY, openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';
import { join, signIn } from '../testing/users.ts';

const crash = () => new Unavailable('billing', 'crashes here');
const crashes = openCrashes(crash);
/** Whether it crashes when Stripe has made a change. */
let crashesAfterChange = false;
/** What happens once, just before Stripe makes a change. */
let meanwhile: (() => Promise<unknown>) | undefined;

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite({}, withCrash);
});
afterAll(() => suite.close());
beforeEach(() => {
  crashes.end();
});

function withCrash(deps: Deps): Deps {
  const { step } = crashes;
  const { billing, seats } = deps;
  if (!billing) return deps;
  const records: Records = {
    ...deps.records,
    query: (query, equals, page) => deps.records.query(query, equals, page),
    get: (collection, id) => step(() => deps.records.get(collection, id)),
    transact: (work) => step(() => deps.records.transact(work)),
  };
  return {
    ...deps,
    records,
    // One operator sends all requests.
    limits: NO_LIMITS,
    billing: {
      ...billing,
      readSubscription: (id) => step(() => billing.readSubscription(id)),
      readPrices: () => step(() => billing.readPrices()),
      changeItem: (change) =>
        step(async () => {
          const happens = meanwhile;
          meanwhile = undefined;
          await happens?.();
          const changed = await billing.changeItem(change);
          if (crashesAfterChange) throw crash();
          return changed;
        }),
    },
    seats: { ...seats, putLicense: (license, event) => step(() => seats.putLicense(license, event)) },
  };
}

async function buy(options: PurchaseOptions = {}) {
  const bought = await buySeats(suite, options);
  const path = `/api/v1/subscriptions/${bought.licenseId}`;
  return {
    ...bought,
    preview: (body: object) => suite.operate('POST', `${path}/preview`, body),
    change: (body: object, key?: string) => sendChange(path, body, key),
    license: async () => (await suite.operate('GET', `/api/v1/licenses/${bought.licenseId}`)).body,
    atStripe: () => suite.stripe.subscription(bought.subscriptionId),
    invoices: () => invoicesOf(bought.subscriptionId),
    audited: (type: string) => auditedOf(bought.licenseId, type),
  };
}
type Bought = Awaited<ReturnType<typeof buy>>;

function sendChange(path: string, body: object, key?: string): Promise<Reply> {
  const authorization = `Operator ${OPERATOR_KEY}`;
  const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
  return suite.call('PATCH', path, { authorization, headers, body });
}

/** Amounts of the invoices after the first, which was the purchase. */
function invoicesOf(subscriptionId: string): number[] {
  return suite.stripe.events
    .filter(({ type }) => type === 'invoice.finalized')
    .map(({ body }) => JSON.parse(body).data.object)
    .filter(({ parent }) => parent.subscription_details.subscription === subscriptionId)
    .map(({ total }) => total)
    .slice(1);
}

async function auditedOf(licenseId: string, type: string) {
  const all = await Array.fromAsync(eachDocument(suite.deps.records, EVENTS_BY_RECORDING, {}));
  return all.filter((event) => event.licenseId === licenseId && event.type === type);
}

const chargeOf = (subscriptionId: string): string => suite.stripe.chargeOf(subscriptionId) ?? '';

const updates = () =>
  suite.stripe.calls.filter((call) => /^POST \/v1\/subscriptions\/sub_/.test(call)).length;

describe('a change', () => {
  test('charges what was previewed, and gives the seats before it answers', async () => {
    const bought = await buy({ seats: 2 });
    const previewed = await bought.preview({ seats: 5 });
    expect(previewed.status, previewed.text).toBe(200);
    const { amount_due, credit, lines, next_invoice, proration_date, ...rest } = previewed.body;
    expect(rest).toEqual({
      license_id: bought.licenseId,
      subscription_id: bought.subscriptionId,
      ...{ plan: 'pro', interval: 'month', seats: 5, currency: 'usd', collection: 'automatic' },
    });
    expect([credit, lines.length, next_invoice.amount]).toEqual([0, 2, 4500]);
    expect(lines.reduce((sum: number, { amount }: { amount: number }) => sum + amount, 0)).toBe(amount_due);
    expect(bought.atStripe()?.seats).toBe(2);
    expect(Date.parse(next_invoice.at)).toBe((bought.atStripe()?.periodEnd ?? 0) * 1000);

    const changed = await withoutStripeEvents(suite, () => bought.change({ seats: 5, proration_date }));
    expect(changed.status, changed.text).toBe(200);
    expect(changed.body).toMatchObject({ license_id: bought.licenseId, seats: 5, plan: 'pro' });
    expect((await bought.license()).max).toBe(5);
    expect(bought.invoices()).toEqual([amount_due]);
  });

  test('of the plan changes the terms of the license, and of the interval begins a new period', async () => {
    const bought = await buy({ seats: 6 });
    const toTeam = await bought.change({ plan: 'team' });
    expect(toTeam.body).toMatchObject({ plan: 'team', seats: 6 });
    expect(await bought.license()).toMatchObject({
      plan: 'team',
      max: 6,
      features: ['export', 'shared-settings'],
    });

    const previewed = await bought.preview({ interval: 'year', plan: 'enterprise', seats: 25 });
    expect(previewed.body).toMatchObject({ interval: 'year', next_invoice: { amount: 750_000 } });
    const yearMs = Date.parse(previewed.body.next_invoice.at) - Date.now();
    expect(yearMs).toBeGreaterThan(364 * 24 * 3600 * 1000);
    const changed = await bought.change({ interval: 'year', plan: 'enterprise', seats: 25 });
    expect(changed.body).toMatchObject({ plan: 'enterprise', seats: 25 });
    expect(bought.atStripe()?.lookupKey).toBe('seatlease_enterprise_year');
  });

  test('to fewer seats gives a credit, and ends the seats beyond them', async () => {
    const bought = await buy({ seats: 2 });
    const sessions = [await bought.acquire('laptop'), await bought.acquire('desktop')];
    const previewed = await bought.preview({ seats: 1 });
    expect(previewed.body.amount_due).toBe(0);
    expect(previewed.body.credit).toBeGreaterThan(0);
    expect(
      (await bought.change({ seats: 1, proration_date: previewed.body.proration_date })).body.seats,
    ).toBe(1);
    expect(bought.invoices()).toEqual([-previewed.body.credit]);
    const beats: number[] = [];
    for (const { body } of sessions) {
      const { session_id, session_token } = body;
      beats.push((await bought.heartbeat({ session_id, session_token })).status);
    }
    expect(beats.toSorted()).toEqual([200, 404]);
    expect((await bought.acquire('tablet')).body.code).toBe('SEATS_EXHAUSTED');
  });

  test('in a trial costs nothing now', async () => {
    const bought = await buy({ seats: 2, trialDays: 14 });
    const { body } = await bought.preview({ seats: 5 });
    expect([body.amount_due, body.credit, body.lines, body.next_invoice.amount]).toEqual([0, 0, [], 4500]);
    expect((await bought.change({ seats: 5 })).body).toMatchObject({ seats: 5, status: 'trialing' });
    expect(bought.invoices()).toEqual([]);
  });

  test('keeps a price that is no longer sold, unless plan or interval change', async () => {
    const bought = await buy({ seats: 2 });
    await suite.stripe.moveLookupKey('seatlease_pro_month', { unitAmount: 1_200 });
    expect((await bought.change({ seats: 3, plan: 'pro', interval: 'month' })).body.seats).toBe(3);
    expect(bought.atStripe()?.items[0]?.priceId).toBe('price_seatlease_pro_month');
    await bought.change({ interval: 'year' });
    expect(bought.atStripe()?.lookupKey).toBe('seatlease_pro_year');
  });

  test('that changes nothing makes no call that could charge', async () => {
    const bought = await buy({ seats: 2 });
    const before = updates();
    const unchanged = await bought.change({ seats: 2, plan: 'pro', expected_seats: 9 });
    expect([unchanged.status, unchanged.body.seats]).toEqual([200, 2]);
    expect(updates()).toBe(before);
  });

  test('of sent invoices says so, and gives the seats at once, which are paid by the due date', async () => {
    const bought = await buy({ seats: 2 });
    await suite.stripe.sendInvoice(bought.subscriptionId);
    await suite.stripe.setCard(bought.subscriptionId, 'declined');
    expect((await bought.preview({ seats: 5 })).body.collection).toBe('invoice');
    const { body: changed } = await bought.change({ seats: 5 });
    expect(changed).toMatchObject({ seats: 5, status: 'active', collection: 'invoice' });
    await suite.stripe.passDueDate(bought.subscriptionId);
    await suite.stripe.idle();
    const { body } = await suite.operate('GET', `/api/v1/subscriptions?tenant_id=${bought.tenantId}`);
    expect(body.subscriptions[0]).toMatchObject({ status: 'past_due', seats: 5 });
  });
});

describe('seats that are not paid', () => {
  test('are not given: the problem has the page to pay on, and once it is paid Stripe makes the change', async () => {
    const bought = await buy({ seats: 2 });
    await suite.stripe.setCard(bought.subscriptionId, 'declined');
    const declined = await bought.change({ seats: 5 });
    expect([declined.status, declined.body.code]).toEqual([402, 'PAYMENT_REQUIRED']);
    expect(declined.body.pay_url).toMatch(/\/invoice\/in_/);
    expect(Date.parse(declined.body.pay_until)).toBeGreaterThan(Date.now());
    await suite.stripe.idle();
    expect(await bought.license()).toMatchObject({ max: 2, hold: null });
    expect(await bought.audited('subscription.changed')).toEqual([]);

    await suite.stripe.payInvoice(declined.body.pay_url);
    await suite.stripe.idle();
    expect((await bought.license()).max).toBe(5);
    expect(JSON.stringify(suite.logged)).not.toContain(declined.body.pay_url);
  });

  describe('are shown with the subscription, with the page to pay on, until', () => {
    const listed = async ({ tenantId }: Bought) => {
      const { body } = await suite.operate('GET', `/api/v1/subscriptions?tenant_id=${tenantId}`);
      return body.subscriptions[0];
    };
    test.each<[string, (bought: Bought, payUrl: string) => Promise<unknown>, number]>([
      ['they are paid', (_, payUrl) => suite.stripe.payInvoice(payUrl), 9],
      ['they expire', ({ subscriptionId }) => suite.stripe.expirePendingUpdate(subscriptionId), 2],
      ['the subscription ends', ({ subscriptionId }) => suite.stripe.end(subscriptionId), 2],
    ])('%s', async (_, happens, seats) => {
      const bought = await buy({ seats: 2 });
      expect((await listed(bought)).pending_change).toBeNull();
      await suite.stripe.setCard(bought.subscriptionId, 'declined');
      const { pay_url, pay_until } = (await bought.change({ plan: 'team', seats: 9, interval: 'year' })).body;
      expect(await listed(bought)).toMatchObject({
        plan: 'pro',
        seats: 2,
        pending_change: { plan: 'team', seats: 9, interval: 'year', pay_url, until: pay_until },
      });
      await happens(bought, pay_url);
      await suite.stripe.idle();
      expect(await listed(bought)).toMatchObject({ seats, pending_change: null });
    });
  });

  test('are asked for again after a failed payment, with another number', async () => {
    const bought = await buy({ seats: 2 });
    await suite.stripe.setCard(bought.subscriptionId, 'declined');
    const first = await bought.change({ seats: 5 });
    await suite.stripe.setCard(bought.subscriptionId, 'good');
    expect((await bought.change({ seats: 3 })).body.seats).toBe(3);
    await expect(suite.stripe.payInvoice(first.body.pay_url)).rejects.toThrow();
    await suite.stripe.idle();
    expect((await bought.license()).max).toBe(3);
  });
});

describe('a subscription that cannot be changed now is refused, with the reason', () => {
  const CASES: readonly (readonly [reason: string, (bought: Bought) => Promise<unknown>])[] = [
    ['unpaid', ({ subscriptionId }) => suite.stripe.renew(subscriptionId, 'declined')],
    ['paused', ({ subscriptionId }) => suite.stripe.pause(subscriptionId)],
    ['collection_paused', ({ subscriptionId }) => suite.stripe.pauseCollection(subscriptionId, 'void')],
    [
      'ending',
      ({ licenseId }) => suite.operate('POST', '/api/v1/subscriptions/cancel', { license_id: licenseId }),
    ],
    [
      'ending',
      ({ subscriptionId }) => suite.stripe.cancelAt(subscriptionId, Math.floor(Date.now() / 1000) + 3600),
    ],
    ['held', async ({ subscriptionId }) => suite.stripe.dispute(chargeOf(subscriptionId))],
    ['held', async ({ subscriptionId }) => suite.stripe.refund(chargeOf(subscriptionId))],
    [
      'suspended',
      ({ licenseId }) => suite.operate('PATCH', `/api/v1/licenses/${licenseId}`, { status: 'suspended' }),
    ],
    [
      'several_items',
      ({ subscriptionId }) =>
        suite.stripe.addItem(subscriptionId, { price: 'seatlease_pro_year', quantity: 20 }),
    ],
    [
      'not_recognized',
      async ({ subscriptionId }) =>
        suite.stripe.changePrice(subscriptionId, await suite.stripe.addPrice({ unitAmount: 1 })),
    ],
    [
      'not_recognized',
      ({ subscriptionId }) =>
        suite.stripe.addItem(subscriptionId, { price: 'seatlease_team_month', quantity: 20 }),
    ],
  ];

  test.each(CASES)('%s', async (reason, happens) => {
    const bought = await buy({ seats: 2 });
    await happens(bought);
    await suite.stripe.idle();
    const [before, license] = [updates(), await bought.license()];
    const { body } = await suite.operate('GET', `/api/v1/subscriptions?tenant_id=${bought.tenantId}`);
    // A suspension is of the license.
    const shown = reason === 'suspended' ? null : { reason, what_to_do: expect.any(String) };
    expect(body.subscriptions[0].unchangeable).toEqual(shown);
    for (const refused of [await bought.preview({ seats: 5 }), await bought.change({ seats: 5 })]) {
      expect([refused.status, refused.body.code, refused.body.reason]).toEqual([
        409,
        'SUBSCRIPTION_UNCHANGEABLE',
        reason,
      ]);
      expect(refused.body.detail).toMatch(/\w+\.$/);
    }
    expect(updates()).toBe(before);
    expect((await bought.license()).max).toBe(license.max);
  });

  describe('unpaid, if it would give a credit for a period that was not paid:', () => {
    const UNPAID: readonly (readonly [what: string, (bought: Bought) => Promise<unknown>])[] = [
      [
        'a sent invoice is open',
        async ({ subscriptionId }) => {
          await suite.stripe.sendInvoice(subscriptionId);
          await suite.stripe.renew(subscriptionId);
        },
      ],
      [
        'a sent invoice for added seats is open',
        async (bought) => {
          await suite.stripe.sendInvoice(bought.subscriptionId);
          expect((await bought.change({ seats: 9 })).body.seats).toBe(9);
        },
      ],
      [
        'the invoice of a renewal is still a draft',
        async ({ subscriptionId }) => {
          await suite.stripe.pauseCollection(subscriptionId, 'keep_as_draft');
          await suite.stripe.renew(subscriptionId);
          await suite.stripe.resumeCollection(subscriptionId);
        },
      ],
      [
        'the invoice was voided while collection was paused',
        async ({ subscriptionId }) => {
          await suite.stripe.pauseCollection(subscriptionId, 'void');
          await suite.stripe.renew(subscriptionId);
          await suite.stripe.resumeCollection(subscriptionId);
        },
      ],
      [
        'the payment is disputed, although the hold was lifted',
        async (bought) => {
          await suite.stripe.dispute(suite.stripe.chargeOf(bought.subscriptionId) ?? '');
          await liftHold(bought);
        },
      ],
      [
        'the payment was refunded, although the hold was lifted',
        async (bought) => {
          await suite.stripe.refund(suite.stripe.chargeOf(bought.subscriptionId) ?? '');
          await liftHold(bought);
        },
      ],
    ];

    async function liftHold({ licenseId }: Bought): Promise<void> {
      await suite.stripe.idle();
      const path = `/api/v1/subscriptions/${licenseId}/holds`;
      const { holds } = (await suite.operate('GET', path)).body;
      const lifted = await suite.operate('POST', `${path}/lift`, {
        hold: holds[0].hold_id,
        reason: 'agreed',
      });
      expect(lifted.status, lifted.text).toBe(200);
    }

    test.each(UNPAID)('%s', async (_, happens) => {
      const bought = await buy({ seats: 6 });
      await happens(bought);
      await suite.stripe.idle();
      const before = updates();
      for (const body of [{ seats: 1 }, { plan: 'team' }, { interval: 'year' }])
        for (const refused of [await bought.preview(body), await bought.change(body)])
          expect([refused.status, refused.body.reason]).toEqual([409, 'unpaid']);
      expect(updates()).toBe(before);
      expect((await bought.change({ seats: 10 })).body.seats).toBe(10);
    });

    test('no longer once it is paid, and not because of an invoice by hand or a change that was not paid', async () => {
      const bought = await buy({ seats: 4 });
      await suite.stripe.invoiceByHand(bought.subscriptionId, 50_000, 3);
      await suite.stripe.setCard(bought.subscriptionId, 'declined');
      expect((await bought.change({ seats: 5 })).status).toBe(402);
      expect((await bought.change({ seats: 3 })).body.seats).toBe(3);
      await suite.stripe.sendInvoice(bought.subscriptionId);
      await suite.stripe.renew(bought.subscriptionId);
      await suite.stripe.retryPayment(bought.subscriptionId);
      expect((await bought.change({ seats: 2 })).body.seats).toBe(2);
    });
  });

  test('rejected: what Stripe does not accept is no fault of the server', async () => {
    const bought = await buy({ seats: 2 });
    await suite.stripe.moveLookupKey('seatlease_pro_year', { currency: 'eur' });
    for (const refused of [
      await bought.preview({ interval: 'year' }),
      await bought.change({ interval: 'year' }),
    ])
      expect([refused.status, refused.body.reason]).toEqual([409, 'rejected']);
    await suite.stripe.moveLookupKey('seatlease_pro_year', { currency: 'usd' });
    expect((await bought.change({ seats: 3 })).body.seats).toBe(3);
  });

  test('ended, unknown and unpaid for', async () => {
    const bought = await buy({ seats: 2 });
    await suite.stripe.end(bought.subscriptionId);
    expect((await bought.change({ seats: 5 })).body.code).toBe('SUBSCRIPTION_ENDED');
    const { licenseId } = await suite.createLicense();
    const unpaid = await suite.operate('POST', `/api/v1/subscriptions/${licenseId}/preview`, { seats: 5 });
    expect([unpaid.status, unpaid.body.code]).toEqual([404, 'SUBSCRIPTION_NOT_FOUND']);
  });
});

describe('a request is refused', () => {
  let bought: Bought;
  beforeAll(async () => {
    bought = await buy({ seats: 2 });
  });

  test.each([
    ['fewer seats than the plan begins with', { plan: 'enterprise', interval: 'year', seats: 24 }, '/seats'],
    ['the plan alone, if it begins with more seats', { plan: 'team' }, '/seats'],
    ['more seats than the plan has', { seats: 51 }, '/seats'],
    ['no seats', { seats: 0 }, '/seats'],
    ['half a seat', { seats: 2.5 }, '/seats'],
    ['nothing to change', {}, ''],
    ['a price of the caller', { price: 'price_1' }, ''],
  ])('for %s', async (_, body, at) => {
    const before = updates();
    for (const reply of [await bought.preview(body), await bought.change(body)]) {
      expect([reply.status, reply.body.code]).toEqual([400, 'VALIDATION_FAILED']);
      expect(reply.body.errors[0].at).toBe(at);
    }
    expect(updates()).toBe(before);
  });

  test.each([
    ['a plan that is not for sale', { plan: 'free' }],
    ['a plan with another interval', { plan: 'enterprise', seats: 30 }],
  ])('for %s', async (_, body) => {
    for (const reply of [await bought.preview(body), await bought.change(body)])
      expect([reply.status, reply.body.code]).toEqual([409, 'PLAN_NOT_FOR_SALE']);
  });

  test.each([
    ['older than half an hour', -31 * 60_000],
    ['in the future, where the change would cost less', 60_000],
  ])('for a proration date %s', async (_, offsetMs) => {
    const proration_date = new Date(Date.now() + offsetMs).toISOString();
    const { status, body } = await bought.change({ seats: 3, proration_date });
    expect([status, body.errors?.[0].at]).toEqual([400, '/proration_date']);
  });

  test('if someone else has changed the seats in between', async () => {
    const other = await buy({ seats: 2 });
    await other.change({ seats: 4, expected_seats: 2 });
    const late = await other.change({ seats: 3, expected_seats: 2 });
    expect([late.status, late.body.code, late.body.seats]).toEqual([409, 'SUBSCRIPTION_CHANGED', 4]);
    await suite.stripe.changeSeats(other.subscriptionId, 6);
    const later = await other.change({ seats: 3, expected_seats: 4 });
    expect([later.body.code, later.body.seats]).toEqual(['SUBSCRIPTION_CHANGED', 6]);
  });

  test('from members, for strangers like an unknown license', async () => {
    const admin = await join(suite, bought.tenantId, `${randomUUID()}@example.com`, 'admin');
    const member = await join(suite, bought.tenantId, `${randomUUID()}@example.com`, 'member');
    const stranger = await signIn(suite, `${randomUUID()}@example.com`);
    const path = `/api/v1/subscriptions/${bought.licenseId}`;
    expect((await member.call('PATCH', path, { seats: 3 })).body.code).toBe('FORBIDDEN');
    expect((await stranger.call('PATCH', path, { seats: 3 })).body.code).toBe('LICENSE_NOT_FOUND');
    expect((await stranger.call('POST', `${path}/preview`, { seats: 3 })).body.code).toBe(
      'LICENSE_NOT_FOUND',
    );
    expect((await admin.call('PATCH', path, { seats: 3 })).body.seats).toBe(3);
  });

  test('without payments', async () => {
    const own = await openTestSuite({}, (deps) => ({ ...deps, billing: undefined }));
    const { licenseId } = await own.createLicense();
    const path = `/api/v1/subscriptions/${licenseId}`;
    for (const reply of [
      await own.operate('PATCH', path, { seats: 3 }),
      await own.operate('POST', `${path}/preview`, { seats: 3 }),
    ])
      expect([reply.status, reply.body.code]).toEqual([503, 'BILLING_NOT_SET_UP']);
    await own.close();
  });
});

test('is audited with who asked, from what to what, before and after Stripe made it', async () => {
  const bought = await buy({ seats: 6 });
  const admin = await join(suite, bought.tenantId, `${randomUUID()}@example.com`, 'admin');
  const path = `/api/v1/subscriptions/${bought.licenseId}`;
  await admin.call('PATCH', path, { seats: 8, plan: 'team', interval: 'year' });
  for (const type of ['subscription.change_requested', 'subscription.changed'])
    expect(await bought.audited(type)).toMatchObject([
      {
        actor: { kind: 'user', id: admin.userId },
        subject: bought.subscriptionId,
        detail: {
          ...{ plan: 'team', previousPlan: 'pro', seats: 8, previousSeats: 6 },
          ...{ interval: 'year', previousInterval: 'month' },
        },
      },
    ]);
  const { body } = await suite.operate(
    'GET',
    `/api/v1/audit?license_id=${bought.licenseId}&type=subscription.changed`,
  );
  expect(body.events).toMatchObject([
    { plan: 'team', previous_plan: 'pro', seats: 8, previous_seats: 6, previous_interval: 'month' },
  ]);
});

describe('while a change is made', () => {
  test('another one is refused, and neither is a mixture of both', async () => {
    const bought = await buy({ seats: 6 });
    let other: Reply | undefined;
    meanwhile = async () => {
      other = await bought.change({ seats: 9 });
    };
    expect((await bought.change({ plan: 'team' })).body).toMatchObject({ plan: 'team', seats: 6 });
    expect([other?.status, other?.body.code, other?.body.reason]).toEqual([
      409,
      'SUBSCRIPTION_UNCHANGEABLE',
      'changing',
    ]);
    expect(other?.headers.get('retry-after')).toBe('5');
    expect(bought.invoices()).toHaveLength(1);
    expect((await bought.change({ seats: 9 })).body).toMatchObject({ plan: 'team', seats: 9 });
  });

  test('the same one of someone else is the same change', async () => {
    const bought = await buy({ seats: 2 });
    let other: Reply | undefined;
    meanwhile = async () => {
      other = await bought.change({ seats: 5, expected_seats: 2 }, randomUUID());
    };
    expect((await bought.change({ seats: 5, expected_seats: 2 }, randomUUID())).body.seats).toBe(5);
    expect([other?.status, other?.body.seats]).toEqual([200, 5]);
    expect(bought.invoices()).toHaveLength(1);
    expect(await bought.audited('subscription.change_requested')).toHaveLength(2);
    expect(await bought.audited('subscription.changed')).toHaveLength(1);
  });

  test('a payment for an earlier one does not mix its plan with the seats of this one', async () => {
    const bought = await buy({ seats: 2 });
    await suite.stripe.setCard(bought.subscriptionId, 'declined');
    const earlier = await bought.change({ plan: 'team', seats: 9 });
    await suite.stripe.setCard(bought.subscriptionId, 'good');
    meanwhile = () => suite.stripe.payInvoice(earlier.body.pay_url);
    expect((await bought.change({ seats: 8 })).body).toMatchObject({ plan: 'pro', seats: 8 });
    expect(bought.atStripe()).toMatchObject({ lookupKey: 'seatlease_pro_month', seats: 8 });
  });
});

test('amounts that were previewed before another change are not charged', async () => {
  const clocked = await openClockedSuite(withCrash);
  try {
    const { stripe } = clocked.suite;
    const { licenseId, subscriptionId } = await buySeats(clocked.suite, { seats: 6 });
    const path = `/api/v1/subscriptions/${licenseId}`;
    const { proration_date } = (await clocked.suite.operate('POST', `${path}/preview`, { seats: 8 })).body;
    clocked.moveClock(1_000);
    await stripe.changePrice(subscriptionId, 'seatlease_team_month');
    const body = { seats: 8, expected_seats: 6, proration_date };
    const late = await clocked.suite.operate('PATCH', path, body);
    expect([late.status, late.body.code]).toEqual([409, 'SUBSCRIPTION_CHANGED']);
    expect(stripe.subscription(subscriptionId)?.seats).toBe(6);
  } finally {
    await clocked.close();
  }
});

describe('a repeated change', () => {
  test('with one key is one change, also if the subscription has changed since', async () => {
    const bought = await buy({ seats: 2 });
    const key = randomUUID();
    const ask = () => bought.change({ seats: 5, expected_seats: 2 }, key);
    const replies = await Promise.all([ask(), ask(), ask()]);
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    await suite.settle();
    const sealed = await bought.audited('subscription.changed');
    expect(sealed).toMatchObject([{ sealed: true }]);
    expect((await ask()).body.seats).toBe(5);
    await suite.stripe.changeSeats(bought.subscriptionId, 9);
    const late = await ask();
    expect([late.status, late.body.seats]).toEqual([200, 9]);
    expect(bought.invoices()).toHaveLength(1);
    expect(await bought.audited('subscription.change_requested')).toHaveLength(1);
    expect(await bought.audited('subscription.changed')).toEqual(sealed);
  });

  test('with the key of another request is refused', async () => {
    const bought = await buy({ seats: 2 });
    const key = randomUUID();
    await bought.change({ seats: 5 }, key);
    const reused = await bought.change({ seats: 6 }, key);
    expect([reused.status, reused.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    expect(bought.atStripe()?.seats).toBe(5);
  });

  test('after a refusal can use its key again', async () => {
    const bought = await buy({ seats: 2 });
    const key = randomUUID();
    await suite.stripe.pauseCollection(bought.subscriptionId, 'void');
    expect((await bought.change({ seats: 5 }, key)).status).toBe(409);
    await suite.stripe.resumeCollection(bought.subscriptionId);
    expect((await bought.change({ seats: 5 }, key)).body.seats).toBe(5);
  });

  test('is refused if it was not made, and another has been since', async () => {
    const bought = await buy({ seats: 2 });
    const key = randomUUID();
    await suite.stripe.setCard(bought.subscriptionId, 'declined');
    const unpaid = await bought.change({ seats: 5 }, key);
    expect((await bought.change({ seats: 5 }, key)).body).toMatchObject({
      code: 'PAYMENT_REQUIRED',
      pay_url: unpaid.body.pay_url,
    });
    await suite.stripe.setCard(bought.subscriptionId, 'good');
    await bought.change({ seats: 3 });
    const late = await bought.change({ seats: 5 }, key);
    expect([late.status, late.body.code, late.body.seats]).toEqual([409, 'SUBSCRIPTION_CHANGED', 3]);
    expect(bought.atStripe()?.seats).toBe(3);
  });

  test('is one change without a key too, if the function crashes before any call', async () => {
    for (let call = 1; ; call += 1) {
      const bought = await buy({ seats: 2 });
      crashes.plan(call, false);
      const crashed = await withoutStripeEvents(suite, () => bought.change({ seats: 5 }));
      if (!crashes.end()) {
        expect(call).toBeGreaterThan(8);
        expect(crashed.status, crashed.text).toBe(200);
        return;
      }
      expect((await bought.change({ seats: 5 })).body, `${call}`).toMatchObject({ seats: 5 });
      expect((await bought.license()).max).toBe(5);
      expect(bought.invoices()).toHaveLength(1);
      expect((await bought.audited('subscription.changed')).length).toBeLessThanOrEqual(1);
    }
  }, 60_000);

  test('is one change if the function crashes at any call, and seats are what Stripe has', async () => {
    for (let call = 1; ; call += 1) {
      for (const after of [false, true]) {
        const bought = await buy({ seats: 6 });
        const key = randomUUID();
        const ask = () => bought.change({ seats: 8, plan: 'team', expected_seats: 6 }, key);
        const sent = suite.stripe.events.length;
        crashes.plan(call, after);
        const crashed = await withoutStripeEvents(suite, ask);
        if (!crashes.end()) {
          expect(call).toBeGreaterThan(8);
          expect(crashed.status, crashed.text).toBe(200);
          return;
        }
        expect(crashed.status, `${call}`).toBe(503);
        for (const { id } of suite.stripe.events.slice(sent)) await suite.stripe.send(id);
        expect((await bought.license()).max).toBe(bought.atStripe()?.seats);
        const retried = await ask();
        expect(retried.body, `${call}`).toMatchObject({ seats: 8, plan: 'team' });
        expect((await bought.license()).max).toBe(8);
        expect(bought.invoices()).toHaveLength(1);
        for (const type of ['subscription.change_requested', 'subscription.changed'])
          expect(await bought.audited(type), `${type} ${call}`).toHaveLength(1);
      }
    }
    // It makes a purchase for each call, and crashes before and after it.
  }, 120_000);
});

test('a change is applied by the sweep if the function crashes and the event of Stripe is lost', async () => {
  const clocked = await openClockedSuite(withCrash);
  try {
    const { licenseId } = await buySeats(clocked.suite, { seats: 2 });
    const path = `/api/v1/subscriptions/${licenseId}`;
    const seats = async () => (await clocked.suite.operate('GET', `/api/v1/licenses/${licenseId}`)).body.max;
    crashesAfterChange = true;
    await withoutStripeEvents(clocked.suite, () => clocked.suite.operate('PATCH', path, { seats: 5 }));
    crashesAfterChange = false;
    expect(await seats()).toBe(2);
    clocked.moveClock(121_000);
    await clocked.suite.sweep();
    expect(await seats()).toBe(5);
  } finally {
    await clocked.close();
  }
});

test('a preview applies what Stripe has now, also if its event is lost and the preview is refused', async () => {
  const bought = await buy({ seats: 2 });
  await suite.stripe.renew(bought.subscriptionId, 'declined');
  await suite.stripe.giveUp(bought.subscriptionId, 'unpaid');
  await suite.stripe.idle();
  expect((await bought.license()).hold).toBe('payment');
  await withoutStripeEvents(suite, () => suite.stripe.retryPayment(bought.subscriptionId));
  expect((await bought.license()).hold).toBe('payment');
  expect((await bought.preview({ plan: 'enterprise', seats: 1 })).status).not.toBe(200);
  expect((await bought.license()).hold).toBeNull();
});

test('a change keeps others out for two minutes at most after its function has crashed', async () => {
  const clocked = await openClockedSuite(withCrash);
  try {
    const { licenseId } = await buySeats(clocked.suite, { seats: 2 });
    const path = `/api/v1/subscriptions/${licenseId}`;
    const change = (seats: number) => clocked.suite.operate('PATCH', path, { seats });
    meanwhile = async () => {
      throw crash();
    };
    expect((await change(5)).status).toBe(503);
    expect((await change(3)).body.reason).toBe('changing');
    clocked.moveClock(121_000);
    expect((await change(3)).body.seats).toBe(3);
  } finally {
    await clocked.close();
  }
});

test('seats outside the range of the plan, set in the portal, are seats as paid, and an ERROR and an event', async () => {
  const bought = await buy({ plan: 'enterprise', interval: 'year', seats: 25 });
  for (const [seats, reason] of [
    [1, 'too_few_seats'],
    [100_001, 'too_many_seats'],
  ] as const) {
    await suite.stripe.changeSeats(bought.subscriptionId, seats);
    await suite.stripe.idle();
    const list = await suite.operate('GET', `/api/v1/subscriptions?tenant_id=${bought.tenantId}`);
    expect(list.body.subscriptions[0]).toMatchObject({ seats, needs_review: reason });
    expect(suite.logged).toContainEqual(
      expect.objectContaining({
        severity: 'ERROR',
        license_id: bought.licenseId,
        because: `${bought.subscriptionId}: ${reason}`,
      }),
    );
  }
  expect((await bought.change({ seats: 24 })).body.code).toBe('VALIDATION_FAILED');
  expect((await bought.change({ seats: 30 })).body).toMatchObject({ seats: 30, needs_review: null });
});
