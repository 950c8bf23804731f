import type { AuditEvent } from '../../../shared/domain/audit-chain.ts';
import { compareMoments } from '../../../shared/domain/event.ts';
import type { SessionHistory } from '../../../shared/domain/session-history.ts';
import type { Request } from '../requests.ts';
import type { Finding } from './finding.ts';

/** Events of one session in the audit log, in order. */
type SessionEvents = readonly AuditEvent[];

const BEGINNINGS: readonly string[] = ['session.acquired', 'session.revived'];
const ENDS: readonly string[] = ['session.expired', 'session.released', 'session.evicted'];

export interface SessionFacts {
  readonly requests: readonly Request[];
  readonly audit: readonly AuditEvent[];
  readonly histories: readonly SessionHistory[];
}

/** Compares each session's events with its client's requests, and its history with its events. */
export function findInSessions({ requests, audit, histories }: SessionFacts): Finding[] {
  const eventsOf = Map.groupBy(
    audit.filter(({ sessionId }) => sessionId !== null),
    ({ sessionId }) => sessionId ?? '',
  );
  for (const events of eventsOf.values()) events.sort(compareMoments);
  const requestsOf = Map.groupBy(
    requests.filter(({ sessionId }) => sessionId !== undefined),
    ({ sessionId }) => sessionId ?? '',
  );
  const historyOf = new Map(histories.map((history) => [history.sessionId, history]));

  const sessions = new Set([...eventsOf.keys(), ...requestsOf.keys(), ...historyOf.keys()]);
  return [...sessions].flatMap((sessionId) => {
    const events = eventsOf.get(sessionId) ?? [];
    const ofClient = requestsOf.get(sessionId) ?? [];
    const unpaired = events.length === 0 ? [] : findUnpaired(sessionId, events);
    return [
      ...unpaired,
      ...findMissingEvents(sessionId, events, ofClient),
      ...(unpaired.length === 0 ? findWrongEnd(sessionId, events, ofClient) : []),
      ...findInHistory(
        sessionId,
        unpaired.length === 0 ? events : undefined,
        historyOf.get(sessionId),
        events,
      ),
    ];
  });
}

/**
 * Acquired once, then an end; then, any number of times, revived and an end. Only an expired session can be revived.
 */
function findUnpaired(of: string, events: SessionEvents): Finding[] {
  const wrong = events.findIndex(({ type }, i) => {
    if (i === 0) return type !== 'session.acquired';
    if (i % 2 === 1) return !ENDS.includes(type);
    return type !== 'session.revived' || events[i - 1]?.type !== 'session.expired';
  });
  if (wrong < 0 && events.length % 2 === 0) return [];
  const words = events.map(({ type, atMs, position }) => `${type.slice(8)} ${atMs} (${position})`);
  return [{ kind: 'EVENTS_UNPAIRED', of, detail: words.join(', ') }];
}

/**
 * A revival begins at the end of its lease minus the TTL, and its event has that time. A grant's event may be earlier,
 * and that of another acquire much earlier: it may have joined a seat, or renewed a session that began any time before.
 */
function findMissingEvents(of: string, events: SessionEvents, requests: readonly Request[]): Finding[] {
  return requests.flatMap(({ op, status, revived, expiresAtMs, ttlMs = 0, sentMs }): Finding[] => {
    if (expiresAtMs === undefined) return [];
    const begunMs = expiresAtMs - ttlMs;
    if (op === 'acquire') {
      const last = events.findLast(({ atMs }) => atMs <= begunMs);
      const isOpen = last !== undefined && BEGINNINGS.includes(last.type);
      // A grant that was sent to Redis twice is confirmed with the second lease.
      const hasEvent = isOpen && (status === 200 || sentMs <= last.atMs);
      return hasEvent ? [] : [{ kind: 'EVENT_MISSING', of, detail: `acquired at ${begunMs}` }];
    }
    if (revived) {
      const hasEvent = events.some(({ type, atMs }) => type === 'session.revived' && atMs === begunMs);
      return hasEvent ? [] : [{ kind: 'EVENT_MISSING', of, detail: `revived at ${begunMs}` }];
    }
    return [];
  });
}

/**
 * A session released during its lease must end with that release. A session never released must expire, not before the
 * last confirmed end.
 */
function findWrongEnd(of: string, events: SessionEvents, requests: readonly Request[]): Finding[] {
  const last = events.at(-1);
  const confirmedMs = Math.max(0, ...requests.flatMap(({ expiresAtMs }) => expiresAtMs ?? []));
  if (!last || confirmedMs === 0) return [];
  const releases = requests.filter(({ op }) => op === 'release');
  const [first] = releases;
  const done = releases.find(({ status }) => status === 204);
  const wrong = (expected: string): Finding[] => [
    { kind: 'WRONG_END', of, detail: `${last.type} at ${last.atMs}, but ${expected}` },
  ];
  if (!first) {
    const isRight = last.type === 'session.expired' && last.atMs >= confirmedMs;
    return isRight ? [] : wrong(`it was never released, and was confirmed until ${confirmedMs}`);
  }
  if (!done || done.endedMs >= confirmedMs) return [];
  const isRight = last.type === 'session.released' && first.sentMs <= last.atMs && last.atMs <= done.endedMs;
  return isRight ? [] : wrong(`it was released between ${first.sentMs} and ${done.endedMs}`);
}

/**
 * `paired` are its events if beginnings and ends alternate; otherwise only whether the history is closed is checked.
 */
function findInHistory(
  of: string,
  paired: SessionEvents | undefined,
  history: SessionHistory | undefined,
  events: SessionEvents,
): Finding[] {
  if (!history) {
    return events.length === 0 ? [] : [{ kind: 'HISTORY_WRONG', of, detail: 'no history' }];
  }
  if (history.isOpen) return [{ kind: 'HISTORY_OPEN', of, detail: `seated since ${history.seatedSinceMs}` }];
  if (!paired) return [];
  const stays = paired.flatMap(({ type, atMs }, i) =>
    ENDS.includes(type) ? [{ fromMs: paired[i - 1]?.atMs ?? atMs, toMs: atMs }] : [],
  );
  const last = paired.at(-1);
  const expected = {
    acquiredAtMs: paired[0]?.atMs,
    endedAtMs: last?.atMs,
    endReason: last?.detail.reason === 'lost' ? 'lost' : last?.type.slice('session.'.length),
    seatedMs: stays.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0),
    revivals: paired.filter(({ type }) => BEGINNINGS.includes(type)).length - 1,
  };
  return (Object.keys(expected) as (keyof typeof expected)[])
    .filter((field) => history[field] !== expected[field])
    .map((field) => {
      const detail = `${field} is ${history[field]} and should be ${expected[field]}`;
      return { kind: 'HISTORY_WRONG', of, detail };
    });
}

/** Events with the same type, session or license, and time, but different ids. */
export function findDuplicates(audit: readonly AuditEvent[]): Finding[] {
  const byContent = Map.groupBy(
    audit,
    ({ type, sessionId, licenseId, atMs }) => `${type} of ${sessionId ?? licenseId} at ${atMs}`,
  );
  return [...byContent].flatMap(([content, events]): Finding[] =>
    events.length === 1
      ? []
      : [{ kind: 'EVENT_DUPLICATED', of: content, detail: events.map(({ eventId }) => eventId).join(', ') }],
  );
}
