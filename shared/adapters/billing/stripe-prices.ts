import type { Stripe } from 'stripe';
import * as z from 'zod/mini';
import { OFFERS, type SeatPrice } from '../../domain/prices.ts';
import type { RecentPrices } from '../../ports/billing.ts';
import { readAll } from './stripe-failures.ts';
import { AmountFields, amountOf } from './stripe-objects.ts';

/** The most lookup keys in one call, and objects on one page (docs.stripe.com/api/prices/list). */
const KEYS_A_CALL = 10;
const PAGE = 100;

/** How long prices are taken for current. */
const FRESH_MS = 5 * 60_000;
/** After a failure, for how long Stripe is not asked again. */
const PAUSE_MS = 30_000;
/** How long a caller waits for Stripe, if it can be answered without. */
const WAIT_MS = 3_000;

const PriceAnswer = z.object({
  id: z.string(),
  lookup_key: z.nullable(z.string()),
  ...AmountFields,
  tax_behavior: z.catch(z.enum(['inclusive', 'exclusive', 'unspecified']), 'unspecified'),
  recurring: z.nullable(z.object({ interval: z.string(), interval_count: z.int(), usage_type: z.string() })),
});

/** The active prices of what is sold. A price with another interval than its lookup key stands for is left out. */
export async function readPrices(stripe: Stripe): Promise<readonly SeatPrice[]> {
  const keys = OFFERS.map(({ lookupKey }) => lookupKey);
  const prices: SeatPrice[] = [];
  for (let i = 0; i < keys.length; i += KEYS_A_CALL) {
    const lookup_keys = keys.slice(i, i + KEYS_A_CALL);
    const found = await readAll('prices.list', PriceAnswer, () =>
      stripe.prices.list({ lookup_keys, active: true, limit: PAGE }),
    );
    prices.push(...found.flatMap(seatPriceOf));
  }
  return prices;
}

function seatPriceOf(price: z.infer<typeof PriceAnswer>): SeatPrice[] {
  const { id, lookup_key, billing_scheme, tax_behavior, recurring } = price;
  const offer = OFFERS.find(({ lookupKey }) => lookupKey === lookup_key);
  const isSold =
    recurring?.interval === offer?.interval &&
    recurring?.interval_count === 1 &&
    recurring.usage_type === 'licensed';
  if (!offer || !isSold) return [];
  return [
    {
      plan: offer.plan,
      interval: offer.interval,
      priceId: id,
      ...amountOf(price),
      hasTiers: billing_scheme === 'tiered',
      taxBehavior: tax_behavior,
    },
  ];
}

/**
 * Prices for display: read at most every few minutes, by one call at a time. While Stripe is unavailable, the last known
 * ones are returned, however old, and it is asked at most twice a minute.
 */
export function cachePrices(
  read: () => Promise<readonly SeatPrice[]>,
  nowMs: () => number,
  waitMs = WAIT_MS,
): () => Promise<RecentPrices> {
  let known: { readonly prices: readonly SeatPrice[]; readonly atMs: number } | undefined;
  let failed: { readonly because: string; readonly atMs: number } | undefined;
  let reading: Promise<void> | undefined;

  async function refresh(): Promise<void> {
    try {
      known = { prices: await read(), atMs: nowMs() };
      failed = undefined;
    } catch (error) {
      failed = { because: String(error), atMs: nowMs() };
    } finally {
      reading = undefined;
    }
  }

  return async () => {
    const isFresh = known !== undefined && nowMs() - known.atMs < FRESH_MS;
    const isPaused = failed !== undefined && nowMs() - failed.atMs < PAUSE_MS;
    if (!isFresh && !isPaused) {
      reading ??= refresh();
      if (await isLate(reading, waitMs)) failed ??= { because: 'Stripe has not answered yet', atMs: nowMs() };
    }
    return { prices: known?.prices ?? null, failure: failed?.because };
  };
}

/** Whether `work` takes longer than `waitMs`. It goes on in any case. */
async function isLate(work: Promise<void>, waitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<true>((resolve) => {
    timer = setTimeout(resolve, waitMs, true as const);
  });
  try {
    return (await Promise.race([work, late])) === true;
  } finally {
    clearTimeout(timer);
  }
}
