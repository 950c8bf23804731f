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

export interface ReleaseRequest {
  readonly sessionId: string;
  /** `undefined` for a loan whose program started offline. */
  readonly token: string | undefined;
  readonly isLoan?: boolean;
}

/** Releases a session at the server. Returns the error if that fails; never throws. */
export async function releaseSeat(
  { server, platform, stopwatch }: ReleaseDeps,
  { sessionId, token, isLoan }: ReleaseRequest,
): Promise<SeatleaseError | undefined> {
  const untilMs = stopwatch.read() + (isLoan ? LOAN_PATIENCE_MS : PATIENCE_MS);
  for (let n = 0; ; n += 1) {
    const leftMs = untilMs - stopwatch.read();
    const answer = await server.call('release', {
      body: releaseBody(sessionId, token),
      timeoutMs: isLoan ? leftMs / 2 : leftMs,
      background: false,
      read: (_, status) => (status === 204 ? true : undefined),
    });
    if (answer.kind === 'good') return undefined;
    const step = stepAfter(answer.error, false);
    if (!isRetry(step)) return answer.error;
    const afterMs = pauseMs(step, n, answer.error.retryAfterSeconds);
    if (stopwatch.read() + afterMs >= untilMs) return answer.error;
    await sleep(platform.clock, afterMs);
  }
}

export function releaseBody(sessionId: string, token: string | undefined): Readonly<Record<string, unknown>> {
  return { session_id: sessionId, session_token: token };
}
