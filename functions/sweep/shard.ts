import { writtenAtMs } from '../../shared/domain/event.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { Due, ShardNews } from '../../shared/ports/seat-maintenance.ts';
import { restoreLost } from './restore-lost.ts';
import type { SweepRun } from './run-steps.ts';

/** The most that `Events` accepts per call. */
const PUBLISH_BATCH = 100;
/** The most that `SeatMaintenance.expire` accepts per call. */
const EXPIRE_BATCH = 32;

/** Expires leases of a shard, then publishes the events in its outbox. Costs one command if nothing has happened. */
export async function sweepShard(shard: string, deps: Deps, run: SweepRun): Promise<void> {
  const news = await expireLeases(shard, deps, run);
  const waiting = { count: news.pending, oldestAtMs: news.oldestAtMs };
  if (waiting.oldestAtMs !== null)
    run.progress.waitingSinceMs = Math.min(
      run.progress.waitingSinceMs ?? waiting.oldestAtMs,
      waiting.oldestAtMs,
    );
  try {
    if (waiting.count > 0) await drainOutbox(shard, deps, run, waiting);
  } finally {
    run.progress.pending += waiting.count;
    if (waiting.count > 0 && waiting.oldestAtMs !== null) {
      run.progress.oldestAgeMs = Math.max(run.progress.oldestAgeMs ?? 0, news.atMs - waiting.oldestAtMs);
    }
  }
}

async function expireLeases(shard: string, deps: Deps, run: SweepRun): Promise<ShardNews> {
  let checks: readonly Due[] = [];
  for (;;) {
    const news = await deps.seatMaintenance.expire(shard, checks);
    run.progress.expired += news.expired;
    const refilled = new Set<string>();
    // Without the records, events of known licenses can still be published.
    await run.attempt(() => refill(news.unknown, deps, run, refilled));
    const again = checks.filter(({ licenseId }) => refilled.has(licenseId));
    checks = [...again, ...news.due].slice(0, EXPIRE_BATCH);
    if (checks.length === 0) return news;
    if (run.isTimeUp()) {
      run.markIncomplete();
      return news;
    }
  }
}

/** Restores entitlement copies that Redis has lost, and adds the licenses whose copy was restored to `refilled`. */
async function refill(
  licenseIds: readonly string[],
  deps: Deps,
  run: SweepRun,
  refilled: Set<string>,
): Promise<void> {
  for (const licenseId of new Set(licenseIds))
    if (await restoreLost(licenseId, deps, run)) refilled.add(licenseId);
}

async function drainOutbox(
  shard: string,
  { seatMaintenance, events }: Deps,
  run: SweepRun,
  waiting: { count: number; oldestAtMs: number | null },
): Promise<void> {
  let after: string | undefined;
  for (;;) {
    if (run.isTimeUp() || run.unavailable.has('events')) return run.markIncomplete();
    const entries = await seatMaintenance.readOutbox(shard, { limit: PUBLISH_BATCH, after });
    const readable = entries.flatMap(({ position, event }) => (event ? [{ position, event }] : []));
    run.progress.unreadable += entries.length - readable.length;
    if (readable.length > 0) {
      await events.publish(readable.map(({ event }) => event));
      // Trims after publishing. After a crash in between, events are published again, and recorded once by their id.
      await seatMaintenance.trimOutbox(
        shard,
        readable.map(({ position }) => position),
      );
      run.progress.published += readable.length;
      waiting.count = Math.max(0, waiting.count - readable.length);
    }
    after = entries.at(-1)?.position;
    if (after === undefined || entries.length < PUBLISH_BATCH) return;
    waiting.oldestAtMs = writtenAtMs(after);
  }
}
