import type { AcquireCalls } from './acquire-calls.ts';
import type { SeatleaseError } from './errors.ts';
import { FINAL_CODES, HeldSeat } from './held-seat.ts';
import type { Grace } from './offline/grace.ts';
import type { Grant } from './parse-answers.ts';
import type { Membership, Platform } from './platform.ts';
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

const NOTHING = async (): Promise<void> => undefined;

type Granted = Extract<Answer<Grant>, { kind: 'good' }>;
type NotGranted = Exclude<Answer<Grant>, { kind: 'good' }>;

/** Acquires seats, one at a time. */
export class SeatTaker {
  readonly #deps: SeatTakerDeps;
  /** Sessions whose release, sent without a token, may still reach the server. */
  readonly #releasing = new Set<string>();

  constructor(deps: SeatTakerDeps) {
    this.#deps = deps;
  }

  /** Takes a new seat. Throws `SeatleaseError` if there is none. */
  async take(request: SeatRequest): Promise<HeldSeat> {
    const { answer, membership } = await this.#acquireAsMember(request);
    try {
      return answer.kind === 'good'
        ? await this.#granted(answer, membership, request)
        : await this.#startOffline(answer, membership, request);
    } catch (error) {
      await membership.leave(NOTHING);
      throw error;
    }
  }

  /**
   * Acquires the held seat again: to borrow it, or after it expired. Returns false if the seat ended meanwhile. Throws if
   * the server refuses, and leaves the seat as it was.
   */
  async takeAgain(seat: HeldSeat, request: SeatRequest): Promise<boolean> {
    const answer = await this.#acquire(request);
    if (answer.kind !== 'good') throw answer.error;
    await this.#signLoan(answer.body);
    if (seat.hasEnded) return false;
    seat.hold(answer.body, answer.sentAtMs);
    return true;
  }

  async #granted(answer: Granted, membership: Membership, { isWanted }: SeatRequest): Promise<HeldSeat> {
    const grant = answer.body;
    if (!isWanted()) {
      await membership.leave(async () => {
        await this.#release(grant);
      });
      throw new DOMException('No caller waits for the seat any more.', 'AbortError');
    }
    await this.#signLoan(grant);
    const seat = this.#newSeat(grant, membership);
    seat.hold(grant, answer.sentAtMs);
    return seat;
  }

  /** Starts with the stored license if there was no answer; never after a refusal. */
  async #startOffline(
    answer: NotGranted,
    membership: Membership,
    { borrowDays }: SeatRequest,
  ): Promise<HeldSeat> {
    const { grace } = this.#deps;
    if (answer.kind === 'refused') {
      if (FINAL_CODES.has(answer.error.code)) await grace.remove();
      throw answer.error;
    }
    const held = await grace.load();
    // A caller who borrows needs a seat with `borrowedUntil`: the offline grace of another seat is no loan.
    if (!held || (borrowDays !== undefined && !held.isBorrowed)) throw answer.error;
    const { licenseId, sessionId, offlineUntilMs } = held.license;
    const borrowedUntil = held.isBorrowed ? new Date(offlineUntilMs) : undefined;
    const seat = this.#newSeat({ licenseId, sessionId, borrowedUntil }, membership);
    seat.holdOffline();
    return seat;
  }

  /** Joins the programs that share the seat before acquiring it: the last one to leave releases it. */
  async #acquireAsMember(request: SeatRequest): Promise<{ answer: Answer<Grant>; membership: Membership }> {
    const { acquireCalls, platform } = this.#deps;
    for (;;) {
      const membership = await platform.holders.join(acquireCalls.holder);
      const answer = await this.#acquire(request);
      if (!acquireCalls.addProcessIfRequired(answer)) return { answer, membership };
      await membership.leave(NOTHING);
    }
  }

  async #acquire({ borrowDays, isWanted }: SeatRequest): Promise<Answer<Grant>> {
    const { acquireCalls, grace } = this.#deps;
    const tries = (await grace.isStored()) ? TRIES.withStoredLicense : TRIES.usual;
    return this.#unlessReleasing(() => acquireCalls.sendUntilAnswered(borrowDays, tries, isWanted));
  }

  /** Rejects a session whose release may still be in transit: that release would end the seat while it is in use. */
  async #unlessReleasing(ask: () => Promise<Answer<Grant>>): Promise<Answer<Grant>> {
    for (;;) {
      const answer = await ask();
      if (answer.kind !== 'good' || !this.#releasing.has(answer.body.sessionId)) return answer;
      const { sessionId } = answer.body;
      const error = await this.#release(answer.body);
      if (error) return { kind: 'none', error: error };
      this.#releasing.delete(sessionId);
    }
  }

  /** A borrowed seat is used offline: its license is signed before the seat is returned. */
  async #signLoan({ sessionId, borrowedUntil }: Grant): Promise<void> {
    if (borrowedUntil) await this.#deps.grace.signIfDue(sessionId, borrowedUntil, false);
  }

  async #release({ sessionId, sessionToken }: Grant): Promise<SeatleaseError | undefined> {
    const { server, platform, stopwatch } = this.#deps;
    const token = { text: sessionToken, receivedAtMs: platform.clock.now().monotonicMs };
    return releaseSeat(server, platform.clock, stopwatch, { sessionId, token, patience: 'short' });
  }

  #recordRelease(sessionId: string): { confirmed(): void } {
    this.#releasing.add(sessionId);
    return { confirmed: () => void this.#releasing.delete(sessionId) };
  }

  #releaseUnwanted(grant: Grant): void {
    const { acquireCalls, platform } = this.#deps;
    // Other programs of this machine may hold it by now.
    void platform.holders.join(acquireCalls.holder).then((membership) =>
      membership.leave(async () => {
        await this.#release(grant);
      }),
    );
  }

  #newSeat(facts: ConstructorParameters<typeof HeldSeat>[1], membership: Membership): HeldSeat {
    const { acquireCalls } = this.#deps;
    return new HeldSeat(
      {
        ...this.#deps,
        membership,
        acquire: (timeoutMs) => this.#unlessReleasing(() => acquireCalls.send(timeoutMs, true)),
        recordRelease: (sessionId) => this.#recordRelease(sessionId),
        releaseUnwanted: (grant) => this.#releaseUnwanted(grant),
      },
      facts,
    );
  }
}
