import { newLicenseId, newLicenseKey, newTenantId } from '../../domain/ids.ts';
import { draftLicense, entitlementOf, type LicenseTerms } from '../../domain/license.ts';
import type { Seats } from '../../ports/seats.ts';

/** Puts a new license into the seat store only, as if it had been read from the records; returns its id and key. */
export async function putNewLicense(
  seats: Pick<Seats, 'restore'>,
  terms: Readonly<LicenseTerms>,
  tenantId = newTenantId(16),
): Promise<{ readonly licenseId: string; readonly key: string }> {
  const licenseId = newLicenseId(tenantId);
  const key = newLicenseKey(licenseId);
  const entitlement = entitlementOf(draftLicense({ tenantId, licenseId }, key, terms, Date.now()));
  await seats.restore({ entitlement, loans: [], bars: [] });
  return { licenseId, key };
}
