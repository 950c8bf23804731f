import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import { beginPurchase } from '../testing/purchases.ts';
import { type Happening, openShop, type Sale, SEATS, type Shop, SUSPENDED } from '../testing/shop.ts';
import type { TestSuite } from '../testing/suite.ts';

/**
 * What the vendor can do in Stripe's dashboard, and what it does to seats: the table of
 * clients/docs/billing.md, "In Stripe's dashboard".
 */

const DAY_MS = 24 * 3600 * 1000;

let shop: Shop;
let suite: TestSuite;
beforeAll(async () => {
  shop = await openShop();
  suite = shop.suite;
});
afterAll(() => shop.close());

/** The customer pays the next period in two parts. */
async function payInParts(sold: Sale): Promise<[first: string, second: string]> {
  await suite.stripe.renew(sold.subscriptionId, 'declined');
  const { id, amountDue } = shop.latestInvoice(sold);
  const first = await suite.stripe.payPart(id, 1_000);
  return [first, await suite.stripe.payPart(id, amountDue - 1_000)];
}

const ACTIONS: readonly Happening[] = [
  {
    what: 'a partial refund keeps the seats',
    act: ({ chargeId }) => suite.stripe.refund(chargeId, 1_000),
  },
  {
    what: 'a full refund holds the seats',
    act: ({ chargeId }) => suite.stripe.refund(chargeId),
    ...{ ...SUSPENDED, hold: 'refund' },
  },
  {
    what: 'a refund of one of two payments keeps the seats',
    async act(sold) {
      const [first] = await payInParts(sold);
      await suite.stripe.refund(first);
    },
  },
  {
    what: 'a refund of both of two payments holds the seats',
    async act(sold) {
      for (const charge of await payInParts(sold)) await suite.stripe.refund(charge);
    },
    ...{ ...SUSPENDED, hold: 'refund' },
  },
  {
    what: 'a refund of one of two payments that fails restores the seats',
    async act(sold) {
      const [first, second] = await payInParts(sold);
      const failing = await suite.stripe.refund(first);
      await suite.stripe.refund(second);
      await suite.stripe.idle();
      expect(await shop.acquire(sold)).toBe('LICENSE_SUSPENDED');
      await suite.stripe.failRefund(failing);
    },
  },
  {
    what: 'a credit note that refunds all of an invoice holds the seats',
    act: (sold) => suite.stripe.creditInvoice(sold.invoiceId, shop.latestInvoice(sold).amountPaid, 'refund'),
    ...{ ...SUSPENDED, hold: 'refund' },
  },
  {
    what: 'a credit note to the customer’s balance keeps the seats, and the credit pays the renewal',
    async act(sold) {
      await suite.stripe.creditInvoice(sold.invoiceId, shop.latestInvoice(sold).amountPaid, 'balance');
      await suite.stripe.renew(sold.subscriptionId);
      expect(shop.latestInvoice(sold)).toMatchObject({ status: 'paid', amountDue: 0 });
    },
  },
  {
    what: 'a credit note that is given back outside of Stripe keeps the seats',
    act: ({ invoiceId }) => suite.stripe.creditInvoice(invoiceId, 1_000, 'outside Stripe'),
  },
  {
    what: 'a discounted renewal is a paid renewal',
    async act(sold) {
      await suite.stripe.refund(sold.chargeId);
      await suite.stripe.discount(sold.subscriptionId, 50);
      await suite.stripe.renew(sold.subscriptionId);
      expect(shop.latestInvoice(sold)).toMatchObject({ status: 'paid', amountPaid: (SEATS * 900) / 2 });
    },
  },
  {
    what: 'a renewal with a coupon of 100 % keeps the seats, although nothing is charged',
    async act({ subscriptionId }) {
      await suite.stripe.discount(subscriptionId, 100);
      await suite.stripe.renew(subscriptionId);
      expect(suite.stripe.chargeOf(subscriptionId)).toBeUndefined();
    },
  },
  {
    what: 'an overdue invoice that is paid outside of Stripe restores the seats',
    async act(sold) {
      await shop.becomeOverdue(sold);
      expect(await shop.acquire(sold)).toBe('LICENSE_SUSPENDED');
      await suite.stripe.payOutOfBand(shop.latestInvoice(sold).id);
    },
  },
  {
    what: 'a period that is paid outside of Stripe after a lost dispute restores the seats',
    async act(sold) {
      await suite.stripe.moveDispute(await suite.stripe.dispute(sold.chargeId), 'lost');
      shop.moveClock(DAY_MS);
      await suite.stripe.renew(sold.subscriptionId, 'declined');
      await suite.stripe.idle();
      expect(await shop.acquire(sold)).toBe('LICENSE_SUSPENDED');
      await suite.stripe.payOutOfBand(shop.latestInvoice(sold).id);
    },
  },
  {
    what: 'an overdue invoice that is credited in full restores the seats',
    async act(sold) {
      await shop.becomeOverdue(sold);
      const { id, amountDue } = shop.latestInvoice(sold);
      await suite.stripe.creditInvoice(id, amountDue, 'outside Stripe');
    },
  },
  {
    what: 'an overdue invoice that is voided restores the seats, as Stripe says active',
    async act(sold) {
      await shop.becomeOverdue(sold);
      await suite.stripe.voidInvoice(shop.latestInvoice(sold).id);
    },
  },
  {
    what: 'an overdue invoice that is written off restores the seats, as Stripe says active',
    async act(sold) {
      await shop.becomeOverdue(sold);
      await suite.stripe.markUncollectible(shop.latestInvoice(sold).id);
    },
  },
  {
    what: 'an unpaid subscription whose invoice is written off stays held',
    async act(sold) {
      await shop.becomeOverdue(sold);
      await suite.stripe.giveUp(sold.subscriptionId, 'unpaid');
      await suite.stripe.markUncollectible(shop.latestInvoice(sold).id);
    },
    ...{ ...SUSPENDED, hold: 'payment' },
    untilMs: (sold) => shop.paidUntilMs(sold) - shop.graceMs,
  },
  {
    what: 'a larger quantity adds seats',
    act: ({ itemId }) => suite.stripe.changeQuantityOf(itemId, SEATS + 2),
    seats: SEATS + 2,
  },
  {
    what: 'a smaller quantity removes seats',
    act: ({ itemId }) => suite.stripe.changeQuantityOf(itemId, SEATS - 2),
    seats: SEATS - 2,
  },
  {
    what: 'a quantity of 0 leaves no seats',
    act: ({ itemId }) => suite.stripe.changeQuantityOf(itemId, 0),
    ...{ seats: 0, answer: 'SEATS_EXHAUSTED' },
  },
  {
    what: 'another price of the plan keeps the seats, for its period',
    act: ({ subscriptionId }) => suite.stripe.changePrice(subscriptionId, 'seatlease_pro_year'),
  },
  {
    what: 'an item with another price of the plan adds seats',
    act: ({ subscriptionId }) =>
      suite.stripe.addItem(subscriptionId, { price: 'seatlease_pro_month', quantity: 3 }),
    seats: SEATS + 3,
  },
  {
    what: 'an item with an unknown price keeps the seats',
    async act({ subscriptionId }) {
      await suite.stripe.addItem(subscriptionId, { price: await suite.stripe.addPrice(), quantity: 3 });
    },
  },
  {
    what: 'a trial in the middle of a paid period keeps the seats until its end',
    act: ({ subscriptionId }) => suite.stripe.setTrialEnd(subscriptionId, shop.inDays(60)),
    untilMs: () => shop.inDays(60) * 1000 + shop.graceMs,
  },
  {
    what: 'a trial that is ended by a payment keeps the seats for the new period',
    async act({ subscriptionId }) {
      await suite.stripe.setTrialEnd(subscriptionId, shop.inDays(60));
      await suite.stripe.setTrialEnd(subscriptionId, 'now');
    },
  },
  {
    what: 'a trial that is ended with a declined card keeps the seats for the grace',
    async act({ subscriptionId }) {
      await suite.stripe.setTrialEnd(subscriptionId, shop.inDays(60));
      await suite.stripe.setTrialEnd(subscriptionId, 'now', 'declined');
    },
    untilMs: () => shop.nowMs() + shop.graceMs,
  },
  {
    what: 'a trial that is given with a refund of the period before keeps the seats',
    async act({ subscriptionId, chargeId }) {
      await suite.stripe.setTrialEnd(subscriptionId, shop.inDays(60));
      await suite.stripe.refund(chargeId);
    },
  },
  {
    what: 'a billing cycle that starts again keeps the seats for the new period',
    async act({ subscriptionId }) {
      shop.moveClock(10 * DAY_MS);
      await suite.stripe.resetBillingCycle(subscriptionId);
    },
  },
  {
    what: 'a billing cycle that starts again with a declined card keeps the seats for the grace',
    async act({ subscriptionId }) {
      shop.moveClock(10 * DAY_MS);
      await suite.stripe.resetBillingCycle(subscriptionId, 'declined');
    },
    untilMs: () => shop.nowMs() + shop.graceMs,
  },
  {
    what: 'a cancellation at a date keeps the seats until then',
    act: ({ subscriptionId }) => suite.stripe.cancelAt(subscriptionId, shop.inDays(9)),
    untilMs: () => shop.inDays(9) * 1000,
  },
  {
    what: 'a cancellation that is undone keeps the seats as before',
    async act({ subscriptionId }) {
      await suite.stripe.cancelAt(subscriptionId, shop.inDays(9));
      await suite.stripe.cancelAt(subscriptionId, null);
    },
  },
  {
    what: 'an immediate cancellation ends the seats',
    act: ({ subscriptionId }) => suite.stripe.end(subscriptionId),
    answer: 'LICENSE_EXPIRED',
    untilMs: () => shop.nowMs(),
  },
  {
    what: 'the deletion of the customer ends the seats',
    act: ({ customerId }) => suite.stripe.deleteCustomer(customerId),
    answer: 'LICENSE_EXPIRED',
    untilMs: () => shop.nowMs(),
  },
  {
    what: 'a new name, address or tax id of the customer keeps the seats',
    async act({ customerId }) {
      await suite.stripe.renameCustomer(customerId, 'Another name');
      const object = { id: 'txi_1', object: 'tax_id', customer: customerId };
      await suite.stripe.addEvent('customer.tax_id.created', object);
    },
  },
  {
    what: 'metadata that is removed or changed keeps the seats of the license that was bought',
    async act({ subscriptionId, tenantId }) {
      const { licenseId: other } = await beginPurchase(suite, { tenantId });
      await suite.stripe.setMetadata(subscriptionId, { seatlease_license_id: other });
      await suite.stripe.idle();
      expect(await shop.license({ licenseId: other })).toBeUndefined();
      const names = ['tenant_id', 'license_id', 'price_id'].map((name) => [`seatlease_${name}`, '']);
      await suite.stripe.setMetadata(subscriptionId, {
        ...Object.fromEntries(names),
        seatlease_plan: '',
      });
    },
  },
  {
    what: 'an archived price keeps the seats, also of the next period',
    async act({ priceId, subscriptionId }) {
      await suite.stripe.setPriceActive(priceId, false);
      await suite.stripe.renew(subscriptionId);
      const { tenantId } = await suite.createLicense();
      await expect(beginPurchase(suite, { tenantId })).rejects.toThrow('not for sale');
      await suite.stripe.setPriceActive(priceId, true);
    },
  },
  {
    what: 'a lookup key that moves to another price keeps the seats, also of the next period',
    async act({ subscriptionId }) {
      await suite.stripe.moveLookupKey('seatlease_pro_month', { unitAmount: 1_900 });
      await suite.stripe.renew(subscriptionId);
    },
  },
  {
    what: 'another name of a product keeps the seats',
    act: () => suite.stripe.addEvent('product.updated', { id: 'prod_pro', object: 'product' }),
  },
];

describe('in Stripe’s dashboard,', () => {
  test.each(ACTIONS)('$what', (action) => shop.check(action));
});

describe('a subscription that was created in the dashboard', () => {
  async function create(metadata: Record<string, string>, customer?: string) {
    const purchase = await beginPurchase(suite, {});
    const { tenantId, licenseId, customerId } = purchase;
    const names = { seatlease_tenant_id: tenantId, seatlease_license_id: licenseId };
    const subscriptionId = await suite.stripe.createSubscription(customer ?? customerId, {
      price: 'seatlease_pro_month',
      quantity: 3,
      metadata: { ...names, ...metadata },
    });
    await suite.stripe.idle();
    return { ...purchase, subscriptionId };
  }

  test('grants seats if its metadata names tenant and license, and its customer is the tenant’s', async () => {
    expect(await shop.license(await create({}))).toMatchObject({ plan: 'pro', max: 3, hold: null });
  });

  test('for a license that is paid is an ERROR, and grants its seats when the other one ends', async () => {
    const sold = await shop.sale();
    const { tenantId, licenseId, customerId } = sold;
    const createNext = (quantity: number) =>
      suite.stripe.createSubscription(customerId, {
        price: 'seatlease_pro_month',
        quantity,
        metadata: { seatlease_tenant_id: tenantId, seatlease_license_id: licenseId },
      });
    const next = await createNext(6);
    await suite.stripe.idle();
    const last = await createNext(7);
    await suite.stripe.idle();
    expect(await shop.license(sold)).toMatchObject({ max: SEATS, subscriptionId: sold.subscriptionId });
    expect(suite.logged).toContainEqual(
      expect.objectContaining({
        severity: 'ERROR',
        message: 'two subscriptions pay for one license',
        because: `${sold.subscriptionId} has its seats, ${next} has none: cancel and refund one of them`,
      }),
    );
    await suite.stripe.end(sold.subscriptionId);
    await suite.stripe.idle();
    expect(await shop.license(sold)).toMatchObject({ max: 6, subscriptionId: next });
    expect(await shop.acquire(sold)).toBe('granted');
    await suite.stripe.end(next);
    await suite.stripe.idle();
    expect(await shop.license(sold)).toMatchObject({ max: 7, subscriptionId: last });
  });

  test('grants none without metadata, or for another customer', async () => {
    const { customerId } = await shop.sale();
    for (const { licenseId, subscriptionId } of [
      await create({ seatlease_license_id: '' }),
      await create({}, customerId),
    ]) {
      expect(await shop.license({ licenseId })).toBeUndefined();
      expect(await suite.deps.records.get(SUBSCRIPTIONS, subscriptionId)).toBeUndefined();
    }
  });
});
