import { EXPIRING_MS } from '../../shared/domain/operator-token.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { LARGEST_PAGE } from '../../shared/ports/each-document.ts';
import { OPERATOR_TOKENS_BY_END } from '../../shared/ports/queries.ts';
import type { SweepRun } from './run-steps.ts';

/** Finds the operator tokens that expire within 14 days, the first of them first. Revoked ones have ended already. */
export async function findExpiringTokens({ records, clock }: Deps, run: SweepRun): Promise<void> {
  const nowMs = clock.nowMs();
  const { documents } = await records.query(
    OPERATOR_TOKENS_BY_END,
    {},
    {
      limit: LARGEST_PAGE,
      least: nowMs,
      below: nowMs + EXPIRING_MS,
      onUnreadable: run.markUnreadable,
    },
  );
  run.progress.tokensExpiring.push(...documents.map(({ tokenId }) => tokenId));
}
