import { type Erasure, putOff, roundOf } from '../../shared/domain/erasure.ts';
import { ERASURES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { ERASURES_BY_DUE } from '../../shared/ports/queries.ts';
import { carryOut } from '../../shared/use-cases/erasure/erase.ts';
import type { SweepRun } from './run-steps.ts';

/** Looked after a sweep, so that one that cannot be gone on with does not keep back the others. */
const MOST_A_SWEEP = 10;

/**
 * Goes on with erasures that stopped half-way, goes over those that are an hour old once more, and removes what has become
 * of them when that is past its time. Costs one read where there is nothing of that.
 */
export async function goOnErasing(deps: Deps, run: SweepRun): Promise<void> {
  const below = deps.clock.nowMs();
  const { documents } = await deps.records.query(ERASURES_BY_DUE, {}, { limit: MOST_A_SWEEP, below });
  for (const erasure of documents) {
    if (run.isTimeUp()) return run.markIncomplete();
    await run.attempt(() => lookAfter(erasure, deps, run));
  }
}

async function lookAfter(erasure: Erasure, deps: Deps, run: SweepRun): Promise<void> {
  const round = roundOf(erasure);
  if (round === 'over') return remove(erasure, deps);
  if (round === 'second' && mayBringBack(erasure, run)) return later(erasure, deps);
  const after = await carryOut(erasure, deps, run.isTimeUp);
  if (roundOf(after) === round) run.markIncomplete();
  else run.progress.erased += 1;
}

/**
 * Whether an event from before the erasure's end may have waited in an outbox until this sweep: once it is recorded it
 * brings back a pseudonym.
 */
function mayBringBack(
  { completedAtMs }: Erasure,
  { unavailable, progress: { waitingSinceMs } }: SweepRun,
): boolean {
  if (unavailable.has('seats')) return true;
  return waitingSinceMs !== null && waitingSinceMs <= (completedAtMs ?? 0);
}

async function later({ erasureId, revision }: Erasure, { records, clock }: Deps): Promise<void> {
  await records.transact(async (transaction) => {
    const current = await transaction.get(ERASURES, erasureId);
    if (current?.revision === revision) transaction.set(ERASURES, erasureId, putOff(current, clock.nowMs()));
  });
}

async function remove({ erasureId }: Erasure, { records }: Deps): Promise<void> {
  await records.transact(async (transaction) => transaction.delete(ERASURES, erasureId));
}
