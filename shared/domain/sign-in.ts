import { createHash, randomBytes } from 'node:crypto';
import * as z from 'zod/mini';

/** A sign-in must be through within ten minutes of its beginning. */
export const SIGN_IN_SECONDS = 600;
/** RFC 6749 section 4.1.2 has ten minutes as the most; ours goes from one program to the next. */
export const CODE_SECONDS = 60;
/** A refresh token not used for so long is no good any more, */
export const REFRESH_IDLE_SECONDS = 30 * 24 * 3600;
/** and after this, signing in anew is due, however often it was used. */
export const REFRESH_LONGEST_SECONDS = 90 * 24 * 3600;

/** What a sign-in that is under way must remember, sealed in a cookie: so it is bound to the browser that began it. */
export const SignInUnderWaySchema = z.object({
  state: z.string(),
  nonce: z.string(),
  /** Of our own request to the provider (RFC 7636). */
  codeVerifier: z.string(),
  /** Where the person goes afterwards, and what the program there asked to be told again. */
  redirectUri: z.string(),
  clientState: z.string(),
  clientChallenge: z.string(),
  expiresAtMs: z.int(),
});
export type SignInUnderWay = z.infer<typeof SignInUnderWaySchema>;

/** A one-time code, by the hash of it. */
export const SignInCodeSchema = z.object({
  codeHash: z.string(),
  userId: z.string(),
  redirectUri: z.string(),
  challenge: z.string(),
  /** The sign-in that the code was redeemed for, or that was refused for it; `null` while it is good. */
  usedFor: z.nullable(z.string()),
  expiresAtMs: z.int(),
});
export type SignInCode = z.infer<typeof SignInCodeSchema>;

/** A sign-in: all tokens that descend from one code (a "token family"). */
export const SignInSchema = z.object({
  signInId: z.string(),
  userId: z.string(),
  /** The only refresh token that is good is the one of this number. */
  generation: z.int(),
  createdAtMs: z.int(),
  lastUsedAtMs: z.int(),
  expiresAtMs: z.int(),
  revoked: z.nullable(z.enum(['signed_out', 'reused', 'removed'])),
});
export type SignIn = z.infer<typeof SignInSchema>;

export function beginSignIn(signInId: string, userId: string, nowMs: number): SignIn {
  return {
    signInId,
    userId,
    generation: 1,
    createdAtMs: nowMs,
    lastUsedAtMs: nowMs,
    expiresAtMs: nowMs + REFRESH_IDLE_SECONDS * 1000,
    revoked: null,
  };
}

/**
 * What comes of showing the refresh token `generation` of a sign-in: the sign-in as it goes on, or why it does not. One
 * that has been used before is in two hands, of which one is a thief's: so the sign-in ends (RFC 9700 section 4.14.2).
 */
export function refresh(
  signIn: SignIn,
  generation: number,
  nowMs: number,
): { readonly next: SignIn } | { readonly ended: SignIn | undefined; readonly because: string } {
  if (signIn.revoked !== null) return { ended: undefined, because: `a sign-in that was ${signIn.revoked}` };
  if (nowMs >= signIn.expiresAtMs) return { ended: undefined, because: 'a refresh token that has run out' };
  if (generation !== signIn.generation) {
    return { ended: { ...signIn, revoked: 'reused' }, because: 'a refresh token that was used before' };
  }
  const longestMs = signIn.createdAtMs + REFRESH_LONGEST_SECONDS * 1000;
  return {
    next: {
      ...signIn,
      generation: generation + 1,
      lastUsedAtMs: nowMs,
      expiresAtMs: Math.min(longestMs, nowMs + REFRESH_IDLE_SECONDS * 1000),
    },
  };
}

/** What a refresh token says, once its seal is open. */
export const RefreshTokenSchema = z.object({ signInId: z.string(), generation: z.int() });

/** 256 random bits, as RFC 7636 section 4.1 has them; also good wherever nobody must guess. */
export function newVerifier(): string {
  return randomBytes(32).toString('base64url');
}

/** RFC 7636 section 4.2, method S256. */
export function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

/** RFC 7636 section 4.1: 43 to 128 unreserved characters. */
export const CODE_VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;
/** Base64url of a SHA-256 hash. */
export const CODE_CHALLENGE = /^[A-Za-z0-9_-]{43}$/;

/** Where the console, at the origin that browsers reach the functions by, has people come back to. */
export const CONSOLE_RETURN_PATH = '/console/signed-in';

/**
 * Whether people may be sent to `uri` after signing in: a loopback address of a native app on any port (RFC 8252 section
 * 7.3; as an IP literal, since "localhost" may be made to mean another machine, section 8.3), or exactly one of
 * `registered` (RFC 9700 section 4.1.3). Compared as text: two readers of a URL may differ, two of a text cannot.
 */
export function mayRedirectTo(uri: string, registered: readonly string[]): boolean {
  return registered.includes(uri) || (LOOPBACK.test(uri) && URL.canParse(uri));
}

/** The whole of it, so that nothing can hide in a part that another reader sees differently. */
const LOOPBACK = /^http:\/\/(127\.0\.0\.1|\[::1\]):([1-9]\d{0,4})(\/[A-Za-z0-9._~-]*)*$/;

/** `uri` with further query parameters. */
export function withParameters(uri: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(uri);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}
