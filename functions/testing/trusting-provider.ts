import { challengeOf } from '../../shared/domain/sign-in.ts';
import type { SignedInPerson, SignIn } from '../../shared/ports/sign-in.ts';

/**
 * A provider that believes whatever its codes say, so that tests sign people in without a network. What it is told of the
 * sign-in it holds to: the redirect, the verifier and the nonce are those that the browser was sent with.
 */
export function trustingProvider(): SignIn {
  return {
    async authorizeUrl({ state, nonce, codeChallenge, redirectUri }) {
      const asked = new URLSearchParams({
        state,
        nonce,
        code_challenge: codeChallenge,
        redirect_uri: redirectUri,
      });
      return `https://provider.test/authorize?${asked}`;
    },
    async redeem({ code, codeVerifier, redirectUri, nonce }) {
      const said = JSON.parse(Buffer.from(code, 'base64url').toString());
      const isOurs =
        said.nonce === nonce &&
        said.challenge === challengeOf(codeVerifier) &&
        said.redirectUri === redirectUri;
      return isOurs
        ? { verdict: 'SIGNED_IN', person: said.person }
        : { verdict: 'REFUSED', because: 'a code of another sign-in' };
    },
  };
}

/** The code that the trusting provider gives a browser that was sent to `location`. */
export function codeFor(location: string, person: SignedInPerson): { code: string; state: string } {
  const asked = new URL(location).searchParams;
  const said = {
    person,
    nonce: asked.get('nonce'),
    challenge: asked.get('code_challenge'),
    redirectUri: asked.get('redirect_uri'),
  };
  return { code: Buffer.from(JSON.stringify(said)).toString('base64url'), state: asked.get('state') ?? '' };
}
