import { AcquireCalls, identify } from './acquire-calls.ts';
import { sleep, whileWanted } from './backoff.ts';
import { SeatleaseError } from './errors.ts';
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

/** Seats come free before their leases end, too: whoever waits asks again at least this often. */
const LONGEST_WAIT_SECONDS = 60;
const LEAST_WAIT_SECONDS = 1;

/** An acquire that is under way, and how many callers wait for it. */
interface PendingAcquire {
  readonly seat: Promise<HeldSeat>;
  readonly borrowDays: number | undefined;
  waiting: number;
}

/** Holds a seat of one license for this program. The entries for Node and for browsers bring the platform. */
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

  /**
   * The seat that is held, or a new one. Throws `SeatleaseError` where there is none to have, and the reason of `signal`
   * where that says to stop.
   */
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
      // Another loan than this is being asked for: one after the other.
      await whileWanted(
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
    // Whoever waits is told; where all have gone, nobody is.
    pending.seat.catch(() => undefined);
    this.#pending = pending;
    return pending;
  }

  async #wait(pending: PendingAcquire, signal: AbortSignal | undefined): Promise<HeldSeat> {
    pending.waiting += 1;
    try {
      return await whileWanted(pending.seat, signal);
    } finally {
      pending.waiting -= 1;
    }
  }

  async #take(borrowDays: number | undefined, isWanted: () => boolean): Promise<HeldSeat> {
    const seatTaker = await this.#openedSeatTaker();
    try {
      const held = this.#seat;
      // One that ran out may come back by itself, and is not left to do so beside another.
      if (held && !held.isOver && (await seatTaker.takeAgain(held, { borrowDays, isWanted }))) return held;
      const seat = await seatTaker.take({ borrowDays, isWanted });
      this.#seat = seat;
      this.#emitter.emit('granted', { seat });
      return seat;
    } catch (error) {
      if (error instanceof SeatleaseError && isDefinite(error)) this.#emitter.emit('denied', { error });
      throw error;
    }
  }

  /** What needs to know the machine, once it is known. */
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
      // Its events are of those that the emitter has, which TypeScript does not see through the name.
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

/** Once one has waited, a server that does not answer is no reason to give up. */
function isWorthWaiting(error: SeatleaseError, timesAsked: number): boolean {
  return error.code === 'SEATS_EXHAUSTED' || (timesAsked > 0 && !isDefinite(error));
}

/** Later than the server says, never earlier, so that not all who wait come at once. */
function waitMs({ retryAfterSeconds = 0 }: SeatleaseError): number {
  const seconds = Math.min(Math.max(retryAfterSeconds, LEAST_WAIT_SECONDS), LONGEST_WAIT_SECONDS);
  return seconds * 1000 * (1 + 0.1 * Math.random());
}

function baseOf({ url }: SeatleaseOptions): string {
  const { protocol, origin, pathname } = new URL(url);
  // Credentials are sent there.
  if (protocol !== 'https:' && protocol !== 'http:')
    throw new TypeError('The url must be one of http or https.');
  return `${origin}${pathname.replace(/\/+$/, '')}`;
}

function credentialsOf({ licenseKey, signIn, licenseId }: SeatleaseOptions): Credentials {
  if (licenseKey !== undefined && signIn === undefined) return { licenseKey };
  if (signIn !== undefined && licenseKey === undefined && licenseId !== undefined) return { signIn };
  throw new TypeError('Give a licenseKey, or signIn and a licenseId.');
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
