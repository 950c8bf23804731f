import { system } from '../../domain/actor.ts';
import {
  addErased,
  continueAt,
  type Erased,
  type Erasure,
  type ErasurePlace,
  endStep,
  setAside,
} from '../../domain/erasure.ts';
import { ERASURES } from '../../ports/collections.ts';
import type { Deps } from '../../ports/deps.ts';
import { eachDocument, eachPage, keepReasons, resumeQuery } from '../../ports/each-document.ts';
import type { Equals, Page, PageOf, Query, Records, Transaction } from '../../ports/records.ts';
import { recordProgress } from './begin.ts';

/** The most documents that one batch lists and changes. */
export const BATCH = 100;

/** Runs the next batch of a step, and returns the erasure after it. Safe to repeat. */
export type Step = (erasure: Erasure, deps: Deps) => Promise<Erasure>;

/** The changes of a batch, within the transaction that also records the progress. */
export type Change = (transaction: Transaction, erasure: Erasure) => Promise<Erasure>;

/**
 * Writes the changes of a batch and the erasure's progress in one transaction. If another run was faster, nothing is
 * written, and this run continues from the other's progress.
 */
export async function commit(erasure: Erasure, deps: Deps, change: Change): Promise<Erasure> {
  return (await tryCommit(erasure, deps, change)).erasure;
}

/** Like `commit`, and also returns whether this run wrote. */
export function tryCommit(
  erasure: Erasure,
  { records, clock }: Deps,
  change: Change,
): Promise<{ erasure: Erasure; isWritten: boolean }> {
  return records.transact(async (transaction) => {
    const current = await transaction.get(ERASURES, erasure.erasureId);
    if (!current) throw new Error('the erasure is not in the records any more');
    if (current.revision !== erasure.revision) return { erasure: current, isWritten: false };
    const next = { ...(await change(transaction, current)), revision: current.revision + 1 };
    transaction.set(ERASURES, next.erasureId, next);
    if (current.completedAtMs === null && next.completedAtMs !== null)
      recordProgress(transaction, current, 'erasure.completed', { actor: system('erasure') }, clock.nowMs());
    return { erasure: next, isWritten: true };
  });
}

/** Ends the current step. */
export function end(erasure: Erasure, deps: Deps, unreadable: readonly string[] = []): Promise<Erasure> {
  return commit(erasure, deps, async (_, current) =>
    endStep(setAside(current, unreadable), deps.clock.nowMs(), deps.retentionDays),
  );
}

/** Continues the step at another place. */
export function advance(
  erasure: Erasure,
  deps: Deps,
  place: Partial<ErasurePlace>,
  unreadable: readonly string[] = [],
): Promise<Erasure> {
  return commit(erasure, deps, async (_, current) =>
    continueAt(setAside(current, unreadable), place, deps.clock.nowMs()),
  );
}

/** A step that runs for each erased tenant, one after the other. */
export function forEachTenant(
  work: (erasure: Erasure, tenantId: string, deps: Deps) => Promise<Erasure>,
): Step {
  return (erasure, deps) => {
    const tenantId = erasure.goingIds[erasure.place.tenant];
    return tenantId === undefined ? end(erasure, deps) : work(erasure, tenantId, deps);
  };
}

/** The start of the next tenant. */
export function nextTenant({ place }: Erasure): ErasurePlace {
  return { tenant: place.tenant + 1, list: null, facts: null, again: false };
}

/**
 * Deletes a batch of the query's results and counts them as `kind`; the erasure stays at its place. Returns `undefined`
 * if there is nothing left to delete.
 */
export async function deleteBatch<T>(
  erasure: Erasure,
  deps: Deps,
  { query, equals, bounds, isWanted = () => true, idOf, kind, onDelete }: Found<T>,
): Promise<Erasure | undefined> {
  const ids: string[] = [];
  for await (const document of eachDocument(deps.records, query, equals, bounds)) {
    if (isWanted(document)) ids.push(idOf(document));
    if (ids.length === BATCH) break;
  }
  if (ids.length === 0) return undefined;
  return commit(erasure, deps, async (transaction, current) => {
    const found = await Promise.all(ids.map((id) => transaction.get(query.collection, id)));
    const existing = found.filter((document) => document !== undefined);
    await onDelete?.(existing, transaction);
    for (const id of ids) transaction.delete(query.collection, id);
    return continueAt(
      kind ? addErased(current, { [kind]: existing.length }) : current,
      {},
      deps.clock.nowMs(),
    );
  });
}

interface Found<T> {
  readonly query: Query<T>;
  readonly equals: Equals;
  readonly bounds?: Pick<Page, 'least' | 'below'>;
  readonly isWanted?: (document: T) => boolean;
  readonly idOf: (document: T) => string;
  /** What they are counted as; if absent, they are not counted. */
  readonly kind?: keyof Erased;
  /** Called in the transaction, before the first is deleted. Throws if one must not be deleted. */
  readonly onDelete?: (documents: readonly T[], transaction: Transaction) => Promise<void>;
}

export function list<T>(
  records: Records,
  query: Query<T>,
  equals: Equals,
  limit: number,
  cursor: string | null = null,
  onUnreadable?: Page['onUnreadable'],
): Promise<PageOf<T>> {
  return resumeQuery(records, query, equals, { limit, cursor: cursor ?? undefined, onUnreadable });
}

/** The first page of the query that has a document that can be read, or no document. */
export async function firstReadable<T>(
  records: Records,
  query: Query<T>,
  equals: Equals,
  onUnreadable: Page['onUnreadable'],
): Promise<readonly T[]> {
  const pages = eachPage((cursor) => records.query(query, equals, { limit: BATCH, cursor, onUnreadable }));
  for await (const { documents } of pages) if (documents.length > 0) return documents;
  return [];
}

/**
 * Collects documents that cannot be read: they are set aside, and the erasure goes on without them. Until a release reads
 * them, it is unknown whether they concern what is erased, so the receipt and the log name them.
 */
export function collectUnreadable(): {
  readonly found: string[];
  readonly onUnreadable: (error: Error) => void;
} {
  const found: string[] = [];
  return { found, onUnreadable: keepReasons(found) };
}
