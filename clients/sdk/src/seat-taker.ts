import type { AcquireCalls } from './acquire-calls.ts';
import { FINAL_CODES, HeldSeat } from './held-seat.ts';
import type { Grace, Held } from './offline/grace.ts';
import { type Grant, readHeartbeat } from './parse-answers.ts';
import type { Platform } from './platform.ts';
import { releaseSeat } from './release-calls.ts';
import type { SeatEvents } from './seat.ts';
import type { Answer, Server } from './server.ts';
import type { Stopwatch } from './stopwatch.ts';

export interface SeatTakerDeps {
  readonly acquireCalls: AcquireCalls;
  readonly grace: Grace;
  readonly server: Server;
  readonly platform: Platform;
  readonly stopwatch: Stopwatch;
  emit<Name extends keyof SeatEvents>(name: Name, event: SeatEvents[Name]): void;
}

export interface SeatRequest {
  readonly borrowDays: number | undefined;
  /** Whether a caller still waits for it. */
  isWanted(): boolean;
}

/** With a stored license, the program can start offline instead of retrying longer. */
const TRIES = { usual: 4, withStoredLicense: 2 } as const;
/** The loan is usable without an answer. */
const LOAN_TIMEOUT_MS = 5_000;

type Granted = Extract<Answer<Grant>, { kind: 'good' }>;
type NotGranted = Exclude<Answer<Grant>, { kind: 'good' }>;

/** Acquires seats, one at a time. */
export class SeatTaker {
  readonly #deps: SeatTakerDeps;
  /** The `instance_id` of the next seat. It stays until the seat is granted: a lost answer may have granted it. */
  #instanceId = crypto.randomUUID();

  constructor(deps: SeatTakerDeps) {
    this.#deps = deps;
  }

  /** Takes a new seat. Throws `SeatleaseError` if there is none. */
  async take(request: SeatRequest): Promise<HeldSeat> {
    const loan = request.borrowDays === undefined ? await this.#resumeLoan() : undefined;
    if (loan) return loan;
    const instanceId = this.#instanceId;
    const answer = await this.#acquire(instanceId, request);
    const hasEnded = answer.kind === 'refused' && answer.error.code === 'SESSION_ENDED';
    if (answer.kind === 'good' || hasEnded) this.#instanceId = crypto.randomUUID();
    if (hasEnded) return this.take(request);
    return answer.kind === 'good'
      ? this.#granted(answer, instanceId, request)
      : this.#startOffline(answer, request);
  }

  /**
   * Acquires the held seat again: to borrow it, or after it expired. Returns false if the seat ended meanwhile. Throws if
   * the server refuses, and leaves the seat as it was.
   */
  async takeAgain(seat: HeldSeat, request: SeatRequest): Promise<boolean> {
    const answer = await this.#acquire(seat.instanceId, request);
    if (answer.kind !== 'good') throw answer.error;
    await this.#signLoan(answer.body);
    if (seat.hasEnded) return false;
    seat.hold(answer.body, answer.sentAtMs);
    return true;
  }

  async #granted(answer: Granted, instanceId: string, { isWanted }: SeatRequest): Promise<HeldSeat> {
    const grant = answer.body;
    if (!isWanted()) {
      await this.#release(grant);
      throw new DOMException('No caller waits for the seat any more.', 'AbortError');
    }
    await this.#signLoan(grant);
    const seat = this.#newSeat(grant, instanceId);
    seat.hold(grant, answer.sentAtMs);
    return seat;
  }

  /** The loan of this machine, if one is stored and has not ended: all programs use it. */
  async #resumeLoan(): Promise<HeldSeat | undefined> {
    const { grace, server } = this.#deps;
    if (!(await grace.isLoanStored())) return undefined;
    const held = await grace.load().catch(() => undefined);
    if (!held) return undefined;
    const { sessionId } = held;
    const answer = await server.call('heartbeat', {
      body: { session_id: sessionId },
      timeoutMs: LOAN_TIMEOUT_MS,
      background: false,
      read: (body) => readHeartbeat(body, sessionId),
    });
    if (answer.kind === 'refused') {
      await grace.remove();
      return undefined;
    }
    const seat = this.#heldOffline(held);
    if (answer.kind === 'none') seat.holdOffline();
    else {
      const { licenseId, offlineUntilMs } = held.license;
      const borrowedUntil = new Date(offlineUntilMs);
      seat.hold(
        { ...answer.body, sessionId, licenseId, borrowedUntil, offlineGraceDays: 0 },
        answer.sentAtMs,
      );
    }
    return seat;
  }

  /** Starts with the stored license if there was no answer; never after a refusal. */
  async #startOffline(answer: NotGranted, { borrowDays }: SeatRequest): Promise<HeldSeat> {
    const { grace } = this.#deps;
    if (answer.kind === 'refused') {
      if (FINAL_CODES.has(answer.error.code)) await grace.remove();
      throw answer.error;
    }
    const held = await grace.load();
    // A caller who borrows needs a seat with `borrowedUntil`: the offline grace of another seat is no loan.
    if (!held || (borrowDays !== undefined && !held.isBorrowed)) throw answer.error;
    const seat = this.#heldOffline(held);
    seat.holdOffline();
    return seat;
  }

  #heldOffline({ license, isBorrowed, sessionId }: Held): HeldSeat {
    const { licenseId, offlineUntilMs } = license;
    const borrowedUntil = isBorrowed ? new Date(offlineUntilMs) : undefined;
    return this.#newSeat({ licenseId, sessionId, borrowedUntil }, crypto.randomUUID());
  }

  async #acquire(instanceId: string, { borrowDays, isWanted }: SeatRequest): Promise<Answer<Grant>> {
    const { acquireCalls, grace } = this.#deps;
    const tries = (await grace.isStored()) ? TRIES.withStoredLicense : TRIES.usual;
    return acquireCalls.sendUntilAnswered({ instanceId, borrowDays }, tries, isWanted);
  }

  /** A borrowed seat is used offline: its license is signed before the seat is returned. */
  async #signLoan({ sessionId, borrowedUntil }: Grant): Promise<void> {
    if (borrowedUntil) await this.#deps.grace.signIfDue(sessionId, borrowedUntil, false);
  }

  async #release({ sessionId, sessionToken }: Grant): Promise<void> {
    const { server, platform, stopwatch } = this.#deps;
    await releaseSeat(server, platform.clock, stopwatch, {
      sessionId,
      token: sessionToken,
      patience: 'short',
    });
  }

  #newSeat(facts: ConstructorParameters<typeof HeldSeat>[1], instanceId: string): HeldSeat {
    const { acquireCalls } = this.#deps;
    return new HeldSeat(
      {
        ...this.#deps,
        instanceId,
        acquire: (timeoutMs) => acquireCalls.send(timeoutMs, true, { instanceId }),
        releaseUnwanted: (grant) => void this.#release(grant),
      },
      facts,
    );
  }
}
