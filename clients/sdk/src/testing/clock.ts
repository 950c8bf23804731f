import type { Clock, Moment } from '../platform.ts';
import { settled } from './work.ts';

interface Timer {
  readonly atMs: number;
  readonly call: () => void;
  /** Whether it also fires while the program is blocked. */
  readonly isBeside: boolean;
}

/** A machine's clocks, which only a test moves. Timers follow the monotonic clock. */
export class TestClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  readonly #timers = new Set<Timer>();
  /** Speed of the machine's clocks: 1.001 gains one second in a thousand. */
  readonly #speed: number;

  /** Timers fire only at multiples of this, as in hidden browser tabs. */
  timersEveryMs = 1;
  /** Timers of Node fire up to a millisecond early. */
  timersEarlyMs = 0;
  /** Time passes while the program reads the clocks. */
  readingTakesMs = 0;
  #isBlocked = false;

  constructor(wallMs = Date.UTC(2026, 0), speed = 1) {
    this.#wallMs = wallMs;
    this.#speed = speed;
  }

  now(): Moment {
    this.#move(this.readingTakesMs);
    return { wallMs: Math.floor(this.#wallMs), monotonicMs: this.#monotonicMs };
  }

  after(delayMs: number, call: () => void): () => void {
    const dueMs = this.#monotonicMs + Math.max(delayMs - this.timersEarlyMs, 0);
    const atMs = this.timersEveryMs > 1 ? Math.ceil(dueMs / this.timersEveryMs) * this.timersEveryMs : dueMs;
    return this.#add({ atMs, call, isBeside: false });
  }

  /** A timer of a thread beside the program's event loop. */
  beside(delayMs: number, call: () => void): () => void {
    return this.#add({ atMs: this.#monotonicMs + Math.max(delayMs, 0), call, isBeside: true });
  }

  /** The program blocks its event loop: its timers fire afterwards. */
  async block(ms: number): Promise<void> {
    this.#isBlocked = true;
    await this.advance(ms);
    this.#isBlocked = false;
  }

  /** Moves both clocks and fires the timers that are due. `ms`: true time. */
  async advance(ms: number): Promise<void> {
    await settled();
    const endMs = this.#monotonicMs + ms * this.#speed;
    for (let timer = this.#next(); timer && timer.atMs <= endMs; timer = this.#next())
      await this.#fire(timer);
    this.#move(endMs - this.#monotonicMs);
    await settled();
  }

  /** Fires timers until `promise` settles, and settles like it. */
  async until<Value>(promise: Promise<Value>): Promise<Value> {
    let isOpen = true;
    const close = (): void => {
      isOpen = false;
    };
    promise.then(close, close);
    await settled();
    while (isOpen) {
      const timer = this.#next();
      if (!timer) throw new Error('The promise is pending, and no timer is left.');
      await this.#fire(timer);
    }
    return promise;
  }

  /** Whether no timer is set: nothing keeps a program running. */
  get isIdle(): boolean {
    return this.#timers.size === 0;
  }

  /** Ends every program that runs by this clock. */
  dropTimers(): void {
    this.#timers.clear();
  }

  /** The machine sleeps: only the wall clock moves. */
  async sleep(ms: number): Promise<void> {
    this.#wallMs += ms * this.#speed;
    await settled();
  }

  /** The wall clock is set forward, or back. */
  async shift(ms: number): Promise<void> {
    this.#wallMs += ms;
    await settled();
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  #next(): Timer | undefined {
    return [...this.#timers]
      .filter(({ isBeside }) => isBeside || !this.#isBlocked)
      .reduce<Timer | undefined>(
        (first, timer) => (first && first.atMs <= timer.atMs ? first : timer),
        undefined,
      );
  }

  async #fire(timer: Timer): Promise<void> {
    this.#move(Math.max(timer.atMs - this.#monotonicMs, 0));
    this.#timers.delete(timer);
    timer.call();
    await settled();
  }

  #move(ms: number): void {
    this.#monotonicMs += ms;
    this.#wallMs += ms;
  }
}
