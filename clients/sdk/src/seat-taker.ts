import { pauseMs, sleep } from './backoff.ts';
import { SeatleaseError } from './errors.ts';
import { HeldSeat, type HeldSeatDeps } from './held-seat.ts';
import type { StoredState } from './offline/grace.ts';
import { type Grant, readHeartbeat } from './parse-answers.ts';
import { releaseSeat } from './release-calls.ts';
import type { Answer } from './server.ts';
import { isRetry, stepAfter } from './steps.ts';

export interface SeatRequest {
  readonly borrowDays: number | undefined;
  /** Whether the try before had no answer: after a second one, the stored license is used. */
  readonly wasUnanswered: boolean;
  readonly timeoutMs: number;
  /** Cancels the request. */
  readonly signal: AbortSignal;
  /** Whether a caller still waits for it. */
  isWanted(): boolean;
}

/** The loan is usable without an answer. */
const LOAN_TIMEOUT_MS = 5_000;

type Granted = Extract<Answer<Grant>, { kind: 'good' }>;

/** Acquires seats, one at a time, with one try each. */
export class SeatTaker {
  readonly #deps: HeldSeatDeps;
  /** The `instance_id` of the next seat. It stays until the seat is granted: a lost answer may have granted it. */
  #instanceId = crypto.randomUUID();

  constructor(deps: HeldSeatDeps) {
    this.#deps = deps;
  }

  /** Takes a new seat. Throws `SeatleaseError` if there is none. */
  async take(request: SeatRequest): Promise<HeldSeat> {
    // Also reads since when a program ran offline: the request says it.
    const isLoan = await this.#deps.grace.isLoanStored();
    const loan = isLoan && request.borrowDays === undefined ? await this.#resumeLoan() : undefined;
    if (loan) return loan;
    let answer = await this.#acquire(this.#instanceId, request);
    if (answer.kind === 'failed' && answer.error.code === 'SESSION_ENDED') {
      this.#instanceId = crypto.randomUUID();
      answer = await this.#acquire(this.#instanceId, request);
    }
    return answer.kind === 'good'
      ? this.#granted(answer, request)
      : this.#startOffline(answer.error, request);
  }

  /**
   * Acquires the held seat again: to borrow it, or after it expired. Returns false if the seat ended meanwhile. Throws if
   * the server refuses, and leaves the seat as it was.
   */
  async takeAgain(seat: HeldSeat, request: SeatRequest): Promise<boolean> {
    const answer = await this.#acquire(seat.instanceId, request);
    if (answer.kind === 'failed') throw answer.error;
    await this.#keepLoan(answer.body);
    if (seat.hasEnded()) return false;
    seat.hold(answer.body, answer.sentAtMs);
    return true;
  }

  async #granted(answer: Granted, { isWanted }: SeatRequest): Promise<HeldSeat> {
    const grant = answer.body;
    const instanceId = this.#nextInstance();
    if (!isWanted()) {
      await releaseSeat(this.#deps, { sessionId: grant.sessionId, token: grant.sessionToken });
      throw new DOMException();
    }
    await this.#keepLoan(grant);
    const seat = new HeldSeat(this.#deps, instanceId, grant);
    seat.hold(grant, answer.sentAtMs);
    return seat;
  }

  /**
   * The loan of this machine, if one is stored and has not ended: all programs use it. The server decides: its answer counts
   * also where the clock is wrong, or the folder cannot be written.
   */
  async #resumeLoan(): Promise<HeldSeat | undefined> {
    const { grace, server } = this.#deps;
    const found = await grace.find().catch(() => undefined);
    if (!found) return undefined;
    const { sessionId } = found;
    const answer = await server.call('heartbeat', {
      body: { session_id: sessionId },
      timeoutMs: LOAN_TIMEOUT_MS,
      background: false,
      read: (body) => readHeartbeat(body, sessionId),
    });
    // The session has ended.
    if (answer.kind === 'failed' && !isRetry(stepAfter(answer.error, true))) {
      await grace.loanEnded();
      return undefined;
    }
    if (answer.kind === 'failed') {
      const held = await grace.load().catch(() => undefined);
      const offline = held && this.#storedSeat(held);
      offline?.holdOffline(answer.error);
      return offline;
    }
    const seat = this.#storedSeat(found);
    // The answer measures the clock anew, before it is stored.
    const isWritable = grace.use(found);
    seat.holdLoan(answer.body, answer.sentAtMs);
    await isWritable;
    return seat;
  }

  /** Starts with the stored license if there was no answer; never after a refusal. */
  async #startOffline(error: SeatleaseError, { borrowDays, wasUnanswered }: SeatRequest): Promise<HeldSeat> {
    const { grace } = this.#deps;
    if (!isOutage(error)) {
      if (borrowDays === undefined && stepAfter(error, true) === 'stop') await grace.remove();
      throw error;
    }
    if (!wasUnanswered) throw error;
    const held = await grace.load().catch((why: SeatleaseError) => {
      throw new SeatleaseError(why.code, why.message, { ...why, cause: error });
    });
    // A caller who borrows needs a seat with `borrowedUntil`: the offline grace of another seat is no loan.
    if (!held || (borrowDays !== undefined && !held.isBorrowed)) throw error;
    const seat = this.#storedSeat(held);
    grace.startedOffline();
    seat.holdOffline(error);
    return seat;
  }

  #storedSeat({ license, isBorrowed, sessionId }: StoredState): HeldSeat {
    const { licenseId, offlineUntilMs, plan, features, limits } = license;
    const borrowedUntil = isBorrowed ? new Date(offlineUntilMs) : undefined;
    const entitlements = { plan, features, limits };
    const facts = { licenseId, sessionId, borrowedUntil, entitlements, graceDays: 0, startDays: 0 };
    return new HeldSeat(this.#deps, this.#nextInstance(), facts);
  }

  /** The name of the seat that is taken now. */
  #nextInstance(): string {
    const instanceId = this.#instanceId;
    this.#instanceId = crypto.randomUUID();
    return instanceId;
  }

  #acquire(instanceId: string, { borrowDays, timeoutMs, signal }: SeatRequest): Promise<Answer<Grant>> {
    return this.#deps.acquire({ instanceId, borrowDays, timeoutMs, signal, background: false });
  }

  /**
   * A borrowed seat is used offline, and returned by its stored session: its license is signed and stored before the seat is
   * returned to the caller. If that fails, the loan is released again and the reason is thrown, unless the machine had it before.
   */
  async #keepLoan(grant: Grant): Promise<void> {
    if (!grant.borrowedUntil) return;
    const { grace, platform } = this.#deps;
    const { sessionId, sessionToken: token } = grant;
    let error = await grace.signIfDue(sessionId, grant, false);
    if (error && isOutage(error)) {
      await sleep(platform.clock, pauseMs('outage', 0));
      error = await grace.signIfDue(sessionId, grant, false);
    }
    const stored = await grace.storedLoan().catch(() => undefined);
    if (!error || stored?.sessionId === sessionId) return;
    await releaseSeat(this.#deps, { sessionId, token, isLoan: true });
    await grace.loanEnded();
    throw error;
  }
}

/** Whether there was no answer that says anything about the license. */
export function isOutage(error: SeatleaseError): boolean {
  return stepAfter(error, false) === 'outage';
}
