import type { SeatEvent } from '../../shared/domain/event.ts';
import { shardOf } from '../../shared/domain/ids.ts';
import type { Deps } from '../../shared/ports/deps.ts';

/** All events of a license, including those of expired leases. */
export async function eventsOf(
  { seatMaintenance }: Pick<Deps, 'seatMaintenance'>,
  licenseId: string,
): Promise<SeatEvent[]> {
  const shard = shardOf(licenseId);
  await seatMaintenance.expire(shard, [{ licenseId, what: 'seats', dueMs: 0 }]);
  const events: SeatEvent[] = [];
  for (let after: string | undefined; ; ) {
    const entries = await seatMaintenance.readOutbox(shard, { limit: 100, after });
    for (const { event } of entries) if (event?.licenseId === licenseId) events.push(event);
    after = entries.at(-1)?.position;
    if (after === undefined) return events;
  }
}
