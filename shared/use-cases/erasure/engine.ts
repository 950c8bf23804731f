import {
  addErased,
  type Erased,
  type Erasure,
  type ErasurePlace,
  endStep,
  moveOn,
} from '../../domain/erasure.ts';
import { ERASURES } from '../../ports/collections.ts';
import type { Deps } from '../../ports/deps.ts';
import type { Equals, PageOf, Query, Records, Transaction } from '../../ports/records.ts';

/** Documents that one batch lists, and so changes, at most. */
export const BATCH = 100;

/** Does the next batch of a step, and returns the erasure as it is after that. Safe to repeat. */
export type Step = (erasure: Erasure, deps: Deps) => Promise<Erasure>;

/** What a batch changes, within the transaction that records how far the erasure came. */
export type Change = (transaction: Transaction, erasure: Erasure) => Promise<Erasure>;

/**
 * Writes what a batch changes, and how far the erasure came with it, in one transaction. Where another run has been
 * faster, nothing is written, and this one goes on from there.
 */
export async function commit(erasure: Erasure, deps: Deps, change: Change): Promise<Erasure> {
  return (await tryCommit(erasure, deps, change)).erasure;
}

/** The same, with whether it was this run that wrote. */
export function tryCommit(
  erasure: Erasure,
  { records }: Deps,
  change: Change,
): Promise<{ erasure: Erasure; isWritten: boolean }> {
  return records.transact(async (transaction) => {
    const current = await transaction.get(ERASURES, erasure.erasureId);
    if (!current) throw new Error('an erasure that is not on record any more');
    if (current.revision !== erasure.revision) return { erasure: current, isWritten: false };
    const next = { ...(await change(transaction, current)), revision: current.revision + 1 };
    transaction.set(ERASURES, next.erasureId, next);
    return { erasure: next, isWritten: true };
  });
}

/** Ends the step. */
export function end(erasure: Erasure, deps: Deps): Promise<Erasure> {
  return commit(erasure, deps, async (_, current) =>
    endStep(current, deps.clock.nowMs(), deps.retentionDays),
  );
}

/** Goes on with the step at another place. */
export function advance(erasure: Erasure, deps: Deps, place: Partial<ErasurePlace>): Promise<Erasure> {
  return commit(erasure, deps, async (_, current) => moveOn(current, place, deps.clock.nowMs()));
}

/** A step that does its work for each tenant that is erased, one after the other. */
export function forEachTenant(
  work: (erasure: Erasure, tenantId: string, deps: Deps) => Promise<Erasure>,
): Step {
  return (erasure, deps) => {
    const tenantId = erasure.goingIds[erasure.place.tenant];
    return tenantId === undefined ? end(erasure, deps) : work(erasure, tenantId, deps);
  };
}

/** The next tenant, from its beginning. */
export function nextTenant({ place }: Erasure): ErasurePlace {
  return { tenant: place.tenant + 1, list: null, facts: null, again: false };
}

/**
 * Deletes a batch of what a query finds and counts it as `kind`; the erasure stays at its place. `undefined` where
 * there is nothing left.
 */
export async function deleteBatch<T>(
  erasure: Erasure,
  deps: Deps,
  { query, equals, idOf, kind }: Found<T>,
): Promise<Erasure | undefined> {
  const { documents } = await list(deps.records, query, equals, BATCH);
  if (documents.length === 0) return undefined;
  const ids = documents.map(idOf);
  return commit(erasure, deps, async (transaction, current) => {
    const found = await Promise.all(ids.map((id) => transaction.get(query.collection, id)));
    for (const id of ids) transaction.delete(query.collection, id);
    const n = found.filter((document) => document !== undefined).length;
    return moveOn(kind ? addErased(current, { [kind]: n }) : current, {}, deps.clock.nowMs());
  });
}

interface Found<T> {
  readonly query: Query<T>;
  readonly equals: Equals;
  readonly idOf: (document: T) => string;
  /** What they count as; not counted without it. */
  readonly kind?: keyof Erased;
}

export function list<T>(
  records: Records,
  query: Query<T>,
  equals: Equals,
  limit: number,
  cursor: string | null = null,
): Promise<PageOf<T>> {
  return records.query(query, equals, { limit, cursor: cursor ?? undefined });
}
