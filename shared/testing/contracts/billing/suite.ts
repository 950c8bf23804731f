import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newLicenseId, newTenantId } from '../../../domain/ids.ts';
import { OFFERS, priceOf, unpricedKeys } from '../../../domain/prices.ts';
import { Unavailable } from '../../../errors.ts';
import type { FakeStripe } from '../../../local/stripe/types.ts';
import type {
  Billing,
  BillingEvents,
  ChangePreview,
  CheckoutAsk,
  OpenCheckout,
} from '../../../ports/billing.ts';

export interface BillingUnderTest {
  readonly billing: Billing;
  readonly billingEvents: BillingEvents;
  /** Simulates what customers do and time passing, and sends the events. */
  readonly stripe: FakeStripe;
  close(): Promise<void>;
}

type Previewable = Parameters<Billing['previewChange']>[0];

const NOW_MS = Date.UTC(2026, 10, 25);
const DAY_MS = 24 * 3600 * 1000;

/** The contract of the payment provider. */
export function billingContract(open: (nowMs: () => number) => Promise<BillingUnderTest>): void {
  let under: BillingUnderTest;
  let billing: Billing;
  let billingEvents: BillingEvents;
  let stripe: FakeStripe;
  beforeEach(async () => {
    under = await open(() => NOW_MS);
    ({ billing, billingEvents, stripe } = under);
  });
  afterEach(() => under.close());

  const tenantId = newTenantId(16);
  const licenseId = newLicenseId(tenantId);

  async function newRequest(change: Partial<CheckoutAsk> = {}): Promise<CheckoutAsk> {
    const customerId = await billing.createCustomer({ tenantId, name: 'Acme', attempt: 0 });
    const price = priceOf(await billing.readPrices(), 'pro', 'month');
    if (!price) throw new Error('not for sale');
    return {
      customerId,
      tenantId,
      licenseId,
      price,
      seats: 3,
      returnUrl: 'https://vendor.example/thanks',
      trialDays: 0,
      automaticTax: false,
      promotionCodes: false,
      ...change,
    };
  }

  async function opened(change: Partial<CheckoutAsk> = {}): Promise<OpenCheckout> {
    const created = await billing.createCheckout(await newRequest(change));
    if (created.verdict !== 'OPEN') throw new Error(created.verdict);
    return created.page;
  }

  async function bought(change: Partial<CheckoutAsk> = {}): Promise<string> {
    const { sessionId } = await opened(change);
    await stripe.pay(sessionId);
    return stripe.subscriptionOf(sessionId) ?? '';
  }

  describe('customers', () => {
    test('are the same for the same tenant, and new after the first was deleted', async () => {
      const first = await billing.createCustomer({ tenantId, name: 'Acme', attempt: 0 });
      expect(await billing.createCustomer({ tenantId, name: 'Acme', attempt: 0 })).toBe(first);
      await billing.deleteCustomer(first);
      expect(await billing.createCustomer({ tenantId, name: 'Acme', attempt: 1 })).not.toBe(first);
    });

    test('are the same if the tenant was renamed after an answer was lost, with the new name', async () => {
      const first = await billing.createCustomer({ tenantId, name: 'Acme', attempt: 0 });
      expect(await billing.createCustomer({ tenantId, name: 'Acme & Sons', attempt: 0 })).toBe(first);
      expect(stripe.customersOf(tenantId)).toMatchObject([{ id: first, name: 'Acme & Sons' }]);
    });

    test('lose their subscriptions when they are deleted; unknown customers are ignored', async () => {
      const subscriptionId = await bought();
      const { customerId } = await newRequest();
      await billing.deleteCustomer(customerId);
      await billing.deleteCustomer(customerId);
      await billing.deleteCustomer('cus_nobody');
      expect(await billing.readSubscription(subscriptionId)).toMatchObject({ status: 'canceled' });
    });
  });

  describe('a purchase', () => {
    test('opens another page to pay on at each request', async () => {
      const first = await opened();
      expect(first).toMatchObject({ url: expect.stringMatching(/^https?:/), expiresAtMs: NOW_MS + DAY_MS });
      expect((await opened()).sessionId).not.toBe(first.sessionId);
    });

    test('lists the pages that are open for the license, among the newest of the customer', async () => {
      const { customerId } = await newRequest();
      const pages: OpenCheckout[] = [];
      for (let i = 0; i < 3; i += 1) pages.push(await opened());
      await opened({ licenseId: newLicenseId(tenantId) });
      const [first] = pages;
      if (!first) throw new Error('no page');
      await billing.expireCheckout(first.sessionId);
      const open = await billing.openCheckouts({ customerId, licenseId });
      expect([...open].reverse()).toEqual(pages.slice(1));
      expect(await billing.openCheckouts({ customerId: 'cus_nobody', licenseId })).toEqual([]);
      for (let i = 0; i < 98; i += 1) await opened({ licenseId: newLicenseId(tenantId) });
      expect(await billing.openCheckouts({ customerId, licenseId })).toEqual(open.slice(0, 1));
    });

    test('creates a subscription that names its tenant and license', async () => {
      const subscriptionId = await bought();
      expect(await billing.readSubscription(subscriptionId)).toEqual({
        subscriptionId,
        customerId: (await newRequest()).customerId,
        status: 'active',
        items: [
          {
            itemId: expect.any(String),
            priceId: 'price_seatlease_pro_month',
            lookupKey: 'seatlease_pro_month',
            planName: null,
            quantity: 3,
            isPriceActive: true,
            isMetered: false,
            interval: 'month',
            intervalCount: 1,
            currency: 'usd',
            unitAmount: '900',
            periodStartMs: NOW_MS,
            periodEndMs: Date.UTC(2026, 11, 25),
          },
        ],
        createdAtMs: NOW_MS,
        collection: 'automatic',
        isCollectionPaused: false,
        scheduleId: null,
        cancelAtMs: null,
        endedAtMs: null,
        latestInvoiceId: expect.any(String),
        unpaidSinceMs: null,
        unpaidInvoiceId: null,
        unpaidItemIds: [],
        isNeverPaid: false,
        pendingUpdate: null,
        meteredPrices: [],
        soldAs: { tenantId, licenseId, price: { priceId: 'price_seatlease_pro_month', plan: 'pro' } },
      });
    });

    test('creates a subscription whose metered prices are read with the names of their meters', async () => {
      const subscriptionId = await bought();
      const price = await stripe.addPrice({ meter: 'api_calls' });
      await stripe.addItem(subscriptionId, { price, position: 'first' });
      const { meteredPrices } = (await billing.readSubscription(subscriptionId)) ?? {};
      expect(meteredPrices).toEqual([{ meter: 'api_calls', periodStartMs: NOW_MS }]);
    });

    test('creates a subscription whose items are all read, in any number', async () => {
      const subscriptionId = await bought();
      for (let n = 0; n < 19; n += 1)
        await stripe.addItem(subscriptionId, { price: await stripe.addPrice(), quantity: n });
      const { items } = (await billing.readSubscription(subscriptionId)) ?? { items: [] };
      expect(items.map(({ quantity }) => quantity)).toEqual([3, ...Array(19).keys()]);
    });

    test('can begin with a trial, taxes and promotion codes', async () => {
      const subscriptionId = await bought({ trialDays: 14, automaticTax: true, promotionCodes: true });
      const state = await billing.readSubscription(subscriptionId);
      expect(state).toMatchObject({
        status: 'trialing',
        items: [{ periodEndMs: NOW_MS + 14 * DAY_MS }],
      });
    });

    test('is refused for a price that is not sold any more, and for an unknown customer', async () => {
      const { price } = await newRequest();
      const gone = await newRequest({ price: { ...price, priceId: 'price_nothing' } });
      expect(await billing.createCheckout(gone)).toEqual({ verdict: 'NO_PRICE' });
      const ask = await newRequest();
      await stripe.archivePrice(price.priceId);
      expect(await billing.createCheckout(ask)).toEqual({ verdict: 'NO_PRICE' });
      const unknown = { ...ask, customerId: 'cus_nobody' };
      expect(await billing.createCheckout(unknown)).toEqual({ verdict: 'NO_CUSTOMER' });
    });

    test('can be closed until it is completed, and names its subscription then', async () => {
      const { sessionId } = await opened();
      expect(await billing.expireCheckout(sessionId)).toEqual({ verdict: 'EXPIRED' });
      expect(await billing.expireCheckout(sessionId)).toEqual({ verdict: 'EXPIRED' });
      expect(await billing.expireCheckout('cs_test_nobody')).toEqual({ verdict: 'EXPIRED' });
      for (const pay of [stripe.pay, stripe.payLater]) {
        const other = await opened();
        await pay(other.sessionId);
        const subscriptionId = stripe.subscriptionOf(other.sessionId);
        expect(await billing.expireCheckout(other.sessionId)).toEqual({
          verdict: 'COMPLETE',
          subscriptionId,
        });
      }
    });
  });

  describe('prices', () => {
    test('are those of the lookup keys of plans, per seat in the smallest unit', async () => {
      const prices = await billing.readPrices();
      expect(prices).toHaveLength(OFFERS.length);
      expect(prices[0]).toEqual({
        plan: 'pro',
        interval: 'month',
        priceId: expect.stringMatching(/^price_/),
        currency: 'usd',
        unitAmount: '900',
        hasTiers: false,
        taxBehavior: 'unspecified',
      });
      expect(await billing.recentPrices()).toEqual({ prices, failure: undefined });
    });

    test('follow a lookup key that moves to another price', async () => {
      const changes = { currency: 'jpy', unitAmount: 1_200, taxBehavior: 'inclusive' } as const;
      const priceId = await stripe.moveLookupKey('seatlease_pro_month', changes);
      expect(priceOf(await billing.readPrices(), 'pro', 'month')).toMatchObject({
        priceId,
        currency: 'jpy',
        unitAmount: '1200',
        taxBehavior: 'inclusive',
      });
    });

    test.each([
      ['a fraction of the smallest unit', { unitAmount: 900.25 }, { unitAmount: '900.25', hasTiers: false }],
      ['tiers', { isTiered: true }, { unitAmount: null, hasTiers: true }],
      ['another interval', { interval: 'year' }, undefined],
      ['a period of three months', { intervalCount: 3 }, undefined],
      ['metered usage', { meter: 'exports' }, undefined],
    ] as const)('with %s are %j, read as %j', async (_, changes, read) => {
      await stripe.moveLookupKey('seatlease_pro_month', changes);
      const price = priceOf(await billing.readPrices(), 'pro', 'month');
      if (read) expect(price).toMatchObject(read);
      else expect(price).toBeUndefined();
    });

    test('are left out when they are archived', async () => {
      const { price } = await newRequest();
      await stripe.archivePrice(price.priceId);
      expect(unpricedKeys(await billing.readPrices())).toEqual(['seatlease_pro_month']);
    });
  });

  test('customers manage their purchases on a portal page', async () => {
    const { customerId } = await newRequest();
    const page = await billing.createPortal({ customerId, returnUrl: 'https://vendor.example/' });
    expect(page).toMatch(/^https?:/);
  });

  describe('a subscription', () => {
    test('that is unknown is undefined', async () => {
      expect(await billing.readSubscription('sub_nobody')).toBeUndefined();
    });

    test('reports since when a payment is overdue: since the oldest open invoice', async () => {
      const id = await bought();
      await stripe.renew(id, 'declined');
      await stripe.renew(id, 'declined');
      expect(await billing.readSubscription(id)).toMatchObject({
        status: 'past_due',
        unpaidSinceMs: NOW_MS,
      });
      await stripe.retryPayment(id);
      expect(await billing.readSubscription(id)).toMatchObject({ status: 'active', unpaidSinceMs: null });
    });
  });

  describe('a change of an item', () => {
    async function changeOf(subscriptionId: string, quantity: number): Promise<Previewable> {
      const [item] = (await billing.readSubscription(subscriptionId))?.items ?? [];
      const itemId = item?.itemId ?? '';
      const change = { subscriptionId, itemId, quantity, priceId: null };
      return { ...change, prorationDateMs: NOW_MS, collection: 'automatic' };
    }
    const itemsOf = async (subscriptionId: string) =>
      (await billing.readSubscription(subscriptionId))?.items.map(({ priceId, quantity }) => [
        priceId,
        quantity,
      ]);

    test('is previewed without changing anything, and then charged as previewed', async () => {
      const id = await bought();
      const change = await changeOf(id, 5);
      expect(await billing.previewChange(change)).toEqual({
        verdict: 'PREVIEW',
        preview: {
          currency: 'usd',
          amountDue: 1800,
          credit: 0,
          lines: [
            { description: expect.any(String), amount: -2700, fromMs: NOW_MS, toMs: Date.UTC(2026, 11, 25) },
            { description: expect.any(String), amount: 4500, fromMs: NOW_MS, toMs: Date.UTC(2026, 11, 25) },
          ],
          next: { amount: 4500, atMs: Date.UTC(2026, 11, 25) },
        },
      });
      expect((await itemsOf(id))?.[0]).toMatchObject([expect.any(String), 3]);
      expect(await billing.changeItem({ ...change, requestId: 'change 1' })).toEqual({ verdict: 'CHANGED' });
      expect((await itemsOf(id))?.[0]).toMatchObject([expect.any(String), 5]);
    });

    test('to the price of another interval begins a period of it', async () => {
      const id = await bought();
      const priceId = priceOf(await billing.readPrices(), 'pro', 'year')?.priceId;
      if (priceId === undefined) throw new Error('no price');
      const change = { ...(await changeOf(id, 3)), priceId };
      const previewed = await billing.previewChange(change);
      expect(previewed).toMatchObject({
        preview: { amountDue: 24_300, next: { amount: 27_000, atMs: Date.UTC(2027, 10, 25) } },
      });
      expect(await billing.changeItem({ ...change, requestId: 'change 1' })).toEqual({ verdict: 'CHANGED' });
      expect(await itemsOf(id)).toEqual([[priceId, 3]]);
    });

    test('with the same request id is one change, also if others came after it', async () => {
      const id = await bought();
      const first = { ...(await changeOf(id, 5)), requestId: 'change 1' };
      await billing.changeItem(first);
      await billing.changeItem({ ...(await changeOf(id, 4)), requestId: 'change 2' });
      expect(await billing.changeItem(first)).toEqual({ verdict: 'CHANGED' });
      expect((await itemsOf(id))?.[0]).toMatchObject([expect.any(String), 4]);
    });

    test('whose payment is declined changes nothing until it is paid on its page', async () => {
      const id = await bought();
      await stripe.setCard(id, 'declined');
      const unpaid = await billing.changeItem({ ...(await changeOf(id, 5)), requestId: 'change 1' });
      expect(unpaid).toEqual({
        verdict: 'UNPAID',
        payUrl: expect.stringMatching(/^https?:/),
        payUntilMs: NOW_MS + 23 * 3600 * 1000,
      });
      expect((await itemsOf(id))?.[0]).toMatchObject([expect.any(String), 3]);
      if (unpaid.verdict !== 'UNPAID' || unpaid.payUrl === null) throw new Error('no page');
      await stripe.payInvoice(unpaid.payUrl);
      expect((await itemsOf(id))?.[0]).toMatchObject([expect.any(String), 5]);
    });

    test('in a trial costs nothing, and the trial goes on', async () => {
      const id = await bought({ trialDays: 14 });
      const change = await changeOf(id, 5);
      const { preview } = (await billing.previewChange(change)) as {
        preview: ChangePreview;
      };
      expect([preview.amountDue, preview.lines, preview.next]).toEqual([
        0,
        [],
        { amount: 4500, atMs: NOW_MS + 14 * DAY_MS },
      ]);
      expect(await billing.changeItem({ ...change, requestId: 'change 1' })).toEqual({ verdict: 'CHANGED' });
      expect(await billing.readSubscription(id)).toMatchObject({ status: 'trialing' });
    });

    test('that Stripe does not accept is rejected, with a reason that quotes no request', async () => {
      const id = await bought();
      const euros = { ...(await changeOf(id, 5)), priceId: await stripe.addPrice({ currency: 'eur' }) };
      for (const rejected of [
        await billing.previewChange(euros),
        await billing.changeItem({ ...euros, requestId: 'change 1' }),
      ])
        expect(rejected).toEqual({ verdict: 'REJECTED', because: expect.not.stringContaining('price_') });
    });
  });

  describe('a payment', () => {
    test('names its subscription and invoice, and its refund while all of it is refunded', async () => {
      const subscriptionId = await bought();
      const chargeId = stripe.chargeOf(subscriptionId) ?? '';
      const invoiceId = (await billing.readSubscription(subscriptionId))?.latestInvoiceId;
      const read = () => billing.readPayment(chargeId);
      expect(await read()).toEqual({ chargeId, subscriptionId, invoiceId, refund: null });
      await stripe.refund(chargeId, 1);
      expect(await read()).toMatchObject({ refund: null });
      const refundId = await stripe.refund(chargeId);
      expect(await read()).toMatchObject({ refund: { refundId, status: 'succeeded', atMs: NOW_MS } });
      await stripe.failRefund(refundId);
      expect(await read()).toMatchObject({ refund: null });
      for (let n = 0; n < 12; n += 1) await stripe.refund(chargeId, 10);
      expect(await read()).toMatchObject({ refund: null });
      await stripe.refund(chargeId);
      expect(await read()).toMatchObject({ refund: { status: 'succeeded' } });
      expect(await billing.readPayment('ch_nobody')).toBeUndefined();
    });

    test('can be disputed, which moves money unless it is an inquiry', async () => {
      const chargeId = stripe.chargeOf(await bought()) ?? '';
      const opened = { chargeId, createdAtMs: NOW_MS };
      const disputeId = await stripe.dispute(chargeId);
      const read = (id: string) => billing.readDispute(id);
      const taken = { status: 'needs_response', isMoneyWithdrawn: true };
      expect(await read(disputeId)).toEqual({ disputeId, ...opened, ...taken });
      await stripe.moveDispute(disputeId, 'won');
      expect(await read(disputeId)).toMatchObject({ status: 'won', isMoneyWithdrawn: false });
      const inquiry = await stripe.dispute(chargeId, 'inquiry');
      const asked = { status: 'warning_needs_response', isMoneyWithdrawn: false };
      expect(await read(inquiry)).toMatchObject(asked);
      await stripe.moveDispute(inquiry, 'needs_response');
      expect(await read(inquiry)).toMatchObject(taken);
      expect(await read('dp_nobody')).toBeUndefined();
    });
  });

  test('paid invoices name the periods of items, without prorations, newest first', async () => {
    const id = await bought();
    const [seats] = stripe.subscription(id)?.items ?? [];
    const extra = await stripe.addItem(id, { price: 'seatlease_pro_year' });
    await stripe.prorate(id, 300);
    await stripe.renew(id, 'declined');
    expect((await billing.readPaidInvoices(id)).map(({ periods }) => periods.length)).toEqual([0, 1]);
    await stripe.retryPayment(id);
    const [renewed, prorated, first] = await billing.readPaidInvoices(id);
    const itemId = seats?.id ?? '';
    expect(first).toEqual({
      invoiceId: expect.stringMatching(/^in_/),
      paidAtMs: NOW_MS,
      amountPaid: 2_700,
      periods: [{ itemId, startMs: NOW_MS }],
    });
    expect(prorated).toMatchObject({ amountPaid: 300, periods: [] });
    expect(renewed?.periods).toEqual([{ itemId, startMs: Date.UTC(2026, 11, 25) }]);
    expect(renewed?.periods.some((period) => period.itemId === extra)).toBe(false);
  });

  test('invoices say what they bill, whether it is paid, and whether it still can be', async () => {
    const id = await bought();
    const [seats] = stripe.subscription(id)?.items ?? [];
    await stripe.prorate(id, 300);
    await stripe.renew(id, 'declined');
    const first = { itemId: seats?.id, endMs: Date.UTC(2026, 11, 25), isProration: false };
    const second = { itemId: seats?.id, endMs: Date.UTC(2027, 0, 25), isProration: false };
    const [renewed, ...others] = await billing.readInvoices(id);
    const cycle = { reason: 'subscription_cycle', periods: [second] };
    expect(renewed).toEqual({ isPaid: false, isDue: true, ...cycle });
    expect(others).toEqual([
      {
        isPaid: true,
        isDue: false,
        reason: 'subscription_update',
        periods: [{ ...first, isProration: true }],
      },
      { isPaid: true, isDue: false, reason: 'subscription_create', periods: [first] },
    ]);
    const [newest] = stripe.invoicesOf(id);
    await stripe.voidInvoice(newest?.id ?? '');
    expect((await billing.readInvoices(id))[0]).toEqual({ isPaid: false, isDue: false, ...cycle });
  });

  test('an invoice that was sent is unpaid from its due date, and names itself before it', async () => {
    const id = await bought();
    await stripe.sendInvoice(id, 30);
    expect(await billing.readSubscription(id)).toMatchObject({ unpaidSinceMs: null, unpaidInvoiceId: null });
    await stripe.renew(id);
    const due = { unpaidSinceMs: NOW_MS + 30 * DAY_MS, unpaidInvoiceId: expect.stringMatching(/^in_/) };
    expect(await billing.readSubscription(id)).toMatchObject({ status: 'active', ...due });
    await stripe.renew(id);
    await stripe.passDueDate(id);
    expect(await billing.readSubscription(id)).toMatchObject({ status: 'past_due', ...due });
    await stripe.retryPayment(id);
    expect(await billing.readSubscription(id)).toMatchObject({ status: 'active', unpaidSinceMs: null });
  });

  test('usage is recorded once per identifier, and refused if Stripe can never accept it', async () => {
    const { customerId } = await newRequest();
    const use = { identifier: 'use 1', customerId, meter: 'exports', quantity: 7, atMs: NOW_MS + 999 };
    expect(await billing.recordUsage(use)).toEqual({ verdict: 'RECORDED' });
    expect(await billing.recordUsage(use)).toEqual({ verdict: 'ALREADY' });
    const old = { ...use, identifier: 'use 2', atMs: NOW_MS - 36 * DAY_MS };
    expect(await billing.recordUsage(old)).toMatchObject({ verdict: 'REFUSED' });
    const { eventName, value, timestamp } = stripe.meterEvents.get('use 1') ?? {};
    expect([eventName, value, timestamp]).toEqual(['exports', '7', NOW_MS / 1000]);
    expect(stripe.meterEvents.size).toBe(1);
  });

  test('usage is canceled once, is not counted again, and unknown usage is reported as unknown', async () => {
    const { customerId } = await newRequest();
    const use = { identifier: 'use 1', customerId, meter: 'exports', quantity: 7, atMs: NOW_MS };
    expect(await billing.voidUsage({ ...use, identifier: 'use 2' })).toBe('UNKNOWN');
    await billing.recordUsage(use);
    expect(await billing.voidUsage(use)).toBe('CANCELED');
    expect(await billing.voidUsage(use)).toBe('CANCELED');
    expect(stripe.meterEvents.size).toBe(0);
    expect(await billing.recordUsage(use)).toEqual({ verdict: 'ALREADY' });
  });

  test('usage that is rejected later is reported by meter and code, with samples', async () => {
    const { customerId } = await newRequest();
    const use = { customerId, quantity: 7, atMs: NOW_MS };
    for (const identifier of ['use 1', 'use 2', 'use 3'])
      await billing.recordUsage({ ...use, identifier, meter: 'exports' });
    await billing.recordUsage({ ...use, identifier: 'use 4', meter: 'coffee' });
    await stripe.rejectUse('use 1', 'meter_event_invalid_value');
    await stripe.rejectUse('use 2', 'archived_meter');
    const events = await stripe.reportMeterErrors();
    const reports = await Promise.all(events.map(({ id }) => billing.readMeterErrors(id)));
    expect(reports).toEqual([
      { meter: null, errors: [{ code: 'no_meter', count: 1, samples: ['use 4'] }] },
      {
        meter: 'exports',
        errors: [
          { code: 'meter_event_invalid_value', count: 1, samples: ['use 1'] },
          { code: 'archived_meter', count: 1, samples: ['use 2'] },
        ],
      },
    ]);
    expect(await billing.readMeterErrors('evt_test_1')).toBeUndefined();
  });

  test.each(['status 500', 'status 429', 'reset'] as const)(
    'a failure by %s is Unavailable for every call, and quotes no customer data or key',
    async (how) => {
      const ask = await newRequest();
      const change: Previewable = {
        ...{ subscriptionId: 'sub_1', itemId: 'si_1', quantity: 5, priceId: null },
        ...{ prorationDateMs: NOW_MS, collection: 'automatic' },
      };
      stripe.breakApi(how);
      const calls = [
        billing.createCustomer({ tenantId: newTenantId(16), name: 'Ada Lovelace', attempt: 0 }),
        billing.createCheckout(ask),
        billing.openCheckouts(ask),
        billing.readPrices(),
        billing.readSubscription('sub_1'),
        billing.previewChange(change),
        billing.changeItem({ ...change, requestId: 'change' }),
        billing.endSubscription({ subscriptionId: 'sub_1', end: 'now' }),
        billing.keepSubscription('sub_1'),
        billing.pauseSubscription({ kind: 'subscription', subscriptionId: 'sub_1', creditsRest: true }),
        billing.resumeSubscription('sub_1'),
        billing.collectFinalInvoice('in_1', 'soon'),
        billing.recordUsage({
          identifier: 'use',
          customerId: ask.customerId,
          meter: 'exports',
          quantity: 1,
          atMs: NOW_MS,
        }),
        billing.voidUsage({ identifier: 'use', meter: 'exports' }),
        billing.readMeterErrors('evt_test_1'),
      ];
      // Concurrently, because each is retried after a pause.
      for (const answer of await Promise.allSettled(calls)) {
        const fault = answer.status === 'rejected' ? answer.reason : answer.value;
        expect(fault).toBeInstanceOf(Unavailable);
        expect(fault).toMatchObject({ part: 'billing' });
        expect(String(fault)).not.toMatch(/Ada|sk_test/);
      }
    },
  );

  describe('a check', () => {
    test('succeeds while Stripe answers, and asks once for many calls', async () => {
      await Promise.all([billing.check(), billing.check()]);
      await billing.check();
      expect(stripe.calls).toEqual(['GET /v1/prices']);
    });

    test('fails if Stripe does not answer well, and asks once for many calls', async () => {
      stripe.breakApi('status 500');
      for (let n = 0; n < 3; n += 1)
        await expect(billing.check()).rejects.toMatchObject({ name: 'Unavailable', part: 'billing' });
      expect(stripe.calls).toEqual(['GET /v1/prices']);
    });
  });

  describe('an event', () => {
    const NOW_SECONDS = NOW_MS / 1000;

    async function open(
      body: string,
      { secret = stripe.webhookSecret, signedAt = NOW_SECONDS, signed = body } = {},
    ) {
      const { Stripe } = await import('stripe');
      const signature = Stripe.webhooks.generateTestHeaderString({
        payload: signed,
        secret,
        timestamp: signedAt,
      });
      return billingEvents.open(Buffer.from(body), signature, NOW_MS);
    }

    function eventBody(type: string, object: unknown, more: Record<string, unknown> = {}): string {
      const event = { id: 'evt_1', object: 'event', type, created: NOW_SECONDS, livemode: false };
      return JSON.stringify({ ...event, data: { object }, ...more });
    }

    test.each([
      ['customer.subscription.updated', { id: 'sub_1' }, { kind: 'subscription', id: 'sub_1' }],
      [
        'checkout.session.completed',
        { id: 'cs_1', subscription: 'sub_1' },
        { kind: 'subscription', id: 'sub_1' },
      ],
      ['checkout.session.completed', { id: 'cs_1', subscription: null }, null],
      [
        'invoice.paid',
        { id: 'in_1', parent: { subscription_details: { subscription: { id: 'sub_1' } } } },
        { kind: 'subscription', id: 'sub_1', invoiceId: 'in_1' },
      ],
      [
        'invoice.paid',
        { id: 'no id', parent: { subscription_details: { subscription: 'sub_1' } } },
        { kind: 'subscription', id: 'sub_1' },
      ],
      ['invoice.paid', { id: 'in_1', parent: null }, null],
      ['charge.refunded', { id: 'ch_1' }, { kind: 'charge', id: 'ch_1' }],
      ['charge.dispute.created', { id: 'dp_1' }, { kind: 'dispute', id: 'dp_1' }],
      ['charge.dispute.updated', { id: 'dp_1' }, { kind: 'dispute', id: 'dp_1' }],
      ['charge.dispute.closed', { id: 'dp_1' }, { kind: 'dispute', id: 'dp_1' }],
      ['charge.dispute.funds_withdrawn', { id: 'dp_1' }, { kind: 'dispute', id: 'dp_1' }],
      ['charge.dispute.funds_reinstated', { id: 'dp_1' }, { kind: 'dispute', id: 'dp_1' }],
      ['refund.updated', { id: 're_1', charge: 'ch_1' }, { kind: 'charge', id: 'ch_1' }],
      ['charge.refund.updated', { id: 're_1', charge: 'ch_1' }, { kind: 'charge', id: 'ch_1' }],
      ['refund.failed', { id: 're_1', charge: 'ch_1' }, { kind: 'charge', id: 'ch_1' }],
      ['refund.failed', { id: 're_1', charge: null }, null],
      ['customer.deleted', { id: 'cus_1' }, { kind: 'customer', id: 'cus_1' }],
      ['customer.deleted', { id: 'ada@example.com' }, null],
      ['customer.created', { id: 'cus_1' }, null],
      ['a.type.of.tomorrow', { anything: [] }, null],
    ])('%s of %j is about %j', async (type, object, about) => {
      expect(await open(eventBody(type, object))).toEqual({
        verdict: 'EVENT',
        event: { eventId: 'evt_1', type, createdAtMs: NOW_MS, about },
        isThin: false,
      });
    });

    const THIN = { id: 'evt_test_1', object: 'v2.core.event', created: '2026-11-25T00:00:00.000Z' };
    const thinBody = (type: string, more: Record<string, unknown> = {}): string =>
      JSON.stringify({ ...THIN, type, livemode: false, ...more });

    test.each(['v1.billing.meter.error_report_triggered', 'v1.billing.meter.no_meter_found'])(
      'that is thin, of type %s, is about the errors that are fetched by its id',
      async (type) => {
        expect(await open(thinBody(type))).toEqual({
          verdict: 'EVENT',
          event: {
            eventId: 'evt_test_1',
            type,
            createdAtMs: NOW_MS,
            about: { kind: 'meter_errors', id: 'evt_test_1' },
          },
          isThin: true,
        });
        for (const more of [{ context: 'acct_1' }, { livemode: true }])
          expect(await open(thinBody(type, more))).toMatchObject({ event: { about: null } });
      },
    );

    test('that is thin and not used is about nothing, with a warning unless it is a ping', async () => {
      const unused = await open(thinBody('v1.customer.subscription.updated'));
      expect(unused).toMatchObject({
        verdict: 'EVENT',
        event: { about: null },
        isThin: true,
        warning: expect.stringMatching(/remove the type from the event destination/),
      });
      const ping = await open(thinBody('v2.core.event_destination.ping'));
      expect(ping).toMatchObject({ event: { about: null }, warning: undefined });
    });

    test('of another API version is read, with a warning once a version', async () => {
      const bodyOf = (api_version: string | null) =>
        eventBody('customer.deleted', { id: 'cus_1' }, { api_version });
      const { Stripe } = await import('stripe');
      const about = { kind: 'customer', id: 'cus_1' };
      const warnings: (string | undefined)[] = [];
      for (const version of [Stripe.API_VERSION, '2024-06-20', '2024-06-20', '2027-01-01.fig', null]) {
        const opened = await open(bodyOf(version));
        expect(opened).toMatchObject({ verdict: 'EVENT', event: { about } });
        warnings.push('warning' in opened ? opened.warning : undefined);
      }
      expect(warnings).toEqual([
        undefined,
        expect.stringContaining(`API version 2024-06-20, and this release reads ${Stripe.API_VERSION}`),
        undefined,
        expect.stringContaining('API version 2027-01-01.fig'),
        undefined,
      ]);
    });

    test.each([
      ['of a connected account', { account: 'acct_1' }],
      ['of the other mode', { livemode: true }],
    ])('%s has no object of ours', async (_, more) => {
      const opened = await open(eventBody('customer.deleted', { id: 'cus_1' }, more));
      expect(opened).toMatchObject({ verdict: 'EVENT', event: { about: null } });
    });

    test('is accepted up to five minutes before and after the time of its signature', async () => {
      const body = eventBody('customer.deleted', { id: 'cus_1' });
      for (const [offset, verdict] of [
        [-300, 'EVENT'],
        [-301, 'REFUSED'],
        [300, 'EVENT'],
        [301, 'REFUSED'],
      ] as const)
        expect(await open(body, { signedAt: NOW_SECONDS + offset })).toMatchObject({ verdict });
    });

    test('is accepted with any of the secrets while one is rolled, and with no other', async () => {
      const body = eventBody('customer.deleted', { id: 'cus_1' });
      expect(await open(body, { secret: 'whsec_of_before' })).toMatchObject({ verdict: 'EVENT' });
      expect(await open(body, { secret: 'whsec_of_a_stranger' })).toMatchObject({ verdict: 'REFUSED' });
    });

    test.each([
      ['signed for another body', eventBody('a', {}), eventBody('b', {})],
      ['that is cut', eventBody('a', {}).slice(0, -1), eventBody('a', {})],
    ])('%s is refused', async (_, body, signed) => {
      expect(await open(body, { signed })).toMatchObject({ verdict: 'REFUSED' });
    });

    const ADA = 'ada@example.com';
    const derived = expect.stringMatching(/^evt_unreadable_[0-9a-f]{32}$/);
    test.each<[string, string, unknown, string | null, RegExp]>([
      ['that is not JSON', ADA, derived, null, /^it is not JSON$/],
      [
        'that is no object',
        JSON.stringify([ADA]),
        derived,
        null,
        /^it is not an event: the body \(invalid_type\)$/,
      ],
      [
        'without an id',
        JSON.stringify({ object: 'event', [ADA]: ADA }),
        derived,
        null,
        /^it is not an event: id/,
      ],
      ['whose id is no word', eventBody('a', {}, { id: ADA }), derived, 'a', /^it is not an event: id/],
      ['whose id is too long', eventBody('a', {}, { id: `evt_${'1'.repeat(300)}` }), derived, 'a', /: id/],
      ['without a time', eventBody('a', {}, { created: ADA }), 'evt_1', 'a', /: created \(invalid_type\)$/],
      ['of a time out of range', eventBody('a', {}, { created: 1e15 }), 'evt_1', 'a', /: created/],
      ['without data', eventBody('a', {}, { data: ADA }), 'evt_1', 'a', /: data \(invalid_type\)$/],
      [
        'whose object has no id',
        eventBody('charge.refunded', { email: ADA }, { api_version: '2019-01-01' }),
        'evt_1',
        'charge.refunded',
        /^its object has an unknown form \(API version 2019-01-01\): id \(invalid_type\)$/,
      ],
      ['whose object is a list', eventBody('invoice.paid', [ADA]), 'evt_1', 'invoice.paid', /^its object/],
      [
        'whose object’s id would be a path',
        eventBody('charge.dispute.closed', { id: '../customers' }),
        'evt_1',
        'charge.dispute.closed',
        /^its object has an unknown form: id \(invalid_format\)$/,
      ],
      [
        'whose object’s id cannot be one of a document',
        eventBody('customer.subscription.updated', { id: '__proto__' }),
        'evt_1',
        'customer.subscription.updated',
        /: id \(invalid_format\)$/,
      ],
      ['that is thin, without a time', thinBody('a', { created: ADA }), 'evt_test_1', 'a', /: created/],
    ])('%s is unreadable, for a reason without its content', async (_, body, eventId, type, because) => {
      const opened = await open(body);
      expect(opened).toEqual({
        verdict: 'UNREADABLE',
        event: { eventId, type, because: expect.stringMatching(because) },
      });
      expect(await open(body)).toEqual(opened);
      expect(JSON.stringify(opened)).not.toContain(ADA);
    });

    test.each(['', 't=1', 'v1=00', 'nonsense', 't=x,v1=y'])(
      'with the signature %j is refused',
      async (header) => {
        const body = Buffer.from(eventBody('customer.deleted', { id: 'cus_1' }));
        expect(await billingEvents.open(body, header, NOW_MS)).toMatchObject({ verdict: 'REFUSED' });
      },
    );
  });
}
