import { type AuditEvent, withoutHolder } from '../../domain/audit-chain.ts';
import { addErased, continueAt, type Erasure, traceId } from '../../domain/erasure.ts';
import type { SessionHistory } from '../../domain/session-history.ts';
import { withoutUnknownFields } from '../../domain/unknown-fields.ts';
import { AUDIT, SESSION_HISTORIES } from '../../ports/collections.ts';
import type { Deps } from '../../ports/deps.ts';
import { EVENTS_OF_HOLDER, SESSIONS_OF_HOLDER, TRACES_OF_ERASURE } from '../../ports/queries.ts';
import { advance, BATCH, type Change, commit, deleteBatch, end, list } from './engine.ts';

/** Each trace has a few pseudonyms, and each of those is searched in two lists. */
const TRACES_PER_BATCH = 10;

/** Removes the recorded pseudonyms from session histories and audit events; these are then no longer found. */
export async function erasePseudonyms(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { erasureId, place } = erasure;
  const page = await list(deps.records, TRACES_OF_ERASURE, { erasureId }, TRACES_PER_BATCH, place.list);
  const holders = [...new Set(page.documents.flatMap((trace) => trace.holders))];
  const [histories, events] = await Promise.all([
    listAll(holders, (holder) => list(deps.records, SESSIONS_OF_HOLDER, { holder }, BATCH)),
    listAll(holders, (holder) => list(deps.records, EVENTS_OF_HOLDER, { 'detail.holder': holder }, BATCH)),
  ]);
  if (histories.length > 0)
    return commit(erasure, deps, removingHolders({ histories: histories.slice(0, BATCH) }, deps));
  if (events.length > 0)
    return commit(erasure, deps, removingHolders({ events: events.slice(0, BATCH) }, deps));
  const { nextCursor } = page;
  return nextCursor === undefined ? end(erasure, deps) : advance(erasure, deps, { list: nextCursor });
}

async function listAll<T>(
  holders: readonly string[],
  read: (holder: string) => Promise<{ readonly documents: readonly T[] }>,
): Promise<T[]> {
  return (await Promise.all(holders.map(read))).flatMap(({ documents }) => documents);
}

/** Removes the holder from these histories and events if it is still there; the erasure stays at its place. */
export function removingHolders(
  { histories = [], events = [] }: { histories?: readonly SessionHistory[]; events?: readonly AuditEvent[] },
  { clock }: Deps,
): Change {
  return async (transaction, current) => {
    const [foundHistories, foundEvents] = await Promise.all([
      Promise.all(histories.map(({ sessionId }) => transaction.get(SESSION_HISTORIES, sessionId))),
      Promise.all(events.map(({ eventId }) => transaction.get(AUDIT, eventId))),
    ]);
    const namedHistories = foundHistories.flatMap((history) =>
      history && history.holder !== null ? [history] : [],
    );
    const namedEvents = foundEvents.flatMap((event) => (event?.detail.holder === undefined ? [] : [event]));
    for (const history of namedHistories)
      transaction.set(SESSION_HISTORIES, history.sessionId, {
        ...withoutUnknownFields(history),
        holder: null,
      });
    for (const event of namedEvents) transaction.set(AUDIT, event.eventId, withoutHolder(event));
    const counted = addErased(current, {
      sessionHistories: namedHistories.length,
      auditEvents: namedEvents.length,
    });
    return continueAt(counted, {}, clock.nowMs());
  };
}

export async function deleteTraces(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { erasureId } = erasure;
  const traces = { query: TRACES_OF_ERASURE, equals: { erasureId }, idOf: traceId };
  return (await deleteBatch(erasure, deps, traces)) ?? end(erasure, deps);
}
