import { PLANS, type Plan } from '../domain/plans.ts';
import type { Refusal } from './contract.ts';
import { refuseFields } from './refuse-fields.ts';

/** Refuses a number of seats that the plan is not sold with. */
export function refuseSeats(plan: Plan): Refusal<'VALIDATION_FAILED'> {
  const { least, most } = PLANS[plan].seats;
  const detail = `must be ${least} to ${most} for the ${plan} plan`;
  return refuseFields('VALIDATION_FAILED', [{ at: '/seats', detail }]);
}
