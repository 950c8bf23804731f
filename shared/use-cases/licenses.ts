import { unsealed } from '../domain/audit-chain.ts';
import { eventOfLicense, type License } from '../domain/license.ts';
import { AUDIT, LICENSES } from '../ports/collections.ts';
import type { Transaction } from '../ports/records.ts';

/**
 * Writes the license, and its change into the audit log with it: were that left to the way through the seat store, a
 * function that dies in between would leave a change that nobody can see. The seat store's telling has the same id.
 */
export function writeLicense(transaction: Transaction, license: License, nowMs: number): void {
  const event = eventOfLicense(license);
  transaction.set(LICENSES, license.licenseId, license);
  transaction.set(AUDIT, event.eventId, unsealed(event, nowMs));
}
