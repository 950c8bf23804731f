/** The page of the sign-in provider where users sign in. It needs no secret. */
export interface SignInPage {
  /**
   * Where to redirect the browser (OpenID Connect Core section 3.1.2.1). It returns to `redirectUri` with `state` and
   * either `code` or `error`. `codeChallenge` uses method S256 (RFC 7636 section 4.2).
   */
  authorizeUrl(ask: SignInAsk): Promise<string>;
}

/** The sign-in provider, which returns who signed in on its page. */
export interface SignIn {
  /**
   * Redeems the returned code, which works once. The user is taken from a token that the provider signed (RS256), for
   * us, just now, for the sign-in of `nonce`, with a verified e-mail address; anything less is `REFUSED`. If the
   * provider does not answer within about 5 seconds, fails, or does not accept our client credentials, it throws
   * `Unavailable('identity', …)`: it is then unknown who the user is.
   */
  redeem(answer: SignInAnswer): Promise<SignInVerdict>;
}

export interface SignInAsk {
  readonly state: string;
  readonly nonce: string;
  readonly codeChallenge: string;
  readonly redirectUri: string;
}

export interface SignInAnswer {
  readonly code: string;
  /** The verifier that `codeChallenge` was computed from. */
  readonly codeVerifier: string;
  /** The same as in the request. */
  readonly redirectUri: string;
  /** The same as in the request. */
  readonly nonce: string;
}

export type SignInVerdict =
  | { readonly verdict: 'SIGNED_IN'; readonly person: SignedInUser }
  | {
      readonly verdict: 'REFUSED' /** For the log only; holds no token, code or e-mail address. */;
      readonly because: string;
    };

export interface SignedInUser {
  /** The provider's `iss`, one of them if it has several names. With `subject`, it names the account. */
  readonly issuer: string;
  /** The provider's own id of the account, which stays the same when the e-mail address changes. */
  readonly subject: string;
  /** In lower case. */
  readonly email: string;
  /** The part of the e-mail address before the @ if the provider knows no name. */
  readonly name: string;
  /**
   * The domain of the organisation that manages the account, in lower case; `null` for a personal account, whatever the
   * domain of its e-mail address, and for a provider that does not vouch for domains.
   */
  readonly hostedDomain: string | null;
}
