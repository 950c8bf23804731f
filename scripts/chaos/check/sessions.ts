import type { AuditEvent } from '../../../shared/domain/audit-chain.ts';
import { compareMoments } from '../../../shared/domain/event.ts';
import type { SessionHistory } from '../../../shared/domain/session-history.ts';
import type { Request } from '../requests.ts';
import type { Finding } from './finding.ts';

/** What the audit log tells of one session, in order. */
type Told = readonly AuditEvent[];

const BEGINNINGS: readonly string[] = ['session.acquired', 'session.revived'];
const ENDS: readonly string[] = ['session.expired', 'session.released', 'session.evicted'];

export interface SessionFacts {
  readonly requests: readonly Request[];
  readonly audit: readonly AuditEvent[];
  readonly histories: readonly SessionHistory[];
}

/** Every session's events against what its client knows, and its history against its events. */
export function findInSessions({ requests, audit, histories }: SessionFacts): Finding[] {
  const told = Map.groupBy(
    audit.filter(({ sessionId }) => sessionId !== null),
    ({ sessionId }) => sessionId ?? '',
  );
  for (const events of told.values()) events.sort(compareMoments);
  const asked = Map.groupBy(
    requests.filter(({ sessionId }) => sessionId !== undefined),
    ({ sessionId }) => sessionId ?? '',
  );
  const historyOf = new Map(histories.map((history) => [history.sessionId, history]));

  const sessions = new Set([...told.keys(), ...asked.keys(), ...historyOf.keys()]);
  return [...sessions].flatMap((sessionId) => {
    const events = told.get(sessionId) ?? [];
    const ofClient = asked.get(sessionId) ?? [];
    const uneven = events.length === 0 ? [] : findUneven(sessionId, events);
    return [
      ...uneven,
      ...findNotTold(sessionId, events, ofClient),
      ...(uneven.length === 0 ? findWrongEnd(sessionId, events, ofClient) : []),
      ...findInHistory(sessionId, uneven.length === 0 ? events : undefined, historyOf.get(sessionId), events),
    ];
  });
}

/** Acquired once, then an end; then, any number of times, revived and an end. What was released stays gone. */
function findUneven(of: string, events: Told): Finding[] {
  const wrong = events.findIndex(({ type }, i) => {
    if (i === 0) return type !== 'session.acquired';
    if (i % 2 === 1) return !ENDS.includes(type);
    return type !== 'session.revived' || events[i - 1]?.type !== 'session.expired';
  });
  if (wrong < 0 && events.length % 2 === 0) return [];
  const words = events.map(({ type, atMs, position }) => `${type.slice(8)} ${atMs} (${position})`);
  return [{ kind: 'UNEVEN', of, detail: words.join(', ') }];
}

/** A grant or revival begins at its lease's end less the TTL: that very millisecond has its event. */
function findNotTold(of: string, events: Told, requests: readonly Request[]): Finding[] {
  return requests.flatMap(({ op, status, revived, expiresAtMs = 0, ttlMs = 0, sentMs }): Finding[] => {
    const begunMs = expiresAtMs - ttlMs;
    if (op === 'acquire' && status === 201) {
      // A grant that was sent to Redis twice is confirmed with the lease of the second time.
      const isTold = events.some(
        ({ type, atMs }) => type === 'session.acquired' && sentMs <= atMs && atMs <= begunMs,
      );
      return isTold ? [] : [{ kind: 'NOT_TOLD', of, detail: `granted at ${begunMs}` }];
    }
    if (revived) {
      const isTold = events.some(({ type, atMs }) => type === 'session.revived' && atMs === begunMs);
      return isTold ? [] : [{ kind: 'NOT_TOLD', of, detail: `revived at ${begunMs}` }];
    }
    return [];
  });
}

/** Released while its lease ran: that, then. Never released: no sooner than the last end that was confirmed. */
function findWrongEnd(of: string, events: Told, requests: readonly Request[]): Finding[] {
  const last = events.at(-1);
  const confirmedMs = Math.max(0, ...requests.flatMap(({ expiresAtMs }) => expiresAtMs ?? []));
  if (!last || confirmedMs === 0) return [];
  const releases = requests.filter(({ op }) => op === 'release');
  const [first] = releases;
  const done = releases.find(({ status }) => status === 204);
  const say = (expected: string): Finding[] => [
    { kind: 'WRONG_END', of, detail: `${last.type} at ${last.atMs}, but ${expected}` },
  ];
  if (!first) {
    const isRight = last.type === 'session.expired' && last.atMs >= confirmedMs;
    return isRight ? [] : say(`it was never released, and confirmed until ${confirmedMs}`);
  }
  if (!done || done.endedMs >= confirmedMs) return [];
  const isRight = last.type === 'session.released' && first.sentMs <= last.atMs && last.atMs <= done.endedMs;
  return isRight ? [] : say(`it was released between ${first.sentMs} and ${done.endedMs}`);
}

/** `even` are its events where they take turns; a history of events that do not is held to its being closed. */
function findInHistory(
  of: string,
  even: Told | undefined,
  history: SessionHistory | undefined,
  events: Told,
): Finding[] {
  if (!history) {
    return events.length === 0 ? [] : [{ kind: 'HISTORY_WRONG', of, detail: 'there is none' }];
  }
  if (history.isOpen) return [{ kind: 'HISTORY_OPEN', of, detail: `seated since ${history.seatedSinceMs}` }];
  if (!even) return [];
  const stays = even.flatMap(({ type, atMs }, i) =>
    ENDS.includes(type) ? [{ fromMs: even[i - 1]?.atMs ?? atMs, toMs: atMs }] : [],
  );
  const last = even.at(-1);
  const expected = {
    acquiredAtMs: even[0]?.atMs,
    endedAtMs: last?.atMs,
    endReason: last?.detail.reason === 'lost' ? 'lost' : last?.type.slice('session.'.length),
    seatedMs: stays.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0),
    revivals: even.filter(({ type }) => BEGINNINGS.includes(type)).length - 1,
  };
  return (Object.keys(expected) as (keyof typeof expected)[])
    .filter((field) => history[field] !== expected[field])
    .map((field) => {
      const detail = `${field} is ${history[field]} and should be ${expected[field]}`;
      return { kind: 'HISTORY_WRONG', of, detail };
    });
}

/** Events of one type, whose and moment, under more than one id. */
export function findToldTwice(audit: readonly AuditEvent[]): Finding[] {
  const byFact = Map.groupBy(
    audit,
    ({ type, sessionId, licenseId, atMs }) => `${type} of ${sessionId ?? licenseId} at ${atMs}`,
  );
  return [...byFact].flatMap(([fact, events]): Finding[] =>
    events.length === 1
      ? []
      : [{ kind: 'TOLD_TWICE', of: fact, detail: events.map(({ eventId }) => eventId).join(', ') }],
  );
}
