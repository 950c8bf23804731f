import { acquireCalls, identify } from './acquire-calls.ts';
import { orAborted, pauseMs, sleep } from './backoff.ts';
import { SeatleaseError } from './errors.ts';
import { Emitter } from './events.ts';
import type { HeldSeat, HeldSeatDeps } from './held-seat.ts';
import type { LoanDeps, Loans } from './loans.ts';
import { Grace, type GraceDeps, type StoredState } from './offline/grace.ts';
import { importKeys } from './offline/keys.ts';
import { Store } from './offline/store.ts';
import {
  type AcquireOptions,
  type CheckedAcquireOptions,
  type CheckedOptions,
  checkAcquireOptions,
  checkOptions,
  type SeatleaseOptions,
} from './options.ts';
import { LEAST_TIMEOUT_MS, LONGEST_TIMEOUT_MS, type Platform } from './platform.ts';
import type { ReleaseDeps } from './release-calls.ts';
import { SEAT_EVENTS, type Seat, type SeatleaseEvents } from './seat.ts';
import { type SeatRequest, SeatTaker } from './seat-taker.ts';
import { Server } from './server.ts';
import { isOutage, isRetry, stepAfter } from './steps.ts';
import { Stopwatch } from './stopwatch.ts';

/** Without `wait`: the server may only have been restarted, and the caller does not wait for long. */
const TRIES_WITHOUT_WAIT = 4;
const LONGEST_PAUSE_WITHOUT_WAIT_SECONDS = 10;

const CANCEL_AFTER_MS = 1_000;

type Asked = Pick<SeatRequest, 'borrowDays' | 'wasUnanswered' | 'timeoutMs'>;

/** A pending try, and how many callers wait for it. */
interface PendingTry {
  readonly seat: Promise<HeldSeat>;
  readonly borrowDays: number | undefined;
  readonly canceled: AbortController;
  waiting: number;
}

interface Opened {
  readonly seatTaker: SeatTaker;
  readonly grace: Grace;
  readonly loans: Loans | undefined;
}

/** What browsers do without: see `native.ts`. */
export interface Native extends Required<Pick<HeldSeatDeps, 'openUnderstudy'>> {
  openGrace(deps: ReleaseDeps & GraceDeps, base: string): Grace;
  openLoans(deps: LoanDeps): Loans;
}

/** Holds a seat of one license for this program. The entries for Node and for browsers supply the platform. */
export class Seatlease extends Emitter<SeatleaseEvents> {
  readonly #options: SeatleaseOptions;
  readonly #checked: CheckedOptions;
  readonly #deps: ReleaseDeps;
  readonly #native: Native | undefined;
  #opened: Promise<Opened> | undefined;
  #seat: HeldSeat | undefined;
  #pending: PendingTry | undefined;
  /** Callers who share a try also share its error: it is reported once. */
  #denied: SeatleaseError | undefined;

  /** Throws OPTION_INVALID for the first option that is wrong. */
  constructor(options: SeatleaseOptions, platform: Platform, native?: Native) {
    super(['granted', 'denied', ...SEAT_EVENTS], platform);
    this.#checked = checkOptions(options);
    this.#options = options;
    this.#native = native;
    const stopwatch = new Stopwatch(platform.clock);
    const { base, credentials } = this.#checked;
    this.#deps = { platform, stopwatch, server: new Server(base, credentials, platform, stopwatch) };
  }

  /** Returns the held seat, or a new one. Throws `SeatleaseError` if there is none, or the reason of an aborted `signal`. */
  async acquire(options: AcquireOptions = {}): Promise<Seat> {
    return this.seatFor(checkAcquireOptions(options));
  }

  /** Acquires with checked options. */
  protected async seatFor({ waitMs, signal }: CheckedAcquireOptions, borrowDays?: number): Promise<Seat> {
    const { stopwatch } = this.#deps;
    const sinceMs = stopwatch.read();
    const leftMs = (): number => (waitMs ?? Number.POSITIVE_INFINITY) - (stopwatch.read() - sinceMs);
    let wasUnanswered = false;
    signal?.throwIfAborted();
    for (let n = 0; ; n += 1) {
      try {
        const timeoutMs = Math.min(Math.max(leftMs(), LEAST_TIMEOUT_MS), LONGEST_TIMEOUT_MS);
        return await this.#current({ borrowDays, wasUnanswered, timeoutMs }, signal);
      } catch (error) {
        if (!(error instanceof SeatleaseError)) throw error;
        // If the stored license cannot be used, its cause is what the server answered.
        const asked = error.cause instanceof SeatleaseError ? error.cause : error;
        const step = stepAfter(asked, false);
        const { retryAfterSeconds = 0 } = asked;
        wasUnanswered = isOutage(asked);
        const isLast =
          waitMs === undefined &&
          (n + 1 >= TRIES_WITHOUT_WAIT ||
            asked !== error ||
            !wasUnanswered ||
            retryAfterSeconds > LONGEST_PAUSE_WITHOUT_WAIT_SECONDS);
        if (isLast || !isRetry(step)) throw this.#deny(error);
        if (leftMs() <= 0) throw this.#deny(waitedInVain(error, stopwatch.read() - sinceMs));
        const afterMs = Math.min(pauseMs(step, n, retryAfterSeconds), leftMs());
        this.#deny(error, afterMs / 1000);
        await this.#untilGranted(afterMs, signal);
      }
    }
  }

  /** What is stored for a time without the server; `undefined` if nothing is. Sends nothing. Throws if it cannot be verified. */
  async stored(): Promise<StoredState | undefined> {
    return (await this.#open()).grace.find();
  }

  /** The loans of this machine; `undefined` where seats cannot be borrowed. */
  protected async loans(): Promise<Loans | undefined> {
    return (await this.#open()).loans;
  }

  #deny(error: SeatleaseError, retryInSeconds?: number): SeatleaseError {
    if (this.#denied !== error) this.emit('denied', { error, retryInSeconds });
    this.#denied = error;
    return error;
  }

  async #current(asked: Asked, signal: AbortSignal | undefined): Promise<HeldSeat> {
    const { borrowDays } = asked;
    for (;;) {
      if (this.#seat?.mayRun && borrowDays === undefined) return this.#seat;
      const pending = this.#pending ?? this.#startTry(asked);
      if (pending.borrowDays === borrowDays) return this.#wait(pending, signal);
      // The pending request borrows for another time, or does not borrow: wait for it, then send this one.
      await orAborted(
        pending.seat.catch(() => undefined),
        signal,
      );
    }
  }

  #startTry(asked: Asked): PendingTry {
    const canceled = new AbortController();
    const request = { ...asked, signal: canceled.signal, isWanted: () => pending.waiting > 0 };
    const pending: PendingTry = {
      borrowDays: asked.borrowDays,
      canceled,
      waiting: 0,
      seat: this.#take(request).finally(() => {
        this.#pending = undefined;
      }),
    };
    this.#pending = pending;
    return pending;
  }

  async #wait(pending: PendingTry, signal: AbortSignal | undefined): Promise<HeldSeat> {
    pending.waiting += 1;
    try {
      return await orAborted(pending.seat, signal);
    } finally {
      pending.waiting -= 1;
      // A seat that is granted soon can still be released. A server that hangs must not keep the program running.
      if (signal?.aborted)
        this.#deps.platform.clock.after(CANCEL_AFTER_MS, () => {
          if (pending.waiting === 0) pending.canceled.abort();
        });
    }
  }

  async #take(request: SeatRequest): Promise<HeldSeat> {
    const { seatTaker } = await this.#open();
    const held = this.#seat;
    // An expired seat may come back by itself: reuse it, so that there are not two.
    const isAgain = held && !held.hasEnded() && (await seatTaker.takeAgain(held, request));
    const seat = isAgain ? held : await seatTaker.take(request);
    this.#seat = seat;
    if (!isAgain) this.emit('granted', { seat });
    return seat;
  }

  /** At the first use, because it needs the machine's fingerprint. */
  #open(): Promise<Opened> {
    this.#opened ??= this.#openNow().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #openNow(): Promise<Opened> {
    const deps = this.#deps;
    const { platform } = deps;
    const { licenseKey, licenseId, publicKeys } = this.#options;
    // Keys that cannot be read are reported now, not when the network fails.
    const keys = publicKeys === undefined ? undefined : await importKeys(publicKeys);
    const identity = await identify(this.#options, platform);
    const secret = JSON.stringify([licenseKey ?? identity.name, identity.fingerprint]);
    const store = new Store(platform.storage, identity.name, secret);
    const graceDeps = {
      ...deps,
      store,
      keys,
      expected: { fingerprint: identity.fingerprint, licenseId, isLocal: this.#checked.isLocal },
      atRisk: (error: SeatleaseError) => this.#seat?.warn(error),
    };
    const grace = this.#native?.openGrace(graceDeps, this.#checked.base) ?? new Grace(graceDeps);
    const loans = this.#native?.openLoans({ ...deps, grace, store, held: () => this.#seat });
    const seatTaker = new SeatTaker({
      ...deps,
      ...this.#native,
      loans,
      acquire: acquireCalls({ ...deps, options: this.#options, fingerprint: identity.fingerprint, grace }),
      grace,
      // `SeatEvents` is a part of `SeatleaseEvents`; TypeScript cannot derive that from the generic name.
      emit: (name, event) => this.emit(name, event as never),
    });
    return { seatTaker, grace, loans };
  }

  async #untilGranted(atMostMs: number, signal: AbortSignal | undefined): Promise<void> {
    const wake = new AbortController();
    const off = this.on('granted', () => wake.abort());
    try {
      await orAborted(sleep(this.#deps.platform.clock, atMostMs, wake.signal), signal);
    } finally {
      off();
      wake.abort();
    }
  }
}

function waitedInVain(error: SeatleaseError, waitedMs: number): SeatleaseError {
  const message = `There was no seat within ${Math.round(waitedMs / 1000)} s. ${error.message}`;
  return new SeatleaseError('WAITED_IN_VAIN', message, { ...error, cause: error });
}
