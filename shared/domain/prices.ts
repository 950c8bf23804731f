import { BILLING_INTERVALS, type BillingInterval, PLAN_NAMES, type Plan, priceKeyOf } from './plans.ts';

/** What one seat of a plan costs in each period, as Stripe has it now. */
export interface SeatPrice {
  readonly plan: Plan;
  readonly interval: BillingInterval;
  readonly priceId: string;
  /** ISO 4217, in lower case. */
  readonly currency: string;
  /**
   * In the smallest unit of the currency, with up to twelve decimals (docs.stripe.com/api/prices/object,
   * `unit_amount_decimal`); `null` if the price of a seat depends on the number of seats.
   */
  readonly unitAmount: string | null;
  /** Whether the price of a seat depends on the number of seats. */
  readonly hasTiers: boolean;
  readonly taxBehavior: 'inclusive' | 'exclusive' | 'unspecified';
}

/** What is sold: the lookup keys of current prices. */
export const OFFERS: readonly {
  readonly plan: Plan;
  readonly interval: BillingInterval;
  readonly lookupKey: string;
}[] = PLAN_NAMES.flatMap((plan) =>
  BILLING_INTERVALS.flatMap((interval) => {
    const lookupKey = priceKeyOf(plan, interval);
    return lookupKey === undefined ? [] : { plan, interval, lookupKey };
  }),
);

/** The price that a plan is sold at, or `undefined` if Stripe has none that is active. */
export function priceOf(
  prices: readonly SeatPrice[],
  plan: Plan,
  interval: BillingInterval,
): SeatPrice | undefined {
  return prices.find((price) => price.plan === plan && price.interval === interval);
}

/** The lookup keys without an active price: what has them cannot be bought. */
export function unpricedKeys(prices: readonly SeatPrice[]): string[] {
  return OFFERS.filter(({ plan, interval }) => !priceOf(prices, plan, interval)).map(
    ({ lookupKey }) => lookupKey,
  );
}
