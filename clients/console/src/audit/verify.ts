import type { AuditCheck } from '../../../sdk/src/api.ts';

/** The result so far of verifying a log page by page. */
export interface Verdict {
  readonly sealed: number;
  readonly unsealed: number;
  readonly head: AuditCheck['head'];
  readonly problems: AuditCheck['problems'];
  readonly isComplete: boolean;
}

const NOTHING_YET: Verdict = { sealed: 0, unsealed: 0, head: null, problems: [], isComplete: false };

/**
 * Verifies a whole log, and reports the result so far after each page. `verifyPage` gets the cursor of the previous
 * page. Stops when `signal` is aborted.
 */
export async function verify(
  verifyPage: (cursor: string | undefined) => Promise<AuditCheck>,
  report: (verdict: Verdict) => void,
  signal: AbortSignal,
): Promise<void> {
  let verdict = NOTHING_YET;
  let cursor: string | undefined;
  while (!signal.aborted && !verdict.isComplete) {
    const page = await verifyPage(cursor);
    verdict = {
      sealed: verdict.sealed + page.sealed,
      unsealed: verdict.unsealed + page.unsealed,
      head: page.head ?? verdict.head,
      problems: [...verdict.problems, ...page.problems],
      isComplete: page.next_cursor === null,
    };
    cursor = page.next_cursor ?? undefined;
    if (!signal.aborted) report(verdict);
  }
}
