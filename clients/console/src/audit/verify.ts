import type { AuditCheck } from '../../../sdk/src/api.ts';

/** What was found so far in a log that is checked part by part. */
export interface Verdict {
  readonly sealed: number;
  readonly unsealed: number;
  readonly head: AuditCheck['head'];
  readonly problems: AuditCheck['problems'];
  readonly isWhole: boolean;
}

const NOTHING_YET: Verdict = { sealed: 0, unsealed: 0, head: null, problems: [], isWhole: false };

/**
 * Has a whole log checked, and tells what was found after each part. `ask` takes the cursor of the part before. Ends early
 * where `signal` says so.
 */
export async function verify(
  ask: (cursor: string | undefined) => Promise<AuditCheck>,
  tell: (verdict: Verdict) => void,
  signal: AbortSignal,
): Promise<void> {
  let verdict = NOTHING_YET;
  let cursor: string | undefined;
  while (!signal.aborted && !verdict.isWhole) {
    const part = await ask(cursor);
    verdict = {
      sealed: verdict.sealed + part.sealed,
      unsealed: verdict.unsealed + part.unsealed,
      head: part.head ?? verdict.head,
      problems: [...verdict.problems, ...part.problems],
      isWhole: part.next_cursor === null,
    };
    cursor = part.next_cursor ?? undefined;
    if (!signal.aborted) tell(verdict);
  }
}
