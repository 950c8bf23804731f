import type { Stripe } from 'stripe';
import { cachedFor } from '../../domain/cached-for.ts';
import { callStripe } from './stripe-failures.ts';

/** A health check of all dependencies waits for it. Stripe usually answers within a second. */
const ANSWER_WITHIN_MS = 3_000;

/**
 * How long an answer is kept, a failure too: however often the health is asked for, each instance uses two of Stripe's
 * 100 reads a second in a minute (docs.stripe.com/rate-limits).
 */
const KEPT_MS = 30_000;

/**
 * Whether Stripe answers, and accepts the key. It lists one price, which every key here may do: checkouts need it.
 */
export function checkStripe(getClient: () => Promise<Stripe>): () => Promise<void> {
  const ask = cachedFor(
    KEPT_MS,
    async () => {
      const stripe = await getClient();
      const options = { timeout: ANSWER_WITHIN_MS, maxNetworkRetries: 0 };
      try {
        await callStripe('prices.list', () => stripe.prices.list({ limit: 1 }, options));
        return undefined;
      } catch (fault) {
        return { fault };
      }
    },
    () => performance.now(),
  );
  return async () => {
    const failed = await ask();
    if (failed) throw failed.fault;
  };
}
