import { backoffMs, sleep } from './backoff.ts';
import type { SeatleaseError } from './errors.ts';
import type { Clock } from './platform.ts';
import type { Server } from './server.ts';
import type { Stopwatch } from './stopwatch.ts';

/** How long the caller waits. A seat with heartbeats is free when its lease ends; a loan stays taken for days. */
const PATIENCE_MS = { short: 2_000, long: 20_000 } as const;
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 2_000;

/** Lower bound on the relative speed of two clocks: quartz clocks differ by far less. */
const SLOWEST = 0.995;
/** The age of an older token is not known precisely enough. */
const OLDEST_TOKEN_MS = 3_600_000;

/** A session token, and when it arrived by the monotonic clock. */
export interface HeldToken {
  readonly text: string;
  readonly receivedAtMs: number;
}

export interface ReleaseRequest {
  readonly sessionId: string;
  /** `undefined` for a seat that started offline. */
  readonly token: HeldToken | undefined;
  readonly patience: keyof typeof PATIENCE_MS;
}

/** Releases a session at the server. Returns the error if that fails; never throws. */
export async function releaseSeat(
  server: Server,
  clock: Clock,
  stopwatch: Stopwatch,
  { sessionId, token, patience }: ReleaseRequest,
): Promise<SeatleaseError | undefined> {
  const untilMs = stopwatch.read() + PATIENCE_MS[patience];
  for (let n = 0; ; n += 1) {
    const leftMs = untilMs - stopwatch.read();
    const answer = await server.call('release', {
      body: releaseBody(sessionId, token, clock),
      timeoutMs: patience === 'short' ? leftMs : leftMs / 2,
      background: false,
      read: (_, status) => (status === 204 ? true : undefined),
    });
    if (answer.kind === 'good') return undefined;
    const pauseMs = backoffMs(n, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    if (answer.kind === 'refused' || stopwatch.read() + pauseMs >= untilMs) return answer.error;
    await sleep(clock, pauseMs);
  }
}

/**
 * The request body. From the age of the token the server computes when the request was sent: a delayed release must not end
 * a seat that another program of the holder has acquired since.
 */
export function releaseBody(
  sessionId: string,
  token: HeldToken | undefined,
  clock: Clock,
): Readonly<Record<string, unknown>> {
  if (!token) return { session_id: sessionId };
  const sentAfterMs = Math.floor((clock.now().monotonicMs - token.receivedAtMs) * SLOWEST);
  return {
    session_id: sessionId,
    session_token: token.text,
    ...(sentAfterMs <= OLDEST_TOKEN_MS ? { sent_after_ms: sentAfterMs } : {}),
  };
}
