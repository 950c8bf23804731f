import { allShards } from '../../shared/domain/ids.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { faultFields } from '../../shared/http/fault-fields.ts';
import { limitField } from '../../shared/http/limit-field.ts';
import { noteUnreadable } from '../../shared/http/unreadable.ts';
import { SWEEP_SUCCESSES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { Noted } from '../../shared/ports/log-line.ts';
import { restoreBars } from '../../shared/use-cases/bars.ts';
import { inParallel } from '../../shared/use-cases/in-parallel.ts';
import { meterUsage } from '../../shared/use-cases/metering/meter-usage.ts';
import type contract from './contract.ts';
import { resumeErasures } from './erasures.ts';
import { findExpiringTokens } from './expiring-tokens.ts';
import { syncPayments } from './payments.ts';
import type { SweepProgress } from './progress.ts';
import { reconcile } from './reconcile.ts';
import { deleteOld } from './retention.ts';
import { beginRun } from './run-steps.ts';
import { sealAudit } from './seal.ts';
import { sweepShard } from './shard.ts';

/** Half of the function's timeout. The rest is for the step in progress and for dependencies that time out slowly. */
const BUDGET_MS = 60_000;
const SHARDS_AT_A_TIME = 4;

async function sweep(
  { note }: RequestOf<typeof contract, 'sweep'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'sweep'>> {
  const endMs = deps.clock.nowMs() + BUDGET_MS;
  const run = beginRun(
    () => deps.clock.nowMs() >= endMs,
    (fault) => note({ severity: 'ERROR', because: fault.message, ...limitField(fault) }),
    (message, fault) => deps.log({ ...faultFields(fault), message }),
  );
  // First: until a lost bar is back, the seat store serves a user who was removed.
  await run.attempt(() => restoreBars(deps));
  await inParallel(allShards(deps.shards), SHARDS_AT_A_TIME, async (shard) => {
    if (!run.unavailable.has('seats')) await run.attempt(() => sweepShard(shard, deps, run));
  });
  await run.attempt(async () => {
    // Log the chain heads as well: someone who can rewrite the records cannot rewrite the log.
    const heads = await sealAudit(deps, run);
    if (heads.length > 0) note({ chain_heads: heads });
  });
  const { billing } = deps;
  if (billing) await run.attempt(() => syncPayments(billing, deps, run));
  await run.attempt(async () => {
    // Usage can arrive faster than Stripe accepts it. The later steps need some time in every sweep.
    const meteringEndMs = endMs - (endMs - deps.clock.nowMs()) / 4;
    const isComplete = await meterUsage(deps, {
      progress: run.progress.usage,
      isTimeUp: () => deps.clock.nowMs() >= meteringEndMs,
      async callStripe(step) {
        if (!run.unavailable.has('billing')) await run.attempt(step);
      },
    });
    if (!isComplete) run.markIncomplete();
  });
  await run.attempt(() => resumeErasures(deps, run));
  await run.attempt(() => reconcile(deps, run));
  // These run only with the hourly comparison: each costs a read.
  const { progress } = run;
  if (progress.reconciled !== null) {
    await run.attempt(() => findExpiringTokens(deps, run));
    await run.attempt(() => deleteOld(deps, run));
  }

  // Kept in the records, so that it survives a loss of Redis and is known while Redis is unavailable.
  if (run.isSuccess()) await run.attempt(() => recordSuccess(deps));

  noteUsage(note, progress.usage);
  if (progress.tokensExpiring.length > 0)
    note({ severity: 'WARNING', operator_tokens_expiring: progress.tokensExpiring });
  noteUnreadable(note, progress.unreadableDocuments);
  if (progress.loansWithoutRoom.size > 0)
    note({ severity: 'ERROR', licenses_without_room: [...progress.loansWithoutRoom.keys()].sort() });
  if (progress.unreadable > 0) note({ severity: 'ERROR', unreadable_events: progress.unreadable });
  const unavailable = [...run.unavailable].sort();
  const body = { ...describe(progress), complete: run.isComplete(), unavailable };
  note(body);
  run.throwFault();
  return { answer: unavailable.length === 0 ? 'swept' : 'partly', body };
}

async function recordSuccess({ records, clock }: Deps): Promise<void> {
  await records.transact(async (transaction) => {
    transaction.set(SWEEP_SUCCESSES, 'sweep', { atMs: clock.nowMs() });
  });
}

/** What the vendor must look at: `GET /api/v1/licenses/{license_id}/usage-records` lists the records. */
function noteUsage(note: (more: Noted) => void, usage: SweepProgress['usage']): void {
  const { overCap, withoutPrice, late, creditNotes } = usage;
  if (overCap.size > 0) note({ severity: 'WARNING', licenses_over_cap: [...overCap.keys()].sort() });
  if (withoutPrice.size > 0)
    note({ severity: 'WARNING', licenses_without_price: [...withoutPrice.keys()].sort() });
  if (late.size > 0) note({ severity: 'WARNING', licenses_billed_late: [...late.keys()].sort() });
  if (creditNotes.size > 0) note({ severity: 'ERROR', licenses_to_credit: [...creditNotes.keys()].sort() });
  if (usage.refused + usage.uncertain > 0)
    note({ severity: 'ERROR', usage_error: usage.error ?? 'Stripe was unavailable for too long' });
}

function describe(progress: SweepProgress) {
  const { expired, published, pending, oldestAgeMs, sealed, reconciled, usage, erased, deleted } = progress;
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
      loans: reconciled.loans,
      loans_restored: reconciled.loansRestored,
      sessions: reconciled.sessions,
      sessions_missing: reconciled.sessionsMissing,
      sessions_closed: reconciled.sessionsClosed,
    },
    billing_events: progress.billingEvents,
    billing_events_failed: progress.billingEventsFailed,
    billing_events_set_aside: progress.billingEventsSetAside,
    subscriptions: progress.subscriptions,
    usage_counted: usage.counted,
    usage_over_cap: sumOf(usage.overCap.values()),
    usage_sent: usage.sent,
    usage_without_price: sumOf(usage.withoutPrice.values()),
    usage_late: sumOf(usage.late.values()),
    usage_refused: usage.refused,
    usage_uncertain: usage.uncertain,
    usage_canceled: usage.canceled,
    usage_credit_notes: sumOf(usage.creditNotes.values()),
    loans_without_room: sumOf(progress.loansWithoutRoom.values()),
    erased,
    deleted,
  };
}

function sumOf(counts: Iterable<number>): number {
  return [...counts].reduce((sum, count) => sum + count, 0);
}

export default { sweep } satisfies HandlersOf<typeof contract>;
