import type { Clock } from '../platform.ts';
import type { Stopwatch } from '../stopwatch.ts';

/** How far a clock may stand before what was seen: clocks are not set to the second. */
const TOLERANCE_MS = 5 * 60_000;

/**
 * The time of day, never earlier than a moment that was seen before, by whichever clock: the machine's is looked at once
 * and then, set forward or not, through the stopwatch.
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

  /** It cannot be earlier than this. */
  see(momentMs: number): void {
    this.#seenMs = Math.max(this.nowMs(), momentMs);
    this.#atMs = this.#stopwatch.read();
  }

  /**
   * The server, which signed for it, says what time it was not before `atMs` of the stopwatch: a clock that was wrong before
   * is no evidence against it.
   */
  correct(momentMs: number, atMs: number): void {
    this.#seenMs = momentMs;
    this.#atMs = atMs;
  }

  isRolledBack(): boolean {
    return this.#clock.now().wallMs < this.nowMs() - TOLERANCE_MS;
  }
}
