import { allShards } from '../../shared/domain/ids.ts';
import type { HandlersOf } from '../../shared/http/contract.ts';
import type contract from './contract.ts';
import { goOnErasing } from './erasures.ts';
import { meter } from './metering.ts';
import { keepUpWithPayments } from './payments.ts';
import { emptyTally, type Tally } from './progress.ts';
import { reconcile } from './reconcile.ts';
import { forgetOld } from './retention.ts';
import { inParallel, openFrame } from './run-steps.ts';
import { sealAudit } from './seal.ts';
import { sweepShard } from './shard.ts';

/** Half of the function's time: the other half is for what has been begun, and for parts that take long to be away. */
const BUDGET_MS = 60_000;
const SHARDS_AT_A_TIME = 4;

export default {
  async sweep({ note }, deps) {
    const endMs = deps.clock.nowMs() + BUDGET_MS;
    const frame = openFrame(
      () => deps.clock.nowMs() >= endMs,
      (fault) => note({ severity: 'ERROR', because: fault.message }),
    );
    const tally = emptyTally();
    await inParallel(allShards(deps.shards), SHARDS_AT_A_TIME, async (shard) => {
      if (!frame.away.has('seats')) await frame.attempt(() => sweepShard(shard, deps, frame, tally));
    });
    await frame.attempt(async () => {
      // In the log, a witness that whoever can rewrite the records cannot rewrite too.
      const heads = await sealAudit(deps, frame, tally);
      if (heads.length > 0) note({ chain_heads: heads });
    });
    const { billing } = deps;
    if (billing) await frame.attempt(() => keepUpWithPayments(billing, deps, frame, tally));
    await frame.attempt(() => meter(deps, frame, tally));
    await frame.attempt(() => goOnErasing(deps, frame, tally));
    await frame.attempt(() => reconcile(deps, frame, tally));
    // No oftener than everything is compared: each minute it would cost a read to learn that the day is not over.
    if (tally.reconciled !== null) await frame.attempt(() => forgetOld(deps, frame, tally));

    if (tally.usageRefused + tally.usageUncertain > 0)
      note({ severity: 'ERROR', usage_trouble: tally.usageTrouble ?? 'Stripe was away for too long' });
    if (tally.unreadable > 0) note({ severity: 'ERROR', unreadable_events: tally.unreadable });
    const unavailable = [...frame.away].sort();
    const body = { ...describe(tally), complete: frame.isComplete(), unavailable };
    note(body);
    frame.throwFault();
    return { answer: unavailable.length === 0 ? 'swept' : 'partly', body };
  },
} satisfies HandlersOf<typeof contract>;

function describe(tally: Tally) {
  const { expired, published, pending, oldestAgeMs, sealed, reconciled, erased, forgotten } = tally;
  return {
    expired,
    published,
    pending,
    oldest_age_seconds: oldestAgeMs === null ? null : Math.round(oldestAgeMs / 1000),
    sealed,
    reconciled: reconciled && {
      copies: reconciled.copies,
      copies_repaired: reconciled.copiesRepaired,
      copies_removed: reconciled.copiesRemoved,
      sessions: reconciled.sessions,
      sessions_missing: reconciled.sessionsMissing,
      sessions_reseated: reconciled.sessionsReseated,
      sessions_closed: reconciled.sessionsClosed,
    },
    billing_events: tally.billingEvents,
    subscriptions: tally.subscriptions,
    usage_counted: tally.usageCounted,
    usage_sent: tally.usageSent,
    usage_refused: tally.usageRefused,
    usage_uncertain: tally.usageUncertain,
    erased,
    forgotten,
  };
}
