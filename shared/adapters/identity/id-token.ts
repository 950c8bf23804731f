import type { KeyObject } from 'node:crypto';
import type { errors, JWTClaimVerificationOptions, JWTPayload } from 'jose';
import * as z from 'zod/mini';
import type { Identity } from '../../ports/identity.ts';

export interface Issuer {
  /** Accepted values of `iss`. */
  readonly names: readonly string[];
  /** The algorithm that it signs with; the token's own header must never choose it (RFC 8725 section 3.1). */
  readonly algorithm: 'RS256' | 'ES256';
  /**
   * Its public key with this id, or `undefined` if it has none. Throws `Unavailable` if it is unknown whether the
   * issuer has that key.
   */
  keyFor(keyId: string): Promise<KeyObject | undefined>;
}

/**
 * The accepted difference between the issuer's clock and ours: the same as google-auth-library's (`CLOCK_SKEW_SECS_`).
 */
const CLOCK_SKEW_SECONDS = 300;
/** The longest accepted lifetime of a token: the same as google-auth-library's (`DEFAULT_MAX_TOKEN_LIFETIME_SECS_`). */
const LIFETIME_SECONDS = 86_400;

/** Claims that every token must have, of service accounts and of users. */
export const VerifiedEmailClaims = z.object({
  email: z.string('the token has no e-mail address').check(z.minLength(1, 'the token has no e-mail address')),
  email_verified: z.literal(true, 'the e-mail address of the token is not verified'),
});

/**
 * `signed`: the signature is verified here. `checked-by-cloud-run`: Cloud Run has verified it, checked that the account
 * may invoke this service, and removed the signature; only for services that no caller reaches without that check.
 */
export type TokenCheck = 'signed' | 'checked-by-cloud-run';

/**
 * Cloud Run puts this in place of the signature of a token that it has checked
 * (https://cloud.google.com/run/docs/troubleshooting#signature-removed). Any caller of an unguarded service can write
 * it too.
 */
export const REMOVED_SIGNATURE = 'SIGNATURE_REMOVED_BY_GOOGLE';

type Refused = { readonly verdict: 'REFUSED' /** For the log only. */; readonly because: string };

export type IdTokenVerdict<Claims> = { readonly verdict: 'VERIFIED'; readonly claims: Claims } | Refused;

/** The compact form (RFC 7515 section 7.1). Checked here because jose ignores white space in it. */
const SIGNED_TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const MALFORMED = 'not a signed token';
const UNSECURED_HEADER = Buffer.from('{"alg":"none"}').toString('base64url');
const NOT_YET_VALID = 'the token is not valid yet';

/** Verifies tokens of service accounts. */
export function idTokenVerifier(issuer: Issuer, audience: string, tokens: TokenCheck): Identity {
  const check = idTokenCheck(issuer, audience, VerifiedEmailClaims, tokens);
  return {
    async verifyServiceToken(token) {
      const checked = await check(token);
      return checked.verdict === 'VERIFIED' ? { verdict: 'VERIFIED', email: checked.claims.email } : checked;
    },
  };
}

/**
 * Verifies ID tokens (OpenID Connect Core section 3.1.3.7) of one issuer for one audience: signature, issuer, audience,
 * times, a verified e-mail address, and whatever else `schema`, an extension of `VerifiedEmailClaims`, requires; its
 * messages become reasons. The tokens of all issuers are verified here, those of services and of users. With
 * `checked-by-cloud-run`, a token may come without its signature; all else is checked as for a signed one, and a
 * signature that is there is verified. jose is loaded by the first text that has the form of a token.
 */
export function idTokenCheck<Claims extends z.infer<typeof VerifiedEmailClaims>>(
  issuer: Issuer,
  audience: string,
  schema: z.ZodMiniType<Claims>,
  tokens: TokenCheck = 'signed',
): (token: string) => Promise<IdTokenVerdict<Claims>> {
  const rules: JWTClaimVerificationOptions = {
    issuer: [...issuer.names],
    requiredClaims: ['exp', 'iat'],
    clockTolerance: CLOCK_SKEW_SECONDS,
  };
  return async (token) => {
    if (!SIGNED_TOKEN.test(token)) return refused(MALFORMED);
    const isRemoved = token.endsWith(`.${REMOVED_SIGNATURE}`);
    if (isRemoved && tokens === 'signed') return refused('the signature of the token was removed');
    const { compactVerify, decodeProtectedHeader, errors, UnsecuredJWT } = await import('jose');

    async function keyFor(keyId: string | undefined): Promise<KeyObject> {
      if (typeof keyId !== 'string') throw new errors.JWSInvalid();
      const key = await issuer.keyFor(keyId);
      if (!key) throw new errors.JWKSNoMatchingKey();
      return key;
    }

    /** The claims as base64url, once their signature is verified or Cloud Run has done so. */
    async function claimsOf(): Promise<string> {
      if (isRemoved) {
        const { alg } = headerOf();
        if (typeof alg !== 'string') throw new errors.JWSInvalid();
        if (alg !== issuer.algorithm) throw new errors.JOSEAlgNotAllowed();
        return token.split('.')[1] ?? '';
      }
      const options = { algorithms: [issuer.algorithm] };
      const { payload } = await compactVerify(token, ({ kid }: { kid?: string }) => keyFor(kid), options);
      return Buffer.from(payload).toString('base64url');
    }

    function headerOf() {
      try {
        return decodeProtectedHeader(token);
      } catch {
        throw new errors.JWSInvalid();
      }
    }

    try {
      // jose checks claims only as part of a token, so it gets them as a token of the kind that has no signature.
      const { payload } = UnsecuredJWT.decode(`${UNSECURED_HEADER}.${await claimsOf()}.`, rules);
      return judgeClaims(payload, audience, schema);
    } catch (error) {
      if (error instanceof errors.JWTClaimValidationFailed) return refused(claimReason(error));
      if (error instanceof errors.JOSEError) return refused(reasonOf(error, issuer));
      throw error;
    }
  };
}

/** What jose does not check: it accepts one audience of several, and a token with any lifetime. */
function judgeClaims<Claims extends z.infer<typeof VerifiedEmailClaims>>(
  payload: JWTPayload,
  audience: string,
  schema: z.ZodMiniType<Claims>,
): IdTokenVerdict<Claims> {
  const { aud, iat = 0, exp = 0 } = payload;
  const nowSeconds = Date.now() / 1000;
  if (aud !== audience) return refused('the token was issued for another audience');
  if (iat > nowSeconds + CLOCK_SKEW_SECONDS) return refused(NOT_YET_VALID);
  if (exp >= nowSeconds + LIFETIME_SECONDS) return refused('the token is valid for longer than a day');
  const { success, data, error } = z.safeParse(schema, payload);
  return success
    ? { verdict: 'VERIFIED', claims: data }
    : refused(error.issues[0]?.message ?? 'the claims of the token are invalid');
}

/** Uses only jose's codes: its errors contain the claims, which must not be logged. */
function reasonOf(error: errors.JOSEError, { algorithm }: Issuer): string {
  switch (error.code) {
    case 'ERR_JWS_INVALID':
      return MALFORMED;
    case 'ERR_JOSE_ALG_NOT_ALLOWED':
      return `the token is not signed with ${algorithm}`;
    case 'ERR_JWKS_NO_MATCHING_KEY':
      return 'the token is signed with a key that the issuer does not have';
    case 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED':
      return 'the signature of the token is wrong';
    case 'ERR_JWT_EXPIRED':
      return 'the token has expired';
    default:
      return 'the claims or signature of the token are invalid';
  }
}

function claimReason({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (claim === 'iss') return 'the token was issued by another issuer';
  return reason === 'check_failed' ? NOT_YET_VALID : 'the times of the token are invalid';
}

function refused(because: string): Refused {
  return { verdict: 'REFUSED', because };
}
