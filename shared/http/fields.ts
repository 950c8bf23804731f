import * as z from 'zod/mini';
import { SCOPE_GROUPS, SCOPES } from '../domain/authorization.ts';
import {
  ERASURE_ID,
  INVITATION_ID,
  LICENSE_ID,
  OPERATOR_TOKEN_ID,
  SESSION_ID,
  STRIPE_EVENT_ID,
  TENANT_ID,
  USER_ID,
} from '../domain/ids.ts';
import type { Session } from '../domain/session.ts';
import type { Rhythm } from '../ports/seats.ts';

/**
 * Text that a caller chose: 1 to `longest` characters, without control characters and broken surrogate pairs, so that
 * it can be stored, compared and displayed unchanged everywhere.
 */
export function text(longest: number) {
  return z.string().check(z.minLength(1), z.maxLength(longest), storable());
}

/** Why someone did something, for the audit log: `text` that is not blank. */
export function reason(longest: number) {
  return z.string().check(z.trim(), z.minLength(1), z.maxLength(longest), storable());
}

function storable() {
  return z.regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not contain control characters or broken surrogate pairs');
}

export const LicenseId = z.string().check(z.regex(LICENSE_ID, 'is not a valid license id'));
export const SessionId = z.string().check(z.regex(SESSION_ID, 'is not a valid session id'));
/** Its signature is checked elsewhere; an invalid token counts as no token. */
export const SessionToken = z.string().check(z.minLength(1), z.maxLength(4096));
export const TenantId = z.string().check(z.regex(TENANT_ID, 'is not a valid tenant id'));
export const UserId = z.string().check(z.regex(USER_ID, 'is not a valid user id'));
export const InvitationId = z.string().check(z.regex(INVITATION_ID, 'is not a valid invitation id'));
export const OperatorTokenId = z
  .string()
  .check(z.regex(OPERATOR_TOKEN_ID, 'is not a valid id of an operator token'));
/** What an operator token allows: `<function>:read` or `<function>:write`, `read` for reading everything, or `all`. */
export const OperatorScope = z.enum([...SCOPE_GROUPS, ...SCOPES]);

export const StripeEventId = z
  .string()
  .check(z.regex(STRIPE_EVENT_ID, 'is not a valid id of an event of Stripe'));

export const ErasureId = z.string().check(z.regex(ERASURE_ID, 'is not a valid erasure id'));

/** An e-mail address, in lower case: no sign-in provider treats addresses as case-sensitive. */
export const EmailAddress = z.pipe(
  z.email().check(z.maxLength(254)),
  z.transform((address) => address.toLowerCase()),
);

/** Feature names that the vendor's app defines. */
export const Features = z.array(text(64)).check(z.maxLength(64));

/** At most 32 limits that the vendor's app defines, by name. */
export const Limits = z
  .record(
    text(64).check(
      // Firestore keeps such names for itself (https://docs.cloud.google.com/firestore/quotas).
      z.refine((name) => !/^__.*__$/s.test(name), 'must not begin and end with two underscores'),
    ),
    z.int().check(z.gte(0), z.lte(Number.MAX_SAFE_INTEGER)),
  )
  .check(z.refine((limits) => Object.keys(limits).length <= 32, 'must contain at most 32 limits'));

/** A point in time, as RFC 3339 text. */
export const Timestamp = z.iso.datetime({ offset: true, abort: true });

/**
 * A point in time that a caller may set: after 1970, because 0 milliseconds means "none" in the seat scripts, and with
 * a four-digit year in UTC.
 */
export const SettableTimestamp = Timestamp.check(
  z.refine((text) => {
    const atMs = Date.parse(text);
    return atMs > 0 && atMs < Date.UTC(10_000, 0);
  }, 'must be between the years 1970 and 9999 in UTC'),
);

/** Query parameters for a period of time. */
export const PERIOD = {
  /** Start of the period, inclusive. */
  from: z.optional(SettableTimestamp),
  /** End of the period, exclusive. */
  to: z.optional(SettableTimestamp),
};
export const periodIsInOrder = z.refine<{ from?: string | undefined; to?: string | undefined }>(
  ({ from, to }) => from === undefined || to === undefined || Date.parse(from) < Date.parse(to),
  { path: ['to'], error: 'must be after from' },
);

/** A whole number from `least` to `most`, both inclusive. */
export function wholeNumber(least: number, most: number) {
  return z.int().check(z.gte(least), z.lte(most));
}

/** Maximum number of items on a page, as the text of a query parameter. */
export const PageLimit = z.pipe(
  z.string().check(z.regex(/^([1-9]\d?|100)$/, 'must be a whole number from 1 to 100')),
  z.transform(Number),
);
export const DEFAULT_PAGE_LIMIT = 50;

export const Cursor = z.string().check(z.minLength(1), z.maxLength(1024));

/** Query parameters of a paginated list. */
export const PAGING = { limit: z.optional(PageLimit), cursor: z.optional(Cursor) };

/**
 * When the client should send its next heartbeat: at the latest when its lease expires, which can be early if the
 * license expires. For a borrowed seat, exactly then.
 */
export function nextHeartbeatDue(atMs: number, { kind, expiresAtMs }: Session, rhythm: Rhythm): string {
  const beatAtMs = atMs + rhythm.heartbeatSeconds * 1000;
  return timestamp(kind === 'loan' ? expiresAtMs : Math.min(beatAtMs, expiresAtMs));
}

/** Whole seconds, rounded down. Clients count them from when they sent the request, so clocks need not agree. */
export function secondsLeft(endsAtMs: number, nowMs: number): number {
  return Math.floor((endsAtMs - nowMs) / 1000);
}

/** Milliseconds since the epoch as RFC 3339 text in UTC. */
export function timestamp(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** `timestamp` for a point in time that may be `null`. */
export function timestampOrNull(atMs: number | null): string | null {
  return atMs === null ? null : timestamp(atMs);
}

/** Totals of up to 9 million usage records of this quantity are exact: they stay below 2^53. */
export const MOST_QUANTITY = 1_000_000_000;

export const MeterName = z.string().check(z.minLength(1), z.maxLength(64));
