import { compareMoments, type SeatEvent } from '../../shared/domain/event.ts';
import { licenseOfSession } from '../../shared/domain/ids.ts';
import { excessOf, type SeatLimit } from '../../shared/testing/seats/over-allocation.ts';

/** A time in which a program went by it that a session holds its seat: seen first at `fromMs` and last at `toMs`. */
export interface Belief {
  readonly program: string;
  readonly machine: string;
  readonly sessionId: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A lease as the server confirmed it, whether or not the answer arrived. */
export interface Confirmed {
  /** Whose request it was. */
  readonly program: string;
  readonly machine: string;
  readonly sessionId: string;
  readonly atMs: number;
  readonly expiresAtMs: number;
}

/** A program was told, as the server says it, that there is no such session. */
export interface Refused {
  readonly program: string;
  readonly sessionId: string;
  readonly atMs: number;
}

/** All moments are by the server's clock. */
export interface Logs {
  readonly beliefs: readonly Belief[];
  readonly refusals: readonly Refused[];
  readonly confirmed: readonly Confirmed[];
  /** Of the outbox, the ends of leases that ran out included. */
  readonly events: readonly SeatEvent[];
  readonly licenses: readonly SeatLimit[];
}

export interface FalseBelief {
  readonly kind: 'NEVER_GRANTED' | 'NOT_ITS_OWN' | 'NOT_HELD' | 'BEYOND_LIMIT' | 'TWO_SEATS';
  /** A program, or a license. */
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

/** Whoever loses a session so never gets it again. */
const FINAL_ENDS: readonly (string | undefined)[] = ['session.released', 'session.evicted'];
const ENDS: readonly (string | undefined)[] = ['session.expired', ...FINAL_ENDS];

/**
 * Every time in which a program believed in a seat that the server did not hold for it then, to the millisecond, every
 * time in which more seats were believed in than there are, and every second seat that a program was given beside its own.
 *
 * One exception, until the next beat is answered and never for longer than the lease that the server had confirmed:
 * nobody can know of an eviction before.
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
  return [...found, ...findBeyondLimit(logs, tenures), ...findTwoSeats(logs, tenures)];
}

function tenuresOf(events: readonly SeatEvent[]): Tenure[] {
  const open = new Map<string, number>();
  const done: Tenure[] = [];
  for (const { type, sessionId, atMs } of [...events].sort(compareMoments)) {
    if (sessionId === null) continue;
    if (type === 'session.acquired' || type === 'session.revived') open.set(sessionId, atMs);
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
  const promisedMs = logs.confirmed
    .filter((one) => one.sessionId === sessionId && one.atMs <= toMs)
    .map(({ expiresAtMs }) => expiresAtMs);
  const toldMs = logs.refusals
    .filter((one) => one.program === program && one.sessionId === sessionId && one.atMs >= toMs)
    .map(({ atMs }) => atMs);
  return Math.max(toMs, Math.min(Math.max(...promisedMs), ...toldMs));
}

/** Knows nothing of what the server holds: programs that share a session have one seat, whoever's it is. */
function findBeyondLimit(
  { beliefs, licenses }: Logs,
  tenures: ReadonlyMap<string, readonly Tenure[]>,
): FalseBelief[] {
  const bySession = Map.groupBy(beliefs, ({ sessionId }) => sessionId);
  const claims = [...bySession].flatMap(([sessionId, ofSession]) => {
    // Belief in what has ended for good is excused, or was found already.
    const ended = (tenures.get(sessionId) ?? []).find(({ end }) => FINAL_ENDS.includes(end));
    return joined(ofSession)
      .map(({ fromMs, toMs }) => ({
        licenseId: licenseOfSession(sessionId),
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

/** A program that was not answered and asks again gets the seat that it has, and takes nobody another. */
function findTwoSeats({ confirmed }: Logs, tenures: ReadonlyMap<string, readonly Tenure[]>): FalseBelief[] {
  const byProgram = Map.groupBy(confirmed, ({ program }) => program);
  return [...byProgram].flatMap(([of, ofProgram]): FalseBelief[] => {
    const sessions = [...new Set(ofProgram.map(({ sessionId }) => sessionId))];
    const held = sessions
      .flatMap((sessionId) => tenures.get(sessionId) ?? [])
      .sort((a, b) => a.fromMs - b.fromMs);
    return held.flatMap((tenure, i): FalseBelief[] => {
      const next = held[i + 1];
      if (!next || next.fromMs >= tenure.toMs) return [];
      return [
        { kind: 'TWO_SEATS', of, detail: `${tenure.sessionId} and ${next.sessionId} at ${next.fromMs}` },
      ];
    });
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

/** What a program goes by about a session, whichever of its seats stands for that. */
export interface Sample {
  readonly program: string;
  readonly machine: string;
  readonly sessionId: string;
  readonly atMs: number;
  readonly holdsLease: boolean;
}

/** Beliefs out of what was seen of them, in the order in which it was seen. */
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
