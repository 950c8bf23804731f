/** Verifies tokens of Google's services: Scheduler and Pub/Sub send one with each call. */
export interface Identity {
  /**
   * Verifies an OpenID Connect ID token: signature (unless Cloud Run did), issuer, times and audience. If the issuer's
   * keys cannot be fetched, it throws `Unavailable('identity', …)`: it is then unknown whether the token is valid.
   */
  verifyServiceToken(token: string): Promise<ServiceTokenVerdict>;
}

export type ServiceTokenVerdict =
  | { readonly verdict: 'VERIFIED' /** Of the service account. */; readonly email: string }
  | { readonly verdict: 'REFUSED' /** For the log only. */; readonly because: string };
