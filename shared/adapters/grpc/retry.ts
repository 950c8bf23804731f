import { setTimeout as delay } from 'node:timers/promises';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

/** For a client of google-gax: one attempt, which ends after `timeout` milliseconds. */
export interface AttemptOptions {
  readonly timeout: number;
  readonly retry: null;
}

export interface RetryOptions {
  /** When the call ends, attempts and pauses included, on the clock of `performance.now()`. */
  readonly deadlineMs: number;
  readonly isRetried: (error: unknown) => boolean;
  /** Only the deadline bounds them where absent. */
  readonly mostAttempts?: number;
}

/**
 * Attempts a call until it succeeds, fails with what is not retried, or its time is up. Pauses double from 100 ms to
 * 1 s. Throws what the last attempt threw.
 *
 * In place of the retries of google-gax 6 (`CallOptions.retry`, src/normalCalls/retries.ts), which go on for ten minutes
 * unless told otherwise, take either a bound on attempts or one on time
 * (https://github.com/googleapis/gax-nodejs/issues/1013), and end in DEADLINE_EXCEEDED whatever the attempts ended in:
 * the log could not tell a service that refuses connections from a slow one. It retries by status alone, too; KMS'
 * answers are also retried for their checksums.
 */
export async function retry<R>(
  { deadlineMs, isRetried, mostAttempts = Number.POSITIVE_INFINITY }: RetryOptions,
  attempt: (options: AttemptOptions) => Promise<R>,
): Promise<R> {
  for (let count = 1, pauseMs = FIRST_PAUSE_MS; ; count += 1) {
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
