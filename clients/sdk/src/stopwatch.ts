import type { Clock, Moment } from './platform.ts';

/** How far the two clocks may drift apart before one of them must have stood still or been set. */
const DIVERGED_MS = 250;

/**
 * Milliseconds that have passed, never fewer than really did as far as any clock has seen: the monotonic clock may stand
 * still while a machine sleeps, and the other can be set. What was counted once is never taken back.
 */
export class Stopwatch {
  readonly #clock: Clock;
  #anchor: Moment;
  #atAnchorMs = 0;
  #latestMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#anchor = clock.now();
  }

  read(): number {
    const now = this.#clock.now();
    const monotonicMs = now.monotonicMs - this.#anchor.monotonicMs;
    const wallMs = now.wallMs - this.#anchor.wallMs;
    const passedMs = this.#atAnchorMs + Math.max(monotonicMs, wallMs, 0);
    this.#latestMs = Math.max(this.#latestMs, passedMs);
    // Counted from before a sleep, a clock set back after it would make up for the sleep, and time would stand still. Not
    // moved at each reading: each would round up to whichever clock has just ticked.
    if (Math.abs(monotonicMs - wallMs) > DIVERGED_MS) {
      this.#anchor = now;
      this.#atAnchorMs = this.#latestMs;
    }
    return this.#latestMs;
  }
}
