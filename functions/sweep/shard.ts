import { writtenAtMs } from '../../shared/domain/event.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { restoreCopy } from '../../shared/ports/restore-copy.ts';
import type { ShardNews } from '../../shared/ports/seat-maintenance.ts';
import type { SweepRun } from './run-steps.ts';

/** As many as a topic takes a call. */
const PUBLISH_BATCH = 100;
/** As many as a look at a shard takes. */
const LOOK_BATCH = 32;

/** Tells what has ended in a shard, then publishes what was told there. Costs one command where nothing has happened. */
export async function sweepShard(shard: string, deps: Deps, run: SweepRun): Promise<void> {
  const news = await makeEndsKnown(shard, deps, run);
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

async function makeEndsKnown(shard: string, deps: Deps, run: SweepRun): Promise<ShardNews> {
  let licenses: readonly string[] = [];
  for (;;) {
    const news = await deps.seatMaintenance.expire(shard, licenses);
    run.progress.expired += news.expired;
    const refilled: string[] = [];
    // Without the records what is known here can still be published.
    await run.attempt(() => refill(news.unknown, deps, refilled));
    licenses = [...new Set([...refilled, ...news.due])].slice(0, LOOK_BATCH);
    if (licenses.length === 0) return news;
    if (run.isTimeUp()) {
      run.markIncomplete();
      return news;
    }
  }
}

/** Puts the copies that Redis has lost, and adds the licenses that there were any of to `refilled`. */
async function refill(licenseIds: readonly string[], deps: Deps, refilled: string[]): Promise<void> {
  for (const licenseId of licenseIds) {
    if (await restoreCopy(licenseId, deps)) refilled.push(licenseId);
  }
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
      // Only now: what dies before this is published again, and recorded once, as its id is the same.
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
