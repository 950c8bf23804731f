import { system } from '../../shared/domain/actor.ts';
import type { Entitlement } from '../../shared/domain/entitlement.ts';
import type { SeatEvent } from '../../shared/domain/event.ts';
import { allShards } from '../../shared/domain/ids.ts';
import type { Loan } from '../../shared/domain/loan.ts';
import {
  duePass,
  isRetired,
  judgeCopy,
  judgeSession,
  lostEventOf,
  overrule,
  type ReconcilePass,
  retire,
} from '../../shared/domain/reconcile.ts';
import type { SessionHistory } from '../../shared/domain/session-history.ts';
import { LICENSES, LOANS, RECONCILE_PASSES, SESSION_HISTORIES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { resumeQuery } from '../../shared/ports/each-document.ts';
import { ALL_LOANS, OPEN_SESSIONS } from '../../shared/ports/queries.ts';
import { isReturned } from '../../shared/ports/restore-copy.ts';
import { inParallel } from '../../shared/use-cases/in-parallel.ts';
import { changeLicense, putCopy } from '../../shared/use-cases/licenses.ts';
import { forgetLoan } from '../../shared/use-cases/loans.ts';
import type { Reconciled } from './progress.ts';
import { restoreLost } from './restore-lost.ts';
import type { SweepRun } from './run-steps.ts';

const PASS_ID = 'reconcile';
const BATCH = 100;
const AT_A_TIME = 16;

/**
 * Compares the seat store with the records once an hour, and repairs differences: entitlement copies in both
 * directions, borrowed seats that were lost, and sessions that were lost without an event. Stops when the sweep's time
 * is up; the next sweep continues.
 */
export async function reconcile(deps: Deps, run: SweepRun): Promise<void> {
  let pass = duePass(await readPass(deps), deps.clock.nowMs());
  if (!pass) return;
  const done: Reconciled = {
    copies: 0,
    copiesRepaired: 0,
    copiesRemoved: 0,
    loans: 0,
    loansRestored: 0,
    sessions: 0,
    sessionsMissing: 0,
    sessionsClosed: 0,
  };
  run.progress.reconciled = done;
  while (pass.finishedAtMs === null) {
    if (run.isTimeUp()) return run.markIncomplete();
    pass = await STEPS[pass.step](pass, deps, done, run);
    await writePass(pass, deps);
  }
}

type CompareBatch = (
  pass: ReconcilePass,
  deps: Deps,
  done: Reconciled,
  run: SweepRun,
) => Promise<ReconcilePass>;

const STEPS: Readonly<Record<ReconcilePass['step'], CompareBatch>> = {
  copies: compareCopies,
  loans: compareLoans,
  sessions: compareSessions,
};

async function compareCopies(
  pass: ReconcilePass,
  deps: Deps,
  done: Reconciled,
  run: SweepRun,
): Promise<ReconcilePass> {
  const shard = allShards(deps.shards)[pass.shard];
  if (shard === undefined) return { ...pass, step: 'loans', after: null };
  const copies = await deps.seatMaintenance.listCopies(shard, {
    limit: BATCH,
    after: pass.after ?? undefined,
  });
  await inParallel(copies, AT_A_TIME, async ({ licenseId, copy }) => {
    if (copy) await compareCopy(copy, deps, done);
    else if (await restoreLost(licenseId, deps, run)) done.copiesRepaired += 1;
  });
  done.copies += copies.length;
  const last = copies.length === BATCH ? copies.at(-1) : undefined;
  return last ? { ...pass, after: last.licenseId } : { ...pass, shard: pass.shard + 1, after: null };
}

async function compareCopy(copy: Entitlement, deps: Deps, done: Reconciled): Promise<void> {
  const license = await deps.records.get(LICENSES, copy.licenseId);
  switch (judgeCopy(copy, license)) {
    case 'SOUND':
      return;
    case 'BEHIND':
      if (license) await putCopy(license, deps);
      break;
    case 'AHEAD':
      await raiseVersion(copy, deps);
      break;
    case 'STRAY':
      if (isRetired(copy)) {
        const verdict = await deps.seatMaintenance.dropCopy(copy.licenseId, copy.version);
        if (verdict === 'DROPPED') done.copiesRemoved += 1;
        return;
      }
      await deps.seats.putLicense(retire(copy));
  }
  done.copiesRepaired += 1;
}

/** The records are authoritative. Copies accept only newer versions, so the license's version is raised. */
async function raiseVersion(copy: Entitlement, deps: Deps): Promise<void> {
  await changeLicense(deps, { actor: system('sweep') }, async (transaction) => {
    const license = await transaction.get(LICENSES, copy.licenseId);
    if (!license || judgeCopy(copy, license) !== 'AHEAD') return;
    const nowMs = deps.clock.nowMs();
    transaction.writeLicense(overrule(license, copy, nowMs), nowMs);
  });
}

/** Restores loans that the seat store has lost. Their clients may be offline, and cannot restore them. */
async function compareLoans(
  pass: ReconcilePass,
  deps: Deps,
  done: Reconciled,
  run: SweepRun,
): Promise<ReconcilePass> {
  const page = { limit: BATCH, cursor: pass.after ?? undefined, onUnreadable: run.markUnreadable };
  const { documents, nextCursor } = await resumeQuery(deps.records, ALL_LOANS, {}, page);
  const nowMs = deps.clock.nowMs();
  const current = documents.filter(({ untilMs }) => untilMs > nowMs);
  done.loans += current.length;
  const byLicense = Map.groupBy(current, ({ licenseId }) => licenseId);
  await inParallel([...byLicense], AT_A_TIME, ([licenseId, loans]) =>
    compareLoansOf(licenseId, loans, deps, done, run),
  );
  return nextCursor === undefined
    ? { ...pass, step: 'sessions', after: null }
    : { ...pass, after: nextCursor };
}

async function compareLoansOf(
  licenseId: string,
  loans: readonly Loan[],
  deps: Deps,
  done: Reconciled,
  run: SweepRun,
): Promise<void> {
  const living = await deps.seatMaintenance.whichLiving(licenseId, loans.map(idOf));
  const missing = loans.filter(({ sessionId }) => !living.has(sessionId));
  if (missing.length === 0) return;
  const restored = await restoreLost(licenseId, deps, run);
  if (!restored) return;
  const { seated, noRoom } = restored;
  done.loansRestored += seated.length;
  for (const loan of missing) {
    const { sessionId } = loan;
    if (seated.includes(sessionId) || noRoom.includes(sessionId)) continue;
    if (await isReturned(loan, deps.records)) await forgetLoan(sessionId, deps);
  }
}

async function compareSessions(
  pass: ReconcilePass,
  deps: Deps,
  done: Reconciled,
  run: SweepRun,
): Promise<ReconcilePass> {
  const page = { limit: BATCH, cursor: pass.after ?? undefined, onUnreadable: run.markUnreadable };
  const { documents, nextCursor } = await resumeQuery(deps.records, OPEN_SESSIONS, { isOpen: true }, page);
  done.sessions += documents.length;
  const byLicense = Map.groupBy(documents, ({ licenseId }) => licenseId);
  await inParallel([...byLicense], AT_A_TIME, ([licenseId, histories]) =>
    compareSessionsOf(licenseId, histories, deps, done),
  );
  if (nextCursor !== undefined) return { ...pass, after: nextCursor };
  return { ...pass, after: null, finishedAtMs: deps.clock.nowMs() };
}

async function compareSessionsOf(
  licenseId: string,
  histories: readonly SessionHistory[],
  deps: Deps,
  done: Reconciled,
): Promise<void> {
  const nowMs = deps.clock.nowMs();
  const living = await deps.seatMaintenance.whichLiving(licenseId, histories.map(idOf));
  const losses: SeatEvent[] = [];
  for (const history of histories) {
    const { sessionId, missingSinceMs } = history;
    const isLiving = living.has(sessionId);
    if (!isLiving && (await isLent(history, nowMs, deps))) continue;
    switch (judgeSession(history, isLiving, nowMs)) {
      case 'FOUND_AGAIN':
        await markMissing(sessionId, null, deps);
        break;
      case 'MISSING':
        await markMissing(sessionId, nowMs, deps);
        done.sessionsMissing += 1;
        break;
      case 'LOST':
        if (missingSinceMs !== null) losses.push(lostEventOf(history, missingSinceMs));
    }
  }
  if (losses.length > 0) await deps.events.publish(losses);
  done.sessionsClosed += losses.length;
}

/** Whether it is a loan that has not ended, although the seat store has no room for it: its client may work offline. */
async function isLent(
  { sessionId, borrowedUntilMs }: SessionHistory,
  nowMs: number,
  { records }: Deps,
): Promise<boolean> {
  if (borrowedUntilMs === null || borrowedUntilMs <= nowMs) return false;
  return (await records.get(LOANS, sessionId)) !== undefined;
}

function idOf({ sessionId }: { readonly sessionId: string }): string {
  return sessionId;
}

/** Does nothing if the session has ended in the meantime. */
async function markMissing(
  sessionId: string,
  missingSinceMs: number | null,
  { records }: Deps,
): Promise<void> {
  await records.transact(async (transaction) => {
    const history = await transaction.get(SESSION_HISTORIES, sessionId);
    if (history?.isOpen) transaction.set(SESSION_HISTORIES, sessionId, { ...history, missingSinceMs });
  });
}

function readPass({ records }: Deps): Promise<ReconcilePass | undefined> {
  return records.get(RECONCILE_PASSES, PASS_ID);
}

function writePass(pass: ReconcilePass, { records }: Deps): Promise<void> {
  return records.transact(async (transaction) => transaction.set(RECONCILE_PASSES, PASS_ID, pass));
}
