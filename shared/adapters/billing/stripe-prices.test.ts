import { beforeEach, describe, expect, test } from 'vitest';
import type { SeatPrice } from '../../domain/prices.ts';
import { cachePrices } from './stripe-prices.ts';

const MINUTE_MS = 60_000;

let nowMs: number;
/** The answers of Stripe that are awaited. */
let asked: PromiseWithResolvers<readonly SeatPrice[]>[];
beforeEach(() => {
  nowMs = 0;
  asked = [];
});

function pricesAt(unitAmount: string): readonly SeatPrice[] {
  const price = { plan: 'pro', interval: 'month', priceId: 'price_1', currency: 'usd', unitAmount } as const;
  return [{ ...price, hasTiers: false, taxBehavior: 'unspecified' }];
}

function open(waitMs = 10_000) {
  const read = () => {
    const answer = Promise.withResolvers<readonly SeatPrice[]>();
    asked.push(answer);
    return answer.promise;
  };
  return cachePrices(read, () => nowMs, waitMs);
}

/** Cached prices that were read once. */
async function filled(waitMs?: number) {
  const recent = open(waitMs);
  const first = recent();
  asked[0]?.resolve(pricesAt('900'));
  await first;
  return recent;
}

const KNOWN = { prices: pricesAt('900'), failure: undefined };

describe('recent prices', () => {
  test('are read once for many concurrent callers, and again after five minutes', async () => {
    const recent = open();
    const all = Array.from({ length: 20 }, recent);
    asked[0]?.resolve(pricesAt('900'));
    expect(await Promise.all(all)).toEqual(Array(20).fill(KNOWN));
    nowMs = 5 * MINUTE_MS - 1;
    expect(await recent()).toEqual(KNOWN);
    expect(asked).toHaveLength(1);
    nowMs = 5 * MINUTE_MS;
    const again = recent();
    asked[1]?.resolve(pricesAt('1000'));
    expect(await again).toEqual({ prices: pricesAt('1000'), failure: undefined });
  });

  test('are the last known ones while Stripe is unavailable, and Stripe is asked twice a minute', async () => {
    const recent = await filled();
    nowMs = 24 * 60 * MINUTE_MS;
    const failing = recent();
    asked[1]?.reject(new Error('down'));
    expect(await failing).toEqual({ prices: KNOWN.prices, failure: 'Error: down' });
    nowMs += MINUTE_MS / 2 - 1;
    expect(await recent()).toEqual({ prices: KNOWN.prices, failure: 'Error: down' });
    expect(asked).toHaveLength(2);
    nowMs += 1;
    const recovered = recent();
    asked[2]?.resolve(pricesAt('1000'));
    expect(await recovered).toEqual({ prices: pricesAt('1000'), failure: undefined });
  });

  test('are null if they were never read', async () => {
    const recent = open();
    const failing = recent();
    asked[0]?.reject(new Error('down'));
    expect(await failing).toEqual({ prices: null, failure: 'Error: down' });
  });

  test('do not wait long for a Stripe that hangs, and follow when it answers', async () => {
    const recent = await filled(1);
    nowMs = 5 * MINUTE_MS;
    expect(await recent()).toEqual({ prices: KNOWN.prices, failure: 'Stripe has not answered yet' });
    expect(await recent()).toMatchObject({ prices: KNOWN.prices });
    expect(asked).toHaveLength(2);
    asked[1]?.resolve(pricesAt('1000'));
    await asked[1]?.promise;
    await Promise.resolve();
    expect(await recent()).toEqual({ prices: pricesAt('1000'), failure: undefined });
  });
});
