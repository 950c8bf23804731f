import { compareMoments, type SeatEvent } from '../../shared/domain/event.ts';
import { licenseOfSession } from '../../shared/domain/ids.ts';
import { excessOf, type SeatLimit } from '../../shared/testing/seats/over-allocation.ts';

/** A period in which a program believed that its session held a seat: first seen at `fromMs`, last at `toMs`. */
export interface Belief {
  readonly program: string;
  readonly machine: string;
  /** Who has the seat, if that is not the machine: a user of several machines. */
  readonly holder?: string | undefined;
  readonly sessionId: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A lease that the server confirmed, whether or not the response arrived. */
export interface Confirmed {
  /** The program that sent the request. */
  readonly program: string;
  readonly machine: string;
  readonly sessionId: string;
  readonly atMs: number;
  readonly expiresAtMs: number;
}

/** A program received the server's response that there is no such session. */
export interface Refused {
  readonly program: string;
  readonly sessionId: string;
  readonly atMs: number;
}

/** All times are by the server's clock. */
export interface Logs {
  readonly beliefs: readonly Belief[];
  readonly refusals: readonly Refused[];
  readonly confirmed: readonly Confirmed[];
  /** Events of the outbox, including those of expired leases. */
  readonly events: readonly SeatEvent[];
  readonly licenses: readonly SeatLimit[];
}

export interface FalseBelief {
  readonly kind: 'NEVER_GRANTED' | 'NOT_ITS_OWN' | 'NOT_HELD' | 'BEYOND_LIMIT' | 'TWO_SEATS';
  /** A program, a machine's pseudonym, or a license. */
  readonly of: string;
  readonly detail: string;
}

/** From `fromMs` to before `toMs` the server counted the session's seat as taken. */
interface Tenure {
  readonly sessionId: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly end: string | undefined;
}

/** A session that ends in one of these ways is never revived. */
const FINAL_ENDS: readonly (string | undefined)[] = ['session.released', 'session.evicted'];
const ENDS: readonly (string | undefined)[] = ['session.expired', ...FINAL_ENDS];

/**
 * Finds, to the millisecond, every period in which a program believed in a seat that the server did not hold for it,
 * every period in which programs believed in more seats than there are, and every second seat granted to a machine that
 * had one.
 *
 * One exception: an evicted program may believe in its seat until its next heartbeat is answered, but no longer than
 * its confirmed lease. It cannot know of the eviction earlier.
 */
export function findFalseBeliefs(logs: Logs): FalseBelief[] {
  const tenures = Map.groupBy(tenuresOf(logs.events), ({ sessionId }) => sessionId);
  const ownerOf = new Map(logs.confirmed.map(({ sessionId, machine }) => [sessionId, machine]));
  const found = logs.beliefs.flatMap((belief): FalseBelief[] => {
    const { program: of, machine, sessionId, fromMs, toMs } = belief;
    const owner = ownerOf.get(sessionId);
    if (owner === undefined) return [{ kind: 'NEVER_GRANTED', of, detail: `${sessionId} at ${fromMs}` }];
    if (owner !== machine) return [{ kind: 'NOT_ITS_OWN', of, detail: `${sessionId} is ${owner}'s` }];
    const own = tenures.get(sessionId) ?? [];
    const isHeld = own.some(
      (tenure) => tenure.fromMs <= fromMs && toMs <= excusedUntilMs(tenure, belief, logs),
    );
    if (isHeld) return [];
    const spans = own.map((tenure) => `${tenure.fromMs} to ${tenure.toMs}`).join(', ');
    return [{ kind: 'NOT_HELD', of, detail: `${sessionId} from ${fromMs} to ${toMs}, held ${spans}` }];
  });
  return [...found, ...findBeyondLimit(logs, tenures), ...findTwoSeats(logs)];
}

function tenuresOf(events: readonly SeatEvent[]): Tenure[] {
  const open = new Map<string, number>();
  const done: Tenure[] = [];
  for (const { type, sessionId, atMs } of [...events].sort(compareMoments)) {
    if (sessionId === null) continue;
    if (type === 'session.acquired' || type === 'session.revived') open.set(sessionId, atMs);
    // A loan begins so, and is extended so.
    if (type === 'session.borrowed' && !open.has(sessionId)) open.set(sessionId, atMs);
    const fromMs = open.get(sessionId);
    if (!ENDS.includes(type) || fromMs === undefined) continue;
    done.push({ sessionId, fromMs, toMs: atMs, end: type });
    open.delete(sessionId);
  }
  const held = [...open].map(([sessionId, fromMs]) => ({
    sessionId,
    fromMs,
    toMs: Number.POSITIVE_INFINITY,
    end: undefined,
  }));
  return [...done, ...held];
}

function excusedUntilMs({ toMs, end }: Tenure, belief: Belief, logs: Logs): number {
  const { program, sessionId } = belief;
  if (end !== 'session.evicted') return toMs;
  const confirmedMs = logs.confirmed
    .filter((one) => one.sessionId === sessionId && one.atMs <= toMs)
    .map(({ expiresAtMs }) => expiresAtMs);
  const refusedMs = logs.refusals
    .filter((one) => one.program === program && one.sessionId === sessionId && one.atMs >= toMs)
    .map(({ atMs }) => atMs);
  return Math.max(toMs, Math.min(Math.max(...confirmedMs), ...refusedMs));
}

/** Does not use what the server held: programs of one machine have one seat together. */
function findBeyondLimit(
  { beliefs, licenses }: Logs,
  tenures: ReadonlyMap<string, readonly Tenure[]>,
): FalseBelief[] {
  const bySession = Map.groupBy(beliefs, ({ sessionId }) => sessionId);
  const claims = [...bySession].flatMap(([sessionId, ofSession]) => {
    // A belief after the final end of a session is excused, or is reported as NOT_HELD.
    const ended = (tenures.get(sessionId) ?? []).find(({ end }) => FINAL_ENDS.includes(end));
    return joined(ofSession)
      .map(({ fromMs, toMs }) => ({
        licenseId: licenseOfSession(sessionId),
        holder: ofSession[0]?.holder ?? ofSession[0]?.machine ?? '',
        beginMs: fromMs,
        endMs: Math.min(toMs, ended?.toMs ?? toMs),
      }))
      .filter(({ beginMs, endMs }) => beginMs < endMs);
  });
  return excessOf(claims, licenses).map(({ licenseId: of, fromMs, toMs, seats }) => ({
    kind: 'BEYOND_LIMIT',
    of,
    detail: `${seats} too many from ${fromMs} to ${toMs}`,
  }));
}

/** A program that retries an acquire, or acquires anew, must get the seat that its machine has, not a second one. */
function findTwoSeats({ events }: Logs): FalseBelief[] {
  const taken = new Set<string>();
  return [...events].sort(compareMoments).flatMap(({ atMs, detail }): FalseBelief[] => {
    const { holder = '', seat } = detail;
    if (seat === 'freed') taken.delete(holder);
    if (seat !== 'taken') return [];
    const isSecond = taken.has(holder);
    taken.add(holder);
    return isSecond ? [{ kind: 'TWO_SEATS', of: holder, detail: `at ${atMs}` }] : [];
  });
}

function joined(beliefs: readonly Belief[]): { fromMs: number; toMs: number }[] {
  const done: { fromMs: number; toMs: number }[] = [];
  for (const { fromMs, toMs } of [...beliefs].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = done.at(-1);
    if (last && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, toMs);
    else done.push({ fromMs, toMs });
  }
  return done;
}

/** What a program believed about a session at one moment, by any of its `Seat` objects for it. */
export interface Sample {
  readonly program: string;
  readonly machine: string;
  readonly holder?: string | undefined;
  readonly sessionId: string;
  readonly atMs: number;
  readonly holdsLease: boolean;
}

/** Beliefs from samples, which must be in order of time. */
export function beliefsOf(samples: readonly Sample[]): Belief[] {
  const open = new Map<string, Belief>();
  const done: Belief[] = [];
  for (const { holdsLease, atMs, ...who } of samples) {
    const key = `${who.program} ${who.sessionId}`;
    const belief = open.get(key);
    if (holdsLease) open.set(key, { ...who, fromMs: belief?.fromMs ?? atMs, toMs: atMs });
    else if (belief) {
      done.push(belief);
      open.delete(key);
    }
  }
  return [...done, ...open.values()];
}
