import type { LicenseTrouble } from '../ports/seats.ts';
import type { Refusal } from './contract.ts';

type Trouble = LicenseTrouble['verdict'];
type KeyTrouble = Extract<Trouble, 'UNKNOWN_LICENSE' | 'WRONG_KEY'>;

/** A license that is not there and a key that does not fit are the same to whoever shows a license key. */
export function refuseKey(because: KeyTrouble): Refusal<'CREDENTIALS_INVALID'> {
  return { problem: 'CREDENTIALS_INVALID', because };
}

/** The answer to a license key where its license as a whole gives nothing. */
export function refuseLicense(
  verdict: Trouble,
): Refusal<'CREDENTIALS_INVALID' | 'LICENSE_SUSPENDED' | 'LICENSE_EXPIRED'> {
  switch (verdict) {
    case 'SUSPENDED':
      return { problem: 'LICENSE_SUSPENDED' };
    case 'EXPIRED':
      return { problem: 'LICENSE_EXPIRED' };
    default:
      return refuseKey(verdict);
  }
}
