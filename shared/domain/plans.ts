/** Plans as data. What a license says itself stands above its plan, where the plan lets it. */
export const PLANS = {
  free: { offlineGraceDays: 0, ownGrace: false },
  pro: { offlineGraceDays: 7, ownGrace: false },
  team: { offlineGraceDays: 3, ownGrace: false },
  enterprise: { offlineGraceDays: 7, ownGrace: true },
} as const;

export type Plan = keyof typeof PLANS;

export const PLAN_NAMES = ['free', 'pro', 'team', 'enterprise'] as const satisfies readonly Plan[];
