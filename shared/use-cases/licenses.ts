import { type By, system } from '../domain/actor.ts';
import { unsealed } from '../domain/audit-chain.ts';
import { isPublished } from '../domain/audit-event.ts';
import type { SeatEvent } from '../domain/event.ts';
import { entitlementOf, eventOfLicense, type License } from '../domain/license.ts';
import { AUDIT, LICENSES } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import type { Records, Transaction } from '../ports/records.ts';
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
 * Runs `decide` as one transaction in which `by` acts, then puts the copy of the license that it wrote into the seat
 * store, which publishes the change. Records are written first: they are the truth, and a copy that missed a change is corrected by
 * its version. Returns what `decide` returned; throws `Unavailable` if records or seats are unavailable.
 */
export async function changeLicense<R>(
  { records, seats }: Stores,
  by: By,
  decide: (transaction: LicenseTransaction) => Promise<R>,
): Promise<R> {
  const { decided, put } = await records.transact(async (transaction) => {
    let current: { readonly license: License; readonly event?: SeatEvent } | undefined;
    /** As they are read here, so that the event says what the change changes. */
    const known = new Map<string, License | undefined>();
    const result = await decide({
      async get(collection, id) {
        const found = await transaction.get(collection, id);
        if (collection.name === LICENSES.name) known.set(id, found as License | undefined);
        return found;
      },
      set: (collection, id, document) => transaction.set(collection, id, document),
      delete: (collection, id) => transaction.delete(collection, id),
      writeLicense(next, nowMs) {
        const event = eventOfLicense(next, by, known.get(next.licenseId));
        transaction.set(LICENSES, next.licenseId, next);
        transaction.set(AUDIT, event.eventId, unsealed(event, nowMs));
        current = { license: next, event };
      },
      putAgain(license) {
        current = { license };
      },
    });
    return { decided: result, put: current };
  });
  if (put) await putCopy(put.license, { records, seats }, put.event);
  return decided;
}

/**
 * Puts the copy of a license, with the event of the change that created this version, by default as it was recorded. If
 * the seat store has no copy, because the license is new or the store was lost, what belongs to the license is restored
 * with it: as it is stored now, because nothing in the seat store shows that this version is outdated.
 */
export async function putCopy(
  license: License,
  { records, seats }: Stores,
  event?: SeatEvent,
): Promise<void> {
  const change = event ?? (await recordedChange(license, records));
  const verdict = await seats.putLicense(entitlementOf(license), change);
  if (verdict !== 'MISSING') return;
  const current = (await records.get(LICENSES, license.licenseId)) ?? license;
  const isSame = current.version === license.version;
  await restoreLicense(current, { records, seats }, isSame ? change : await recordedChange(current, records));
}

/** The event of the change that created this version, as it was recorded with it: the license does not say who made it. */
async function recordedChange(license: License, records: Pick<Records, 'get'>): Promise<SeatEvent> {
  const event = eventOfLicense(license, { actor: system('sweep') });
  const recorded = await records.get(AUDIT, event.eventId);
  return recorded && isPublished(recorded) ? recorded : event;
}
