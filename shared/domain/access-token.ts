import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { ROLES } from './authorization.ts';
import { TENANT_ID, USER_ID } from './ids.ts';

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
const ALGORITHM = 'HS256';
const TYPE = 'at+jwt';

const Claims = z.pipe(
  z.object({ sub: z.string(), sid: z.string(), tenants: z.unknown() }),
  z.transform(({ sub, sid, tenants }): unknown => ({ userId: sub, signInId: sid, tenants })),
);

/**
 * Access tokens: JWTs (RFC 7519). The first of `keys` signs, all of them verify, and `kid` names the key. `audience` is
 * the deployment: a token of one deployment is invalid at another, even if both share a key.
 */
export function accessTokens(keys: readonly [string, ...string[]], audience: string): AccessTokens {
  const byId = new Map(keys.map((key) => [keyIdOf(key), Buffer.from(key)]));

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

  function keyOf(known: typeof byId, kid: string): Buffer {
    const key = known.get(kid);
    if (!key) throw new UnknownKey();
    return key;
  }
}

export function accessTokenIssuer(
  [key]: readonly [string, ...string[]],
  audience: string,
): AccessTokenIssuer {
  return {
    async issue({ userId, signInId, tenants }, nowMs) {
      const { SignJWT } = await import('jose');
      const nowSeconds = Math.floor(nowMs / 1000);
      return new SignJWT({ sid: signInId, tenants })
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: keyIdOf(key) })
        .setIssuer(ISSUER)
        .setAudience(audience)
        .setSubject(userId)
        .setIssuedAt(nowSeconds)
        .setExpirationTime(nowSeconds + ACCESS_TOKEN_SECONDS)
        .sign(Buffer.from(key));
    },
  };
}

class UnknownKey extends Error {}

/** The key's id is derived from the key, so it cannot be configured wrongly. */
function keyIdOf(key: string): string {
  return createHash('sha256').update(`access token key ${key}`).digest('base64url').slice(0, 8);
}
