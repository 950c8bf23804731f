import { pauseMs, sleep } from './backoff.ts';
import type { SeatleaseError } from './errors.ts';
import type { Platform } from './platform.ts';
import type { Server } from './server.ts';
import { isRetry, stepAfter } from './steps.ts';
import type { Stopwatch } from './stopwatch.ts';

/** How long the caller waits. The seat is free when its lease ends. */
const PATIENCE_MS = 2_000;
/** A loan stays taken for days. */
const LOAN_PATIENCE_MS = 20_000;

export interface ReleaseDeps {
  readonly server: Server;
  readonly platform: Platform;
  readonly stopwatch: Stopwatch;
}

/** What names a session in requests. */
export interface SessionBody extends Readonly<Record<string, unknown>> {
  readonly session_id: string;
  /** `undefined` for a loan whose program started offline. */
  readonly session_token?: string | undefined;
}

/** Releases a session at the server. Returns the error if that fails; never throws. */
export async function releaseSeat(
  { server, platform, stopwatch }: ReleaseDeps,
  body: SessionBody,
  isLoan = false,
): Promise<SeatleaseError | undefined> {
  const untilMs = stopwatch.read() + (isLoan ? LOAN_PATIENCE_MS : PATIENCE_MS);
  for (let n = 0; ; n += 1) {
    const leftMs = untilMs - stopwatch.read();
    const answer = await server.call('release', {
      body,
      timeoutMs: isLoan ? leftMs / 2 : leftMs,
      background: false,
      read: (_, status) => (status === 204 ? true : undefined),
    });
    if (!answer.error) return undefined;
    const step = stepAfter(answer.error, false);
    if (!isRetry(step)) return answer.error;
    const afterMs = pauseMs(step, n, answer.error.retryAfterSeconds);
    if (stopwatch.read() + afterMs >= untilMs) return answer.error;
    await sleep(platform.clock, afterMs);
  }
}
