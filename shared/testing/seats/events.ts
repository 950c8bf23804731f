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
    active: count,
    max: count,
    reason: fc.constantFrom('lease_ran_out' as const, 'lost' as const),
    count,
    version: count,
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
  detail: details,
});

/** A seat held from `startMs` to before `endMs`. */
export interface Stay {
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

const steps = fc.record({
  waitMs: fc.oneof(fc.integer({ min: 1, max: 600_000 }), fc.integer({ min: 1, max: 20_000_000 })),
  what: fc.constantFrom(
    'acquire',
    'acquire',
    'acquire',
    'lend',
    'release',
    'evict',
    'revive',
    'deny' as const,
  ),
  whom: fc.nat(),
});

const LEASE_MS = 5_400_000;

/** Lives of an unlimited pool from `startMs` on: as in Redis, expired leases are noticed by the next step. */
export function poolLives(startMs: number): fc.Arbitrary<PoolLife> {
  return fc.array(steps, { maxLength: 40 }).map((life) => {
    const events: SeatEvent[] = [];
    const stays: Stay[] = [];
    const denials: { atMs: number; count: number }[] = [];
    const seated = new Map<string, { sinceMs: number; endMs: number }>();
    const acquired = new Map<string, number>();
    const lapsed: string[] = [];
    let nowMs = startMs;

    const append = (type: SeatEvent['type'], sessionId: string, atMs: number): void => {
      const detail = { holder: sessionId, acquiredAtMs: acquired.get(sessionId) ?? 0, active: seated.size };
      events.push(event({ type, sessionId, atMs, position: `${nowMs}-${events.length}`, detail }));
    };
    const seat = (type: 'session.acquired' | 'session.revived', sessionId: string): void => {
      seated.set(sessionId, { sinceMs: nowMs, endMs: nowMs + LEASE_MS });
      append(type, sessionId, nowMs);
    };
    const unseat = (type: SeatEvent['type'], sessionId: string, endMs: number): void => {
      stays.push({ startMs: seated.get(sessionId)?.sinceMs ?? endMs, endMs });
      seated.delete(sessionId);
      if (type === 'session.expired') lapsed.push(sessionId);
      append(type, sessionId, endMs);
    };

    for (const { waitMs, what, whom } of life) {
      nowMs += waitMs;
      for (const [sessionId, { endMs }] of seated) {
        if (endMs <= nowMs) unseat('session.expired', sessionId, endMs);
      }
      const [holding = ''] = [...seated.keys()].slice(whom % Math.max(1, seated.size));
      const [revivable] = lapsed.splice(0, what === 'revive' ? 1 : 0);
      if (what === 'acquire') {
        const sessionId = newSessionId(LICENSE);
        acquired.set(sessionId, nowMs);
        seat('session.acquired', sessionId);
      } else if (revivable !== undefined) {
        seat('session.revived', revivable);
      } else if (what === 'deny') {
        const denied = { atMs: Math.floor(nowMs / 60_000) * 60_000, count: 1 + (whom % 50) };
        denials.push(denied);
        events.push(
          event({
            type: 'seat.denied',
            atMs: denied.atMs,
            position: `${nowMs}-${events.length}`,
            detail: { count: denied.count, max: seated.size },
          }),
        );
      } else if (holding !== '' && what === 'lend') {
        append('session.borrowed', holding, nowMs);
      } else if (holding !== '' && what !== 'revive') {
        unseat(what === 'evict' ? 'session.evicted' : 'session.released', holding, nowMs);
      }
    }
    for (const { sinceMs } of seated.values())
      stays.push({ startMs: sinceMs, endMs: Number.POSITIVE_INFINITY });
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
