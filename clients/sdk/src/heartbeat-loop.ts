import { backoffMs } from './backoff.ts';
import { type Extension, Lease, TRIES } from './lease.ts';
import type { Clock } from './platform.ts';
import type { Stopwatch } from './stopwatch.ts';

/** How a try to keep the seat ended. */
export type HeartbeatOutcome =
  | {
      readonly kind: 'good';
      readonly extension: Extension;
      readonly isBorrowed: boolean;
      readonly revived: boolean;
    }
  | { readonly kind: 'missed'; readonly retryAfterSeconds: number | undefined }
  /** For good: the caller has seen to it. */
  | { readonly kind: 'gone' };

export interface HeartbeatLoopDeps {
  readonly clock: Clock;
  readonly stopwatch: Stopwatch;
  /** Tries once, in the background, and does not throw. */
  heartbeat(timeoutMs: number): Promise<HeartbeatOutcome>;
  /** Time has passed, or a try has ended. */
  changed(outcome: HeartbeatOutcome | undefined): void;
  /** Milliseconds until something else changes by itself; 0 for nothing. */
  nextChangeMs(): number;
}

/** Timers stand still while a machine sleeps: no more than this passes after it wakes until the clocks are looked at. */
const LONGEST_TIMER_MS = 20_000;
const LEAST_TIMER_MS = 10;
const LATE_MS = 2_000;
const LONGEST_LATE_MS = 60_000;
const LONGEST_TIMEOUT_MS = 10_000;
/** For a seat that was begun without the server, which has not said how often it expects to hear of us. */
const USUAL_HEARTBEAT_MS = 300_000;
const LEAST_PAUSE_MS = 1000;

/** Keeps a lease by heartbeats, and knows whether it is one still. */
export class HeartbeatLoop {
  readonly #deps: HeartbeatLoopDeps;
  #lease: Lease | undefined;
  /** `undefined` for a borrowed seat, which needs none. */
  #nextAtMs: number | undefined;
  #missed = 0;
  #isUnderWay = false;
  /** Goes up with each start: a try from before it says nothing of what came after. */
  #generation = 0;
  #isStopped = true;
  #callOff: () => void = () => undefined;

  constructor(deps: HeartbeatLoopDeps) {
    this.#deps = deps;
  }

  /** Whether the server surely counts the seat as ours. */
  isLeased(): boolean {
    return this.#lease !== undefined && this.#deps.stopwatch.read() < this.#lease.endsAtMs;
  }

  isOnline(): boolean {
    return this.isLeased() && this.#missed < TRIES;
  }

  /** `undefined` for a seat that was begun without the server: it is asked soon. */
  start(extension: Extension | undefined, isBorrowed: boolean): void {
    this.#isStopped = false;
    this.#isUnderWay = false;
    this.#generation += 1;
    this.#missed = 0;
    this.#lease = extension && new Lease(extension);
    this.#nextAtMs = isBorrowed ? undefined : this.#nextRegularMs();
    this.#wake();
  }

  stop(): void {
    this.#isStopped = true;
    this.#callOff();
  }

  /** `lateMs`: how late the timer came that wakes it. Those of pages that nobody looks at come once a minute. */
  #wake(lateMs = 0): void {
    this.#callOff();
    this.#deps.changed(undefined);
    // Whoever was told may have given the seat back.
    if (this.#isStopped) return;
    // The next timer may come too late for what falls due until then.
    const aheadMs = lateMs < LATE_MS ? 0 : Math.min(LONGEST_TIMER_MS + lateMs, LONGEST_LATE_MS);
    const untilMs = this.#deps.stopwatch.read() + aheadMs;
    if (this.#nextAtMs !== undefined && !this.#isUnderWay && untilMs >= this.#nextAtMs)
      void this.#heartbeat();
    this.#sleep();
  }

  #sleep(): void {
    const nowMs = this.#deps.stopwatch.read();
    const untilMs = [
      this.#isUnderWay || this.#nextAtMs === undefined ? 0 : this.#nextAtMs - nowMs,
      this.#lease ? this.#lease.endsAtMs - nowMs : 0,
      this.#deps.nextChangeMs(),
    ].filter((ms) => ms > 0);
    const delayMs = Math.max(Math.min(LONGEST_TIMER_MS, ...untilMs), LEAST_TIMER_MS);
    const wakeAtMs = nowMs + delayMs;
    this.#callOff = this.#deps.clock.after(delayMs, () => this.#wake(this.#deps.stopwatch.read() - wakeAtMs));
  }

  async #heartbeat(): Promise<void> {
    this.#isUnderWay = true;
    const generation = this.#generation;
    const sentAtMs = this.#deps.stopwatch.read();
    const outcome = await this.#deps.heartbeat(this.#timeoutMs());
    if (this.#isStopped || generation !== this.#generation) return;
    this.#isUnderWay = false;
    if (outcome.kind === 'good') {
      this.#missed = 0;
      this.#lease = new Lease(outcome.extension);
      this.#nextAtMs = outcome.isBorrowed ? undefined : this.#nextRegularMs();
    } else {
      this.#missed += 1;
      this.#nextAtMs = this.#nextTryMs(
        sentAtMs,
        outcome.kind === 'missed' ? outcome.retryAfterSeconds : undefined,
      );
    }
    this.#deps.changed(outcome);
    if (!this.#isStopped) this.#wake();
  }

  #nextRegularMs(): number {
    return this.#lease?.nextBeatAtMs(Math.random()) ?? this.#deps.stopwatch.read() + LEAST_PAUSE_MS;
  }

  #timeoutMs(): number {
    return this.#lease && this.isOnline()
      ? Math.min(this.#lease.pauseMs * 0.75, LONGEST_TIMEOUT_MS)
      : LONGEST_TIMEOUT_MS;
  }

  #nextTryMs(sentAtMs: number, retryAfterSeconds = 0): number {
    const nowMs = this.#deps.stopwatch.read();
    const wishedMs = nowMs + retryAfterSeconds * 1000;
    const pauseMs = Math.max(this.#lease?.pauseMs ?? 0, LEAST_PAUSE_MS);
    if (this.#lease && this.isOnline()) {
      const soonMs = sentAtMs + this.#lease.pauseMs * (1 - 0.2 * Math.random());
      // However long the server would like to be left alone: a last try while the lease is ours.
      return Math.max(soonMs, Math.min(wishedMs, this.#lease.endsAtMs - pauseMs));
    }
    const longestMs = this.#lease?.heartbeatMs ?? USUAL_HEARTBEAT_MS;
    const backMs = backoffMs(Math.max(this.#missed - TRIES, 0), pauseMs, longestMs);
    return Math.max(nowMs + Math.max(backMs, LEAST_PAUSE_MS), Math.min(wishedMs, nowMs + longestMs));
  }
}
