import { expect } from 'vitest';
import type { License } from '../../shared/domain/license.ts';
import { PLANS } from '../../shared/domain/plans.ts';
import type { FakeInvoice } from '../../shared/local/stripe/types.ts';
import { LICENSES } from '../../shared/ports/collections.ts';
import { openClockedSuite } from './clocked-suite.ts';
import { type BoughtLicense, buySeats, type PurchaseOptions } from './purchases.ts';
import type { TestSuite } from './suite.ts';

/** Seats that a sale has, of the plan pro and paid monthly. */
export const SEATS = 4;

/** A purchase, with the ids that the dashboard shows. */
export interface Sale extends BoughtLicense {
  readonly chargeId: string;
  readonly invoiceId: string;
  readonly itemId: string;
  readonly priceId: string;
}

/** Something that happens to a sale at Stripe, and what it does to seats. */
export interface Happening {
  /** Subject, action and effect. */
  readonly what: string;
  readonly trialDays?: number;
  act(sold: Sale): Promise<unknown>;
  /** Seats afterwards. Default: those that were bought. */
  readonly seats?: number;
  /** The answer to a new machine. Default: it gets a seat. */
  readonly answer?: 'granted' | 'SEATS_EXHAUSTED' | 'LICENSE_SUSPENDED' | 'LICENSE_EXPIRED';
  readonly hold?: NonNullable<License['hold']>;
  /** Default: the end of the period at Stripe, with the grace. */
  untilMs?(sold: Sale): number;
}

export const SUSPENDED = { answer: 'LICENSE_SUSPENDED' } as const;

export interface Shop {
  readonly suite: TestSuite;
  /** Of the plan. */
  readonly graceMs: number;
  /** In whole seconds, like Stripe's. */
  nowMs(): number;
  /** A time at Stripe, in seconds. */
  inDays(days: number): number;
  moveClock(ms: number): void;
  sale(options?: PurchaseOptions): Promise<Sale>;
  license(sold: Pick<Sale, 'licenseId'>): Promise<License | undefined>;
  latestInvoice(sold: Pick<Sale, 'subscriptionId'>): FakeInvoice;
  /** The end of the period at Stripe, with the grace of the plan. */
  paidUntilMs(sold: Sale): number;
  /** Whether a new machine gets a seat: `granted`, or the code of the refusal. */
  acquire(sold: BoughtLicense): Promise<string>;
  /** A renewal is declined, and the grace passes. */
  becomeOverdue(sold: Sale): Promise<void>;
  /** Sells, lets it happen, and checks the seats, also after all events were sent again in the opposite order. */
  check(happening: Happening): Promise<void>;
  close(): Promise<void>;
}

export async function openShop(): Promise<Shop> {
  const clocked = await openClockedSuite();
  const { suite } = clocked;
  const { stripe } = suite;
  const graceMs = PLANS.pro.paymentGraceDays * 24 * 3600 * 1000;
  const shop: Shop = {
    suite,
    graceMs,
    nowMs: () => Math.floor(clocked.nowMs() / 1000) * 1000,
    inDays: (days) => Math.floor(clocked.nowMs() / 1000) + days * 24 * 3600,
    moveClock: clocked.moveClock,
    async sale(options) {
      const bought = await buySeats(suite, { seats: SEATS, ...options });
      const invoice = shop.latestInvoice(bought);
      const [item] = stripe.subscription(bought.subscriptionId)?.items ?? [];
      const chargeId = stripe.chargeOf(bought.subscriptionId) ?? '';
      if (!item) throw new Error('nothing was bought');
      return { ...bought, chargeId, invoiceId: invoice.id, itemId: item.id, priceId: item.priceId };
    },
    license: ({ licenseId }) => suite.deps.records.get(LICENSES, licenseId),
    latestInvoice({ subscriptionId }) {
      const [invoice] = stripe.invoicesOf(subscriptionId);
      if (!invoice) throw new Error('no invoice');
      return invoice;
    },
    paidUntilMs: ({ subscriptionId }) =>
      (stripe.subscription(subscriptionId)?.periodEnd ?? 0) * 1000 + graceMs,
    async acquire(sold) {
      const { status, body } = await sold.acquire(`machine ${Math.random()}`);
      return status === 201 ? 'granted' : body.code;
    },
    async becomeOverdue({ subscriptionId }) {
      await stripe.renew(subscriptionId, 'declined');
      await stripe.idle();
      clocked.moveClock(graceMs);
      await suite.sweep();
    },
    async check({ act, trialDays, ...expected }) {
      const before = stripe.events.length;
      const sold = await shop.sale({ ...(trialDays !== undefined && { trialDays }) });
      await act(sold);
      await stripe.idle();
      const { seats: max = SEATS, hold = null, answer = 'granted', untilMs = shop.paidUntilMs } = expected;
      const after = await shop.license(sold);
      expect(after).toMatchObject({ max, hold, plan: 'pro', validUntilMs: untilMs(sold) });
      expect(await shop.acquire(sold)).toBe(answer);
      for (const { id } of stripe.events.slice(before).toReversed()) expect(await stripe.send(id)).toBe(200);
      expect(await shop.license(sold)).toEqual(after);
    },
    close: clocked.close,
  };
  return shop;
}
