import { AcquireCalls, identify } from './acquire-calls.ts';
import { orAborted, sleep } from './backoff.ts';
import { isFull, SeatleaseError } from './errors.ts';
import { Emitter, type Off } from './events.ts';
import type { HeldSeat } from './held-seat.ts';
import { Grace } from './offline/grace.ts';
import { Store } from './offline/store.ts';
import type { AcquireOptions, SeatleaseOptions } from './options.ts';
import type { Platform } from './platform.ts';
import type { Seat, SeatleaseEvents } from './seat.ts';
import { SeatTaker } from './seat-taker.ts';
import { type Credentials, isDefinite, Server } from './server.ts';
import { Stopwatch } from './stopwatch.ts';

/** Upper bound on the pause between tries: seats are also released before their leases end. */
const LONGEST_WAIT_SECONDS = 60;
const LEAST_WAIT_SECONDS = 1;

/** A pending acquire, and how many callers wait for it. */
interface PendingAcquire {
  readonly seat: Promise<HeldSeat>;
  readonly borrowDays: number | undefined;
  waiting: number;
}

/** Holds a seat of one license for this program. The entries for Node and for browsers supply the platform. */
export class Seatlease {
  readonly #options: SeatleaseOptions;
  readonly #platform: Platform;
  readonly #stopwatch: Stopwatch;
  readonly #server: Server;
  readonly #emitter: Emitter<SeatleaseEvents>;
  #seatTaker: Promise<SeatTaker> | undefined;
  #seat: HeldSeat | undefined;
  #pending: PendingAcquire | undefined;

  constructor(options: SeatleaseOptions, platform: Platform) {
    this.#options = options;
    this.#platform = platform;
    this.#stopwatch = new Stopwatch(platform.clock);
    const { transport } = platform;
    this.#server = new Server(baseOf(options), credentialsOf(options), transport, this.#stopwatch);
    this.#emitter = new Emitter((error) => platform.report(error));
  }

  on<Name extends keyof SeatleaseEvents>(name: Name, listener: (event: SeatleaseEvents[Name]) => void): Off {
    return this.#emitter.on(name, listener);
  }

  /** Returns the held seat, or a new one. Throws `SeatleaseError` if there is none, or the reason of an aborted `signal`. */
  async acquire({ wait = false, signal, borrowDays }: AcquireOptions = {}): Promise<Seat> {
    const sinceMs = this.#stopwatch.read();
    const atMostMs =
      typeof wait === 'object' ? wait.atMostSeconds * 1000 : wait ? Number.POSITIVE_INFINITY : 0;
    for (let n = 0; ; n += 1) {
      signal?.throwIfAborted();
      try {
        return await this.#current(borrowDays, signal);
      } catch (error) {
        const leftMs = atMostMs - (this.#stopwatch.read() - sinceMs);
        if (!(error instanceof SeatleaseError) || !isWorthWaiting(error, n) || leftMs <= 0) throw error;
        await this.#untilGranted(Math.min(waitMs(error), leftMs), signal);
      }
    }
  }

  async #current(borrowDays: number | undefined, signal: AbortSignal | undefined): Promise<HeldSeat> {
    for (;;) {
      if (this.#seat?.mayRun && borrowDays === undefined) return this.#seat;
      const pending = this.#pending ?? this.#startAcquire(borrowDays);
      if (pending.borrowDays === borrowDays) return this.#wait(pending, signal);
      // The pending request borrows for another time, or does not borrow: wait for it, then send this one.
      await orAborted(
        pending.seat.catch(() => undefined),
        signal,
      );
    }
  }

  #startAcquire(borrowDays: number | undefined): PendingAcquire {
    const pending: PendingAcquire = {
      borrowDays,
      waiting: 0,
      seat: this.#take(borrowDays, () => pending.waiting > 0).finally(() => {
        this.#pending = undefined;
      }),
    };
    // Every caller may have stopped waiting.
    pending.seat.catch(() => undefined);
    this.#pending = pending;
    return pending;
  }

  async #wait(pending: PendingAcquire, signal: AbortSignal | undefined): Promise<HeldSeat> {
    pending.waiting += 1;
    try {
      return await orAborted(pending.seat, signal);
    } finally {
      pending.waiting -= 1;
    }
  }

  async #take(borrowDays: number | undefined, isWanted: () => boolean): Promise<HeldSeat> {
    const seatTaker = await this.#openedSeatTaker();
    try {
      const held = this.#seat;
      // An expired seat may come back by itself: reuse it, so that there are not two.
      if (held && !held.hasEnded && (await seatTaker.takeAgain(held, { borrowDays, isWanted }))) return held;
      const seat = await seatTaker.take({ borrowDays, isWanted });
      this.#seat = seat;
      this.#emitter.emit('granted', { seat });
      return seat;
    } catch (error) {
      if (error instanceof SeatleaseError && isDefinite(error)) this.#emitter.emit('denied', { error });
      throw error;
    }
  }

  /** Opened at the first acquire, because it needs the machine's fingerprint. */
  #openedSeatTaker(): Promise<SeatTaker> {
    this.#seatTaker ??= this.#openSeatTaker().catch((error: unknown) => {
      this.#seatTaker = undefined;
      throw error;
    });
    return this.#seatTaker;
  }

  async #openSeatTaker(): Promise<SeatTaker> {
    const deps = { platform: this.#platform, server: this.#server, stopwatch: this.#stopwatch };
    const { licenseKey, licenseId, publicKeys } = this.#options;
    const identity = await identify(this.#options, this.#platform);
    const secret = JSON.stringify([licenseKey ?? identity.name, identity.fingerprint]);
    const grace = new Grace({
      ...deps,
      clock: this.#platform.clock,
      store: new Store(this.#platform.storage, identity.name, secret),
      publicKeys,
      expected: {
        fingerprint: identity.fingerprint,
        licenseId,
        isLocal: isLoopback(new URL(this.#options.url).hostname),
      },
    });
    return new SeatTaker({
      ...deps,
      acquireCalls: new AcquireCalls({ ...deps, options: this.#options, identity }),
      grace,
      // `SeatEvents` is a part of `SeatleaseEvents`; TypeScript cannot derive that from the generic name.
      emit: (name, event) => this.#emitter.emit(name, event as never),
    });
  }

  async #untilGranted(atMostMs: number, signal: AbortSignal | undefined): Promise<void> {
    const wake = new AbortController();
    const wakeUp = (): void => wake.abort();
    const off = this.on('granted', wakeUp);
    signal?.addEventListener('abort', wakeUp, { once: true });
    if (signal?.aborted) wakeUp();
    await sleep(this.#platform.clock, atMostMs, wake.signal);
    off();
    signal?.removeEventListener('abort', wakeUp);
  }
}

/** A server that does not answer ends the wait only at the first try. */
function isWorthWaiting(error: SeatleaseError, tries: number): boolean {
  return isFull(error) || (tries > 0 && !isDefinite(error));
}

/** Up to a tenth later than the server says, never earlier, so that waiting clients do not retry together. */
function waitMs({ retryAfterSeconds = 0 }: SeatleaseError): number {
  const seconds = Math.min(Math.max(retryAfterSeconds, LEAST_WAIT_SECONDS), LONGEST_WAIT_SECONDS);
  return seconds * 1000 * (1 + 0.1 * Math.random());
}

function baseOf({ url }: SeatleaseOptions): string {
  const { protocol, origin, pathname } = new URL(url);
  // Credentials are sent to it.
  if (protocol !== 'https:' && protocol !== 'http:')
    throw new TypeError('url must begin with https:// or http://.');
  return `${origin}${pathname.replace(/\/+$/, '')}`;
}

function credentialsOf({ licenseKey, signIn, licenseId }: SeatleaseOptions): Credentials {
  if (licenseKey !== undefined && signIn === undefined) return { licenseKey };
  if (signIn !== undefined && licenseKey === undefined && licenseId !== undefined) return { signIn };
  throw new TypeError('Pass either licenseKey, or signIn and licenseId.');
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
