import type { ShardNews } from '../../../ports/seat-maintenance.ts';
import type { SeatsUnderTest } from '../seats/pool.ts';

/** Checks a shard until nothing is due any more, as the sweep does; returns the result of every check. */
export async function sweepUntilDone(
  { seatMaintenance }: Pick<SeatsUnderTest, 'seatMaintenance'>,
  shard: string,
): Promise<ShardNews[]> {
  const checks = [await seatMaintenance.expire(shard, [])];
  for (let due = checks[0]?.due ?? []; due.length > 0; ) {
    const news = await seatMaintenance.expire(shard, due);
    checks.push(news);
    due = news.due;
    if (checks.length > 1_000) throw new Error('the sweep does not end');
  }
  return checks;
}
