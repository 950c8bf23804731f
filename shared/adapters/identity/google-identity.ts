import type { Identity } from '../../ports/identity.ts';
import { type Issuer, idTokenVerifier } from './id-token.ts';
import { IssuerCertificates } from './issuer-certificates.ts';

export interface GoogleIssuerOptions {
  /** Where the issuer publishes its certificates; Google's where absent. */
  readonly certsUrl?: string | undefined;
  /** What tokens may say who made them; Google's two names for itself where absent. */
  readonly issuers?: readonly string[] | undefined;
}

export interface GoogleIdentityOptions extends GoogleIssuerOptions {
  /** What tokens must say they were made for. */
  readonly audience: string;
}

const GOOGLE_CERTS_URL = 'https://www.googleapis.com/oauth2/v1/certs';
const GOOGLE_NAMES = ['https://accounts.google.com', 'accounts.google.com'];

/** Google as an issuer of ID tokens. Its certificates are fetched by the first token. */
export function googleIssuer({
  certsUrl = GOOGLE_CERTS_URL,
  issuers = GOOGLE_NAMES,
}: GoogleIssuerOptions): Issuer {
  const certificates = new IssuerCertificates(certsUrl);
  return { names: issuers, algorithm: 'RS256', keysFor: (keyId) => certificates.keysFor(keyId) };
}

/**
 * Identity by Google's ID tokens, such as Cloud Scheduler and Pub/Sub carry. Certificates are fetched and the library
 * loaded by the first token: opening costs nothing.
 */
export function openGoogleIdentity({ audience, ...issuer }: GoogleIdentityOptions): Identity {
  return idTokenVerifier(googleIssuer(issuer), audience);
}
