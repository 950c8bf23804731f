/**
 * Every problem that the API returns. Never change a `code`: clients branch on it. `title` is public; details that only
 * operators may see go into the log as `because`.
 */
export const PROBLEMS = {
  VALIDATION_FAILED: { status: 400, title: 'The request is not valid.' },
  INVALID_JSON: { status: 400, title: 'The request body is not valid JSON.' },
  INVALID_CURSOR: {
    status: 400,
    title: 'The cursor is not valid for this list. Start again without a cursor.',
  },
  EVENT_INVALID: { status: 400, title: 'The message is not a valid Seatlease event.' },
  GRANT_INVALID: {
    status: 400,
    title: 'The code or token is not valid, has expired, or was already used. Sign in again.',
  },
  REDIRECT_NOT_ALLOWED: { status: 400, title: 'That redirect address is not registered.' },
  SIGN_IN_MISMATCH: {
    status: 400,
    title: 'This sign-in was not started in this browser, or it took too long. Start again.',
  },
  CONFIRMATION_INVALID: {
    status: 400,
    title: 'The confirmation is not valid or has expired. Request a new one.',
  },
  SIGNATURE_INVALID: {
    status: 400,
    title: 'The signature is missing, too old, or does not match the request.',
  },
  METER_UNKNOWN: { status: 400, title: 'No meter with that name is configured.' },
  USAGE_TIME_REFUSED: {
    status: 400,
    title: 'The timestamp is more than 30 days old, or more than 5 minutes in the future.',
  },
  HOLDER_REQUIRED: { status: 400, title: 'The request is missing the id that this license counts seats by.' },
  AUTHENTICATION_REQUIRED: {
    status: 401,
    title: 'The request has no credentials that this endpoint accepts.',
  },
  CREDENTIALS_INVALID: { status: 401, title: 'The credentials are not valid.' },
  FORBIDDEN: { status: 403, title: 'These credentials do not allow this request.' },
  NOT_ENTITLED: { status: 403, title: 'The request asks for more than the license grants.' },
  BORROW_NOT_ALLOWED: { status: 403, title: 'Seats of this license cannot be borrowed for that long.' },
  TRIAL_NOT_OFFERED: { status: 403, title: 'No trial is available for this account.' },
  LICENSE_SUSPENDED: { status: 403, title: 'The license is suspended.' },
  LICENSE_EXPIRED: { status: 403, title: 'The license has expired.' },
  NOT_FOUND: { status: 404, title: 'There is nothing at this address.' },
  LICENSE_NOT_FOUND: { status: 404, title: 'There is no such license.' },
  TENANT_NOT_FOUND: { status: 404, title: 'There is no such tenant.' },
  USER_NOT_FOUND: { status: 404, title: 'There is no such user.' },
  SUBSCRIPTION_NOT_FOUND: { status: 404, title: 'This license has no subscription.' },
  SESSION_NOT_FOUND: { status: 404, title: 'There is no such session, or it has ended.' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'This endpoint does not support that method.' },
  SEATS_EXHAUSTED: { status: 409, title: 'All seats of this license are in use.' },
  BORROW_LIMIT_REACHED: { status: 409, title: 'No more seats of this license can be borrowed.' },
  TENANT_CLOSED: { status: 409, title: 'This tenant was erased and can no longer be changed.' },
  OWNER_MUST_STAY: { status: 409, title: 'The tenant needs an owner. Transfer the ownership first.' },
  TOO_MANY_TENANTS: { status: 409, title: 'You already belong to the maximum number of tenants.' },
  DOMAIN_TAKEN: { status: 409, title: 'Users of that domain already join another tenant.' },
  PLAN_NOT_FOR_SALE: { status: 409, title: 'That plan is not available with these options.' },
  LICENSE_NOT_FOR_SALE: { status: 409, title: 'The vendor manages this license. It cannot be bought here.' },
  ALREADY_SUBSCRIBED: { status: 409, title: 'This license already has a subscription.' },
  BILLED_BY_SUBSCRIPTION: {
    status: 409,
    title: 'A subscription pays for this license. Change the subscription instead.',
  },
  SUBSCRIPTION_ENDED: { status: 409, title: 'The subscription has ended. Buy a new one.' },
  NO_BILLING_ACCOUNT: {
    status: 409,
    title: 'This tenant has no billing account yet. Start a checkout first.',
  },
  TRIAL_ALREADY_USED: {
    status: 409,
    title: 'This account, machine or e-mail domain has already had its trial.',
  },
  USAGE_RECORD_CONFLICT: { status: 409, title: 'A different usage record already has this id.' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The request body is too large.' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The request body must be uncompressed application/json.' },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    title: 'This idempotency key was already used for a different request.',
  },
  RATE_LIMITED: { status: 429, title: 'Too many requests. Wait, then try again.' },
  INTERNAL: { status: 500, title: 'Something went wrong on our side.' },
  SIGNING_UNAVAILABLE: { status: 502, title: 'Licenses cannot be signed right now. Try again.' },
  SIGNING_BUSY: { status: 503, title: 'Too many licenses are being signed right now. Try again later.' },
  SEATS_UNAVAILABLE: { status: 503, title: 'The seat service is unavailable right now. Try again.' },
  RECORDS_UNAVAILABLE: { status: 503, title: 'The database is unavailable right now. Try again.' },
  EVENTS_UNAVAILABLE: { status: 503, title: 'Events cannot be published right now. Try again.' },
  IDENTITY_UNAVAILABLE: { status: 503, title: 'Credentials cannot be checked right now. Try again.' },
  SIGN_IN_NOT_SET_UP: { status: 503, title: 'Sign-in is not configured on this server.' },
  BILLING_NOT_SET_UP: { status: 503, title: 'Payments are not configured on this server.' },
  BILLING_UNAVAILABLE: { status: 503, title: 'The payment service is unavailable right now. Try again.' },
  LIMITS_UNAVAILABLE: { status: 503, title: 'Rate limits cannot be checked right now. Try again.' },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** The dependencies of a deployment that can be unavailable. */
export type Part = 'seats' | 'records' | 'events' | 'identity' | 'signing' | 'limits' | 'billing';

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
