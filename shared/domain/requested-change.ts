import * as z from 'zod/mini';

/**
 * The change of a subscription that was last requested of us. Stripe has no preconditions, so a change that is running
 * keeps others out: each is decided and charged on what the last one left. A function that crashed keeps them out until
 * `untilMs`, when it can no longer be running.
 */
export const RequestedChangeSchema = z.object({
  /** Under this key Stripe makes it once. */
  requestId: z.string(),
  /** What Stripe is asked to change. */
  asked: z.string(),
  atMs: z.int(),
  untilMs: z.int(),
  state: z.enum(['running', 'made', 'refused']),
});
export type RequestedChange = z.infer<typeof RequestedChangeSchema>;

/** Longer than a function runs, by its time limit. */
export const CHANGE_MAX_MS = 2 * 60_000;

/**
 * The change to run now: a new one, or the running one if it is the same, such as a retry after a crash. `undefined` while
 * another is running.
 */
export function requestedChange(
  last: RequestedChange | null,
  { requestId, asked }: Pick<RequestedChange, 'requestId' | 'asked'>,
  nowMs: number,
): RequestedChange | undefined {
  const isRunning = last?.state === 'running' && nowMs < last.untilMs;
  if (isRunning && last.asked !== asked) return undefined;
  const begun = isRunning ? last : { requestId, asked, atMs: nowMs, state: 'running' as const };
  return { ...begun, untilMs: nowMs + CHANGE_MAX_MS };
}
