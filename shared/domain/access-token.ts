import type { KeyObject } from 'node:crypto';
import * as z from 'zod/mini';
import { ROLES } from './authorization.ts';
import { TENANT_ID, USER_ID } from './ids.ts';
import { thumbprintOf } from './rsa-key.ts';

/** Fifteen minutes: a token's roles can be out of date by at most this long. */
export const ACCESS_TOKEN_SECONDS = 15 * 60;

/** Tenants per user: each access token lists all of them. */
export const MAX_TENANTS = 20;

const AccessSchema = z.object({
  userId: z.string().check(z.regex(USER_ID)),
  /** The sign-in that the token was issued for. */
  signInId: z.string(),
  /** Role by tenant id. */
  tenants: z.record(z.string().check(z.regex(TENANT_ID)), z.enum(ROLES)),
});
/** The claims of an access token: the user, the sign-in and the user's role in each tenant. */
export type Access = z.infer<typeof AccessSchema>;

/** Issues access tokens. */
export interface AccessTokenIssuer {
  issue(access: Access, nowMs: number): Promise<string>;
}

/** Verifies access tokens. */
export interface AccessTokens {
  /** The claims, or why the token is invalid: a reason for the log that quotes nothing of the token. */
  open(token: string, nowMs: number): Promise<Access | { readonly because: string }>;
}

const ISSUER = 'seatlease';
/** The algorithm is fixed; the token's own `alg` header is ignored (RFC 8725 section 3.1). `typ` is RFC 9068's. */
const ALGORITHM = 'RS256';
const TYPE = 'at+jwt';

const Claims = z.pipe(
  z.object({ sub: z.string(), sid: z.string(), tenants: z.unknown() }),
  z.transform(({ sub, sid, tenants }): unknown => ({ userId: sub, signInId: sid, tenants })),
);

/**
 * Verifies access tokens: JWTs (RFC 7519) that one of `keys` signed. `audience` is the deployment: a token of one
 * deployment is invalid at another, even if both share a key. RS256, because every call of a user is verified, and that
 * is four times faster than with EdDSA.
 */
export function accessTokens(keys: readonly KeyObject[], audience: string): AccessTokens {
  const byId = new Map(keys.map((key) => [thumbprintOf(key), key]));

  return {
    async open(token, nowMs) {
      const { errors, jwtVerify } = await import('jose');
      try {
        const { payload } = await jwtVerify(token, ({ kid = '' }) => keyOf(byId, kid), {
          algorithms: [ALGORITHM],
          typ: TYPE,
          issuer: ISSUER,
          audience,
          requiredClaims: ['sub', 'exp', 'iat'],
          currentDate: new Date(nowMs),
        });
        const claims = z.safeParse(Claims, payload);
        const access = z.safeParse(AccessSchema, claims.data);
        return access.data ?? { because: 'the access token has claims that this version does not know' };
      } catch (error) {
        if (error instanceof UnknownKey) return { because: 'the access token is signed with an unknown key' };
        if (error instanceof errors.JOSEError)
          return { because: `the access token is invalid: ${error.code}` };
        throw error;
      }
    },
  };

  function keyOf(known: typeof byId, kid: string): KeyObject {
    const key = known.get(kid);
    if (!key) throw new UnknownKey();
    return key;
  }
}

/** Issues access tokens, signed with the private `key`. `kid` is its thumbprint, so it cannot be configured wrongly. */
export function accessTokenIssuer(key: KeyObject, audience: string): AccessTokenIssuer {
  const kid = thumbprintOf(key);
  return {
    async issue({ userId, signInId, tenants }, nowMs) {
      const { SignJWT } = await import('jose');
      const nowSeconds = Math.floor(nowMs / 1000);
      return new SignJWT({ sid: signInId, tenants })
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid })
        .setIssuer(ISSUER)
        .setAudience(audience)
        .setSubject(userId)
        .setIssuedAt(nowSeconds)
        .setExpirationTime(nowSeconds + ACCESS_TOKEN_SECONDS)
        .sign(key);
    },
  };
}

class UnknownKey extends Error {}
