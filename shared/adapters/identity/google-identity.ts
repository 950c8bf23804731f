import type { Identity } from '../../ports/identity.ts';
import { type Issuer, idTokenVerifier, type TokenCheck } from './id-token.ts';
import { IssuerKeys } from './issuer-keys.ts';

export interface GoogleIssuerOptions {
  /** Where the issuer publishes its keys as a JWKS (RFC 7517); Google's if absent. */
  readonly jwksUrl?: string | undefined;
  /** Accepted values of `iss`; Google's two names if absent. */
  readonly issuers?: readonly string[] | undefined;
}

export interface GoogleIdentityOptions extends GoogleIssuerOptions {
  /** Required value of `aud`. */
  readonly audience: string;
  readonly tokens: TokenCheck;
}

/** `jwks_uri` of https://accounts.google.com/.well-known/openid-configuration. */
const GOOGLE_JWKS_URL = 'https://www.googleapis.com/oauth2/v3/certs';
/** The values of `iss` in https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken. */
const GOOGLE_NAMES = ['https://accounts.google.com', 'accounts.google.com'];

/** Google as an issuer of ID tokens. Its keys are fetched when the first token is verified. */
export function googleIssuer({
  jwksUrl = GOOGLE_JWKS_URL,
  issuers = GOOGLE_NAMES,
}: GoogleIssuerOptions): Issuer {
  const keys = new IssuerKeys(jwksUrl);
  return { names: issuers, algorithm: 'RS256', keyFor: (keyId) => keys.keyFor(keyId) };
}

/**
 * Verifies Google's ID tokens, such as those of Cloud Scheduler and Pub/Sub. Opening it costs nothing: keys are fetched
 * and jose is loaded when the first token is verified.
 */
export function openGoogleIdentity({ audience, tokens, ...issuer }: GoogleIdentityOptions): Identity {
  return idTokenVerifier(googleIssuer(issuer), audience, tokens);
}
