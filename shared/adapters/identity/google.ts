import type { Identity } from '../../ports/identity.ts';
import { idTokenVerifier } from './id-token.ts';
import { IssuerCertificates } from './issuer-certificates.ts';

export interface GoogleIdentityOptions {
  /** What tokens must say they were made for. */
  readonly audience: string;
  /** Where the issuer publishes its certificates; Google's where absent. */
  readonly certsUrl?: string | undefined;
  /** What tokens may say who made them; Google's two names for itself where absent. */
  readonly issuers?: readonly string[] | undefined;
}

const GOOGLE_CERTS_URL = 'https://www.googleapis.com/oauth2/v1/certs';
const GOOGLE_NAMES = ['https://accounts.google.com', 'accounts.google.com'];

/**
 * Identity by Google's ID tokens, such as Cloud Scheduler and Pub/Sub carry. Certificates are fetched and the library
 * loaded by the first token: opening costs nothing.
 */
export function openGoogleIdentity(options: GoogleIdentityOptions): Identity {
  const certificates = new IssuerCertificates(options.certsUrl ?? GOOGLE_CERTS_URL);
  return idTokenVerifier(
    {
      names: options.issuers ?? GOOGLE_NAMES,
      algorithm: 'RS256',
      keysFor: (keyId) => certificates.keysFor(keyId),
    },
    options.audience,
  );
}
