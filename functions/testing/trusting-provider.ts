import { challengeOf } from '../../shared/domain/sign-in.ts';
import type { SignedInUser, SignIn, SignInPage } from '../../shared/ports/sign-in.ts';

/**
 * A sign-in provider that accepts any user named in a code, so that tests sign users in without a network. It still
 * checks that redirect, verifier and nonce are those of the authorization request.
 */
export function trustingProvider(): SignIn & SignInPage {
  return {
    async authorizeUrl({ state, nonce, codeChallenge, redirectUri }) {
      const parameters = new URLSearchParams({
        state,
        nonce,
        code_challenge: codeChallenge,
        redirect_uri: redirectUri,
      });
      return `https://provider.test/authorize?${parameters}`;
    },
    async redeem({ code, codeVerifier, redirectUri, nonce }) {
      const claims = claimsIn(code);
      const isOurs =
        claims?.nonce === nonce &&
        claims.challenge === challengeOf(codeVerifier) &&
        claims.redirectUri === redirectUri;
      return isOurs
        ? { verdict: 'SIGNED_IN', person: claims.person }
        : { verdict: 'REFUSED', because: 'a code of another sign-in' };
    },
  };
}

function claimsIn(code: string) {
  try {
    return JSON.parse(Buffer.from(code, 'base64url').toString());
  } catch {
    return undefined;
  }
}

/** The code that the trusting provider returns to a browser that was redirected to `location`. */
export function codeFor(location: string, person: SignedInUser): { code: string; state: string } {
  const parameters = new URL(location).searchParams;
  const claims = {
    person,
    nonce: parameters.get('nonce'),
    challenge: parameters.get('code_challenge'),
    redirectUri: parameters.get('redirect_uri'),
  };
  return {
    code: Buffer.from(JSON.stringify(claims)).toString('base64url'),
    state: parameters.get('state') ?? '',
  };
}
