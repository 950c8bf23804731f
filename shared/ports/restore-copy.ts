import { entitlementOf, type License } from '../domain/license.ts';
import { type Loan, sessionOfLoan } from '../domain/loan.ts';
import { finalEndOf } from '../domain/session-history.ts';
import { LICENSES, SESSION_HISTORIES } from './collections.ts';
import { eachDocument } from './each-document.ts';
import { BARS_OF_TENANT, LOANS_OF_LICENSE } from './queries.ts';
import type { Records } from './records.ts';
import type { LicenseChanged, Restored, Seats } from './seats.ts';

interface Stores {
  readonly records: Records;
  readonly seats: Pick<Seats, 'restore'>;
}

/**
 * Restores what the seat store has lost of a license: its entitlement copy, its loans, and the bars of its tenant.
 * Publishes no event: the license did not change. Returns `undefined` if the records have no such license.
 */
export async function restoreCopy(licenseId: string, stores: Stores): Promise<Restored | undefined> {
  const license = await stores.records.get(LICENSES, licenseId);
  return license && restoreLicense(license, stores);
}

/** `event` is the change that created this version of the license, if that may not be published yet. */
export async function restoreLicense(
  license: License,
  { records, seats }: Stores,
  event?: LicenseChanged,
): Promise<Restored> {
  const { licenseId, tenantId } = license;
  const [loans, bars] = await Promise.all([
    Array.fromAsync(eachDocument(records, LOANS_OF_LICENSE, { licenseId })),
    Array.fromAsync(eachDocument(records, BARS_OF_TENANT, { tenantId })),
  ]);
  const isOver = await Promise.all(loans.map((loan) => isReturned(loan, records)));
  return seats.restore({
    entitlement: entitlementOf(license),
    event,
    loans: loans.filter((_, i) => !isOver[i]).map(sessionOfLoan),
    bars: bars.map(({ userId, untilMs }) => ({ userId, untilMs })),
  });
}

/** Whether the loan's session was released or evicted. A crash may have left its document. */
export async function isReturned({ sessionId }: Loan, records: Pick<Records, 'get'>): Promise<boolean> {
  const history = await records.get(SESSION_HISTORIES, sessionId);
  return history !== undefined && finalEndOf(history) !== undefined;
}
