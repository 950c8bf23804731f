import * as z from 'zod/mini';
import type { Identity } from '../../ports/identity.ts';

/** Public keys or certificates as PEM, by key id. */
export type IssuerKeys = Readonly<Record<string, string>>;

export interface Issuer {
  /** What its tokens may say in `iss`. */
  readonly names: readonly string[];
  /** The only one that it signs with: what a token's own header says may never choose (RFC 8725 section 3.1). */
  readonly algorithm: 'RS256' | 'ES256';
  /**
   * Its keys, looked up with more effort where `keyId` is not among those at hand. Throws `Unavailable` where it
   * cannot be told whether the issuer has that key.
   */
  keysFor(keyId: string): Promise<IssuerKeys>;
}

/** How far apart the issuer's clock and ours may be: what google-auth-library allows for `iat` and `exp`. */
const CLOCK_SKEW_SECONDS = 300;

const Header = z.object({ alg: z.string(), kid: z.string() });

/** What every token is asked for, whoever it was issued to. */
export const VouchedClaims = z.object({
  email: z
    .string('the token carries no e-mail address')
    .check(z.minLength(1, 'the token carries no e-mail address')),
  email_verified: z.literal(true, 'the e-mail address of the token is not verified'),
  nbf: z.optional(z.number('the times of the token are not readable')),
});

export type IdTokenVerdict<Claims> =
  | { readonly verdict: 'VERIFIED'; readonly claims: Claims }
  | { readonly verdict: 'REFUSED' /** For the log alone. */; readonly because: string };

/**
 * Reasons for the log, by how the messages of google-auth-library begin: those go on with the token or its claims,
 * which no log may keep.
 */
const REASONS: readonly (readonly [begins: string, because: string])[] = [
  ['Invalid token signature', 'the signature of the token is wrong'],
  ['Token used too late', 'the token has expired'],
  ['Token used too early', 'the token is not valid yet'],
  ['Expiration time too far', 'the token is valid for longer than a day'],
  ['Invalid issuer', 'the token is of another issuer'],
  ['Wrong recipient', 'the token was made for another audience'],
];

/** The check on tokens of service accounts. */
export function idTokenVerifier(issuer: Issuer, audience: string): Identity {
  const check = idTokenCheck(issuer, audience, VouchedClaims);
  return {
    async verifyServiceToken(token) {
      const checked = await check(token);
      return checked.verdict === 'VERIFIED' ? { verdict: 'VERIFIED', email: checked.claims.email } : checked;
    },
  };
}

/**
 * Checks ID tokens (OpenID Connect Core section 3.1.3.7) of one issuer for one audience: signature, issuer, audience,
 * times, that the e-mail address is a verified one, and whatever else `schema`, an extension of `VouchedClaims`, asks
 * for; its messages become reasons. Every issuer's tokens go through here, services' and people's. google-auth-library
 * is loaded by the first token that might be good.
 */
export function idTokenCheck<Claims extends z.infer<typeof VouchedClaims>>(
  issuer: Issuer,
  audience: string,
  schema: z.ZodMiniType<Claims>,
): (token: string) => Promise<IdTokenVerdict<Claims>> {
  return async (token) => {
    const header = readHeader(token);
    if (!header) return refused('not of the form of a signed token');
    if (header.alg !== issuer.algorithm) return refused(`the token is not signed with ${issuer.algorithm}`);
    const keys = await issuer.keysFor(header.kid);
    if (!Object.hasOwn(keys, header.kid))
      return refused('the token is signed with a key that the issuer does not have');
    const { OAuth2Client } = await import('google-auth-library');
    const client = new OAuth2Client();
    let payload: unknown;
    try {
      const ticket = await client.verifySignedJwtWithCertsAsync(token, keys, audience, [...issuer.names]);
      payload = ticket.getPayload();
    } catch (error) {
      return refused(reasonOf(error));
    }
    return judgeClaims(payload, schema);
  };
}

function judgeClaims<Claims extends z.infer<typeof VouchedClaims>>(
  payload: unknown,
  schema: z.ZodMiniType<Claims>,
): IdTokenVerdict<Claims> {
  const { success, data, error } = z.safeParse(schema, payload);
  if (!success) return refused(error.issues[0]?.message ?? 'the claims of the token are not readable');
  const { nbf = 0 } = data;
  return nbf > Date.now() / 1000 + CLOCK_SKEW_SECONDS
    ? refused('the token is not valid yet')
    : { verdict: 'VERIFIED', claims: data };
}

/** The header of a token in the compact form (RFC 7515 section 7.1), or `undefined` for any other text. */
function readHeader(token: string): z.infer<typeof Header> | undefined {
  const [, encoded] = /^([\w-]+)\.[\w-]+\.[\w-]+$/.exec(token) ?? [];
  if (encoded === undefined) return undefined;
  try {
    return z.safeParse(Header, JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  const [, because] = REASONS.find(([begins]) => message.startsWith(begins)) ?? [];
  return because ?? 'the claims or signature of the token are not readable';
}

function refused(because: string): { verdict: 'REFUSED'; because: string } {
  return { verdict: 'REFUSED', because };
}
