import { createHash, randomBytes } from 'node:crypto';
import * as z from 'zod/mini';

/** RFC 6749 section 4.1.2 allows ten minutes at most; one is enough, as programs exchange the code, not users. */
export const CODE_SECONDS = 60;
/** A refresh token that is not used for this long expires. */
export const REFRESH_IDLE_SECONDS = 30 * 24 * 3600;
/** After this, the user must sign in again, however often the refresh token was used. */
export const REFRESH_LONGEST_SECONDS = 90 * 24 * 3600;

/** A used refresh token that comes within this time is a retry, or a duplicate: both get the same next token. */
export const REFRESH_RETRY_SECONDS = 60;

/** A one-time code, stored by its hash. */
export const SignInCodeSchema = z.object({
  codeHash: z.string(),
  userId: z.string(),
  /** The program that asked for it: no other program can redeem it (RFC 6749 section 4.1.3). */
  clientId: z.string(),
  redirectUri: z.string(),
  challenge: z.string(),
  /** The sign-in that the code was redeemed for, or that was refused because of it; `null` while unused. */
  usedFor: z.nullable(z.string()),
  expiresAtMs: z.int(),
});
export type SignInCode = z.infer<typeof SignInCodeSchema>;

/** A sign-in: all tokens that descend from one code (a "token family"). */
export const SignInSchema = z.object({
  signInId: z.string(),
  userId: z.string(),
  /** The program that its refresh tokens were issued to (RFC 6749 section 6). */
  clientId: z.string(),
  /** The newest refresh token has this number. */
  generation: z.int(),
  /** The newest one was issued for this one, which is valid until the newest one is used; 0: none. */
  previousGeneration: z.int(),
  createdAtMs: z.int(),
  lastUsedAtMs: z.int(),
  expiresAtMs: z.int(),
  revoked: z.nullable(z.enum(['signed_out', 'reused', 'removed'])),
});
export type SignIn = z.infer<typeof SignInSchema>;

export function beginSignIn(signInId: string, userId: string, clientId: string, nowMs: number): SignIn {
  return {
    signInId,
    userId,
    clientId,
    generation: 1,
    previousGeneration: 0,
    createdAtMs: nowMs,
    lastUsedAtMs: nowMs,
    expiresAtMs: nowMs + REFRESH_IDLE_SECONDS * 1000,
    revoked: null,
  };
}

/**
 * Handles the refresh token number `generation` of a sign-in: returns the next sign-in, or why the token is refused.
 *
 * The answer with the next token may be lost, and the program may be offline for hours before it retries. So a used token
 * stays valid until the next one is used; its next use replaces the next one. If two parties hold the token, one of them an
 * attacker, the other's token is refused from then on, and its use ends the sign-in (RFC 9700 section 4.14.2).
 */
export function refresh(
  signIn: SignIn,
  generation: number,
  nowMs: number,
): { readonly next: SignIn } | { readonly isReused: boolean; readonly because: string } {
  if (signIn.revoked !== null) return { isReused: false, because: `the sign-in was ${signIn.revoked}` };
  if (nowMs >= signIn.expiresAtMs) return { isReused: false, because: 'the refresh token has expired' };
  const isRetry = generation === signIn.previousGeneration;
  if (isRetry && nowMs - signIn.lastUsedAtMs < REFRESH_RETRY_SECONDS * 1000) return { next: signIn };
  if (generation !== signIn.generation && !isRetry) {
    return { isReused: true, because: 'the refresh token was used before' };
  }
  const longestMs = signIn.createdAtMs + REFRESH_LONGEST_SECONDS * 1000;
  return {
    next: {
      ...signIn,
      generation: signIn.generation + 1,
      previousGeneration: generation,
      lastUsedAtMs: nowMs,
      expiresAtMs: Math.min(longestMs, nowMs + REFRESH_IDLE_SECONDS * 1000),
    },
  };
}

/** The sealed content of a refresh token. */
export const RefreshTokenSchema = z.object({ signInId: z.string(), generation: z.int() });

/** 256 random bits, as RFC 7636 section 4.1 recommends; also used for other unguessable values. */
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

/** `uri` with further query parameters. */
export function withParameters(uri: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(uri);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}
