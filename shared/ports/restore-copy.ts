import { entitlementOf } from '../domain/license.ts';
import { LICENSES } from './collections.ts';
import type { Records } from './records.ts';
import type { Seats } from './seats.ts';

/**
 * Restores an entitlement copy that the seat store has lost, from the license in the records. Publishes no event: the
 * license did not change. Returns `false` if the records have no such license.
 */
export async function restoreCopy(
  licenseId: string,
  { records, seats }: { records: Pick<Records, 'get'>; seats: Pick<Seats, 'putLicense'> },
): Promise<boolean> {
  const license = await records.get(LICENSES, licenseId);
  if (license) await seats.putLicense(entitlementOf(license));
  return license !== undefined;
}
