import type { EntryRefusal, LicenseTrouble, Proof } from '../ports/seats.ts';
import type { Refusal } from './contract.ts';

type KeyProblem = 'CREDENTIALS_INVALID' | 'LICENSE_NOT_FOUND' | 'RATE_LIMITED';

/**
 * The answer to a caller who is turned away at the door. A license that is not there is, to whoever shows a license key, the
 * same as a key that does not fit, and to whoever is signed in the same as a license of somebody else.
 */
export function refuseKey(refusal: EntryRefusal, by: Proof): Refusal<KeyProblem> {
  const { verdict } = refusal;
  if (verdict === 'TOO_OFTEN')
    return { problem: 'RATE_LIMITED', retryAfterSeconds: refusal.retryAfterSeconds, because: 'license' };
  return { problem: by.kind === 'user' ? 'LICENSE_NOT_FOUND' : 'CREDENTIALS_INVALID', because: verdict };
}

/** The answer where a license as a whole gives nothing. */
export function refuseLicense(
  trouble: LicenseTrouble,
  by: Proof,
): Refusal<KeyProblem | 'LICENSE_SUSPENDED' | 'LICENSE_EXPIRED'> {
  switch (trouble.verdict) {
    case 'SUSPENDED':
      return { problem: 'LICENSE_SUSPENDED' };
    case 'EXPIRED':
      return { problem: 'LICENSE_EXPIRED' };
    default:
      return refuseKey(trouble, by);
  }
}
