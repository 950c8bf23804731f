import { type AuditEvent, withoutHolder, withoutUser } from '../../domain/audit-chain.ts';
import { barId } from '../../domain/bar.ts';
import { erasedId } from '../../domain/erased-id.ts';
import { addErased, continueAt, type Erasure, endStep, traceId } from '../../domain/erasure.ts';
import { SESSION_ID } from '../../domain/ids.ts';
import type { SessionHistory } from '../../domain/session-history.ts';
import { withoutUnknownFields } from '../../domain/unknown-fields.ts';
import { AUDIT, BARS, ERASED_IDS, SESSION_HISTORIES } from '../../ports/collections.ts';
import type { Deps } from '../../ports/deps.ts';
import { eachDocument } from '../../ports/each-document.ts';
import { auditQuery, EVENTS_OF_HOLDER, SESSIONS_OF_HOLDER, TRACES_OF_ERASURE } from '../../ports/queries.ts';
import {
  advance,
  BATCH,
  type Change,
  collectUnreadable,
  commit,
  deleteBatch,
  end,
  firstReadable,
  list,
} from './engine.ts';

/** Each trace has a few pseudonyms, and each of those is searched in two lists. */
const TRACES_PER_BATCH = 10;

/**
 * Removes the holders from histories and events of the recorded sessions, and from those that have one of the recorded
 * pseudonyms.
 */
export async function erasePseudonyms(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { erasureId, userId, place } = erasure;
  const { records } = deps;
  // At once, so that each event counts once.
  const removal: Removal = {
    ...HOLDER,
    without: (event) => (userId === null ? withoutHolder(event) : withoutUser(withoutHolder(event), userId)),
  };
  const aside = collectUnreadable();
  const page = await list(records, TRACES_OF_ERASURE, { erasureId }, TRACES_PER_BATCH, place.list);
  const sessionIds = page.documents.map(({ at }) => at).filter((at) => SESSION_ID.test(at));
  const holders = [...new Set(page.documents.flatMap((trace) => trace.holders))];
  const histories = await findAll(
    ({ sessionId }) => sessionId,
    [
      ...sessionIds.map((sessionId) => namedHistory(sessionId, deps)),
      ...holders.map((holder) => found(list(records, SESSIONS_OF_HOLDER, { holder }, BATCH))),
    ],
  );
  if (histories.length > 0)
    return commit(erasure, deps, removingHolders({ histories: histories.slice(0, BATCH) }, deps));
  const events = await findAll(
    ({ eventId }) => eventId,
    [
      ...sessionIds.map((sessionId) => namedEvents(sessionId, deps, aside.onUnreadable)),
      ...holders.map((holder) =>
        firstReadable(records, EVENTS_OF_HOLDER, { 'detail.holder': holder }, aside.onUnreadable),
      ),
    ],
  );
  if (events.length > 0)
    return commit(erasure, deps, removingHolders({ events: events.slice(0, BATCH) }, deps, removal));
  const { nextCursor } = page;
  return nextCursor === undefined
    ? end(erasure, deps, aside.found)
    : advance(erasure, deps, { list: nextCursor }, aside.found);
}

/** Each once, also if several lists have it. */
async function findAll<T>(idOf: (one: T) => string, lists: readonly Promise<readonly T[]>[]): Promise<T[]> {
  const all = (await Promise.all(lists)).flat();
  return [...new Map(all.map((one) => [idOf(one), one])).values()];
}

async function found<T>(page: Promise<{ readonly documents: readonly T[] }>): Promise<readonly T[]> {
  return (await page).documents;
}

/** The session's history, if it still has a holder. */
async function namedHistory(sessionId: string, { records }: Deps): Promise<SessionHistory[]> {
  const history = await records.get(SESSION_HISTORIES, sessionId);
  return history === undefined || history.holder === null ? [] : [history];
}

/** The first events of the session that still have a holder. */
async function namedEvents(
  sessionId: string,
  { records }: Deps,
  onUnreadable: (error: Error) => void,
): Promise<AuditEvent[]> {
  const named: AuditEvent[] = [];
  for await (const event of eachDocument(
    records,
    auditQuery('sessionId', false),
    { sessionId },
    { onUnreadable },
  )) {
    if (event.detail.holder !== undefined) named.push(event);
    if (named.length === BATCH) break;
  }
  return named;
}

/** What to remove from events: those that show it, and an event without it. */
export interface Removal {
  readonly shows: (event: AuditEvent) => boolean;
  readonly without: (event: AuditEvent) => AuditEvent;
}

const HOLDER: Removal = { shows: ({ detail }) => detail.holder !== undefined, without: withoutHolder };

/**
 * Removes the holder from these histories, and from these events the holder or what else is given, if it is still there;
 * the erasure stays at its place.
 */
export function removingHolders(
  { histories = [], events = [] }: { histories?: readonly SessionHistory[]; events?: readonly AuditEvent[] },
  { clock }: Deps,
  { shows, without } = HOLDER,
): Change {
  return async (transaction, current) => {
    const [foundHistories, foundEvents] = await Promise.all([
      Promise.all(histories.map(({ sessionId }) => transaction.get(SESSION_HISTORIES, sessionId))),
      Promise.all(events.map(({ eventId }) => transaction.get(AUDIT, eventId))),
    ]);
    const namedHistories = foundHistories.flatMap((history) =>
      history && history.holder !== null ? [history] : [],
    );
    const namedEvents = foundEvents.flatMap((event) => (event && shows(event) ? [event] : []));
    for (const history of namedHistories)
      transaction.set(SESSION_HISTORIES, history.sessionId, {
        ...withoutUnknownFields(history),
        holder: null,
      });
    for (const event of namedEvents) transaction.set(AUDIT, event.eventId, without(event));
    const counted = addErased(current, {
      sessionHistories: namedHistories.length,
      auditEvents: namedEvents.length,
    });
    return continueAt(counted, {}, clock.nowMs());
  };
}

/**
 * Remembers what the erasure removes, by hash: an event that is delivered later, or published again from the dead letters,
 * is recorded without it. The second round begins with this, so each event is either found by its search or recorded
 * later.
 */
export async function rememberErased(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { erasureId, userId, place } = erasure;
  const page = await list(deps.records, TRACES_OF_ERASURE, { erasureId }, TRACES_PER_BATCH, place.list);
  const ids = page.documents.flatMap(({ at, holders }) => [...(SESSION_ID.test(at) ? [at] : []), ...holders]);
  return commit(erasure, deps, async (transaction, current) => {
    const nowMs = deps.clock.nowMs();
    const fresh = place.list === null ? { ...current, unreadable: [] } : current;
    for (const id of new Set([...(userId === null ? [] : [userId]), ...ids])) {
      const erased = erasedId(id, nowMs);
      transaction.set(ERASED_IDS, erased.hash, erased);
    }
    return page.nextCursor === undefined
      ? endStep(fresh, nowMs, deps.retentionDays)
      : continueAt(fresh, { list: page.nextCursor }, nowMs);
  });
}

/** The bars of the user's access tokens have ended when the second round begins. */
export async function deleteTraces(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { erasureId, userId, searchedIds, goingIds } = erasure;
  const traces = { query: TRACES_OF_ERASURE, equals: { erasureId }, idOf: traceId };
  const deleted = await deleteBatch(erasure, deps, traces);
  if (deleted || userId === null) return deleted ?? end(erasure, deps);
  return commit(erasure, deps, async (transaction, current) => {
    for (const tenantId of [...searchedIds, ...goingIds])
      transaction.delete(BARS, barId({ tenantId, userId }));
    return endStep(current, deps.clock.nowMs(), deps.retentionDays);
  });
}
