/** The most programs on one seat: their sessions are read and written together. */
export const MOST_SESSIONS = 64;

/**
 * All plans and their terms. A license has the terms of its plan, except for those that are set for it (`entitlementOf`).
 * Edit them to match what you sell. Licenses follow an edit with the next hourly comparison.
 */
export const PLANS = {
  free: {
    seats: { least: 1, most: 3 },
    trialSeats: 0,
    ttlSeconds: 360,
    maxSessions: MOST_SESSIONS,
    signedLimit: null,
    offlineGraceDays: 0,
    offlineStartDays: 0,
    ownGrace: false,
    borrow: { maxDays: 0, lowWater: 0 },
    features: [],
    limits: { projects: 3 },
    paymentGraceDays: 0,
    prices: {},
  },
  pro: {
    seats: { least: 1, most: 50 },
    trialSeats: 3,
    ttlSeconds: 360,
    maxSessions: MOST_SESSIONS,
    signedLimit: null,
    offlineGraceDays: 7,
    offlineStartDays: 0,
    ownGrace: false,
    borrow: { maxDays: 14, lowWater: 0 },
    features: ['export'],
    limits: { projects: 20 },
    paymentGraceDays: 7,
    prices: { month: ['seatlease_pro_month'], year: ['seatlease_pro_year'] },
  },
  team: {
    seats: { least: 5, most: 1_000 },
    trialSeats: 5,
    ttlSeconds: 360,
    maxSessions: MOST_SESSIONS,
    signedLimit: null,
    offlineGraceDays: 3,
    offlineStartDays: 0,
    ownGrace: false,
    borrow: { maxDays: 30, lowWater: 1 },
    features: ['export', 'shared-settings'],
    limits: { projects: 100 },
    paymentGraceDays: 14,
    prices: { month: ['seatlease_team_month'], year: ['seatlease_team_year'] },
  },
  enterprise: {
    seats: { least: 25, most: 100_000 },
    trialSeats: 25,
    ttlSeconds: 360,
    maxSessions: MOST_SESSIONS,
    signedLimit: null,
    offlineGraceDays: 7,
    offlineStartDays: 0,
    ownGrace: true,
    borrow: { maxDays: 90, lowWater: 5 },
    features: ['export', 'shared-settings', 'audit'],
    limits: {},
    paymentGraceDays: 30,
    prices: { year: ['seatlease_enterprise_year'] },
  },
} as const satisfies Readonly<Record<string, PlanTerms>>;

/** The terms of a plan. */
export interface PlanTerms {
  /** How many seats one purchase can have. */
  readonly seats: { readonly least: number; readonly most: number };
  /** Seats of a trial; 0 for a plan without trials. */
  readonly trialSeats: number;
  readonly ttlSeconds: number;
  /** Programs that can use one seat at once. */
  readonly maxSessions: number;
  /** Machines that can have a signed license at once; `null`: ten for each seat. */
  readonly signedLimit: number | null;
  /** Days that a client can run without a heartbeat. */
  readonly offlineGraceDays: number;
  /** Days after its last contact that a client can start offline although it released its seat; at most the grace. */
  readonly offlineStartDays: number;
  /** Whether a license can have an offline grace of its own. */
  readonly ownGrace: boolean;
  /** `maxDays` 0: seats cannot be borrowed. `lowWater`: seats that cannot. */
  readonly borrow: { readonly maxDays: number; readonly lowWater: number };
  readonly features: readonly string[];
  /** Whole numbers under names that the vendor's app defines. */
  readonly limits: Readonly<Record<string, number>>;
  /** Days that seats stay usable after a payment failed, or after a paid period ended without news of the next. */
  readonly paymentGraceDays: number;
  /**
   * Stripe's lookup keys of the prices per seat, by billing interval. New subscriptions get the price of the first key;
   * the others are those of former prices. A plan without prices is not for sale.
   */
  readonly prices: Readonly<Partial<Record<BillingInterval, readonly [sold: string, ...former: string[]]>>>;
}

export const BILLING_INTERVALS = ['month', 'year'] as const;
export type BillingInterval = (typeof BILLING_INTERVALS)[number];

export type Plan = keyof typeof PLANS;

export const PLAN_NAMES = ['free', 'pro', 'team', 'enterprise'] as const satisfies readonly Plan[];

/** The lookup key of the price that is sold, or `undefined` if the plan is not sold with this interval. */
export function priceKeyOf(plan: Plan, interval: BillingInterval): string | undefined {
  const { prices }: PlanTerms = PLANS[plan];
  return prices[interval]?.[0];
}

/** Whether the plan is sold with fewer or more seats than these; `null` if it is sold with them. */
export function seatsOutOfRange(plan: Plan, seats: number): 'too_few_seats' | 'too_many_seats' | null {
  const { least, most } = PLANS[plan].seats;
  if (seats < least) return 'too_few_seats';
  return seats > most ? 'too_many_seats' : null;
}

/** Key of the metadata of a price at Stripe that names its plan, for prices without a lookup key of a plan. */
export const PLAN_METADATA_KEY = 'seatlease_plan';

/** What shows the plan of a price. */
export interface PlanPrice {
  readonly lookupKey: string | null;
  /** The value of `PLAN_METADATA_KEY` in its metadata. */
  readonly planName: string | null;
}

/** The plan that a price belongs to, or `undefined` if it belongs to none. A lookup key comes before metadata. */
export function planOfPrice({ lookupKey, planName }: PlanPrice): Plan | undefined {
  const byKey = PLAN_NAMES.find((plan) => {
    const { prices }: PlanTerms = PLANS[plan];
    return Object.values(prices).some((keys) => lookupKey !== null && keys.includes(lookupKey));
  });
  return byKey ?? PLAN_NAMES.find((plan) => plan === planName);
}
