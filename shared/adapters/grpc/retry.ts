import { setTimeout as delay } from 'node:timers/promises';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

/** Options for a google-gax client: one attempt, which ends after `timeout` milliseconds. */
export interface AttemptOptions {
  readonly timeout: number;
  readonly retry: null;
}

export interface RetryOptions {
  /** When the call must end, including attempts and pauses, on the clock of `performance.now()`. */
  readonly deadlineMs: number;
  readonly isRetried: (error: unknown) => boolean;
  /** If absent, only the deadline limits the attempts. */
  readonly mostAttempts?: number;
  /** The pause before the second attempt, 100 ms if absent. */
  readonly firstPauseMs?: number | undefined;
}

/**
 * Repeats a call until it succeeds, fails with an error that is not retried, or reaches its deadline. Pauses double
 * from 100 ms to 1 s. Throws the error of the last attempt.
 *
 * It replaces the retries of google-gax 6 (`CallOptions.retry`, src/normalCalls/retries.ts). Those run for ten minutes
 * by default, accept either a limit on attempts or one on time (https://github.com/googleapis/gax-nodejs/issues/1013),
 * and end in DEADLINE_EXCEEDED whatever the attempts ended in: the log could not distinguish a service that refuses
 * connections from a slow one. They also retry by status only, while responses of KMS are also retried for their
 * checksums.
 */
export async function retry<R>(
  {
    deadlineMs,
    isRetried,
    mostAttempts = Number.POSITIVE_INFINITY,
    firstPauseMs = FIRST_PAUSE_MS,
  }: RetryOptions,
  attempt: (options: AttemptOptions) => Promise<R>,
): Promise<R> {
  for (let count = 1, pauseMs = firstPauseMs; ; count += 1) {
    try {
      return await attempt({ timeout: Math.max(1, deadlineMs - performance.now()), retry: null });
    } catch (error) {
      const isLast = count >= mostAttempts || performance.now() + pauseMs >= deadlineMs;
      if (isLast || !isRetried(error)) throw error;
    }
    await delay(pauseMs);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}
