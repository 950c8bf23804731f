/**
 * All plans and their terms. A license's own terms override its plan's, if the plan allows it; a license paid for by a
 * subscription takes its terms from here. Edit them to match what you sell.
 */
export const PLANS = {
  free: {
    seats: { least: 1, most: 3 },
    trialSeats: 0,
    ttlSeconds: 360,
    offlineGraceDays: 0,
    ownGrace: false,
    borrow: { maxDays: 0, lowWater: 0 },
    features: [],
    paymentGraceDays: 0,
    prices: {},
  },
  pro: {
    seats: { least: 1, most: 50 },
    trialSeats: 3,
    ttlSeconds: 360,
    offlineGraceDays: 7,
    ownGrace: false,
    borrow: { maxDays: 14, lowWater: 0 },
    features: ['export'],
    paymentGraceDays: 7,
    prices: { month: 'seatlease_pro_month', year: 'seatlease_pro_year' },
  },
  team: {
    seats: { least: 5, most: 1_000 },
    trialSeats: 5,
    ttlSeconds: 360,
    offlineGraceDays: 3,
    ownGrace: false,
    borrow: { maxDays: 30, lowWater: 1 },
    features: ['export', 'shared-settings'],
    paymentGraceDays: 14,
    prices: { month: 'seatlease_team_month', year: 'seatlease_team_year' },
  },
  enterprise: {
    seats: { least: 25, most: 100_000 },
    trialSeats: 25,
    ttlSeconds: 360,
    offlineGraceDays: 7,
    ownGrace: true,
    borrow: { maxDays: 90, lowWater: 5 },
    features: ['export', 'shared-settings', 'audit'],
    paymentGraceDays: 30,
    prices: { year: 'seatlease_enterprise_year' },
  },
} as const satisfies Readonly<Record<string, PlanTerms>>;

/** The terms of a plan. */
export interface PlanTerms {
  /** How many seats one purchase can have. */
  readonly seats: { readonly least: number; readonly most: number };
  /** Seats of a trial; 0 for a plan without trials. */
  readonly trialSeats: number;
  readonly ttlSeconds: number;
  /** Days that a client can run without a heartbeat. */
  readonly offlineGraceDays: number;
  /** Whether a license can have an offline grace of its own. */
  readonly ownGrace: boolean;
  /** `maxDays` 0: seats cannot be borrowed. `lowWater`: seats that cannot. */
  readonly borrow: { readonly maxDays: number; readonly lowWater: number };
  readonly features: readonly string[];
  /** Days that seats stay usable after a payment failed, or after a paid period ended without news of the next. */
  readonly paymentGraceDays: number;
  /** Stripe's lookup key of the price per seat, by billing interval; a plan without prices is not for sale. */
  readonly prices: Readonly<Partial<Record<BillingInterval, string>>>;
}

export const BILLING_INTERVALS = ['month', 'year'] as const;
export type BillingInterval = (typeof BILLING_INTERVALS)[number];

export type Plan = keyof typeof PLANS;

export const PLAN_NAMES = ['free', 'pro', 'team', 'enterprise'] as const satisfies readonly Plan[];

/** The lookup key of the price per seat, or `undefined` if the plan is not sold with this interval. */
export function priceKeyOf(plan: Plan, interval: BillingInterval): string | undefined {
  const { prices }: PlanTerms = PLANS[plan];
  return prices[interval];
}

/** The plan that a price belongs to, or `undefined` if it belongs to none. */
export function planOfPrice(lookupKey: string | null): Plan | undefined {
  if (lookupKey === null) return undefined;
  return PLAN_NAMES.find((plan) => {
    const { prices }: PlanTerms = PLANS[plan];
    return Object.values(prices).includes(lookupKey);
  });
}
