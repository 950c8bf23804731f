import { PLANS, type PlanTerms } from '../../domain/plans.ts';
import type { Interval } from './period.ts';

export interface Price {
  readonly id: string;
  readonly object: 'price';
  active: boolean;
  readonly billing_scheme: 'per_unit' | 'tiered';
  readonly created: number;
  readonly currency: string;
  lookup_key: string | null;
  metadata: Readonly<Record<string, string>>;
  readonly product: string;
  readonly recurring: {
    readonly interval: Interval;
    readonly interval_count: number;
    /** `mtr_` and the name of its events; `null` for a licensed price. */
    readonly meter: string | null;
    readonly usage_type: 'licensed' | 'metered';
  };
  readonly tax_behavior: 'inclusive' | 'exclusive' | 'unspecified';
  readonly transform_quantity: null;
  /** In the smallest unit of the currency; what is billed. Stripe shows it if it is exact. */
  readonly unit_amount: number;
  readonly unit_amount_decimal: string;
}

export interface NewPrice {
  readonly lookupKey?: string;
  /** In the smallest unit of the currency. A fraction is shown, but not billed. */
  readonly unitAmount?: number;
  readonly currency?: string;
  readonly interval?: Interval;
  /** Default 1. */
  readonly intervalCount?: number;
  /** Whether the price of a unit depends on the quantity. It is billed as if it did not. */
  readonly isTiered?: boolean;
  readonly taxBehavior?: Price['tax_behavior'];
  /** Name of the meter events that the price counts; absent for a licensed price. */
  readonly meter?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly product?: string;
}

/** Prices per seat in cents, by the lookup keys of our plans. */
const UNIT_AMOUNTS: Readonly<Record<string, number>> = {
  seatlease_pro_month: 900,
  seatlease_pro_year: 9_000,
  seatlease_team_month: 1_500,
  seatlease_team_year: 15_000,
  seatlease_enterprise_year: 30_000,
};

/** The prices of our plans, as a new account has them. */
export function pricesOfPlans(): Record<string, Price> {
  const prices: Record<string, Price> = {};
  for (const [plan, terms] of Object.entries<PlanTerms>(PLANS))
    for (const interval of ['month', 'year'] as const) {
      const lookupKey = terms.prices[interval]?.[0];
      if (lookupKey === undefined) continue;
      const id = `price_${lookupKey}`;
      const unitAmount = UNIT_AMOUNTS[lookupKey] ?? 1_000;
      prices[id] = priceOf(id, 0, { lookupKey, unitAmount, interval, product: `prod_${plan}` });
    }
  return prices;
}

/** A new price. */
export function priceOf(id: string, created: number, price: NewPrice): Price {
  const { lookupKey = null, unitAmount = 1_000, currency = 'usd', interval = 'month', meter } = price;
  return {
    id,
    object: 'price',
    active: true,
    billing_scheme: price.isTiered ? 'tiered' : 'per_unit',
    created,
    currency,
    lookup_key: lookupKey,
    metadata: price.metadata ?? {},
    product: price.product ?? 'prod_other',
    recurring: {
      interval,
      interval_count: price.intervalCount ?? 1,
      meter: meter === undefined ? null : `mtr_${meter}`,
      usage_type: meter === undefined ? 'licensed' : 'metered',
    },
    tax_behavior: price.taxBehavior ?? 'unspecified',
    transform_quantity: null,
    unit_amount: Math.trunc(unitAmount),
    unit_amount_decimal: String(unitAmount),
  };
}
