import type { Clock, Moment } from './platform.ts';

/** If the two clocks differ by more, one of them stopped or was set. */
const DIVERGED_MS = 250;

/**
 * Elapsed milliseconds: at least as many as each clock has counted, and never decreasing. The monotonic clock may stop while
 * a machine sleeps, and the wall clock can be set.
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
    // Without a new anchor, setting the clock back after a sleep would cancel the sleep out, and time would stop. The anchor
    // is not moved at each reading: each move rounds up to the clock that has just ticked.
    if (Math.abs(monotonicMs - wallMs) > DIVERGED_MS) {
      this.#anchor = now;
      this.#atAnchorMs = this.#latestMs;
    }
    return this.#latestMs;
  }
}
