import * as z from 'zod/mini';
import { PLAN_NAMES } from '../domain/plans.ts';
import type { Told } from '../ports/seats.ts';

/** What the license gives to a program beside its seat. */
export const EntitlementsView = z.strictObject({
  plan: z.enum(PLAN_NAMES),
  features: z.array(z.string()),
  /** Numbers that the vendor's app gives a meaning to. */
  limits: z.record(z.string(), z.number()),
  /** Version of the license that grants them. It increases with every change. */
  version: z.int(),
});

export function viewOfEntitlements(told: Told): z.infer<typeof EntitlementsView> {
  const { plan, features, limits, version } = told;
  return { plan, features: [...features], limits: { ...limits }, version };
}
