import type { EntryRefusal, LicenseRefusal, Proof } from '../ports/seats.ts';
import type { Refusal } from './contract.ts';

type KeyProblem = 'CREDENTIALS_INVALID' | 'LICENSE_NOT_FOUND' | 'RATE_LIMITED';

/**
 * The refusal when the seat scripts do not accept the caller. An unknown license looks the same as a wrong key to a
 * caller with a license key, and the same as another tenant's license to a signed-in user.
 */
export function refuseKey(refusal: EntryRefusal, by: Proof): Refusal<KeyProblem> {
  const { verdict } = refusal;
  if (verdict === 'TOO_OFTEN')
    return { problem: 'RATE_LIMITED', retryAfterSeconds: refusal.retryAfterSeconds, because: 'license' };
  return { problem: by.kind === 'user' ? 'LICENSE_NOT_FOUND' : 'CREDENTIALS_INVALID', because: verdict };
}

/** The refusal when the license grants nothing at all to the caller. */
export function refuseLicense(
  refusal: LicenseRefusal,
  by: Proof,
): Refusal<KeyProblem | 'LICENSE_SUSPENDED' | 'LICENSE_EXPIRED'> {
  switch (refusal.verdict) {
    case 'SUSPENDED':
      return { problem: 'LICENSE_SUSPENDED' };
    case 'EXPIRED':
      return { problem: 'LICENSE_EXPIRED' };
    default:
      return refuseKey(refusal, by);
  }
}
