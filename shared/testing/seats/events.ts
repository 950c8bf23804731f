import fc from 'fast-check';
import { EVENT_TYPES, type EventDetail, eventOf, type SeatEvent } from '../../domain/event.ts';
import { newLicenseId, newSessionId, newTenantId } from '../../domain/ids.ts';

/** Events for tests: single events, arbitrary valid events, and whole lives of a pool. */

export const TENANT = newTenantId(16);
export const LICENSE = newLicenseId(TENANT);
export const SESSION = newSessionId(LICENSE);

type EventFields = Omit<SeatEvent, 'eventId'>;

/** An event of `LICENSE`, and of `SESSION` if its type belongs to a session; `some` sets other fields. */
export function event(some: Partial<EventFields> & Pick<EventFields, 'type'>): SeatEvent {
  const atMs = some.atMs ?? 0;
  return eventOf({
    tenantId: TENANT,
    licenseId: LICENSE,
    sessionId: some.type.startsWith('session.') ? SESSION : null,
    atMs,
    position: `${Math.max(0, atMs)}-0`,
    actor: { kind: 'license', id: LICENSE },
    detail: {},
    ...some,
  });
}

const count = fc.nat(1_000_000);
const moments = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) });
const words = fc.string({ maxLength: 12, unit: 'binary' }).filter((word) => word.isWellFormed());

const details: fc.Arbitrary<EventDetail> = fc.record(
  {
    holder: words,
    acquiredAtMs: moments,
    borrowedUntilMs: moments,
    offlineSinceMs: moments,
    seat: fc.constantFrom('taken' as const, 'kept' as const, 'freed' as const),
    active: count,
    max: count,
    reason: fc.constantFrom('lease_ran_out' as const, 'lost' as const, 'seats_reduced' as const),
    count,
    version: count,
    fields: fc.array(words),
    plan: words,
    status: fc.constantFrom('active' as const, 'suspended' as const),
    hold: fc.oneof(words, fc.constant(null)),
  },
  { requiredKeys: [] },
);

export const positions: fc.Arbitrary<string> = fc
  .tuple(fc.nat(2 ** 31), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
  .map(([ms, number]) => `${ms}-${number}`);

/** Any valid event without its id, within the years that RFC 3339 supports. */
export const eventFields: fc.Arbitrary<EventFields> = fc.record({
  type: fc.constantFrom(...EVENT_TYPES),
  tenantId: fc.constantFrom(TENANT, newTenantId(16)),
  licenseId: fc.constantFrom(LICENSE, newLicenseId(newTenantId(16))),
  sessionId: fc.constantFrom(null, SESSION, newSessionId(LICENSE)),
  atMs: moments,
  position: positions,
  actor: fc.record({
    kind: fc.constantFrom('user', 'operator', 'license', 'system'),
    id: fc.oneof(words, fc.constant(null)),
  }),
  detail: details,
});

/** A session that lived from `startMs` to before `endMs` on its holder's seat. */
export interface Stay {
  readonly sessionId: string;
  readonly holder: string;
  readonly startMs: number;
  readonly endMs: number;
}

export interface PoolLife {
  /** In the order of the outbox. */
  readonly events: readonly SeatEvent[];
  /** What really happened, to count independently. */
  readonly stays: readonly Stay[];
  readonly denials: readonly { readonly atMs: number; readonly count: number }[];
}

/** Seats in use at a moment. */
export function countSeats(stays: readonly Stay[], atMs: number): number {
  const living = stays.filter(({ startMs, endMs }) => startMs <= atMs && endMs > atMs);
  return new Set(living.map(({ holder }) => holder)).size;
}

const STEPS = [
  ...['acquire', 'acquire', 'acquire', 'lend', 'release', 'release', 'evict', 'evictSeat'],
  ...['revive', 'acquireAnew', 'deny', 'sweep'],
] as const;

const steps = fc.record({
  waitMs: fc.oneof(fc.integer({ min: 1, max: 600_000 }), fc.integer({ min: 1, max: 20_000_000 })),
  what: fc.constantFrom(...STEPS),
  whom: fc.nat(),
});

const LEASE_MS = 5_400_000;
const LOAN_MS = 30_000_000;
const HOLDERS = 7;

interface Living {
  readonly holder: string;
  readonly acquiredAtMs: number;
  readonly startMs: number;
  endMs: number;
  readonly isLoan: boolean;
}

/**
 * Lives of an unlimited pool from `startMs` on, in which seats have several sessions. As in Redis, an expired session is
 * reported when its seat is used next, or by a sweep after the whole seat has expired.
 */
export function poolLives(startMs: number): fc.Arbitrary<PoolLife> {
  return fc.array(steps, { maxLength: 40, size: 'max' }).map((life) => {
    const events: SeatEvent[] = [];
    const stays: Stay[] = [];
    const denials: { atMs: number; count: number }[] = [];
    const stored = new Map<string, Living>();
    const lapsed = new Map<string, Living>();
    let nowMs = startMs;

    const isLiving = ({ endMs }: Living): boolean => endMs > nowMs;
    const livingOf = (holder: string): [string, Living][] =>
      [...stored].filter(([, session]) => session.holder === holder && isLiving(session));
    const countActive = (): number =>
      new Set([...stored.values()].filter(isLiving).map(({ holder }) => holder)).size;

    const append = (
      type: SeatEvent['type'],
      sessionId: string,
      { holder, acquiredAtMs, endMs, isLoan }: Living,
      seat: NonNullable<EventDetail['seat']>,
      atMs = nowMs,
    ): void => {
      const detail = {
        holder,
        acquiredAtMs,
        seat,
        active: countActive(),
        ...(isLoan && type === 'session.borrowed' ? { borrowedUntilMs: endMs } : {}),
      };
      events.push(event({ type, sessionId, atMs, position: `${nowMs}-${events.length}`, detail }));
    };
    const end = (type: SeatEvent['type'], sessionId: string, session: Living, atMs: number): void => {
      const { holder, startMs } = session;
      stored.delete(sessionId);
      stays.push({ sessionId, holder, startMs, endMs: atMs });
      const hasOthers = [...stored.values()].some((other) => other.holder === holder);
      append(type, sessionId, session, hasOthers ? 'kept' : 'freed', atMs);
    };
    const collect = (holder: string): void => {
      const dead = [...stored].filter(([, session]) => session.holder === holder && !isLiving(session));
      for (const [sessionId, session] of dead.toSorted(([, a], [, b]) => a.endMs - b.endMs)) {
        end('session.expired', sessionId, session, session.endMs);
        if (!session.isLoan) lapsed.set(sessionId, session);
      }
    };
    const begin = (type: SeatEvent['type'], sessionId: string, session: Living): void => {
      collect(session.holder);
      lapsed.delete(sessionId);
      const seat = livingOf(session.holder).length > 0 ? 'kept' : 'taken';
      stored.set(sessionId, session);
      append(type, sessionId, session, seat);
    };
    const lease = (holder: string, acquiredAtMs = nowMs): Living => {
      return { holder, acquiredAtMs, startMs: nowMs, endMs: nowMs + LEASE_MS, isLoan: false };
    };
    const lend = (holder: string): void => {
      const endMs = nowMs + LOAN_MS;
      const [known, session] = livingOf(holder).find(([, { isLoan }]) => isLoan) ?? [];
      if (known === undefined || !session) {
        begin('session.borrowed', newSessionId(LICENSE), { ...lease(holder), endMs, isLoan: true });
      } else {
        session.endMs = endMs;
        append('session.borrowed', known, session, 'kept');
      }
    };
    const deny = (count: number): void => {
      const atMs = Math.floor(nowMs / 60_000) * 60_000;
      const position = `${nowMs}-${events.length}`;
      denials.push({ atMs, count });
      events.push(event({ type: 'seat.denied', atMs, position, detail: { count, max: countActive() } }));
    };
    const endOne = (type: SeatEvent['type'], whom: number): void => {
      const living = [...stored].filter(([, session]) => isLiving(session));
      const [sessionId, session] = living[whom % Math.max(1, living.length)] ?? [];
      if (sessionId === undefined || !session) return;
      collect(session.holder);
      end(type, sessionId, session, nowMs);
    };

    for (const { waitMs, what, whom } of life) {
      nowMs += waitMs;
      const holder = `holder-${whom % HOLDERS}`;
      const [known] = [...lapsed].slice(whom % Math.max(1, lapsed.size));
      if (what === 'acquire') begin('session.acquired', newSessionId(LICENSE), lease(holder));
      else if (what === 'lend') lend(holder);
      else if (what === 'deny') deny(1 + (whom % 50));
      else if (what === 'release') endOne('session.released', whom);
      else if (what === 'evict') endOne('session.evicted', whom);
      else if (what === 'evictSeat') {
        if (livingOf(holder).length > 0) collect(holder);
        for (const [sessionId, session] of livingOf(holder))
          end('session.evicted', sessionId, session, nowMs);
      } else if (what === 'sweep') {
        for (const { holder: one } of [...stored.values()]) if (livingOf(one).length === 0) collect(one);
      } else if (known && what === 'revive')
        begin('session.revived', known[0], lease(known[1].holder, known[1].acquiredAtMs));
      else if (known && what === 'acquireAnew')
        // After an hour, the seat store has forgotten that it knew the session.
        begin(whom % 2 ? 'session.revived' : 'session.acquired', known[0], lease(known[1].holder));
    }
    for (const { holder } of [...stored.values()]) collect(holder);
    for (const [sessionId, { holder, startMs: sinceMs }] of stored)
      stays.push({ sessionId, holder, startMs: sinceMs, endMs: Number.POSITIVE_INFINITY });
    return { events, stays, denials };
  });
}

/** All permutations. */
export function permutationsOf<T>(things: readonly T[]): T[][] {
  if (things.length === 0) return [[]];
  return things.flatMap((first, i) =>
    permutationsOf(things.toSpliced(i, 1)).map((others) => [first, ...others]),
  );
}
