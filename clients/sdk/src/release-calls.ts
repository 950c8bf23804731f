import { backoffMs, sleep } from './backoff.ts';
import type { SeatleaseError } from './errors.ts';
import type { Clock } from './platform.ts';
import type { Server } from './server.ts';
import type { Stopwatch } from './stopwatch.ts';

/** How long the caller waits. A seat with heartbeats is free when its lease ends; a loan stays taken for days. */
const PATIENCE_MS = { short: 2_000, long: 20_000 } as const;
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 2_000;

export interface ReleaseRequest {
  readonly sessionId: string;
  /** `undefined` for a loan whose program started offline. */
  readonly token: string | undefined;
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
      body: releaseBody(sessionId, token),
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

export function releaseBody(sessionId: string, token: string | undefined): Readonly<Record<string, unknown>> {
  return { session_id: sessionId, session_token: token };
}
