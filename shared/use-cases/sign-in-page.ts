import { challengeOf } from '../domain/sign-in.ts';
import {
  beginProgress,
  openProgress,
  type Purpose,
  providerNonceOf,
  providerStateOf,
  sealProgress,
} from '../domain/sign-in-progress.ts';
import type { Deps } from '../ports/deps.ts';

/** Where the provider returns the browser to. */
export function callbackOf({ publicUrl }: Pick<Deps, 'publicUrl'>): string {
  return `${publicUrl}/auth/callback`;
}

/**
 * Begins a sign-in at the provider: where the browser goes, and the value of its cookie for `SIGN_IN_SECONDS`. The cookie
 * keeps the browser's other sign-ins in progress, as Hosting passes on only one cookie. `undefined` if sign-in is not
 * configured.
 */
export async function beginAtProvider(
  purpose: Purpose,
  cookie: string | undefined,
  { signInPage, signInState, publicUrl, clock }: Deps,
): Promise<{ readonly location: string; readonly cookie: string } | undefined> {
  if (!signInPage) return undefined;
  const nowMs = clock.nowMs();
  const begun = beginProgress(purpose, nowMs);
  const location = await signInPage.authorizeUrl({
    state: providerStateOf(begun),
    nonce: providerNonceOf(begun),
    codeChallenge: challengeOf(begun.verifier),
    redirectUri: callbackOf({ publicUrl }),
  });
  const inProgress = [...openProgress(signInState, cookie, nowMs), begun];
  return { location, cookie: sealProgress(signInState, inProgress) };
}
