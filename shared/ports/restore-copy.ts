import { entitlementOf } from '../domain/license.ts';
import { LICENSES } from './collections.ts';
import type { Records } from './records.ts';
import type { Seats } from './seats.ts';

/**
 * Puts the entitlement copy that the seat store has lost, as the records have the license. Publishes nothing: the license
 * did not change. `false` where the records know no such license.
 */
export async function restoreCopy(
  licenseId: string,
  { records, seats }: { records: Pick<Records, 'get'>; seats: Pick<Seats, 'putLicense'> },
): Promise<boolean> {
  const license = await records.get(LICENSES, licenseId);
  if (license) await seats.putLicense(entitlementOf(license));
  return license !== undefined;
}
