import type { LicenseTrouble } from '../ports/seats.ts';
import type { Caller, Refusal } from './contract.ts';

type Trouble = LicenseTrouble['verdict'];

/**
 * The answer where a license as a whole gives nothing. To whoever shows a license key, a license that is not there and
 * a key that does not fit are the same.
 */
export function refuseLicense(
  verdict: Trouble,
  caller: Caller,
): Refusal<'CREDENTIALS_INVALID' | 'LICENSE_NOT_FOUND' | 'LICENSE_SUSPENDED' | 'LICENSE_EXPIRED'> {
  switch (verdict) {
    case 'SUSPENDED':
      return { problem: 'LICENSE_SUSPENDED' };
    case 'EXPIRED':
      return { problem: 'LICENSE_EXPIRED' };
    default:
      return {
        problem: caller.kind === 'license' ? 'CREDENTIALS_INVALID' : 'LICENSE_NOT_FOUND',
        because: verdict,
      };
  }
}
