import * as z from 'zod/mini';

const DAY_MS = 24 * 3600 * 1000;

const STEPS = [
  'histories',
  'events',
  'invitations',
  'codes',
  'sign_ins',
  'billing_events',
  'checkouts',
  'checkout_keys',
  'trial_claims',
  'usage_records',
] as const;

/** Stripe sends an event again for three days (docs.stripe.com/webhooks); ten times that, and none comes twice. */
const BILLING_EVENTS_KEPT_MS = 30 * DAY_MS;

/** One going over the records for what is too old. It may take several sweeps; each goes on where the one before stopped. */
export const RetentionPassSchema = z.object({
  startedAtMs: z.int(),
  /** `null` while there is something left to look at. */
  finishedAtMs: z.nullable(z.int()),
  step: z.enum(STEPS),
  /** What was before this is to be forgotten. */
  cutoffMs: z.int(),
  /** Events recorded before this have been looked at by an earlier pass. */
  sinceMs: z.int(),
  /** Where to go on in the list of events; the other lists lose what has been seen to. */
  after: z.nullable(z.string()),
});
export type RetentionPass = z.infer<typeof RetentionPassSchema>;

/** The pass to go on with, or a new one, or `undefined` where the last one began less than a day ago. */
export function dueRetention(
  last: RetentionPass | undefined,
  nowMs: number,
  retentionDays: number,
): RetentionPass | undefined {
  if (last && last.finishedAtMs === null) return last;
  if (last && nowMs - last.startedAtMs < DAY_MS) return undefined;
  const cutoffMs = nowMs - retentionDays * DAY_MS;
  // Where the retention has been made longer, the pass before has seen more than this one has to.
  const sinceMs = last ? Math.max(last.sinceMs, last.cutoffMs) : 0;
  return { startedAtMs: nowMs, finishedAtMs: null, step: 'histories', cutoffMs, sinceMs, after: null };
}

/** The pass with the step under way behind it. */
export function endRetentionStep(pass: RetentionPass, nowMs: number): RetentionPass {
  const step = STEPS[STEPS.indexOf(pass.step) + 1];
  return step === undefined ? { ...pass, finishedAtMs: nowMs, after: null } : { ...pass, step, after: null };
}

/** Before when events of Stripe's that are done are forgotten. */
export function billingEventsCutoffMs({ startedAtMs }: RetentionPass): number {
  return startedAtMs - BILLING_EVENTS_KEPT_MS;
}

/** Sign-ins are kept a day beyond their end, so that a token shown late is told from one that never was. */
export function signInCutoffMs({ startedAtMs }: RetentionPass): number {
  return startedAtMs - DAY_MS;
}
