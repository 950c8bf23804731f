import { expect, test } from 'vitest';
import { PROBLEMS, type Problem } from './errors.ts';

/** Clients branch on code and status: neither may change, and no code may disappear. */
const CODES_BY_STATUS: Readonly<Record<number, readonly string[]>> = {
  400: [
    'VALIDATION_FAILED',
    'INVALID_JSON',
    'INVALID_CURSOR',
    'EVENT_INVALID',
    'GRANT_INVALID',
    'GRANT_UNSUPPORTED',
    'CLIENT_NOT_ALLOWED',
    'AUTHORIZATION_PENDING',
    'SLOW_DOWN',
    'DEVICE_CODE_EXPIRED',
    'SIGN_IN_DENIED',
    'REDIRECT_NOT_ALLOWED',
    'SIGN_IN_MISMATCH',
    'CONFIRMATION_INVALID',
    'SIGNATURE_INVALID',
    'TIME_NOT_IN_FUTURE',
    'METER_UNKNOWN',
    'USAGE_TIME_REFUSED',
    'USAGE_BELOW_FLOOR',
    'USAGE_OUTSIDE_SESSION',
    'HOLDER_REQUIRED',
  ],
  401: ['AUTHENTICATION_REQUIRED', 'CREDENTIALS_INVALID', 'CLIENT_UNKNOWN'],
  402: ['PAYMENT_REQUIRED'],
  403: [
    'FORBIDDEN',
    'NOT_ENTITLED',
    'BORROW_NOT_ALLOWED',
    'TRIAL_NOT_OFFERED',
    'LICENSE_SUSPENDED',
    'LICENSE_EXPIRED',
    'INSUFFICIENT_SCOPE',
  ],
  404: [
    'USER_CODE_UNKNOWN',
    'NOT_FOUND',
    'LICENSE_NOT_FOUND',
    'TENANT_NOT_FOUND',
    'USER_NOT_FOUND',
    'SUBSCRIPTION_NOT_FOUND',
    'HOLD_NOT_FOUND',
    'STRIPE_EVENT_NOT_FOUND',
    'SESSION_NOT_FOUND',
    'INVITATION_NOT_FOUND',
    'OPERATOR_TOKEN_NOT_FOUND',
    'REVOCATION_NOT_FOUND',
    'SIGNING_KEY_NOT_FOUND',
    'TRANSFER_NOT_FOUND',
  ],
  405: ['METHOD_NOT_ALLOWED'],
  409: [
    'HOLD_NOT_LIFTABLE',
    'INVOICE_NOT_PAID',
    'STRIPE_EVENT_NOT_RETRYABLE',
    'SUBSCRIPTION_CHANGED',
    'SUBSCRIPTION_UNCHANGEABLE',
    'SEATS_EXHAUSTED',
    'SESSION_ENDED',
    'SESSIONS_EXHAUSTED',
    'SIGNED_LIMIT',
    'BORROW_LIMIT_REACHED',
    'TENANT_CLOSED',
    'OWNER_MUST_STAY',
    'TOO_MANY_TENANTS',
    'DOMAIN_TAKEN',
    'PLAN_NOT_FOR_SALE',
    'LICENSE_NOT_FOR_SALE',
    'ALREADY_SUBSCRIBED',
    'BILLED_BY_SUBSCRIPTION',
    'SUBSCRIPTION_ENDED',
    'SUBSCRIPTION_STILL_ENDING',
    'SUBSCRIPTION_UNCHANGEABLE',
    'NO_BILLING_ACCOUNT',
    'TRIAL_ALREADY_USED',
    'USAGE_CAP_REACHED',
    'USAGE_VOIDED',
    'USAGE_RECORD_CONFLICT',
    'ALREADY_OWNER',
    'DOMAIN_NOT_CLAIMED',
    'DOMAIN_NOT_VERIFIED',
    'DOMAIN_PUBLIC',
    'REVOCATIONS_FULL',
    'SIGNING_KEY_IN_USE',
    'TENANT_HAS_OWNER',
    'TOO_MANY_INVITATIONS',
  ],
  413: ['PAYLOAD_TOO_LARGE'],
  415: ['UNSUPPORTED_MEDIA_TYPE'],
  422: ['IDEMPOTENCY_KEY_REUSED'],
  429: ['RATE_LIMITED'],
  500: ['INTERNAL'],
  502: ['SIGNING_UNAVAILABLE'],
  503: [
    'SIGNING_BUSY',
    'SEATS_UNAVAILABLE',
    'RECORDS_UNAVAILABLE',
    'EVENTS_UNAVAILABLE',
    'IDENTITY_UNAVAILABLE',
    'SIGN_IN_NOT_SET_UP',
    'BILLING_NOT_SET_UP',
    'BILLING_UNAVAILABLE',
    'LIMITS_UNAVAILABLE',
    'DNS_UNAVAILABLE',
  ],
};

test('every problem has the status that clients rely on', () => {
  const statuses = Object.entries(PROBLEMS).map(([code, { status }]) => [code, status]);
  const expected = Object.entries(CODES_BY_STATUS).flatMap(([status, codes]) =>
    codes.map((code) => [code, Number(status)]),
  );
  expect(Object.fromEntries(statuses)).toEqual(Object.fromEntries(expected));
});

test.each(Object.entries(PROBLEMS))('%s has a title that is one or more sentences', (_, { title }) => {
  expect(title).toMatch(/^[A-Z].*\.$/);
});

const TABLE: readonly (readonly [string, Problem])[] = Object.entries(PROBLEMS);
const codesWhere = (holds: (problem: Problem) => boolean): string[] =>
  TABLE.filter(([, problem]) => holds(problem)).map(([code]) => code);
const STOP = { do: 'stop' };
const ACQUIRE = { do: 'acquire' };

test('clients retry limits and failures of the server, and what is not configured is for a person', () => {
  const temporary = codesWhere(({ status }) => status === 429 || status >= 500);
  const retried = codesWhere(({ next }) => next.do === 'retry' && next.backoff === 'outage');
  expect([...retried, 'SIGN_IN_NOT_SET_UP', 'BILLING_NOT_SET_UP'].toSorted()).toEqual(temporary.toSorted());
});

test('clients that want a seat retry only while all are in use', () => {
  const retried = codesWhere(({ status, next }) => status < 429 && next.do === 'retry');
  expect(retried).toEqual(['SEATS_EXHAUSTED', 'SESSIONS_EXHAUSTED']);
  expect(codesWhere(({ next }) => next.do === 'acquire')).toEqual([]);
});

const codesWhileHeld = (within?: 'lease'): string[] =>
  codesWhere(
    ({ whileHeld }) =>
      whileHeld !== undefined && 'do' in whileHeld && whileHeld.do === 'retry' && whileHeld.within === within,
  );

test('a running program outlasts what says nothing about its seat', () => {
  expect(codesWhileHeld()).toEqual([
    'VALIDATION_FAILED',
    'INVALID_JSON',
    'GRANT_UNSUPPORTED',
    'CLIENT_NOT_ALLOWED',
    'AUTHORIZATION_PENDING',
    'SLOW_DOWN',
    'DEVICE_CODE_EXPIRED',
    'SIGN_IN_DENIED',
    'AUTHENTICATION_REQUIRED',
    'CLIENT_UNKNOWN',
    'NOT_FOUND',
    'METHOD_NOT_ALLOWED',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
  ]);
});

test('a running program runs until its lease ends, and asks on, when the license grants no seat now', () => {
  expect(codesWhileHeld('lease')).toEqual([
    'LICENSE_SUSPENDED',
    'LICENSE_EXPIRED',
    'SEATS_EXHAUSTED',
    'SESSIONS_EXHAUSTED',
  ]);
});

test('a running program acquires anew unless its session was ended on purpose', () => {
  expect(PROBLEMS.SESSION_NOT_FOUND.whileHeld).toEqual({
    byEnded: { released: STOP, evicted: STOP, expired: ACQUIRE, unknown: ACQUIRE },
  });
});

test.each(['CREDENTIALS_INVALID', 'FORBIDDEN', 'LICENSE_NOT_FOUND', 'SESSION_ENDED'] as const)(
  '%s ends a running program',
  (code) => {
    const { next, whileHeld }: Problem = PROBLEMS[code];
    expect(whileHeld ?? next).toEqual(STOP);
  },
);
