import { pauseMs, sleep } from './backoff.ts';
import type { SeatleaseError } from './errors.ts';
import type { HeldSeat } from './held-seat.ts';
import type { Grace, StoredState } from './offline/grace.ts';
import type { Store } from './offline/store.ts';
import { type Grant, readHeartbeat } from './parse-answers.ts';
import { type ReleaseDeps, releaseSeat } from './release-calls.ts';
import type { Seat } from './seat.ts';
import { isOutage, isRetry, stepAfter } from './steps.ts';

export interface LoanDeps extends ReleaseDeps {
  readonly grace: Grace;
  readonly store: Store;
  /** The seat that this program took last. */
  held(): HeldSeat | undefined;
}

/** Names a borrowed seat. */
export type Loan = Pick<Seat, 'sessionId' | 'licenseId'>;

/** The loan is usable without an answer. */
const LOAN_TIMEOUT_MS = 5_000;

/** The borrowed seat of this machine, which all its programs use. */
export class Loans {
  readonly #deps: LoanDeps;

  constructor(deps: LoanDeps) {
    this.#deps = deps;
  }

  /** The stored loan, which the server need not know any more. Needs no keys. Throws if its file was changed. */
  async #stored(): Promise<Loan | undefined> {
    const stored = await this.#deps.store.read();
    return stored?.license.isBorrowed ? stored.license : undefined;
  }

  /**
   * Starts with the loan, if one is stored and has not ended. The server decides: its answer counts also where the clock is
   * wrong, or the folder cannot be written.
   */
  async resume(seatOf: (stored: StoredState) => HeldSeat): Promise<HeldSeat | undefined> {
    const { grace, server } = this.#deps;
    const found = await grace.find().catch(() => undefined);
    if (!found?.isBorrowed) return undefined;
    const { sessionId } = found;
    const answer = await server.call('heartbeat', {
      body: { session_id: sessionId },
      timeoutMs: LOAN_TIMEOUT_MS,
      background: false,
      read: (body) => readHeartbeat(body, sessionId),
    });
    // The session has ended.
    if (answer.error && !isRetry(stepAfter(answer.error, true))) {
      await grace.loanEnded();
      return undefined;
    }
    if (answer.error) {
      const held = await grace.load().catch(() => undefined);
      const offline = held && seatOf(held);
      offline?.holdOffline(answer.error);
      return offline;
    }
    const seat = seatOf(found);
    // The answer measures the clock anew, before it is stored.
    const isWritable = grace.use(found);
    seat.holdLoan(answer.body, answer.sentAtMs);
    await isWritable;
    return seat;
  }

  /**
   * A borrowed seat is used offline, and returned by its stored session: its license is signed and stored before the seat is
   * returned to the caller. If that fails, the loan is released again and the reason is thrown; if the machine had it before, the
   * reason is returned.
   */
  async keep(grant: Grant): Promise<SeatleaseError | undefined> {
    if (!grant.borrowedUntil) return undefined;
    const { grace, platform } = this.#deps;
    const { sessionId, sessionToken } = grant;
    let error = await grace.signIfDue(sessionId, grant, false);
    if (error && isOutage(error)) {
      await sleep(platform.clock, pauseMs('outage', 0));
      error = await grace.signIfDue(sessionId, grant, false);
    }
    const stored = await this.#stored().catch(() => undefined);
    if (!error || stored?.sessionId === sessionId) return error;
    await releaseSeat(this.#deps, { session_id: sessionId, session_token: sessionToken }, true);
    await grace.loanEnded();
    throw error;
  }

  /** Releases the loan, and returns what names its seat. Throws if the server has not confirmed it. */
  async release(): Promise<Loan | undefined> {
    const held = this.#deps.held();
    if (held?.borrowedUntil && !held.hasEnded()) {
      await held.release();
      return held;
    }
    const loan = await this.#stored();
    if (!loan) return undefined;
    const error = await releaseSeat(this.#deps, { session_id: loan.sessionId }, true);
    if (error) throw error;
    await this.#deps.grace.loanEnded();
    return loan;
  }
}
