import * as z from 'zod/mini';

const DAY_MS = 24 * 3600 * 1000;

const STEPS = [
  'histories',
  'events',
  'loans',
  'bars',
  'former_memberships',
  'invitations',
  'invitation_lists',
  'codes',
  'device_sign_ins',
  'sign_ins',
  'operator_tokens',
  'billing_events',
  'checkouts',
  'checkout_keys',
  'idempotency_keys',
  'trial_claims',
  'usage_records',
  'meter_errors',
  'erased_ids',
] as const;

/** One pass over the records that deletes what is too old. It may take several sweeps; each resumes the one before. */
export const RetentionPassSchema = z.object({
  startedAtMs: z.int(),
  /** `null` until the pass is complete. */
  finishedAtMs: z.nullable(z.int()),
  step: z.enum(STEPS),
  /** What is older than this is deleted. */
  cutoffMs: z.int(),
  /** Events recorded before this were handled by an earlier pass. */
  sinceMs: z.int(),
  /** Whether an event could not be read: the next pass looks at all events of this one again. */
  leftUnreadable: z._default(z.boolean(), false),
  /** Cursor in the list of events; the other lists need none: handled entries are no longer in them. */
  after: z.nullable(z.string()),
});
export type RetentionPass = z.infer<typeof RetentionPassSchema>;

/** The pass to resume, a new pass, or `undefined` if the last one began less than a day ago. */
export function dueRetention(
  last: RetentionPass | undefined,
  nowMs: number,
  retentionDays: number,
): RetentionPass | undefined {
  if (last && last.finishedAtMs === null) return last;
  if (last && nowMs - last.startedAtMs < DAY_MS) return undefined;
  const cutoffMs = nowMs - retentionDays * DAY_MS;
  // If the retention was made longer, the last pass handled more events than this one has to.
  const doneMs = last && (last.leftUnreadable ? last.sinceMs : Math.max(last.sinceMs, last.cutoffMs));
  return {
    startedAtMs: nowMs,
    finishedAtMs: null,
    step: 'histories',
    cutoffMs,
    sinceMs: doneMs ?? 0,
    leftUnreadable: false,
    after: null,
  };
}

/** The pass after its current step. */
export function endRetentionStep(pass: RetentionPass, nowMs: number): RetentionPass {
  const step = STEPS[STEPS.indexOf(pass.step) + 1];
  return step === undefined ? { ...pass, finishedAtMs: nowMs, after: null } : { ...pass, step, after: null };
}

/** Sign-ins are kept for a day after they expire, so that an expired token can be distinguished from an unknown one. */
export function signInCutoffMs({ startedAtMs }: RetentionPass): number {
  return startedAtMs - DAY_MS;
}
