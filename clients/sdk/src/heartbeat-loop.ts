import { backoffMs } from './backoff.ts';
import { type Extension, Lease, TRIES } from './lease.ts';
import type { Clock } from './platform.ts';
import type { Stopwatch } from './stopwatch.ts';

/** Result of one heartbeat. */
export type HeartbeatOutcome =
  | {
      readonly kind: 'good';
      readonly extension: Extension;
      readonly isBorrowed: boolean;
      readonly revived: boolean;
    }
  | { readonly kind: 'missed'; readonly retryAfterSeconds: number | undefined }
  /** The seat has ended; the caller has handled it. */
  | { readonly kind: 'ended' };

export interface HeartbeatLoopDeps {
  readonly clock: Clock;
  readonly stopwatch: Stopwatch;
  /** Sends one heartbeat in the background; does not throw. */
  heartbeat(timeoutMs: number): Promise<HeartbeatOutcome>;
  /** Called when time has passed, or when a heartbeat has ended. */
  changed(outcome: HeartbeatOutcome | undefined): void;
  /** Milliseconds until the state changes for another reason; 0 for never. */
  nextChangeMs(): number;
}

/** Timers stop while a machine sleeps: after it wakes up, the clocks are read within this time. */
const LONGEST_TIMER_MS = 20_000;
const LEAST_TIMER_MS = 10;
const LATE_MS = 2_000;
const LONGEST_LATE_MS = 60_000;
const LONGEST_TIMEOUT_MS = 10_000;
/** For a seat that started offline: the server has not sent an interval. */
const USUAL_HEARTBEAT_MS = 300_000;
const LEAST_PAUSE_MS = 1000;

/** Keeps a lease by heartbeats, and knows whether it still holds. */
export class HeartbeatLoop {
  readonly #deps: HeartbeatLoopDeps;
  #lease: Lease | undefined;
  /** When the next heartbeat is due; `undefined` for a borrowed seat, which needs none. */
  #nextAtMs: number | undefined;
  #missed = 0;
  #isPending = false;
  /** Increases with each start: results of earlier heartbeats are ignored. */
  #generation = 0;
  #isStopped = true;
  #cancel: () => void = () => undefined;

  constructor(deps: HeartbeatLoopDeps) {
    this.#deps = deps;
  }

  /** Whether the server certainly counts the seat as ours. */
  isLeased(): boolean {
    return this.#lease !== undefined && this.#deps.stopwatch.read() < this.#lease.endsAtMs;
  }

  isOnline(): boolean {
    return this.isLeased() && this.#missed < TRIES;
  }

  /** `extension` is `undefined` for a seat that started offline: its first heartbeat is sent soon. */
  start(extension: Extension | undefined, isBorrowed: boolean): void {
    this.#isStopped = false;
    this.#isPending = false;
    this.#generation += 1;
    this.#missed = 0;
    this.#lease = extension && new Lease(extension);
    this.#nextAtMs = isBorrowed ? undefined : this.#nextRegularMs();
    this.#wake();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** `lateMs`: how late the timer fired. In hidden browser tabs, timers fire once a minute. */
  #wake(lateMs = 0): void {
    this.#cancel();
    this.#deps.changed(undefined);
    // A listener may have released the seat.
    if (this.#isStopped) return;
    // The next timer may fire too late for a heartbeat that is due before it.
    const aheadMs = lateMs < LATE_MS ? 0 : Math.min(LONGEST_TIMER_MS + lateMs, LONGEST_LATE_MS);
    const untilMs = this.#deps.stopwatch.read() + aheadMs;
    if (this.#nextAtMs !== undefined && !this.#isPending && untilMs >= this.#nextAtMs) void this.#heartbeat();
    this.#sleep();
  }

  #sleep(): void {
    const nowMs = this.#deps.stopwatch.read();
    const untilMs = [
      this.#isPending || this.#nextAtMs === undefined ? 0 : this.#nextAtMs - nowMs,
      this.#lease ? this.#lease.endsAtMs - nowMs : 0,
      this.#deps.nextChangeMs(),
    ].filter((ms) => ms > 0);
    const delayMs = Math.max(Math.min(LONGEST_TIMER_MS, ...untilMs), LEAST_TIMER_MS);
    const wakeAtMs = nowMs + delayMs;
    this.#cancel = this.#deps.clock.after(delayMs, () => this.#wake(this.#deps.stopwatch.read() - wakeAtMs));
  }

  async #heartbeat(): Promise<void> {
    this.#isPending = true;
    const generation = this.#generation;
    const sentAtMs = this.#deps.stopwatch.read();
    const outcome = await this.#deps.heartbeat(this.#timeoutMs());
    if (this.#isStopped || generation !== this.#generation) return;
    this.#isPending = false;
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
    return this.#lease?.nextHeartbeatAtMs(Math.random()) ?? this.#deps.stopwatch.read() + LEAST_PAUSE_MS;
  }

  #timeoutMs(): number {
    return this.#lease && this.isOnline()
      ? Math.min(this.#lease.pauseMs * 0.75, LONGEST_TIMEOUT_MS)
      : LONGEST_TIMEOUT_MS;
  }

  #nextTryMs(sentAtMs: number, retryAfterSeconds = 0): number {
    const nowMs = this.#deps.stopwatch.read();
    const requestedMs = nowMs + retryAfterSeconds * 1000;
    const pauseMs = Math.max(this.#lease?.pauseMs ?? 0, LEAST_PAUSE_MS);
    if (this.#lease && this.isOnline()) {
      const soonMs = sentAtMs + this.#lease.pauseMs * (1 - 0.2 * Math.random());
      // Even if the server asks for a longer pause: one last try before the lease ends.
      return Math.max(soonMs, Math.min(requestedMs, this.#lease.endsAtMs - pauseMs));
    }
    const longestMs = this.#lease?.heartbeatMs ?? USUAL_HEARTBEAT_MS;
    const backMs = backoffMs(Math.max(this.#missed - TRIES, 0), pauseMs, longestMs);
    return Math.max(nowMs + Math.max(backMs, LEAST_PAUSE_MS), Math.min(requestedMs, nowMs + longestMs));
  }
}
