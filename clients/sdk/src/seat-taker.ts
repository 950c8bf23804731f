import { SeatleaseError } from './errors.ts';
import { HeldSeat, type HeldSeatDeps } from './held-seat.ts';
import type { Loans } from './loans.ts';
import type { StoredState } from './offline/grace.ts';
import type { Grant } from './parse-answers.ts';
import { releaseSeat } from './release-calls.ts';
import type { Answer } from './server.ts';
import { isOutage, stepAfter } from './steps.ts';

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

interface SeatTakerDeps extends HeldSeatDeps {
  /** Missing where seats cannot be borrowed. */
  readonly loans: Loans | undefined;
}

type Granted = Extract<Answer<Grant>, { error?: undefined }>;

/** Acquires seats, one at a time, with one try each. */
export class SeatTaker {
  readonly #deps: SeatTakerDeps;
  /** The `instance_id` of the next seat. It stays until the seat is granted: a lost answer may have granted it. */
  #instanceId = crypto.randomUUID();

  constructor(deps: SeatTakerDeps) {
    this.#deps = deps;
  }

  /** Takes a new seat. Throws `SeatleaseError` if there is none. */
  async take(request: SeatRequest): Promise<HeldSeat> {
    if (request.borrowDays === undefined) {
      const loan = await this.#deps.loans?.resume((stored) => this.#storedSeat(stored));
      if (loan) return loan;
    }
    let answer = await this.#acquire(this.#instanceId, request);
    if (answer.error?.code === 'SESSION_ENDED') {
      this.#instanceId = crypto.randomUUID();
      answer = await this.#acquire(this.#instanceId, request);
    }
    return answer.error ? this.#startOffline(answer.error, request) : this.#granted(answer, request);
  }

  /**
   * Acquires the held seat again: to borrow it, or after it expired. Returns false if the seat ended meanwhile. Throws if
   * the server refuses, and leaves the seat as it was.
   */
  async takeAgain(seat: HeldSeat, request: SeatRequest): Promise<boolean> {
    const answer = await this.#acquire(seat.instanceId, request);
    if (answer.error) throw answer.error;
    await this.#deps.loans?.keep(answer.body);
    if (seat.hasEnded()) return false;
    seat.hold(answer.body, answer.sentAtMs);
    return true;
  }

  async #granted(answer: Granted, { isWanted }: SeatRequest): Promise<HeldSeat> {
    const grant = answer.body;
    const instanceId = this.#nextInstance();
    if (!isWanted()) {
      await releaseSeat(this.#deps, { session_id: grant.sessionId, session_token: grant.sessionToken });
      throw new DOMException();
    }
    const risk = await this.#deps.loans?.keep(grant);
    const seat = new HeldSeat(this.#deps, instanceId, grant);
    seat.hold(grant, answer.sentAtMs);
    if (risk) seat.warn(risk);
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
    const { licenseId, offlineUntilMs } = license;
    const borrowedUntil = isBorrowed ? new Date(offlineUntilMs) : undefined;
    const facts = { licenseId, sessionId, borrowedUntil, entitlements: license, graceDays: 0, startDays: 0 };
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
}
