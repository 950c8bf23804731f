import type { BACKOFFS } from './api.ts';
import { leastMs, pauseMs } from './backoff.ts';
import type { SeatleaseError } from './errors.ts';
import { type Extension, Lease, TRIES } from './lease.ts';
import type { Grace } from './offline/grace.ts';
import { LONGEST_TIMEOUT_MS, type Platform } from './platform.ts';
import type { SeatState } from './seat.ts';
import type { SeatUnderstudy } from './seat-understudy.ts';
import { isRetry, stepAfter } from './steps.ts';
import type { Stopwatch } from './stopwatch.ts';

export interface HeartbeatLoopDeps {
  readonly platform: Pick<Platform, 'clock'>;
  readonly stopwatch: Stopwatch;
  readonly grace: Pick<Grace, 'leftMs'>;
}

/** The seat that the loop keeps. */
export interface KeptSeat {
  readonly borrowedUntil: Date | undefined;
  /**
   * Sends one heartbeat, or acquires again, in the background, and calls `extend` after a good answer. Returns why it failed;
   * never throws.
   */
  send(timeoutMs: number): Promise<SeatleaseError | undefined>;
  /** What the program reads now, without the answers of the understudy. */
  stateNow(): SeatState;
  /** Reports to listeners what has changed. Called when time has passed, or when a try has ended. */
  changed(): void;
}

/** Timers stop while a machine sleeps: after it wakes up, the clocks are read within this time. */
const LONGEST_TIMER_MS = 20_000;
/** A borrowed seat needs no heartbeats. They show that it was returned, or ended by an admin. */
const LOAN_EVERY_MS = 3600_000;
const LEAST_TIMER_MS = 10;
const LATE_MS = 2_000;
const LONGEST_LATE_MS = 60_000;
const FIRST_TRY_AFTER_MS = 1000;
/**
 * Between tries after the lease has ended, until three have failed. It often ends in a sleep, and a machine that wakes up needs
 * seconds to get its network.
 */
const SURE_PAUSE_MS = { least: 1_000, most: 10_000 } as const;

/** Keeps a lease by heartbeats, and knows whether it still holds. */
export class HeartbeatLoop {
  readonly #deps: HeartbeatLoopDeps;
  readonly #seat: KeptSeat;
  readonly #understudy: SeatUnderstudy | undefined;
  #lease: Lease | undefined;
  /** When the next try is due. */
  #nextAtMs = Number.POSITIVE_INFINITY;
  /** Failed tries in a row. */
  #failed = 0;
  /** The last backoff, and how many retries it has had in a row: another reason begins with short pauses again. */
  #backoff: { readonly name: keyof typeof BACKOFFS; readonly n: number } | undefined;
  /** Tries that were sent before do not count. */
  #countFromMs = 0;
  #isPending = false;
  #isStopped = true;
  #cancel: () => void = () => undefined;

  constructor(deps: HeartbeatLoopDeps, seat: KeptSeat, understudy: SeatUnderstudy | undefined) {
    this.#deps = deps;
    this.#seat = seat;
    this.#understudy = understudy;
  }

  /** Whether the server certainly counts the seat as ours. */
  isLeased(): boolean {
    return this.#heldLease() !== undefined;
  }

  #heldLease(): Lease | undefined {
    return this.#lease && this.#deps.stopwatch.read() < this.#lease.endsAtMs ? this.#lease : undefined;
  }

  /** Whether so many tries in a row have failed that it is reported to the program. */
  hasFailed(): boolean {
    return this.#failed >= TRIES;
  }

  /** `extension` is `undefined` for a seat that started offline: its first try is soon. */
  start(extension?: Extension): void {
    this.#isStopped = false;
    this.#isPending = false;
    this.#failed = 0;
    if (extension) this.extend(extension);
    else this.#setNext(this.#deps.stopwatch.read() + FIRST_TRY_AFTER_MS);
    this.#wake();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** Takes a good answer. One to an earlier request than the last says nothing about the lease. */
  extend(extension: Extension): void {
    this.#failed = 0;
    this.#backoff = undefined;
    if (this.#lease && extension.sentAtMs < this.#lease.sentAtMs) return;
    this.#lease = new Lease(extension);
    const loanAtMs = this.#deps.stopwatch.read() + LOAN_EVERY_MS;
    this.#setNext(this.#seat.borrowedUntil ? loanAtMs : this.#lease.nextHeartbeatAtMs(Math.random()));
  }

  /** The next try is due now. */
  hurry(): void {
    this.#nextAtMs = this.#deps.stopwatch.read();
  }

  /** `lateMs`: how late the timer fired. In hidden browser tabs, timers fire once a minute. */
  #wake(lateMs = 0, stateBefore = this.#seat.stateNow()): void {
    this.#cancel();
    this.#understudy?.drain();
    // A listener, or an answer of the understudy, may have ended the seat.
    if (this.#isStopped) return;
    if (lateMs > LATE_MS && this.#seat.stateNow() !== stateBefore) this.#countAnew();
    const wokeAtMs = this.#deps.stopwatch.read();
    this.#seat.changed();
    if (this.#isStopped) return;
    // The next timer may fire too late for a heartbeat that is due before it.
    const aheadMs = lateMs < LATE_MS ? 0 : Math.min(LONGEST_TIMER_MS + lateMs, LONGEST_LATE_MS);
    if (!this.#isPending && wokeAtMs + aheadMs >= this.#nextAtMs) void this.#try();
    this.#sleep(wokeAtMs);
  }

  /** The state has changed unnoticed: in a sleep, a pause, or by a clock that was set. Only tries from now on count. */
  #countAnew(): void {
    this.#failed = 0;
    this.#countFromMs = this.#deps.stopwatch.read();
    this.hurry();
  }

  /** Until what is due next. What became due after `wokeAtMs` is still to do. */
  #sleep(wokeAtMs: number): void {
    const nowMs = this.#deps.stopwatch.read();
    const graceMs = this.#deps.grace.leftMs();
    const dueAtMs = [
      this.#isPending ? 0 : this.#nextAtMs,
      this.#lease?.endsAtMs ?? 0,
      graceMs && nowMs + graceMs,
      nowMs + LONGEST_TIMER_MS,
    ].filter((atMs) => atMs > wokeAtMs);
    const delayMs = Math.max(Math.min(...dueAtMs) - nowMs, LEAST_TIMER_MS);
    const wakeAtMs = nowMs + delayMs;
    const state = this.#seat.stateNow();
    this.#cancel = this.#deps.platform.clock.after(delayMs, () =>
      this.#wake(this.#deps.stopwatch.read() - wakeAtMs, state),
    );
  }

  async #try(): Promise<void> {
    this.#isPending = true;
    const sentAtMs = this.#deps.stopwatch.read();
    const timeoutMs = this.#heldLease()?.timeoutMs ?? LONGEST_TIMEOUT_MS;
    this.#plan(sentAtMs + timeoutMs);
    const error = await this.#seat.send(timeoutMs);
    if (this.#isStopped) return;
    this.#isPending = false;
    // The understudy may have sent a later heartbeat, and its answer was good.
    const isCurrent = !this.#lease || this.#lease.sentAtMs <= sentAtMs;
    if (error && isCurrent) this.#failedTry(sentAtMs, error);
    else this.#plan(this.#nextAtMs);
    this.#wake();
  }

  #failedTry(sentAtMs: number, error: SeatleaseError): void {
    const step = stepAfter(error, true);
    // An acquire is not followed by another one at once.
    const backoff = isRetry(step) ? step : 'outage';
    const { retryAfterSeconds } = error;
    if (sentAtMs >= this.#countFromMs) this.#failed += 1;
    const nowMs = this.#deps.stopwatch.read();
    const n = this.#backoff?.name === backoff ? this.#backoff.n + 1 : 0;
    this.#backoff = { name: backoff, n };
    let nextAtMs = nowMs + pauseMs(backoff, n, retryAfterSeconds);
    const lease = this.#heldLease();
    if (!this.hasFailed()) {
      // Whatever pause a proxy asks for: until three tries have failed, the program does not learn that its seat is lost.
      const { least, most } = SURE_PAUSE_MS;
      const soonMs = (lease?.endsAtMs ?? nowMs) + least + (most - least) * Math.random();
      // Three tries fit into the lease.
      nextAtMs = lease
        ? Math.min(
            nextAtMs,
            soonMs,
            Math.max(nowMs + leastMs(backoff, retryAfterSeconds), sentAtMs + lease.pauseMs),
          )
        : soonMs;
    }
    // Whatever pause the server asks for: one more try before the lease ends.
    const lastAtMs = lease ? lease.endsAtMs - lease.pauseMs : nowMs;
    if (nowMs < lastAtMs) nextAtMs = Math.min(nextAtMs, lastAtMs);
    this.#setNext(nextAtMs);
  }

  #setNext(nextAtMs: number): void {
    this.#nextAtMs = nextAtMs;
    this.#plan(nextAtMs);
  }

  #plan(atMs: number): void {
    // A loan can wait for the event loop.
    this.#understudy?.plan(atMs, this.#seat.borrowedUntil ? undefined : this.#heldLease());
  }
}
