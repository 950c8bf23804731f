import {
  CONSOLE_RETURN_PATH,
  challengeOf,
  mayRedirectTo,
  newVerifier,
  SIGN_IN_SECONDS,
  type SignInInProgress,
} from '../../shared/domain/sign-in.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { signInCookie } from '../../shared/http/cookie.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type contract from './contract.ts';

async function beginSignIn(
  { query }: RequestOf<typeof contract, 'google'>,
  { signInPage, signInRedirects, signInState, publicUrl, clock }: Deps,
): Promise<ReplyOf<typeof contract, 'google'>> {
  if (!signInPage) return { problem: 'SIGN_IN_NOT_SET_UP' };
  const registered = [...signInRedirects, `${publicUrl}${CONSOLE_RETURN_PATH}`];
  if (!mayRedirectTo(query.redirect_uri, registered)) return { problem: 'REDIRECT_NOT_ALLOWED' };
  const underWay: SignInInProgress = {
    state: newVerifier(),
    nonce: newVerifier(),
    codeVerifier: newVerifier(),
    redirectUri: query.redirect_uri,
    clientState: query.state,
    clientChallenge: query.code_challenge,
    expiresAtMs: clock.nowMs() + SIGN_IN_SECONDS * 1000,
  };
  const { state, nonce, codeVerifier } = underWay;
  const location = await signInPage.authorizeUrl({
    state,
    nonce,
    codeChallenge: challengeOf(codeVerifier),
    redirectUri: `${publicUrl}/auth/callback`,
  });
  const cookie = signInCookie(signInState.seal(JSON.stringify(underWay)), SIGN_IN_SECONDS, publicUrl);
  return { answer: 'provider', body: undefined, headers: { location, 'set-cookie': cookie } };
}

export default { google: beginSignIn } satisfies HandlersOf<typeof contract>;
