/** Who a token of Google's was issued to. Google gives one to its services (Scheduler, Pub/Sub) for each of their calls. */
export interface Identity {
  /**
   * Checks an OpenID Connect ID token: signature, issuer, times, and that it was made for us. Throws
   * `Unavailable('identity', …)` where the issuer's keys cannot be had: then nothing is known of the token.
   */
  verifyServiceToken(token: string): Promise<ServiceTokenVerdict>;
}

export type ServiceTokenVerdict =
  | { readonly verdict: 'VERIFIED' /** Of the service account. */; readonly email: string }
  | { readonly verdict: 'REFUSED' /** For the log alone. */; readonly because: string };
