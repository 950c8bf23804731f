import * as z from 'zod/mini';
import type { Sealer } from './sealed.ts';
import { challengeOf, newVerifier } from './sign-in.ts';

/** A sign-in must be completed within ten minutes. */
export const SIGN_IN_SECONDS = 600;

/** A browser can have this many sign-ins in progress. One more replaces the oldest. */
const MOST_IN_PROGRESS = 8;
/** Browsers refuse cookies of more than 4,096 bytes, name included. */
const MOST_COOKIE_CHARACTERS = 3_900;

/** What a sign-in is for: a code for a client, or the device that shows a user code (RFC 8628). */
const PurposeSchema = z.discriminatedUnion('for', [
  z.object({
    for: z.literal('client'),
    clientId: z.string(),
    redirectUri: z.string(),
    /** The client's own `state`, to return with the code. */
    state: z.optional(z.string()),
    challenge: z.string(),
  }),
  z.object({ for: z.literal('device'), userCode: z.string() }),
]);
export type Purpose = z.infer<typeof PurposeSchema>;

const SignInInProgressSchema = z.object({
  /**
   * PKCE verifier of our own request to the provider (RFC 7636). `state` and `nonce` of that request are derived from it,
   * which keeps the cookie small.
   */
  verifier: z.string(),
  purpose: PurposeSchema,
  expiresAtMs: z.int(),
});
export type SignInInProgress = z.infer<typeof SignInInProgressSchema>;

/** Sealed in a cookie, so that a sign-in is bound to the browser that began it. */
const ProgressSchema = z.object({ inProgress: z.array(SignInInProgressSchema) });

export function beginProgress(purpose: Purpose, nowMs: number): SignInInProgress {
  return { verifier: newVerifier(), purpose, expiresAtMs: nowMs + SIGN_IN_SECONDS * 1000 };
}

/** The `state` of our request to the provider. It reveals nothing of the verifier. */
export function providerStateOf({ verifier }: SignInInProgress): string {
  return challengeOf(`state ${verifier}`);
}

/** The `nonce` of our request to the provider. */
export function providerNonceOf({ verifier }: SignInInProgress): string {
  return challengeOf(`nonce ${verifier}`);
}

/** The sign-ins in progress that a cookie holds, oldest first: none if it was not sealed by us. */
export function openProgress(
  sealer: Sealer,
  cookie: string | undefined,
  nowMs: number,
): readonly SignInInProgress[] {
  const sealed = sealer.open(cookie);
  const { inProgress = [] } =
    (sealed === undefined ? undefined : z.safeParse(ProgressSchema, JSON.parse(sealed)).data) ?? {};
  return inProgress.filter(({ expiresAtMs }) => nowMs < expiresAtMs);
}

/** The cookie for these sign-ins, without the oldest if it would be too large. */
export function sealProgress(sealer: Sealer, inProgress: readonly SignInInProgress[]): string {
  const kept = inProgress.slice(-MOST_IN_PROGRESS);
  const sealed = sealer.seal(JSON.stringify({ inProgress: kept }));
  return sealed.length <= MOST_COOKIE_CHARACTERS || kept.length <= 1
    ? sealed
    : sealProgress(sealer, kept.slice(1));
}
