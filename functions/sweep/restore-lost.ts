import type { Deps } from '../../shared/ports/deps.ts';
import { restoreCopy } from '../../shared/ports/restore-copy.ts';
import type { Restored } from '../../shared/ports/seats.ts';
import type { SweepRun } from './run-steps.ts';

/** Restores what the seat store has lost of a license, and records if there is no room for its loans. */
export async function restoreLost(
  licenseId: string,
  deps: Deps,
  run: SweepRun,
): Promise<Restored | undefined> {
  const restored = await restoreCopy(licenseId, deps);
  if (restored && restored.noRoom.length > 0)
    run.progress.loansWithoutRoom.set(licenseId, restored.noRoom.length);
  return restored;
}
