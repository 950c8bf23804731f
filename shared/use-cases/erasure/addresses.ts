import { type Erasure, traceId } from '../../domain/erasure.ts';
import { boundsOf } from '../../domain/person.ts';
import { ERASURE_TRACES } from '../../ports/collections.ts';
import type { Deps } from '../../ports/deps.ts';
import { SESSIONS_OF_HOLDER, TRACES_OF_ERASURE } from '../../ports/queries.ts';
import { advance, BATCH, commit, end, list } from './engine.ts';
import { removingHolders } from './pseudonyms.ts';

/** Each trace has a few pseudonyms, and each of those is searched. */
const TRACES_PER_BATCH = 10;

/**
 * Removes the holders from the histories of sessions that were counted by an address of the user, if they began while the
 * user had it. Records these sessions: `erasePseudonyms` removes the holders from their events.
 */
export async function eraseAddresses(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { erasureId, place } = erasure;
  const { records } = deps;
  const page = await list(records, TRACES_OF_ERASURE, { erasureId }, TRACES_PER_BATCH, place.list);
  const found = await Promise.all(
    page.documents
      .flatMap(({ holdersWithin }) => holdersWithin)
      .map(({ holder, ...period }) =>
        records.query(SESSIONS_OF_HOLDER, { holder }, { limit: BATCH, ...boundsOf(period) }),
      ),
  );
  const histories = found.flatMap(({ documents }) => documents).slice(0, BATCH);
  if (histories.length > 0) {
    const remove = removingHolders({ histories }, deps);
    return commit(erasure, deps, async (transaction, current) => {
      const next = await remove(transaction, current);
      for (const { sessionId } of histories) {
        const trace = { erasureId, at: sessionId, holders: [], holdersWithin: [] };
        transaction.set(ERASURE_TRACES, traceId(trace), trace);
      }
      return next;
    });
  }
  const { nextCursor } = page;
  return nextCursor === undefined ? end(erasure, deps) : advance(erasure, deps, { list: nextCursor });
}
