import {
  type AuditEvent,
  isOwnUse,
  showsUser,
  withoutHolder,
  withoutUser,
} from '../../domain/audit-chain.ts';
import { type Erasure, traceId } from '../../domain/erasure.ts';
import { ERASURE_TRACES } from '../../ports/collections.ts';
import type { Deps } from '../../ports/deps.ts';
import { EVENTS_OF_ACTOR, EVENTS_OF_SUBJECT } from '../../ports/queries.ts';
import { collectUnreadable, commit, end, firstReadable } from './engine.ts';
import { removingHolders } from './pseudonyms.ts';

/**
 * Removes the user's id from all events that the user caused or that are about the user, whatever their tenant. Sessions
 * that the user began are recorded: the seat store may have forgotten them, and their other events and their history have
 * the same holder.
 */
export async function eraseActs(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { erasureId, userId } = erasure;
  if (userId === null) return end(erasure, deps);
  const aside = collectUnreadable();
  const removal = {
    shows: (event: AuditEvent) => showsUser(event, userId),
    without: (event: AuditEvent) =>
      withoutUser(isOwnUse(event, userId) ? withoutHolder(event) : event, userId),
  };
  for (const [query, field] of [
    [EVENTS_OF_ACTOR, 'actor.id'],
    [EVENTS_OF_SUBJECT, 'subject'],
  ] as const) {
    const events = await firstReadable(deps.records, query, { [field]: userId }, aside.onUnreadable);
    if (events.length === 0) continue;
    const remove = removingHolders({ events }, deps, removal);
    const own = events.filter((event) => isOwnUse(event, userId) && event.sessionId !== null);
    const bySession = [...Map.groupBy(own, ({ sessionId }) => sessionId ?? '')];
    return commit(erasure, deps, async (transaction, current) => {
      const known = await Promise.all(
        bySession.map(([at]) => transaction.get(ERASURE_TRACES, traceId({ erasureId, at }))),
      );
      const next = await remove(transaction, current);
      for (const [i, [at, ofSession]] of bySession.entries()) {
        const holders = ofSession.flatMap(({ detail }) => detail.holder ?? []);
        const trace = {
          ...known[i],
          erasureId,
          at,
          holders: [...new Set([...(known[i]?.holders ?? []), ...holders])],
          holdersWithin: known[i]?.holdersWithin ?? [],
        };
        transaction.set(ERASURE_TRACES, traceId(trace), trace);
      }
      return next;
    });
  }
  return end(erasure, deps, aside.found);
}
