import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DisputeStatus } from '../../shared/local/stripe/state.ts';
import { beginPurchase, withoutStripeEvents } from '../testing/purchases.ts';
import { type Happening, openShop, type Sale, SEATS, type Shop, SUSPENDED } from '../testing/shop.ts';
import type { TestSuite } from '../testing/suite.ts';

/** What each state of Stripe does to seats: the table of clients/docs/billing.md, "Every state of Stripe". */

const DAY_MS = 24 * 3600 * 1000;

let shop: Shop;
let suite: TestSuite;
beforeAll(async () => {
  shop = await openShop();
  suite = shop.suite;
});
afterAll(() => shop.close());

const STATES: readonly Happening[] = [
  {
    what: 'active grants the seats until the end of the period, and the grace without news of the next',
    async act() {},
  },
  {
    what: 'trialing grants the seats until the end of the trial, and the grace without news of its end',
    trialDays: 14,
    async act() {},
    untilMs: () => shop.inDays(14) * 1000 + shop.graceMs,
  },
  {
    what: 'past_due keeps the seats for the grace, from the creation of the unpaid invoice',
    async act({ subscriptionId }) {
      shop.moveClock(DAY_MS);
      await suite.stripe.renew(subscriptionId, 'declined');
    },
    untilMs: () => shop.nowMs() + shop.graceMs,
  },
  {
    what: 'past_due holds the seats after the grace',
    act: (sold) => shop.becomeOverdue(sold),
    ...{ ...SUSPENDED, hold: 'payment' },
    untilMs: () => shop.nowMs(),
  },
  {
    what: 'unpaid holds the seats',
    async act(sold) {
      await suite.stripe.renew(sold.subscriptionId, 'declined');
      await suite.stripe.giveUp(sold.subscriptionId, 'unpaid');
    },
    ...{ ...SUSPENDED, hold: 'payment' },
    untilMs: (sold) => shop.paidUntilMs(sold) - shop.graceMs,
  },
  {
    what: 'an invoice that Stripe wrote off after the last retry holds the seats, although Stripe says active',
    async act(sold) {
      await shop.becomeOverdue(sold);
      await giveUp(sold);
      // Added seats are charged and paid: that does not pay for the period.
      await suite.stripe.prorate(sold.subscriptionId, 500);
    },
    ...{ ...SUSPENDED, hold: 'payment' },
    untilMs: () => shop.nowMs(),
  },
  {
    what: 'an invoice that Stripe wrote off within the grace keeps the seats until its end',
    async act(sold) {
      await suite.stripe.renew(sold.subscriptionId, 'declined');
      await giveUp(sold);
    },
    untilMs: () => shop.nowMs() + shop.graceMs,
  },
  {
    what: 'an invoice that Stripe wrote off and that is paid later restores the seats',
    async act(sold) {
      await shop.becomeOverdue(sold);
      await giveUp(sold);
      await suite.stripe.payOutOfBand(shop.latestInvoice(sold).id);
    },
  },
  {
    what: 'a paid period after one that Stripe wrote off restores the seats',
    async act(sold) {
      await shop.becomeOverdue(sold);
      await giveUp(sold);
      await suite.stripe.renew(sold.subscriptionId);
    },
  },
  {
    what: 'an invoice that Stripe wrote off and that the vendor voids restores the seats',
    async act(sold) {
      await shop.becomeOverdue(sold);
      await giveUp(sold);
      await suite.stripe.voidInvoice(shop.latestInvoice(sold).id);
    },
  },
  {
    what: 'paused holds the seats, also after a trial that ended without a card',
    trialDays: 14,
    act: ({ subscriptionId }) => suite.stripe.pause(subscriptionId),
    ...{ ...SUSPENDED, hold: 'paused' },
    untilMs: (sold) => shop.paidUntilMs(sold) - shop.graceMs,
  },
  {
    what: 'canceled ends the seats',
    act: ({ subscriptionId }) => suite.stripe.end(subscriptionId),
    answer: 'LICENSE_EXPIRED',
    untilMs: () => shop.nowMs(),
  },
  {
    what: 'a trial that ends without a card and is canceled ends the seats',
    trialDays: 14,
    act: ({ subscriptionId }) => suite.stripe.giveUp(subscriptionId, 'canceled'),
    answer: 'LICENSE_EXPIRED',
    untilMs: () => shop.nowMs(),
  },
  {
    what: 'a trial that ends without a card and is billed keeps the seats for the grace',
    trialDays: 14,
    act: ({ subscriptionId }) => suite.stripe.renew(subscriptionId, 'declined'),
    untilMs: () => shop.nowMs() + shop.graceMs,
  },
  {
    what: 'a cancellation at the end of the period keeps the seats until then, without grace',
    act: ({ subscriptionId }) =>
      suite.deps.billing?.endSubscription({ subscriptionId, end: 'period_end' }) ?? fail(),
    untilMs: (sold) => shop.paidUntilMs(sold) - shop.graceMs,
  },
  {
    what: 'an invoice that was left open before a later one was paid does not shorten the grace',
    async act({ subscriptionId }) {
      await suite.stripe.renew(subscriptionId, 'declined');
      shop.moveClock(2 * DAY_MS);
      await suite.stripe.renew(subscriptionId);
      shop.moveClock(shop.graceMs);
      await suite.stripe.renew(subscriptionId, 'declined');
    },
    untilMs: () => shop.nowMs() + shop.graceMs,
  },
  {
    what: 'the oldest of several invoices that are unpaid since the last payment begins the grace',
    async act({ subscriptionId }) {
      await suite.stripe.renew(subscriptionId, 'declined');
      shop.moveClock(2 * DAY_MS);
      await suite.stripe.renew(subscriptionId, 'declined');
    },
    untilMs: () => shop.nowMs() - 2 * DAY_MS + shop.graceMs,
  },
  {
    what: 'an overdue invoice that is voided beside another leaves the grace of the other',
    async act(sold) {
      await suite.stripe.renew(sold.subscriptionId, 'declined');
      const { id } = shop.latestInvoice(sold);
      shop.moveClock(2 * DAY_MS);
      await suite.stripe.renew(sold.subscriptionId, 'declined');
      await suite.stripe.idle();
      await suite.stripe.voidInvoice(id);
    },
    untilMs: () => shop.nowMs() + shop.graceMs,
  },
  {
    what: 'a sent invoice stays unpaid, although a later one for a change of seats was paid',
    async act({ subscriptionId }) {
      await suite.stripe.sendInvoice(subscriptionId, 30);
      await suite.stripe.renew(subscriptionId);
      shop.moveClock(DAY_MS);
      await suite.stripe.prorate(subscriptionId, 500);
      shop.moveClock(29 * DAY_MS + shop.graceMs);
      await suite.stripe.idle();
      await suite.sweep();
    },
    ...{ ...SUSPENDED, hold: 'payment' },
    untilMs: () => shop.nowMs(),
  },
  {
    what: 'an invoice by hand that is not paid neither holds the seats nor shortens the grace',
    async act({ subscriptionId }) {
      await suite.stripe.invoiceByHand(subscriptionId, 50_000, 3);
      shop.moveClock(3 * DAY_MS + shop.graceMs);
      await suite.sweep();
      await suite.stripe.renew(subscriptionId, 'declined');
    },
    untilMs: () => shop.nowMs() + shop.graceMs,
  },
  {
    what: 'an invoice by hand of a subscription with sent invoices does not hold the seats',
    async act({ subscriptionId }) {
      await suite.stripe.sendInvoice(subscriptionId, 30);
      await suite.stripe.invoiceByHand(subscriptionId, 50_000, 3);
      shop.moveClock(3 * DAY_MS + shop.graceMs);
      await suite.sweep();
    },
  },
];

/** As an account can be set up: after the last retry the invoice is written off, and the subscription active. */
async function giveUp(sold: Sale): Promise<void> {
  await suite.stripe.markUncollectible(shop.latestInvoice(sold).id, 'max_payment_attempts');
  expect(suite.stripe.subscription(sold.subscriptionId)?.status).toBe('active');
}

function fail(): never {
  throw new Error('billing is not configured');
}

describe('at Stripe,', () => {
  test.each(STATES)('$what', (state) => shop.check(state));

  test.each(['keep_as_draft', 'mark_uncollectible', 'void'] as const)(
    'pause_collection %s keeps the seats, also in the next period',
    (behavior) =>
      shop.check({
        what: behavior,
        async act({ subscriptionId }) {
          await suite.stripe.pauseCollection(subscriptionId, behavior);
          await suite.stripe.renew(subscriptionId);
        },
      }),
  );

  test.each<[DisputeStatus, 'keeps' | 'holds', 'dispute' | 'inquiry', DisputeStatus[]]>([
    ['warning_needs_response', 'keeps', 'inquiry', []],
    ['warning_under_review', 'keeps', 'inquiry', ['warning_under_review']],
    ['warning_closed', 'keeps', 'inquiry', ['warning_closed']],
    ['needs_response', 'holds', 'dispute', []],
    ['under_review', 'holds', 'dispute', ['under_review']],
    ['lost', 'holds', 'dispute', ['lost']],
    ['appeal_needs_response', 'holds', 'dispute', ['lost', 'appeal_needs_response']],
    ['appeal_under_review', 'holds', 'dispute', ['lost', 'appeal_needs_response', 'appeal_under_review']],
    ['won', 'keeps', 'dispute', ['won']],
    ['prevented', 'keeps', 'dispute', ['prevented']],
  ])('dispute %s %s the seats', (what, effect, kind, way) =>
    shop.check({
      what,
      async act({ chargeId }) {
        const id = await suite.stripe.dispute(chargeId, kind);
        for (const status of way) await suite.stripe.moveDispute(id, status);
      },
      ...(effect === 'holds' && { ...SUSPENDED, hold: 'dispute' }),
    }),
  );

  test.each<[string, (id: string) => Promise<unknown>, string]>([
    ['is canceled', (id) => suite.stripe.end(id), 'LICENSE_EXPIRED'],
    ['is paused', (id) => suite.stripe.pause(id), 'LICENSE_SUSPENDED'],
    ['gives up a payment', (id) => suite.stripe.giveUp(id, 'unpaid'), 'LICENSE_SUSPENDED'],
    ['loses all seats', (id) => suite.stripe.changeSeats(id, 0), 'SEATS_EXHAUSTED'],
  ])(
    'a subscription that %s grants nothing after a day, although all events are lost',
    async (_, act, answer) => {
      const sold = await shop.sale({ interval: 'year' });
      await withoutStripeEvents(suite, () => act(sold.subscriptionId));
      expect(await shop.acquire(sold)).toBe('granted');
      shop.moveClock(DAY_MS + 1);
      // A sweep checks 50 subscriptions, and the other tests have left some.
      for (let sweeps = 0; sweeps < 3; sweeps += 1) await suite.sweep();
      expect(await shop.acquire(sold)).toBe(answer);
    },
  );

  test('a first payment that fails after days, such as a bank debit, has no grace', async () => {
    const { licenseId, sessionId } = await beginPurchase(suite);
    await suite.stripe.payLater(sessionId);
    const id = suite.stripe.subscriptionOf(sessionId) ?? '';
    await suite.stripe.giveUp(id, 'past_due');
    await suite.stripe.idle();
    expect(await shop.license({ licenseId })).toMatchObject({ hold: 'payment' });
    await suite.stripe.retryPayment(id);
    await suite.stripe.idle();
    expect(await shop.license({ licenseId })).toMatchObject({ hold: null, max: 2 });
  });

  test('incomplete grants nothing until the first payment, and incomplete_expired never', async () => {
    const { tenantId, licenseId, customerId } = await beginPurchase(suite);
    const id = await suite.stripe.createSubscription(customerId, {
      price: 'seatlease_pro_month',
      quantity: SEATS,
      metadata: { seatlease_tenant_id: tenantId, seatlease_license_id: licenseId },
      card: 'declined',
    });
    await suite.stripe.idle();
    expect(suite.stripe.subscription(id)?.status).toBe('incomplete');
    expect(await shop.license({ licenseId })).toBeUndefined();
    await suite.stripe.expireFirstPayment(id);
    await suite.stripe.idle();
    expect(suite.stripe.subscription(id)?.status).toBe('incomplete_expired');
    expect(await shop.license({ licenseId })).toBeUndefined();
  });
});
