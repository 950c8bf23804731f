import { LEAST_TIMEOUT_MS, LONGEST_TIMEOUT_MS } from './platform.ts';

/** Part of a lease that the client does not use, because clocks run at different speeds. */
const MARGIN = 0.005;

/** Tries that fit between a due heartbeat and the end of the lease. */
export const TRIES = 3;
const LATEST_DUE = 5 / 6;
const LEAST_PAUSE_MS = 1000;

/** The lease in an answer of the server. */
export interface Extension {
  /** When the request was sent, by the stopwatch: the lease begins then at the earliest. */
  readonly sentAtMs: number;
  /** Length of the lease in seconds, from when the server answered. */
  readonly ttlSeconds: number;
  /** Seconds until the server expects a heartbeat. */
  readonly heartbeatSeconds: number;
}

/** When, by the stopwatch, a lease ends and a heartbeat is due. */
export class Lease {
  readonly sentAtMs: number;
  /** Until then the server certainly counts the seat as ours. */
  readonly endsAtMs: number;
  readonly heartbeatMs: number;
  readonly #dueAtMs: number;

  constructor({ sentAtMs, ttlSeconds, heartbeatSeconds }: Extension) {
    this.sentAtMs = sentAtMs;
    const lengthMs = ttlSeconds * 1000 * (1 - MARGIN);
    this.endsAtMs = sentAtMs + lengthMs;
    // Near the end of a license, the heartbeat is due when the lease ends: that leaves no time to retry.
    this.heartbeatMs = Math.max(Math.min(heartbeatSeconds, ttlSeconds * LATEST_DUE) * 1000, LEAST_PAUSE_MS);
    this.#dueAtMs = sentAtMs + this.heartbeatMs;
  }

  /** Between tries, so that `TRIES` of them end before the lease does. */
  get pauseMs(): number {
    return Math.max((this.endsAtMs - this.#dueAtMs) / TRIES, LEAST_TIMEOUT_MS);
  }

  /** Of one try. */
  get timeoutMs(): number {
    return Math.max(Math.min(this.pauseMs * 0.75, LONGEST_TIMEOUT_MS), LEAST_TIMEOUT_MS);
  }

  /** Up to a tenth earlier than due, never later: programs that start together spread out their heartbeats. */
  nextHeartbeatAtMs(random: number): number {
    return this.#dueAtMs - this.heartbeatMs * 0.1 * random;
  }
}
