/** The sign-in provider that vouches for people: they sign in over there, and we are told who it was. */
export interface SignIn {
  /**
   * Where to send the browser (OpenID Connect Core section 3.1.2.1). It comes back to `redirectUri` with `state` and
   * either `code` or `error`. `codeChallenge` is that of method S256 (RFC 7636 section 4.2).
   */
  authorizeUrl(ask: SignInAsk): Promise<string>;
  /**
   * Redeems the code that came back, which can be done once. Who signed in is taken from a token that was signed by
   * the provider (RS256), for us, now, for the sign-in of `nonce`, with a verified e-mail address; anything less is
   * `REFUSED`. Throws `Unavailable('identity', …)` where the provider does not answer within about 5 seconds, breaks,
   * or does not know us as its client: then nothing is known of the person.
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
  /** What `codeChallenge` was made of. */
  readonly codeVerifier: string;
  /** The same as in the ask. */
  readonly redirectUri: string;
  /** The same as in the ask. */
  readonly nonce: string;
}

export type SignInVerdict =
  | { readonly verdict: 'SIGNED_IN'; readonly person: SignedInPerson }
  | {
      readonly verdict: 'REFUSED' /** For the log alone; holds no token, code or address. */;
      readonly because: string;
    };

export interface SignedInPerson {
  /** The provider's own name for the account, which stays when the e-mail address changes. */
  readonly subject: string;
  /** In lower case. */
  readonly email: string;
  /** The part of the e-mail address before the @ where the provider knows no name. */
  readonly name: string;
  /**
   * The domain of the organisation that the account belongs to, in lower case; `null` for an account of one's own,
   * whatever the domain of its e-mail address.
   */
  readonly hostedDomain: string | null;
}
