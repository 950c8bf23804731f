import type { By } from '../domain/actor.ts';
import { unsealed } from '../domain/audit-chain.ts';
import { entitlementOf, eventOfLicense, type License } from '../domain/license.ts';
import { AUDIT, LICENSES } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import type { Transaction } from '../ports/records.ts';
import { restoreLicense } from '../ports/restore-copy.ts';

/** A transaction that can write one license, after it has read everything it needs. */
export interface LicenseTransaction extends Transaction {
  /**
   * Writes this version, and its change to the audit log. If the audit log depended on the seat store's event, a crash
   * in between would leave a change without a trace. Both have the same event id.
   */
  writeLicense(license: License, nowMs: number): void;
  /** Puts the copy of a stored version again: the run that wrote it may have crashed before it put the copy. */
  putAgain(license: License): void;
}

type Stores = Pick<Deps, 'records' | 'seats'>;

/**
 * Runs `decide` as one transaction in which `by` acts, then puts the copy of the license that it wrote into the seat store, which
 * publishes the change. Records are written first: they are the truth, and a copy that missed a change is corrected by
 * its version. Returns what `decide` returned; throws `Unavailable` if records or seats are unavailable.
 */
export async function changeLicense<R>(
  { records, seats }: Stores,
  by: By,
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
        transaction.set(AUDIT, event.eventId, unsealed({ ...event, ...by }, nowMs));
        current = next;
      },
      putAgain(known) {
        current = known;
      },
    });
    return { decided: result, license: current };
  });
  if (license) await putCopy(license, { records, seats });
  return decided;
}

/**
 * Puts the copy of a license, with the event of the change that created this version. If the seat store has no copy,
 * because the license is new or the store was lost, what belongs to the license is restored with it: as it is stored now,
 * because nothing in the seat store shows that this version is outdated.
 */
export async function putCopy(license: License, { records, seats }: Stores): Promise<void> {
  const verdict = await seats.putLicense(entitlementOf(license), eventOfLicense(license));
  if (verdict !== 'MISSING') return;
  const current = (await records.get(LICENSES, license.licenseId)) ?? license;
  await restoreLicense(current, { records, seats }, eventOfLicense(current));
}
