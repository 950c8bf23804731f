import type { Entitlement } from '../../shared/domain/entitlement.ts';
import type { SeatEvent } from '../../shared/domain/event.ts';
import { allShards } from '../../shared/domain/ids.ts';
import {
  duePass,
  isRetired,
  judgeCopy,
  judgeSession,
  loanOf,
  lostEventOf,
  overrule,
  type ReconcilePass,
  retire,
} from '../../shared/domain/reconcile.ts';
import type { SessionHistory } from '../../shared/domain/session-history.ts';
import { LICENSES, RECONCILE_PASSES, SESSION_HISTORIES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { resumeQuery } from '../../shared/ports/each-document.ts';
import { OPEN_SESSIONS } from '../../shared/ports/queries.ts';
import { restoreCopy } from '../../shared/ports/restore-copy.ts';
import { changeLicense, putCopy } from '../../shared/use-cases/licenses.ts';
import type { Reconciled } from './progress.ts';
import { inParallel, type SweepRun } from './run-steps.ts';

const PASS_ID = 'reconcile';
const BATCH = 100;
const AT_A_TIME = 16;

/**
 * Compares the seat store with the records once an hour, and repairs differences: entitlement copies in both
 * directions, sessions that were lost without an event, and borrowed seats that were lost. Stops when the sweep's time
 * is up; the next sweep continues.
 */
export async function reconcile(deps: Deps, run: SweepRun): Promise<void> {
  let pass = duePass(await readPass(deps), deps.clock.nowMs());
  if (!pass) return;
  const done: Reconciled = {
    copies: 0,
    copiesRepaired: 0,
    copiesRemoved: 0,
    sessions: 0,
    sessionsMissing: 0,
    sessionsReseated: 0,
    sessionsClosed: 0,
  };
  run.progress.reconciled = done;
  while (pass.finishedAtMs === null) {
    if (run.isTimeUp()) return run.markIncomplete();
    pass =
      pass.step === 'copies'
        ? await compareCopies(pass, deps, done)
        : await compareSessions(pass, deps, done, run);
    await writePass(pass, deps);
  }
}

async function compareCopies(pass: ReconcilePass, deps: Deps, done: Reconciled): Promise<ReconcilePass> {
  const shard = allShards(deps.shards)[pass.shard];
  if (shard === undefined) return { ...pass, step: 'sessions', after: null };
  const copies = await deps.seatMaintenance.listCopies(shard, {
    limit: BATCH,
    after: pass.after ?? undefined,
  });
  await inParallel(copies, AT_A_TIME, async ({ licenseId, copy }) => {
    if (copy) await compareCopy(copy, deps, done);
    else if (await restoreCopy(licenseId, deps)) done.copiesRepaired += 1;
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
      if (license) await putCopy(license, deps.seats);
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
  await changeLicense(deps, async (transaction) => {
    const license = await transaction.get(LICENSES, copy.licenseId);
    if (!license || judgeCopy(copy, license) !== 'AHEAD') return;
    const nowMs = deps.clock.nowMs();
    transaction.writeLicense(overrule(license, copy, nowMs), nowMs);
  });
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
  const seated = await deps.seatMaintenance.whichSeated(
    licenseId,
    histories.map(({ sessionId }) => sessionId),
  );
  const reseated = await reseatBorrowed(
    licenseId,
    histories.filter(({ sessionId }) => !seated.has(sessionId)),
    deps,
  );
  done.sessionsReseated += reseated.size;
  const losses: SeatEvent[] = [];
  for (const history of histories) {
    const { sessionId, missingSinceMs } = history;
    if (reseated.has(sessionId)) continue;
    switch (judgeSession(history, seated.has(sessionId), nowMs)) {
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

/** Restores the seats of sessions whose seat is borrowed. Returns the ids of the sessions that got a seat. */
async function reseatBorrowed(
  licenseId: string,
  histories: readonly SessionHistory[],
  { seats, clock }: Deps,
): Promise<ReadonlySet<string>> {
  const nowMs = clock.nowMs();
  const borrowed = histories.flatMap((history) => {
    const proven = loanOf(history, nowMs);
    return proven ? [{ sessionId: history.sessionId, proven }] : [];
  });
  if (borrowed.length === 0) return new Set();
  const verdict = await seats.heartbeat({ licenseId, proof: { kind: 'trusted' }, sessions: borrowed });
  if (verdict.verdict !== 'OK') return new Set();
  const reseated = verdict.results.flatMap((result) =>
    'session' in result ? [result.session.sessionId] : [],
  );
  return new Set(reseated);
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
