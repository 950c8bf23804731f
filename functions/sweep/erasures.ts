import { type Erasure, isWithdrawn, putOff, roundOf } from '../../shared/domain/erasure.ts';
import { ERASURES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { ERASURES_BY_DUE } from '../../shared/ports/queries.ts';
import { runErasure } from '../../shared/use-cases/erasure/erase.ts';
import type { SweepRun } from './run-steps.ts';

/** Erasures per sweep. The cap keeps a stuck erasure from starving the other steps. */
const MOST_A_SWEEP = 10;

/**
 * Resumes interrupted erasures, runs the second round of those that are an hour old, and deletes their records after
 * the retention period. Costs one read if there is nothing to do.
 */
export async function resumeErasures(deps: Deps, run: SweepRun): Promise<void> {
  const below = deps.clock.nowMs();
  const { documents } = await deps.records.query(ERASURES_BY_DUE, {}, { limit: MOST_A_SWEEP, below });
  for (const erasure of documents) {
    if (run.isTimeUp()) return run.markIncomplete();
    await run.attempt(() => continueErasure(erasure, deps, run));
  }
}

async function continueErasure(erasure: Erasure, deps: Deps, run: SweepRun): Promise<void> {
  const round = roundOf(erasure);
  if (round === 'over') return remove(erasure, deps);
  if (round === 'second' && mayRestorePseudonym(erasure, run)) return postpone(erasure, deps);
  const after = await runErasure(erasure, deps, run.isTimeUp);
  if (isWithdrawn(after)) return;
  for (const message of after.unreadable) run.markUnreadable(new Error(message));
  if (roundOf(after) === round) run.markIncomplete();
  else run.progress.erased += 1;
}

/**
 * Whether an outbox may have contained an event from before the end of the erasure when this sweep began. Recording
 * such an event restores a pseudonym, which the second round must remove.
 */
function mayRestorePseudonym(
  { completedAtMs }: Erasure,
  { unavailable, progress: { waitingSinceMs } }: SweepRun,
): boolean {
  if (unavailable.has('seats')) return true;
  return waitingSinceMs !== null && waitingSinceMs <= (completedAtMs ?? 0);
}

async function postpone({ erasureId, revision }: Erasure, { records, clock }: Deps): Promise<void> {
  await records.transact(async (transaction) => {
    const current = await transaction.get(ERASURES, erasureId);
    if (current?.revision === revision) transaction.set(ERASURES, erasureId, putOff(current, clock.nowMs()));
  });
}

async function remove({ erasureId }: Erasure, { records }: Deps): Promise<void> {
  await records.transact(async (transaction) => transaction.delete(ERASURES, erasureId));
}
