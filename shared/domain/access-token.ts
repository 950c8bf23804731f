import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { ROLES } from './authorization.ts';
import { TENANT_ID, USER_ID } from './ids.ts';

/** Fifteen minutes: for so long, at most, a token says what was true when it was made. */
export const ACCESS_TOKEN_SECONDS = 15 * 60;

/** Tenants that one person may belong to: each is named in their access tokens. */
export const MOST_TENANTS = 20;

const AccessSchema = z.object({
  userId: z.string().check(z.regex(USER_ID)),
  /** The sign-in that the token comes from. */
  signInId: z.string(),
  /** Role by tenant id. */
  tenants: z.record(z.string().check(z.regex(TENANT_ID)), z.enum(ROLES)),
});
/** What an access token says: who, since which sign-in, and what they are in their tenants. */
export type Access = z.infer<typeof AccessSchema>;

export interface AccessTokens {
  issue(access: Access, nowMs: number): Promise<string>;
  /** What the token says, or why it does not count; that is for the log, and quotes nothing of the token. */
  open(token: string, nowMs: number): Promise<Access | { readonly because: string }>;
}

const ISSUER = 'seatlease';
/** The algorithm is fixed here, whatever a token's own header says (RFC 8725 section 3.1); `typ` is RFC 9068's. */
const ALGORITHM = 'HS256';
const TYPE = 'at+jwt';

const Claims = z.pipe(
  z.object({ sub: z.string(), sid: z.string(), tenants: z.unknown() }),
  z.transform(({ sub, sid, tenants }): unknown => ({ userId: sub, signInId: sid, tenants })),
);

/**
 * Access tokens: JWTs (RFC 7519) under the first of `keys`; all of them verify, and `kid` names the one. `audience` is the
 * deployment, so that a token of one is worth nothing at another, even where both should share a key.
 */
export function accessTokens(keys: readonly [string, ...string[]], audience: string): AccessTokens {
  const byId = new Map(keys.map((key) => [keyIdOf(key), Buffer.from(key)]));
  const [first] = byId;

  return {
    async issue({ userId, signInId, tenants }, nowMs) {
      const { SignJWT } = await import('jose');
      const [kid, key] = first ?? [];
      if (kid === undefined || key === undefined) throw new Error('no key to sign access tokens with');
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
        return access.data ?? { because: 'an access token of a form that this version does not know' };
      } catch (error) {
        if (error instanceof UnknownKey) return { because: 'an access token of a key that we do not have' };
        if (error instanceof errors.JOSEError) return { because: `an access token refused: ${error.code}` };
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

class UnknownKey extends Error {}

/** What a key is called: it follows from the key, so that there is nothing to set wrongly. */
function keyIdOf(key: string): string {
  return createHash('sha256').update(`access token key ${key}`).digest('base64url').slice(0, 8);
}
