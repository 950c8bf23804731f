/** How long a client waits before a retry: names of `BACKOFFS`. */
export type Backoff = 'outage' | 'seat' | 'repair';

/**
 * A client waits for `Retry-After`, if the response has it (RFC 9110 section 10.2.3), and then a random time from 0 to
 * `firstMs` × 2ⁿ, at most `longestMs`, where n counts the retries from 0. This is "full jitter": clients that were refused
 * together do not retry together (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). Google's
 * clients also begin with a second and double it (https://cloud.google.com/iam/docs/retry-strategy).
 */
export const BACKOFFS: Readonly<Record<Backoff, { readonly firstMs: number; readonly longestMs: number }>> = {
  /** The server, a dependency or the network fails: usually for seconds. */
  outage: { firstMs: 1_000, longestMs: 60_000 },
  /**
   * All seats are in use. `Retry-After` is when the next lease ends, but a seat can be released before: it is the longest
   * wait here, not the shortest.
   */
  seat: { firstMs: 2_000, longestMs: 60_000 },
  /** A person must act, which can take long: retries cost no more than heartbeats. */
  repair: { firstMs: 30_000, longestMs: 300_000 },
};

/**
 * Why a session holds no seat: the member `ended` of SESSION_NOT_FOUND. `unknown`: it is forgotten, or never was, or is
 * not the caller's. Clients take a missing or new value for `unknown`.
 */
export type Ended = 'released' | 'evicted' | 'expired' | 'unknown';

/**
 * What a client does after a problem. `retry`: sends the request again, after the backoff. `acquire`: acquires anew, at
 * once. `stop`: does not repeat the request, because only a person or another request can help.
 *
 * `within: 'lease'`: the server says that the holder has no right to a seat now. A running program may use what is left
 * of its lease, but no offline grace, which is for times without an answer.
 */
export type Next =
  | { readonly do: 'stop' }
  | { readonly do: 'acquire' }
  | { readonly do: 'retry'; readonly backoff: Backoff; readonly within?: 'lease' };

export interface Problem {
  readonly status: number;
  readonly title: string;
  /** After any call, unless `whileHeld` applies. */
  readonly next: Next;
  /**
   * After a heartbeat, and after an acquire in place of a seat that was lost, if it differs from `next`: a program is
   * running. It runs on while its lease or its offline grace lasts (see `Next`), and ends at once after `stop`.
   */
  readonly whileHeld?: Next | { readonly byEnded: Readonly<Record<Ended, Next>> };
  /** Its `error` at OAuth endpoints, if `oauthErrorOf` would say another. */
  readonly oauthError?: string;
}

const STOP = { do: 'stop' } as const;
const ACQUIRE = { do: 'acquire' } as const;
const RETRY = {
  outage: { do: 'retry', backoff: 'outage' },
  seat: { do: 'retry', backoff: 'seat' },
  repair: { do: 'retry', backoff: 'repair' },
} as const;

/** While a seat is held: the license grants none now. */
const WITHIN_LEASE = {
  seat: { do: 'retry', backoff: 'seat', within: 'lease' },
  repair: { do: 'retry', backoff: 'repair', within: 'lease' },
} as const;

/** An admin or the program itself ended the session on purpose: acquiring again would undo that. */
const AFTER_ENDING = {
  byEnded: { released: STOP, evicted: STOP, expired: ACQUIRE, unknown: ACQUIRE },
} as const;

/**
 * Every problem that the API returns. Never change a `code`: clients branch on it. `title` is public; details that only
 * operators may see go into the log as `because`.
 *
 * `next`: clients retry after failures and limits, and do not repeat a refused request, as Stripe advises
 * (https://docs.stripe.com/error-low-level). `whileHeld`: a running program does not end because of an answer that says
 * nothing about its seat (a proxy or a faulty release answers 400, 404 or 405, or drops the credentials). If the license
 * grants no seat now (a late renewal, a full pool), the program may run until its lease ends, and gets its seat back by
 * itself. Keygen, too, lets machines return (https://keygen.sh/docs/api/machines/, RESURRECTED).
 */
export const PROBLEMS = {
  VALIDATION_FAILED: { status: 400, title: 'The request is not valid.', next: STOP, whileHeld: RETRY.repair },
  INVALID_JSON: {
    status: 400,
    title: 'The request body is not valid JSON.',
    next: STOP,
    whileHeld: RETRY.repair,
  },
  INVALID_CURSOR: {
    status: 400,
    title: 'The cursor is not valid for this list. Start again without a cursor.',
    next: STOP,
  },
  EVENT_INVALID: { status: 400, title: 'The message is not a valid Seatlease event.', next: STOP },
  GRANT_INVALID: {
    status: 400,
    title: 'The code or token is not valid, has expired, or was already used. Sign in again.',
    next: STOP,
    oauthError: 'invalid_grant',
  },
  GRANT_UNSUPPORTED: {
    status: 400,
    title: 'That grant_type is not supported.',
    next: STOP,
    whileHeld: RETRY.repair,
    oauthError: 'unsupported_grant_type',
  },
  CLIENT_NOT_ALLOWED: {
    status: 400,
    title: 'That program cannot sign in this way.',
    next: STOP,
    whileHeld: RETRY.repair,
    oauthError: 'unauthorized_client',
  },
  AUTHORIZATION_PENDING: {
    status: 400,
    title: 'The user has not decided yet. Ask again after the interval.',
    next: STOP,
    whileHeld: RETRY.repair,
    oauthError: 'authorization_pending',
  },
  SLOW_DOWN: {
    status: 400,
    title: 'The program asks too often. Ask again, with an interval that is 5 seconds longer.',
    next: STOP,
    whileHeld: RETRY.repair,
    oauthError: 'slow_down',
  },
  DEVICE_CODE_EXPIRED: {
    status: 400,
    title: 'The user did not decide in time. Start again.',
    next: STOP,
    whileHeld: RETRY.repair,
    oauthError: 'expired_token',
  },
  SIGN_IN_DENIED: {
    status: 400,
    title: 'The user did not allow the sign-in.',
    next: STOP,
    whileHeld: RETRY.repair,
    oauthError: 'access_denied',
  },
  REDIRECT_NOT_ALLOWED: { status: 400, title: 'That redirect address is not registered.', next: STOP },
  SIGN_IN_MISMATCH: {
    status: 400,
    title: 'This sign-in was not started in this browser, or it took too long. Start again.',
    next: STOP,
  },
  CONFIRMATION_INVALID: {
    status: 400,
    title: 'The confirmation is not valid or has expired. Request a new one.',
    next: STOP,
  },
  SIGNATURE_INVALID: {
    status: 400,
    title: 'The signature is missing, too old, or does not match the request.',
    next: STOP,
  },
  TIME_NOT_IN_FUTURE: {
    status: 400,
    title: 'The time must be in the future, and at most five years ahead.',
    next: STOP,
  },
  METER_UNKNOWN: { status: 400, title: 'No meter with that name is configured.', next: STOP },
  USAGE_TIME_REFUSED: {
    status: 400,
    title: 'The timestamp is more than 30 days old, or more than 5 minutes in the future.',
    next: STOP,
  },
  USAGE_BELOW_FLOOR: {
    status: 400,
    title: 'The quantity is below the floor of this meter. Send the usage of several actions in one record.',
    next: STOP,
  },
  USAGE_OUTSIDE_SESSION: {
    status: 400,
    title: 'The session held no seat at the time of this usage.',
    next: STOP,
  },
  HOLDER_REQUIRED: {
    status: 400,
    title: 'The request is missing the id that this license counts seats by.',
    next: STOP,
  },
  AUTHENTICATION_REQUIRED: {
    status: 401,
    title: 'The request has no credentials that this endpoint accepts.',
    next: STOP,
    whileHeld: RETRY.repair,
  },
  CREDENTIALS_INVALID: { status: 401, title: 'The credentials are not valid.', next: STOP },
  CLIENT_UNKNOWN: {
    status: 401,
    title:
      'No program is registered with that client_id, or the request has credentials, which programs do not have.',
    next: STOP,
    whileHeld: RETRY.repair,
    oauthError: 'invalid_client',
  },
  PAYMENT_REQUIRED: {
    status: 402,
    title: 'The payment did not succeed, so nothing was changed.',
    next: STOP,
  },
  FORBIDDEN: { status: 403, title: 'These credentials do not allow this request.', next: STOP },
  INSUFFICIENT_SCOPE: {
    status: 403,
    title: 'The operator token lacks a scope that this request needs.',
    next: STOP,
  },
  NOT_ENTITLED: { status: 403, title: 'The request asks for more than the license grants.', next: STOP },
  BORROW_NOT_ALLOWED: {
    status: 403,
    title: 'Seats of this license cannot be borrowed for that long.',
    next: STOP,
  },
  TRIAL_NOT_OFFERED: { status: 403, title: 'No trial is available for this account.', next: STOP },
  LICENSE_SUSPENDED: {
    status: 403,
    title: 'The license is suspended.',
    next: STOP,
    whileHeld: WITHIN_LEASE.repair,
  },
  LICENSE_EXPIRED: {
    status: 403,
    title: 'The license has expired.',
    next: STOP,
    whileHeld: WITHIN_LEASE.repair,
  },
  USER_CODE_UNKNOWN: {
    status: 404,
    title:
      'No program waits for that code, or the code has expired. Compare it with the code that the program shows.',
    next: STOP,
  },
  NOT_FOUND: { status: 404, title: 'There is nothing at this address.', next: STOP, whileHeld: RETRY.repair },
  LICENSE_NOT_FOUND: { status: 404, title: 'There is no such license.', next: STOP },
  TENANT_NOT_FOUND: { status: 404, title: 'There is no such tenant.', next: STOP },
  USER_NOT_FOUND: { status: 404, title: 'There is no such user.', next: STOP },
  OPERATOR_TOKEN_NOT_FOUND: { status: 404, title: 'There is no such operator token.', next: STOP },
  INVITATION_NOT_FOUND: {
    status: 404,
    title: 'There is no such invitation for you, or it has expired or was withdrawn.',
    next: STOP,
  },
  TRANSFER_NOT_FOUND: {
    status: 404,
    title: 'The ownership of this tenant is not offered to you.',
    next: STOP,
  },
  STRIPE_EVENT_NOT_FOUND: { status: 404, title: 'There is no such Stripe event.', next: STOP },
  SUBSCRIPTION_NOT_FOUND: { status: 404, title: 'This license has no subscription.', next: STOP },
  HOLD_NOT_FOUND: { status: 404, title: 'The license has no hold with this id.', next: STOP },
  SIGNING_KEY_NOT_FOUND: {
    status: 404,
    title: 'The signing key has no enabled version with this id.',
    next: STOP,
  },
  REVOCATION_NOT_FOUND: { status: 404, title: 'Nothing with this id is revoked.', next: STOP },
  SESSION_NOT_FOUND: {
    status: 404,
    title: 'There is no such session, or it has ended.',
    next: STOP,
    whileHeld: AFTER_ENDING,
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'This endpoint does not support that method.',
    next: STOP,
    whileHeld: RETRY.repair,
  },
  SEATS_EXHAUSTED: {
    status: 409,
    title: 'All seats of this license are in use.',
    next: RETRY.seat,
    whileHeld: WITHIN_LEASE.seat,
  },
  SESSION_ENDED: {
    status: 409,
    title: 'This session has ended. Start a new one with a fresh instance_id.',
    next: STOP,
  },
  SESSIONS_EXHAUSTED: {
    status: 409,
    title: 'Too many programs use this seat.',
    next: RETRY.seat,
    whileHeld: WITHIN_LEASE.seat,
  },
  SIGNED_LIMIT: {
    status: 409,
    title: 'Too many machines of this license hold a signed license.',
    next: STOP,
  },
  BORROW_LIMIT_REACHED: { status: 409, title: 'No more seats of this license can be borrowed.', next: STOP },
  SIGNING_KEY_IN_USE: {
    status: 409,
    title: 'This key signs licenses now. Rotate the signing key first.',
    next: STOP,
  },
  REVOCATIONS_FULL: {
    status: 409,
    title: 'The list of revocations is full. Rotate the signing key, and revoke the old one.',
    next: STOP,
  },
  TENANT_CLOSED: { status: 409, title: 'This tenant was erased and can no longer be changed.', next: STOP },
  OWNER_MUST_STAY: {
    status: 409,
    title: 'The tenant needs an owner. Transfer the ownership first.',
    next: STOP,
  },
  TOO_MANY_TENANTS: {
    status: 409,
    title: 'You already belong to the maximum number of tenants.',
    next: STOP,
  },
  TENANT_HAS_OWNER: {
    status: 409,
    title: 'The tenant already has an owner. Ask for a new invitation.',
    next: STOP,
  },
  ALREADY_OWNER: { status: 409, title: 'That user already owns the tenant.', next: STOP },
  TOO_MANY_INVITATIONS: {
    status: 409,
    title: 'Too many invitations are open, of this tenant or for this address.',
    next: STOP,
  },
  DOMAIN_TAKEN: { status: 409, title: 'Users of that domain already join another tenant.', next: STOP },
  DOMAIN_PUBLIC: {
    status: 409,
    title: 'Anyone can get an address of that domain. It cannot be claimed.',
    next: STOP,
  },
  DOMAIN_NOT_CLAIMED: { status: 409, title: 'The tenant has not claimed a domain.', next: STOP },
  DOMAIN_NOT_VERIFIED: {
    status: 409,
    title: 'The TXT record was not found. A new record can take hours to be seen everywhere.',
    next: STOP,
  },
  PLAN_NOT_FOR_SALE: { status: 409, title: 'That plan is not available with these options.', next: STOP },
  LICENSE_NOT_FOR_SALE: {
    status: 409,
    title: 'The vendor manages this license. It cannot be bought here.',
    next: STOP,
  },
  ALREADY_SUBSCRIBED: { status: 409, title: 'This license already has a subscription.', next: STOP },
  INVOICE_NOT_PAID: {
    status: 409,
    title: 'The subscription of this license has an unpaid invoice. Pay it in the billing portal.',
    next: STOP,
  },
  BILLED_BY_SUBSCRIPTION: {
    status: 409,
    title: 'A subscription pays for this license. Change the subscription instead.',
    next: STOP,
  },
  HOLD_NOT_LIFTABLE: {
    status: 409,
    title:
      'Only a dispute or a refund can be lifted. Void the unpaid invoice, or resume the subscription, at Stripe.',
    next: STOP,
  },
  SUBSCRIPTION_CHANGED: {
    status: 409,
    title: 'The subscription has changed in the meantime. Read it again.',
    next: STOP,
  },
  SUBSCRIPTION_UNCHANGEABLE: {
    status: 409,
    title: 'This subscription cannot be changed here now.',
    next: STOP,
  },
  SUBSCRIPTION_STILL_ENDING: {
    status: 409,
    title: 'The subscription is still going to end.',
    next: STOP,
  },
  SUBSCRIPTION_ENDED: { status: 409, title: 'The subscription has ended. Buy a new one.', next: STOP },
  NO_BILLING_ACCOUNT: {
    status: 409,
    title: 'This tenant has no billing account yet. Start a checkout first.',
    next: STOP,
  },
  TRIAL_ALREADY_USED: {
    status: 409,
    title: 'No trial is left for this account, machine or e-mail domain.',
    next: STOP,
  },
  USAGE_CAP_REACHED: {
    status: 409,
    title: 'The quantity exceeds what is left of the daily cap of this meter.',
    next: STOP,
  },
  STRIPE_EVENT_NOT_RETRYABLE: {
    status: 409,
    title: 'Only events that are open or set aside can be retried.',
    next: STOP,
  },
  USAGE_VOIDED: { status: 409, title: 'The vendor has voided the usage record with this id.', next: STOP },
  USAGE_RECORD_CONFLICT: { status: 409, title: 'A different usage record already has this id.', next: STOP },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    title: 'The request body is too large.',
    next: STOP,
    whileHeld: RETRY.repair,
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'The request body is compressed, or not of the media type that the endpoint accepts.',
    next: STOP,
    whileHeld: RETRY.repair,
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    title: 'This idempotency key was already used for a different request.',
    next: STOP,
  },
  RATE_LIMITED: { status: 429, title: 'Too many requests. Wait, then try again.', next: RETRY.outage },
  INTERNAL: { status: 500, title: 'Something went wrong on our side.', next: RETRY.outage },
  SIGNING_UNAVAILABLE: {
    status: 502,
    title: 'Licenses cannot be signed right now. Try again.',
    next: RETRY.outage,
  },
  SIGNING_BUSY: {
    status: 503,
    title: 'Too many licenses are being signed right now. Try again later.',
    next: RETRY.outage,
  },
  SEATS_UNAVAILABLE: {
    status: 503,
    title: 'The seat service is unavailable right now. Try again.',
    next: RETRY.outage,
  },
  RECORDS_UNAVAILABLE: {
    status: 503,
    title: 'The database is unavailable right now. Try again.',
    next: RETRY.outage,
  },
  EVENTS_UNAVAILABLE: {
    status: 503,
    title: 'Events cannot be published right now. Try again.',
    next: RETRY.outage,
  },
  IDENTITY_UNAVAILABLE: {
    status: 503,
    title: 'Credentials cannot be checked right now. Try again.',
    next: RETRY.outage,
  },
  SIGN_IN_NOT_SET_UP: { status: 503, title: 'Sign-in is not configured on this server.', next: STOP },
  BILLING_NOT_SET_UP: { status: 503, title: 'Payments are not configured on this server.', next: STOP },
  BILLING_UNAVAILABLE: {
    status: 503,
    title: 'The payment service is unavailable right now. Try again.',
    next: RETRY.outage,
  },
  DNS_UNAVAILABLE: {
    status: 503,
    title: 'The records of the domain cannot be read right now. Try again.',
    next: RETRY.outage,
  },
  LIMITS_UNAVAILABLE: {
    status: 503,
    title: 'Rate limits cannot be checked right now. Try again.',
    next: RETRY.outage,
  },
} as const satisfies Readonly<Record<string, Problem>>;

export type ProblemCode = keyof typeof PROBLEMS;

/**
 * The `error` of a problem for OAuth clients (RFC 6749 sections 4.1.2.1 and 5.2). A device that is limited asks less often
 * (RFC 8628 section 3.5); other programs do not know that word, and see the status.
 */
export function oauthErrorOf(code: ProblemCode): string {
  const { status, oauthError }: Problem = PROBLEMS[code];
  if (oauthError !== undefined) return oauthError;
  if (status === 429) return 'slow_down';
  if (status === 503) return 'temporarily_unavailable';
  return status >= 500 ? 'server_error' : 'invalid_request';
}

/** The dependencies of a deployment that can be unavailable. */
export type Part = 'seats' | 'records' | 'events' | 'identity' | 'signing' | 'limits' | 'billing' | 'dns';

/**
 * Why a Redis that answers refuses to work: too many commands were sent, it is full, its traffic is used up, or it
 * accepts no writes (a replica). Waiting does not help, an operator must act.
 */
export type RedisLimit = 'commands' | 'memory' | 'bandwidth' | 'read-only';

/**
 * A dependency did not respond, or responded that it is unavailable. Callers get a 503 (502 for signing) with
 * `Retry-After`; the cause is logged. Adapters throw it, but never for a definite answer such as a refusal.
 */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
  readonly part: Part;
  readonly redisLimit: RedisLimit | undefined;

  constructor(
    part: Part,
    because: string,
    options?: ErrorOptions & { readonly redisLimit?: RedisLimit | undefined },
  ) {
    super(`${part}: ${because}`, options);
    this.part = part;
    this.redisLimit = options?.redisLimit;
  }
}
