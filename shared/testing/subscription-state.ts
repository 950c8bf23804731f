import type { PaymentsRead } from '../domain/payment-holds.ts';
import type { PricedItem } from '../domain/seat-items.ts';
import type { HoldPolicy, SubscriptionState } from '../domain/subscription.ts';

/** A subscription as Stripe has it at `NOW_MS`, for tests of the rules. */

const DAY_MS = 24 * 3600 * 1000;
export const NOW_MS = Date.UTC(2026, 10, 25);
export const OWNER = { tenantId: 'ten_07_0000000000000000', licenseId: 'lic_07_0000000000000000' };

/** Five seats of the pro plan. */
export function pricedItem(change: Partial<PricedItem> = {}): PricedItem {
  return {
    itemId: 'si_1',
    priceId: 'price_pro',
    isPriceActive: true,
    lookupKey: 'seatlease_pro_month',
    planName: null,
    quantity: 5,
    isMetered: false,
    interval: 'month',
    intervalCount: 1,
    currency: 'usd',
    unitAmount: '900',
    periodStartMs: NOW_MS - 10 * DAY_MS,
    periodEndMs: NOW_MS + 20 * DAY_MS,
    ...change,
  };
}

export const ACTIVE: SubscriptionState = {
  subscriptionId: 'sub_1',
  customerId: 'cus_1',
  status: 'active',
  items: [pricedItem()],
  meteredPrices: [],
  createdAtMs: NOW_MS - 10 * DAY_MS,
  collection: 'automatic',
  isCollectionPaused: false,
  scheduleId: null,
  cancelAtMs: null,
  endedAtMs: null,
  latestInvoiceId: 'in_1',
  unpaidSinceMs: null,
  unpaidInvoiceId: null,
  unpaidItemIds: [],
  isNeverPaid: false,
  pendingUpdate: null,
  soldAs: { ...OWNER, price: null },
};
export const NO_PAYMENTS: PaymentsRead = { disputes: new Map(), payments: new Map(), paidInvoices: [] };
export const HOLD_POLICY: HoldPolicy = { disputes: 'hold', pausedCollection: 'keep' };
