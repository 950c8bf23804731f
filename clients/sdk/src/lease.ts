/** Part of a lease that is not believed in, for clocks that run at unequal speed. */
const MARGIN = 0.005;

/** Tries that are to fit between the moment when a beat is due and the end of the lease. */
export const TRIES = 3;
const LATEST_DUE = 5 / 6;
const LEAST_PAUSE_MS = 1000;

/** What a good answer says of the lease. */
export interface Extension {
  /** When its request was sent, by the stopwatch: the server has counted from then at the earliest. */
  readonly sentAtMs: number;
  /** Seconds that the lease lasts from when the server answered. */
  readonly ttlSeconds: number;
  /** Seconds until the server expects to hear of us. */
  readonly heartbeatSeconds: number;
}

/** When, by the stopwatch, a lease ends and a beat is due. */
export class Lease {
  /** Until then the server surely counts the seat as ours. */
  readonly endsAtMs: number;
  readonly heartbeatMs: number;
  readonly #dueAtMs: number;

  constructor({ sentAtMs, ttlSeconds, heartbeatSeconds }: Extension) {
    const lengthMs = ttlSeconds * 1000 * (1 - MARGIN);
    this.endsAtMs = sentAtMs + lengthMs;
    // Near the end of a license the server expects a beat when the lease ends, which would leave no room to try again.
    this.heartbeatMs = Math.max(Math.min(heartbeatSeconds, ttlSeconds * LATEST_DUE) * 1000, LEAST_PAUSE_MS);
    this.#dueAtMs = sentAtMs + this.heartbeatMs;
  }

  /** Between tries, so that as many as there should be end before the lease does. */
  get pauseMs(): number {
    return Math.max((this.endsAtMs - this.#dueAtMs) / TRIES, 0);
  }

  /** Earlier than due by up to a tenth, never later: what began together is not to beat together for ever. */
  nextBeatAtMs(random: number): number {
    return this.#dueAtMs - this.heartbeatMs * 0.1 * random;
  }
}
