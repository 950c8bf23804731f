/**
 * The one table of everything a caller can be told has gone wrong. A `code` is stable for ever: clients branch on
 * it. `title` is public text; what only operators may know goes into the log as `because`.
 */
export const PROBLEMS = {
  VALIDATION_FAILED: { status: 400, title: 'The request is not valid.' },
  INVALID_JSON: { status: 400, title: 'The request body is not valid JSON.' },
  INVALID_CURSOR: { status: 400, title: 'The cursor is not one that this endpoint gave out.' },
  EVENT_INVALID: { status: 400, title: 'The message does not hold an event of ours.' },
  GRANT_INVALID: {
    status: 400,
    title: 'The code or token is not valid, was used before, or has run out. Sign in again.',
  },
  REDIRECT_NOT_ALLOWED: { status: 400, title: 'Nobody is sent to that address after signing in.' },
  SIGN_IN_MISMATCH: {
    status: 400,
    title: 'This sign-in was not begun in this browser, or took too long. Begin again.',
  },
  CONFIRMATION_INVALID: {
    status: 400,
    title: 'The confirmation is not valid, or has run out. Ask for a new one.',
  },
  SIGNATURE_INVALID: {
    status: 400,
    title: 'The signature does not fit the request, or is too old.',
  },
  METER_UNKNOWN: { status: 400, title: 'Nothing is metered under that name.' },
  USAGE_TIME_REFUSED: { status: 400, title: 'The time of use lies too far back, or in the future.' },
  HOLDER_REQUIRED: {
    status: 400,
    title: 'This license counts seats by an identifier that the request does not carry.',
  },
  AUTHENTICATION_REQUIRED: { status: 401, title: 'The request carries no usable credentials.' },
  CREDENTIALS_INVALID: { status: 401, title: 'The credentials are not valid.' },
  FORBIDDEN: { status: 403, title: 'These credentials do not allow this request.' },
  NOT_ENTITLED: { status: 403, title: 'The request asks for more than the license grants.' },
  BORROW_NOT_ALLOWED: { status: 403, title: 'Seats of this license are not lent for so long.' },
  TRIAL_NOT_OFFERED: { status: 403, title: 'There is no trial for you.' },
  LICENSE_SUSPENDED: { status: 403, title: 'The license is suspended.' },
  LICENSE_EXPIRED: { status: 403, title: 'The license has expired.' },
  NOT_FOUND: { status: 404, title: 'There is nothing at this address.' },
  LICENSE_NOT_FOUND: { status: 404, title: 'There is no such license.' },
  TENANT_NOT_FOUND: { status: 404, title: 'There is no such tenant.' },
  USER_NOT_FOUND: { status: 404, title: 'There is no such user.' },
  SUBSCRIPTION_NOT_FOUND: { status: 404, title: 'No subscription pays for that license.' },
  SESSION_NOT_FOUND: { status: 404, title: 'There is no such session, or it has ended.' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'This address does not take that method.' },
  SEATS_EXHAUSTED: { status: 409, title: 'Every seat of this license is taken.' },
  BORROW_LIMIT_REACHED: { status: 409, title: 'As many seats of this license are borrowed as may be.' },
  TENANT_CLOSED: { status: 409, title: 'The tenant was erased; nothing begins in it any more.' },
  OWNER_MUST_STAY: {
    status: 409,
    title: 'A tenant needs its owner. Transfer the ownership first.',
  },
  TOO_MANY_TENANTS: { status: 409, title: 'That person belongs to as many tenants as one may.' },
  DOMAIN_TAKEN: { status: 409, title: 'Another tenant takes in the people of that domain.' },
  PLAN_NOT_FOR_SALE: { status: 409, title: 'That plan is not for sale like this.' },
  LICENSE_NOT_FOR_SALE: {
    status: 409,
    title: 'The vendor looks after that license: there is nothing to buy.',
  },
  ALREADY_SUBSCRIBED: { status: 409, title: 'A subscription pays for that license already.' },
  BILLED_BY_SUBSCRIPTION: {
    status: 409,
    title: 'A subscription pays for that license: change it there.',
  },
  SUBSCRIPTION_ENDED: { status: 409, title: 'The subscription has ended. Buy seats again.' },
  NO_BILLING_ACCOUNT: { status: 409, title: 'That tenant has not bought anything yet.' },
  TRIAL_ALREADY_USED: { status: 409, title: 'The trial was used already.' },
  USAGE_RECORD_CONFLICT: { status: 409, title: 'Another record has that id.' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The request body is too large.' },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'The request body must be application/json, not compressed.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    title: 'The idempotency key was used for another request.',
  },
  RATE_LIMITED: { status: 429, title: 'Too many requests. Wait, then try again.' },
  INTERNAL: { status: 500, title: 'Something went wrong on our side.' },
  SIGNING_UNAVAILABLE: { status: 502, title: 'Licenses cannot be signed right now. Try again.' },
  SIGNING_BUSY: { status: 503, title: 'Too many licenses are being signed right now. Try again later.' },
  SEATS_UNAVAILABLE: {
    status: 503,
    title: 'Seats cannot be counted right now. Try again.',
  },
  RECORDS_UNAVAILABLE: { status: 503, title: 'Records cannot be reached right now. Try again.' },
  EVENTS_UNAVAILABLE: { status: 503, title: 'Events cannot be published right now. Try again.' },
  IDENTITY_UNAVAILABLE: { status: 503, title: 'Credentials cannot be checked right now. Try again.' },
  SIGN_IN_NOT_SET_UP: { status: 503, title: 'Nobody can sign in: this server has no sign-in provider.' },
  BILLING_NOT_SET_UP: { status: 503, title: 'Nothing can be bought: this server takes no payments.' },
  BILLING_UNAVAILABLE: { status: 503, title: 'Payments cannot be reached right now. Try again.' },
  LIMITS_UNAVAILABLE: { status: 503, title: 'Requests cannot be counted right now. Try again.' },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** The parts a deployment leans on that can be away while the code is right. */
export type Part = 'seats' | 'records' | 'events' | 'identity' | 'signing' | 'limits' | 'billing';

/**
 * A part did not answer, or answered that it cannot serve now. Callers see a 503 (502 for signing) with `Retry-After`; the cause is
 * logged. Thrown by adapters, never for an answer that the part did give.
 */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
  readonly part: Part;

  constructor(part: Part, because: string, options?: ErrorOptions) {
    super(`${part}: ${because}`, options);
    this.part = part;
  }
}
