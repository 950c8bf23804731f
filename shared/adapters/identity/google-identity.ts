import type { Identity } from '../../ports/identity.ts';
import { type Issuer, idTokenVerifier } from './id-token.ts';
import { IssuerKeys } from './issuer-keys.ts';

export interface GoogleIssuerOptions {
  /** Where the issuer publishes its keys as a JWKS (RFC 7517); Google's where absent. */
  readonly jwksUrl?: string | undefined;
  /** What tokens may say who made them; Google's two names for itself where absent. */
  readonly issuers?: readonly string[] | undefined;
}

export interface GoogleIdentityOptions extends GoogleIssuerOptions {
  /** What tokens must say they were made for. */
  readonly audience: string;
}

/** `jwks_uri` of https://accounts.google.com/.well-known/openid-configuration. */
const GOOGLE_JWKS_URL = 'https://www.googleapis.com/oauth2/v3/certs';
/** The names that https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken gives. */
const GOOGLE_NAMES = ['https://accounts.google.com', 'accounts.google.com'];

/** Google as an issuer of ID tokens. Its keys are fetched by the first token. */
export function googleIssuer({
  jwksUrl = GOOGLE_JWKS_URL,
  issuers = GOOGLE_NAMES,
}: GoogleIssuerOptions): Issuer {
  const keys = new IssuerKeys(jwksUrl);
  return { names: issuers, algorithm: 'RS256', keyFor: (keyId) => keys.keyFor(keyId) };
}

/**
 * Identity by Google's ID tokens, such as Cloud Scheduler and Pub/Sub carry. Keys are fetched and jose loaded by the
 * first token: opening costs nothing.
 */
export function openGoogleIdentity({ audience, ...issuer }: GoogleIdentityOptions): Identity {
  return idTokenVerifier(googleIssuer(issuer), audience);
}
