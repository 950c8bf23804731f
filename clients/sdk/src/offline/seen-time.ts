import type { Clock } from '../platform.ts';
import type { Stopwatch } from '../stopwatch.ts';

/** How far the clock may be behind the latest time seen: clocks are not exact. */
const TOLERANCE_MS = 5 * 60_000;

/**
 * The current time, never earlier than a time that was seen before. The machine's clock is read once; from then on the
 * stopwatch counts.
 */
export class SeenTime {
  readonly #clock: Clock;
  readonly #stopwatch: Stopwatch;
  #seenMs: number;
  #atMs: number;

  constructor(clock: Clock, stopwatch: Stopwatch) {
    this.#clock = clock;
    this.#stopwatch = stopwatch;
    this.#seenMs = clock.now().wallMs;
    this.#atMs = stopwatch.read();
  }

  /** Milliseconds since the epoch. */
  nowMs(): number {
    return this.#seenMs + this.#stopwatch.read() - this.#atMs;
  }

  /** Records a time: the current time is not earlier. */
  see(momentMs: number): void {
    this.#seenMs = Math.max(this.nowMs(), momentMs);
    this.#atMs = this.#stopwatch.read();
  }

  /**
   * Sets the time to one that the server signed, as of `atMs` of the stopwatch. It also replaces a later time that a wrong
   * clock showed before.
   */
  correct(momentMs: number, atMs: number): void {
    this.#seenMs = momentMs;
    this.#atMs = atMs;
  }

  isRolledBack(): boolean {
    return this.#clock.now().wallMs < this.nowMs() - TOLERANCE_MS;
  }
}
