import { isDeepStrictEqual } from 'node:util';
import type { SeatEvent } from '../../domain/event.ts';
import type { Session } from '../../domain/session.ts';
import type { AcquireVerdict, BorrowVerdict, SeatListVerdict } from '../../ports/seats.ts';

/** What the store says of a pool at one time. */
export interface PoolView {
  readonly nowMs: number;
  /** All pages. */
  readonly listed: SeatListVerdict;
  /** New events of the license, in the order of the outbox. */
  readonly events: readonly SeatEvent[];
  /** Sessions that the call was for; `any` if it restored what Redis had lost. */
  readonly touched: readonly string[] | 'any';
}

const BEGINS: ReadonlySet<string> = new Set(['session.acquired', 'session.revived', 'session.borrowed']);
const ENDS: ReadonlySet<string> = new Set(['session.expired', 'session.released', 'session.evicted']);

/**
 * What must be true of a pool whatever happens, checked on the store's own answers after every command. It knows the
 * invariants of the pool and none of its rules.
 */
export class PoolWatch {
  /** Sessions as they were listed last. */
  #before: readonly Session[] = [];
  /** Sessions that have begun and whose end was not reported yet. */
  #open = new Map<string, { readonly endMs: number }>();

  check({ nowMs, listed, events, touched }: PoolView): void {
    const before = this.#before.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    const after = listed.verdict === 'OK' ? listed.seats.flatMap(({ sessions }) => sessions) : [];
    if (listed.verdict === 'OK') {
      checkList(listed, nowMs);
      const { active, max, overdraft, lent } = listed;
      const hasOnlyLoans = after.every(({ kind }) => kind === 'loan');
      must(
        active <= max + overdraft || hasOnlyLoans,
        `${active} seats, and not only loans, where ${max} and ${overdraft} can be held`,
      );
      must(lent === countLoans(after), `${lent} loans, not ${countLoans(after)}`);
      for (const { detail } of events)
        must(
          detail.max === undefined || detail.max === max || touched === 'any',
          'an event with another max',
        );
    }
    checkLeases(before, after);
    if (touched !== 'any') {
      checkUntouched(before, after, new Set(touched));
      checkSeats(before, after, events);
    }
    for (const event of events) this.#checkOnce(event);
    this.#checkReported(after, nowMs, touched === 'any');
    this.#before = structuredClone(after);
  }

  /** What a refusal counts is what was listed last. */
  checkRefusal(verdict: AcquireVerdict | BorrowVerdict, nowMs: number): void {
    const held = this.#before.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    if (verdict.verdict === 'FULL') must(verdict.active === countHolders(held), 'seats are counted wrongly');
    if (verdict.verdict === 'BORROW_LIMIT')
      must(verdict.borrowed === countLoans(held), 'loans are counted wrongly');
  }

  /** After everything has ended and was swept. */
  checkAllReported(): void {
    must(this.#open.size === 0, `ends that were never reported: ${[...this.#open.keys()].join()}`);
  }

  copy(): { readonly before: readonly Session[]; readonly open: ReadonlyMap<string, { endMs: number }> } {
    return { before: this.#before, open: new Map(this.#open) };
  }

  setBack({ before, open }: ReturnType<PoolWatch['copy']>): void {
    this.#before = before;
    this.#open = new Map(open);
  }

  lose(): void {
    this.#before = [];
    this.#open.clear();
  }

  /** A session begins and ends by turns. */
  #checkOnce({ type, sessionId, detail, atMs }: SeatEvent): void {
    if (sessionId === null) return;
    const isOpen = this.#open.has(sessionId);
    if (ENDS.has(type)) {
      must(isOpen, `${type} of ${sessionId}, which has ended`);
      this.#open.delete(sessionId);
    } else if (BEGINS.has(type)) {
      const isExtension = type === 'session.borrowed' && isOpen && detail.seat === 'kept';
      must(!isOpen || isExtension, `${type} of ${sessionId}, which has begun`);
      this.#open.set(sessionId, { endMs: atMs });
    }
  }

  /** A session is only gone if its end was reported or has passed, and only there if its beginning was reported. */
  #checkReported(after: readonly Session[], nowMs: number, isRestored: boolean): void {
    for (const { sessionId, expiresAtMs } of after) {
      must(isRestored || this.#open.has(sessionId), `${sessionId} lives, and no event says so`);
      this.#open.set(sessionId, { endMs: expiresAtMs });
    }
    const living = new Set(after.map(({ sessionId }) => sessionId));
    for (const [sessionId, { endMs }] of this.#open)
      must(living.has(sessionId) || endMs <= nowMs, `${sessionId} vanished before its end without an event`);
  }
}

/** One seat a holder, with living sessions, until the latest of their ends. */
function checkList({ active, seats }: Extract<SeatListVerdict, { verdict: 'OK' }>, nowMs: number): void {
  must(active === seats.length, `${active} seats in use, ${seats.length} listed`);
  const sessions = seats.flatMap((seat) => seat.sessions);
  must(countHolders(seats) === seats.length, 'a holder has two seats');
  must(
    new Set(sessions.map(({ sessionId }) => sessionId)).size === sessions.length,
    'a session is listed twice',
  );
  for (const seat of seats) {
    const ends = seat.sessions.map(({ expiresAtMs }) => expiresAtMs);
    must(
      seat.sessions.every(({ holder }) => holder === seat.holder),
      'a session is on the seat of another holder',
    );
    must(Math.max(...ends) === seat.expiresAtMs, `${seat.holder} does not end with the last of its sessions`);
    must(Math.min(...ends) > nowMs, `${seat.holder} has an expired session`);
  }
}

/** No lease gets shorter. */
function checkLeases(before: readonly Session[], after: readonly Session[]): void {
  const ends = new Map(after.map(({ sessionId, expiresAtMs }) => [sessionId, expiresAtMs]));
  for (const { sessionId, expiresAtMs } of before)
    must((ends.get(sessionId) ?? expiresAtMs) >= expiresAtMs, `the lease of ${sessionId} got shorter`);
}

/** No call changes a session that it is not for. */
function checkUntouched(
  before: readonly Session[],
  after: readonly Session[],
  touched: ReadonlySet<string>,
): void {
  const others = (sessions: readonly Session[]) =>
    sessions
      .filter(({ sessionId }) => !touched.has(sessionId))
      .sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1));
  const [then, now] = [others(before), others(after)];
  must(
    isDeepStrictEqual(then, now),
    `another session changed: ${JSON.stringify(then)} to ${JSON.stringify(now)}`,
  );
}

/** Event by event: whether the seat was taken, kept or freed, and how many seats are in use after it. */
function checkSeats(
  before: readonly Session[],
  after: readonly Session[],
  events: readonly SeatEvent[],
): void {
  const holders = new Set(before.map(({ holder }) => holder));
  for (const { type, sessionId, detail } of events) {
    const { holder = '', seat, active } = detail;
    if (!BEGINS.has(type) && !ENDS.has(type)) continue;
    const what = `${type} of ${sessionId} with a seat ${seat}`;
    if (detail.reason !== 'lease_ran_out') {
      must(holders.has(holder) === (seat !== 'taken'), what);
      if (seat === 'taken') holders.add(holder);
      if (seat === 'freed') holders.delete(holder);
    }
    must(
      seat === (BEGINS.has(type) ? (seat === 'taken' ? seat : 'kept') : seat === 'freed' ? seat : 'kept'),
      what,
    );
    must(active === holders.size, `${what}: ${active} in use, not ${holders.size}`);
  }
  const held = new Set(after.map(({ holder }) => holder));
  must(isDeepStrictEqual(held, holders), 'the seats are not those that the events say');
}

function countHolders(sessions: readonly { readonly holder: string }[]): number {
  return new Set(sessions.map(({ holder }) => holder)).size;
}

function countLoans(sessions: readonly Session[]): number {
  return countHolders(sessions.filter(({ kind }) => kind === 'loan'));
}

function must(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(`invariant: ${otherwise}`);
}
