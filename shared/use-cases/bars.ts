import { ACCESS_TOKEN_SECONDS } from '../domain/access-token.ts';
import { barId } from '../domain/bar.ts';
import { BARS } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import { eachDocument } from '../ports/each-document.ts';
import { BARS_BY_END } from '../ports/queries.ts';

/** Longer than an access token is valid, as the clocks of two machines may differ. */
const BAR_SECONDS = ACCESS_TOKEN_SECONDS + 300;

/**
 * Has the seat store reject the user's access tokens for licenses of the tenant until they have expired. Recorded first:
 * the next sweep restores a bar that the seat store has lost or never got.
 */
export async function barUser(
  tenantId: string,
  userId: string,
  { records, seatMaintenance, clock }: Pick<Deps, 'records' | 'seatMaintenance' | 'clock'>,
): Promise<void> {
  const untilMs = clock.nowMs() + BAR_SECONDS * 1000;
  const id = barId({ tenantId, userId });
  await records.transact(async (transaction) => {
    const known = await transaction.get(BARS, id);
    if ((known?.untilMs ?? 0) < untilMs) transaction.set(BARS, id, { ...known, tenantId, userId, untilMs });
  });
  await seatMaintenance.bar(tenantId, [{ userId, untilMs }]);
}

/** Removes the bar, if there is one. */
export async function unbarUser(
  tenantId: string,
  userId: string,
  { records, seatMaintenance }: Pick<Deps, 'records' | 'seatMaintenance'>,
): Promise<void> {
  await records.transact(async (transaction) => transaction.delete(BARS, barId({ tenantId, userId })));
  await seatMaintenance.unbar(tenantId, userId);
}

/** Restores all bars that have not ended in the seat store. Costs one read if there are none. */
export async function restoreBars({
  records,
  seatMaintenance,
  clock,
}: Pick<Deps, 'records' | 'seatMaintenance' | 'clock'>): Promise<void> {
  const bars = await Array.fromAsync(eachDocument(records, BARS_BY_END, {}, { least: clock.nowMs() }));
  for (const [tenantId, own] of Map.groupBy(bars, (bar) => bar.tenantId))
    await seatMaintenance.bar(
      tenantId,
      own.map(({ userId, untilMs }) => ({ userId, untilMs })),
    );
}
