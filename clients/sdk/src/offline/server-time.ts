import type { Clock } from '../platform.ts';
import type { Stopwatch } from '../stopwatch.ts';

/** How far a clock may go back: time services step a clock that is roughly right by less. */
const TOLERANCE_MS = 5 * 60_000;
/** No request takes longer. If more has passed, a clock was set or the machine slept, and the answer's time is too old. */
const LONGEST_CALL_MS = 60_000;
/** Part of the elapsed time that counts for certain: the two clocks of a machine run at different speeds. */
const CERTAIN = 0.995;
/** A measurement that moves the clock further than this is worth storing at once. */
const NOTEWORTHY_MS = 60_000;

/** What the next program needs to know the server's time. Milliseconds since the epoch. */
export interface NotedTime {
  /** Server's time minus the machine's clock. */
  readonly offsetMs: number;
  /** The latest time that the machine's clock has shown, since it was last measured. */
  readonly latestWallMs: number;
  /** The server's time of its latest answer. */
  readonly contactMs: number;
}

/**
 * The server's time, from a machine's clock that may be wrong. The clock is judged against itself:
 *
 * 1. **Online**, each good answer of acquire and heartbeat measures the offset: the server's time in it (`expires_at` minus
 *    the seconds left) plus what has passed since the request was sent, minus the machine's clock. So a clock may be wrong
 *    by any constant, and one that is set while online is measured anew. An answer that took longer than a minute is not
 *    used. The `Date` header is not used: caches and proxies replace it (https://github.com/aws/aws-sdk-js/pull/706,
 *    https://github.com/aliyun/aliyun-oss-android-sdk/pull/174), and the server counts by another clock.
 * 2. **A signed license is proof**: the server's time is not earlier than its `issued_at`, and when it arrived, it was
 *    before its `offline_until`. If the measured time contradicts that, `issued_at` is taken.
 * 3. **Offline**, the server's time is the machine's clock plus the offset, and never earlier than what it was before. While
 *    the program runs, at least 99.5 % of what the stopwatch counts has passed, whatever the clock shows.
 * 4. **The clock was set back** if it shows a time more than five minutes before the latest time that it has shown since
 *    the offset was measured. The offline license then cannot be used until the clock is right again or the server answers.
 * 5. Offset, latest time shown and latest contact are stored every five minutes, for the next program.
 *
 * A clock that is set forward offline looks like a sleep: it ends the grace earlier. A clock that stands still or
 * is set back while no program runs, to a time after the latest that was stored, shows nothing at all.
 */
export class ServerTime {
  readonly #clock: Clock;
  readonly #stopwatch: Stopwatch;
  #offsetMs = 0;
  #latestWallMs: number;
  #contactMs = Number.NEGATIVE_INFINITY;
  /** `issued_at` of the latest signed license. */
  #issuedAtMs = Number.NEGATIVE_INFINITY;
  /** The latest result, and when that was by the stopwatch. */
  #seenMs: number;
  #seenAtMs: number;

  constructor(clock: Clock, stopwatch: Stopwatch) {
    this.#clock = clock;
    this.#stopwatch = stopwatch;
    this.#latestWallMs = clock.now().wallMs;
    this.#seenMs = this.#latestWallMs;
    this.#seenAtMs = stopwatch.read();
  }

  /** Milliseconds since the epoch, by the server's clock. */
  nowMs(): number {
    const { wallMs } = this.#clock.now();
    const atMs = this.#stopwatch.read();
    const countedMs = this.#seenMs + (atMs - this.#seenAtMs) * CERTAIN;
    this.#latestWallMs = Math.max(this.#latestWallMs, wallMs);
    this.#seenMs = Math.max(countedMs, wallMs + this.#offsetMs);
    this.#seenAtMs = atMs;
    return this.#seenMs;
  }

  isRolledBack(): boolean {
    return this.#clock.now().wallMs < this.#latestWallMs - TOLERANCE_MS;
  }

  /**
   * Measures the clock by the server's time in an answer. `sentAtMs`: when its request was sent, by the stopwatch. Returns
   * whether the clock was set since, or wrong.
   */
  observe(sentAtMs: number, serverMs: number): boolean {
    const passedMs = this.#stopwatch.read() - sentAtMs;
    if (passedMs > LONGEST_CALL_MS) return false;
    return this.#set(Math.max(serverMs, this.#issuedAtMs) + passedMs);
  }

  /** Takes a signed license that has just arrived as proof. */
  prove(sentAtMs: number, { issuedAtMs, offlineUntilMs }: SignedTimes): void {
    this.#issuedAtMs = issuedAtMs;
    const passedMs = Math.min(this.#stopwatch.read() - sentAtMs, LONGEST_CALL_MS);
    const nowMs = this.nowMs();
    if (nowMs < issuedAtMs || nowMs - passedMs >= offlineUntilMs) this.#set(issuedAtMs + passedMs);
    this.#contactMs = this.#seenMs;
  }

  note(): NotedTime {
    const nowMs = this.nowMs();
    return {
      // Not the measured offset: a clock that was set back a little would take back what has passed.
      offsetMs: nowMs - this.#latestWallMs,
      latestWallMs: this.#latestWallMs,
      contactMs: this.#contactMs,
    };
  }

  /** The time as a program has noted it, unless this one has heard from the server since. */
  resumed({ offsetMs, latestWallMs, contactMs }: NotedTime, issuedAtMs: number): ServerTime {
    if (contactMs <= this.#contactMs) return this;
    const time = new ServerTime(this.#clock, this.#stopwatch);
    time.#issuedAtMs = issuedAtMs;
    time.#offsetMs = offsetMs;
    time.#latestWallMs = latestWallMs;
    time.#contactMs = contactMs;
    time.#seenMs = Math.max(latestWallMs + offsetMs, issuedAtMs);
    return time;
  }

  #set(nowMs: number): boolean {
    const { wallMs } = this.#clock.now();
    const offsetMs = nowMs - wallMs;
    const hasMoved = Math.abs(offsetMs - this.#offsetMs) > NOTEWORTHY_MS;
    this.#offsetMs = offsetMs;
    this.#latestWallMs = wallMs;
    this.#contactMs = nowMs;
    this.#seenMs = nowMs;
    this.#seenAtMs = this.#stopwatch.read();
    return hasMoved;
  }
}

export interface SignedTimes {
  readonly issuedAtMs: number;
  readonly offlineUntilMs: number;
}
