/** Plans as data. What a license says itself stands above its plan. */
export const PLANS = {
  free: { offlineGraceDays: 0 },
  pro: { offlineGraceDays: 7 },
  team: { offlineGraceDays: 3 },
  enterprise: { offlineGraceDays: 7 },
} as const;

export type Plan = keyof typeof PLANS;

export const PLAN_NAMES = ['free', 'pro', 'team', 'enterprise'] as const satisfies readonly Plan[];
