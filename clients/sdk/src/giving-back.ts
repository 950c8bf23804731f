import { backoffMs, sleep } from './backoff.ts';
import type { SeatleaseError } from './errors.ts';
import type { Clock } from './platform.ts';
import type { Server } from './server.ts';
import type { Stopwatch } from './stopwatch.ts';

/** How long somebody waits for it: a seat that lives by heartbeats comes free by itself, and a loan does not. */
const PATIENCE_MS = { short: 2_000, long: 20_000 } as const;
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 2_000;

export interface GivenBack {
  readonly sessionId: string;
  readonly sessionToken: string | undefined;
  readonly patience: keyof typeof PATIENCE_MS;
}

/** Tells the server that a session gives its seat back. Gives what came between, where something did; never throws. */
export async function giveBack(
  server: Server,
  clock: Clock,
  stopwatch: Stopwatch,
  { sessionId, sessionToken, patience }: GivenBack,
): Promise<SeatleaseError | undefined> {
  const untilMs = stopwatch.read() + PATIENCE_MS[patience];
  for (let n = 0; ; n += 1) {
    const leftMs = untilMs - stopwatch.read();
    const answer = await server.ask('release', {
      body: { session_id: sessionId, session_token: sessionToken },
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
