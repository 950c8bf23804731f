import { unsealed } from '../domain/audit-chain.ts';
import { entitlementOf, eventOfLicense, type License } from '../domain/license.ts';
import { AUDIT, LICENSES } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import type { Transaction } from '../ports/records.ts';
import type { Seats } from '../ports/seats.ts';

/** A transaction that may write one license, once it has read all that it needs. */
export interface LicenseTransaction extends Transaction {
  /**
   * Writes this version, and its change into the audit log: were that left to the seat store's event, a function that dies
   * in between would leave a change that nobody can see. Both have the same event id.
   */
  writeLicense(license: License, nowMs: number): void;
  /** Has the copy put of a version that is on record already: whoever wrote it may have died before they did. */
  putAgain(license: License): void;
}

/**
 * Runs `decide` as one transaction, then puts the copy of the license that it wrote into the seat store, which publishes
 * the change. Records first: they are the truth, and a copy that missed a change is corrected by its version. Returns what
 * `decide` returned; throws `Unavailable` where records or seats are.
 */
export async function changeLicense<R>(
  { records, seats }: Pick<Deps, 'records' | 'seats'>,
  decide: (transaction: LicenseTransaction) => Promise<R>,
): Promise<R> {
  const { decided, license } = await records.transact(async (transaction) => {
    let current: License | undefined;
    const result = await decide({
      get: (collection, id) => transaction.get(collection, id),
      set: (collection, id, document) => transaction.set(collection, id, document),
      delete: (collection, id) => transaction.delete(collection, id),
      writeLicense(next, nowMs) {
        const event = eventOfLicense(next);
        transaction.set(LICENSES, next.licenseId, next);
        transaction.set(AUDIT, event.eventId, unsealed(event, nowMs));
        current = next;
      },
      putAgain(known) {
        current = known;
      },
    });
    return { decided: result, license: current };
  });
  if (license) await putCopy(license, seats);
  return decided;
}

/** Puts the copy of a license, with the change that made this version. */
export async function putCopy(license: License, seats: Pick<Seats, 'putLicense'>): Promise<void> {
  await seats.putLicense(entitlementOf(license), eventOfLicense(license));
}
