import { system } from '../../domain/actor.ts';
import { addErased, continueAt, type Erasure, type ErasurePlace, traceId } from '../../domain/erasure.ts';
import { type License, withLicenseChange } from '../../domain/license.ts';
import { belongingsOf, isWithin } from '../../domain/person.ts';
import { ERASURE_TRACES, LICENSES, LOANS, USERS } from '../../ports/collections.ts';
import type { Deps } from '../../ports/deps.ts';
import { LICENSES_OF_TENANT, LOANS_OF_HOLDER, LOANS_OF_LICENSE } from '../../ports/queries.ts';
import { restoreCopy } from '../../ports/restore-copy.ts';
import { type KnownSession, refuseUnreadable } from '../../ports/seat-maintenance.ts';
import { changeLicense } from '../licenses.ts';
import { advance, commit, deleteBatch, end, list, nextTenant, tryCommit } from './engine.ts';

/** The most sessions that the seat store forgets in one call. */
const SESSIONS_PER_BATCH = 32;

/**
 * Ends the user's sessions, one page of one license at a time; other sessions on their seats continue. The sessions are
 * recorded first, because without them their histories and events cannot be found any more.
 */
export async function endSessionsOfUser(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { userId, searchedIds, place } = erasure;
  const { records, seatMaintenance, pseudonyms } = deps;
  const tenantId = searchedIds[place.tenant];
  if (userId === null || tenantId === undefined) return end(erasure, deps);
  const { license, nextLicense } = await nextLicenseOf(tenantId, place, deps);
  if (!license) return advance(erasure, deps, nextTenant(erasure));
  const { licenseId } = license;
  const { addresses } = (await records.get(USERS, userId)) ?? { addresses: [] };
  const own = belongingsOf({ userId, addresses }, licenseId, pseudonyms);
  const { holders, holdersWithin } = own;
  if (place.facts === null) {
    // First, so that they are not restored. A restored loan has no facts that name its user.
    const anyTime = holders.map((holder) => ({ holder, fromMs: 0, untilMs: null }));
    for (const { holder, ...period } of [...anyTime, ...holdersWithin]) {
      const deleted = await deleteBatch(erasure, deps, {
        query: LOANS_OF_HOLDER,
        equals: { holder },
        isWanted: ({ acquiredAtMs }) => isWithin(acquiredAtMs, period),
        idOf: idOfSession,
      });
      if (deleted) return deleted;
    }
  }
  const page = await readAllFacts(licenseId, place, deps);
  const ofUser = page.sessions.filter(own.owns);
  if (ofUser.length > 0) return endBatch(erasure, licenseId, ofUser, own.ownsHolder, deps);
  const nextPage = nextFacts(erasure, page.nextCursor);
  if (nextPage) return advance(erasure, deps, nextPage);
  await seatMaintenance.forgetSigned(licenseId, holders);
  for (const { holder, ...period } of holdersWithin)
    await seatMaintenance.forgetSigned(licenseId, [holder], period);
  return commit(erasure, deps, async (transaction, current) => {
    const trace = {
      erasureId: current.erasureId,
      at: licenseId,
      holders: [...holders],
      holdersWithin: [...holdersWithin],
    };
    transaction.set(ERASURE_TRACES, traceId(trace), trace);
    return continueAt(current, afterLicense(current, nextLicense), deps.clock.nowMs());
  });
}

/** Suspends the tenant's licenses, so that they grant no more seats, then ends all their sessions. */
export async function endLicenses(erasure: Erasure, tenantId: string, deps: Deps): Promise<Erasure> {
  const { place } = erasure;
  const { license, nextLicense } = await nextLicenseOf(tenantId, place, deps);
  if (!license) return advance(erasure, deps, nextTenant(erasure));
  const { licenseId } = license;
  if (place.facts === null) {
    await suspend(licenseId, deps);
    const loans = { query: LOANS_OF_LICENSE, equals: { licenseId }, idOf: idOfSession };
    const deleted = await deleteBatch(erasure, deps, loans);
    if (deleted) return deleted;
  }
  const page = await readAllFacts(licenseId, place, deps);
  // Histories and events of the whole tenant lose their holders: none has to be searched for.
  if (page.sessions.length > 0) return endBatch(erasure, licenseId, page.sessions, () => false, deps);
  return advance(erasure, deps, nextFacts(erasure, page.nextCursor) ?? afterLicense(erasure, nextLicense));
}

/** Throws if a session of the page cannot be read: it may hold what is to be erased. */
async function readAllFacts(licenseId: string, { facts }: ErasurePlace, { seatMaintenance }: Deps) {
  const page = await seatMaintenance.readFacts(licenseId, facts ?? undefined);
  page.unreadable?.forEach(refuseUnreadable);
  return page;
}

async function suspend(licenseId: string, deps: Deps): Promise<void> {
  await changeLicense(deps, { actor: system('erasure') }, async (transaction) => {
    const license = await transaction.get(LICENSES, licenseId);
    if (!license) return;
    if (license.status === 'suspended') return transaction.putAgain(license);
    const nowMs = deps.clock.nowMs();
    transaction.writeLicense(withLicenseChange(license, { status: 'suspended' }, nowMs), nowMs);
  });
}

/**
 * Records the first `SESSIONS_PER_BATCH` sessions, with their holders if these are the user alone, and deletes their
 * loans; then ends these sessions in the seat store. The erasure stays at this page: there may be more sessions on it. If
 * the seat store has lost the license, its copy is restored.
 */
async function endBatch(
  erasure: Erasure,
  licenseId: string,
  sessions: readonly KnownSession[],
  ownsHolder: (session: KnownSession) => boolean,
  deps: Deps,
): Promise<Erasure> {
  const { erasureId } = erasure;
  const batch = sessions.slice(0, SESSIONS_PER_BATCH);
  const traces = batch.map((session) => ({
    erasureId,
    at: session.sessionId,
    holders: ownsHolder(session) ? [session.holder] : [],
    holdersWithin: [],
  }));
  const written = await tryCommit(erasure, deps, async (transaction, current) => {
    const known = await Promise.all(traces.map((trace) => transaction.get(ERASURE_TRACES, traceId(trace))));
    const added = traces.filter((_, i) => known[i] === undefined);
    for (const trace of added) transaction.set(ERASURE_TRACES, traceId(trace), trace);
    for (const { sessionId, kind } of batch) if (kind === 'loan') transaction.delete(LOANS, sessionId);
    const counted = addErased(current, { sessions: added.length });
    return continueAt(counted, { again: true }, deps.clock.nowMs());
  });
  if (!written.isWritten) return written.erasure;
  const ids = batch.map(idOfSession);
  const verdict = await deps.seatMaintenance.forgetSessions(licenseId, ids);
  if (verdict === 'UNKNOWN_LICENSE') await restoreCopy(licenseId, deps);
  return written.erasure;
}

function idOfSession({ sessionId }: { readonly sessionId: string }): string {
  return sessionId;
}

async function nextLicenseOf(
  tenantId: string,
  { list: cursor }: ErasurePlace,
  { records }: Deps,
): Promise<{ license: License | undefined; nextLicense: string | null }> {
  const { documents, nextCursor } = await list(records, LICENSES_OF_TENANT, { tenantId }, 1, cursor);
  return { license: documents[0], nextLicense: nextCursor ?? null };
}

/** The next license, or the next tenant. */
function afterLicense(erasure: Erasure, nextLicense: string | null): Partial<ErasurePlace> {
  return nextLicense === null ? nextTenant(erasure) : { list: nextLicense, facts: null };
}

/** The next page of the license's sessions, its first page again, or `undefined` when all pages are done. */
function nextFacts({ place }: Erasure, nextCursor: string | undefined): Partial<ErasurePlace> | undefined {
  if (nextCursor !== undefined) return { facts: nextCursor };
  return place.again ? { facts: null, again: false } : undefined;
}
