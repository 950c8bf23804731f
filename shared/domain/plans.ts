/**
 * Plans as data: the one place that says what each is worth. What a license says itself stands above its plan, where the
 * plan lets it; a license that is paid for by a subscription takes its terms from here. Change them to what you sell.
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

/** What a plan is worth. */
export interface PlanTerms {
  /** How many can be bought at once. */
  readonly seats: { readonly least: number; readonly most: number };
  /** Seats of a trial; 0 for a plan that nobody can try. */
  readonly trialSeats: number;
  readonly ttlSeconds: number;
  /** Days that a client may run without a heartbeat. */
  readonly offlineGraceDays: number;
  /** Whether a license can have an offline grace of its own. */
  readonly ownGrace: boolean;
  /** `maxDays` 0: seats cannot be borrowed. `lowWater`: seats that never are. */
  readonly borrow: { readonly maxDays: number; readonly lowWater: number };
  readonly features: readonly string[];
  /** Days that seats stay usable after a payment failed, or after a paid period ended and Stripe told nothing of the next. */
  readonly paymentGraceDays: number;
  /** Stripe's lookup key of the price of one seat, by how often it is paid; a plan without any is not for sale. */
  readonly prices: Readonly<Partial<Record<BillingInterval, string>>>;
}

export const BILLING_INTERVALS = ['month', 'year'] as const;
export type BillingInterval = (typeof BILLING_INTERVALS)[number];

export type Plan = keyof typeof PLANS;

export const PLAN_NAMES = ['free', 'pro', 'team', 'enterprise'] as const satisfies readonly Plan[];

/** The lookup key of the price of one seat, or `undefined` where the plan is not sold so. */
export function priceKeyOf(plan: Plan, interval: BillingInterval): string | undefined {
  const { prices }: PlanTerms = PLANS[plan];
  return prices[interval];
}

/** The plan that a price is of, or `undefined` for a price of something else. */
export function planOfPrice(lookupKey: string | null): Plan | undefined {
  if (lookupKey === null) return undefined;
  return PLAN_NAMES.find((plan) => {
    const { prices }: PlanTerms = PLANS[plan];
    return Object.values(prices).includes(lookupKey);
  });
}
