import * as z from 'zod/mini';
import { ERASURE_ID, INVITATION_ID, LICENSE_ID, SESSION_ID, TENANT_ID, USER_ID } from '../domain/ids.ts';
import type { Session } from '../domain/session.ts';
import type { Rhythm } from '../ports/seats.ts';

/**
 * Text that a caller chose: 1 to `longest` characters, none of them a control character or half of a surrogate pair,
 * so that it can be stored, compared and shown anywhere as it is.
 */
export function text(longest: number) {
  return z
    .string()
    .check(
      z.minLength(1),
      z.maxLength(longest),
      z.regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not hold control characters or broken surrogates'),
    );
}

export const LicenseId = z.string().check(z.regex(LICENSE_ID, 'is not of the form of a license id'));
export const SessionId = z.string().check(z.regex(SESSION_ID, 'is not of the form of a session id'));
/** Checked for its seal elsewhere; one that does not open counts as none. */
export const SessionToken = z.string().check(z.minLength(1), z.maxLength(4096));
export const TenantId = z.string().check(z.regex(TENANT_ID, 'is not of the form of a tenant id'));
export const UserId = z.string().check(z.regex(USER_ID, 'is not of the form of a user id'));
export const InvitationId = z
  .string()
  .check(z.regex(INVITATION_ID, 'is not of the form of an invitation id'));

export const ErasureId = z.string().check(z.regex(ERASURE_ID, 'is not of the form of an erasure id'));

/** An e-mail address, in lower case: no provider that people sign in with tells addresses apart by case. */
export const EmailAddress = z.pipe(
  z.email().check(z.maxLength(254)),
  z.transform((address) => address.toLowerCase()),
);

/** Names of features, as the vendor's app knows them. */
export const Features = z.array(text(64)).check(z.maxLength(64));

/** A moment as RFC 3339 text. */
export const Timestamp = z.iso.datetime({ offset: true, abort: true });

/**
 * A moment that a caller sets: one that is a positive number of milliseconds (0 means "none" to the seat scripts) and
 * whose year, once in UTC, still has four digits.
 */
export const SettableTimestamp = Timestamp.check(
  z.refine((text) => {
    const atMs = Date.parse(text);
    return atMs > 0 && atMs < Date.UTC(10_000, 0);
  }, 'must lie between the years 1970 and 9999 in UTC'),
);

/** A stretch of time that a caller asks about. */
export const PERIOD = {
  /** The first moment of it. */
  from: z.optional(SettableTimestamp),
  /** The first moment after it. */
  to: z.optional(SettableTimestamp),
};
export const periodIsInOrder = z.refine<{ from?: string | undefined; to?: string | undefined }>(
  ({ from, to }) => from === undefined || to === undefined || Date.parse(from) < Date.parse(to),
  { path: ['to'], error: 'must lie after from' },
);

/** `count` to and including `most`. */
export function wholeNumber(least: number, most: number) {
  return z.int().check(z.gte(least), z.lte(most));
}

/** Rows a page holds at most, as the text of a query parameter. */
export const PageLimit = z.pipe(
  z.string().check(z.regex(/^([1-9]\d?|100)$/, 'must be a whole number from 1 to 100')),
  z.transform(Number),
);
export const USUAL_PAGE_LIMIT = 50;

export const Cursor = z.string().check(z.minLength(1), z.maxLength(1024));

/** The page of a list that a caller asks for. */
export const PAGING = { limit: z.optional(PageLimit), cursor: z.optional(Cursor) };

/**
 * When a client should beat next: never later than its lease, which may be cut short by the license's own end, and for
 * a borrowed seat not before.
 */
export function nextHeartbeatDue(atMs: number, session: Session, rhythm: Rhythm): string {
  const { expiresAtMs, borrowedUntilMs } = session;
  const beatAtMs = atMs + rhythm.heartbeatSeconds * 1000;
  return timestamp(borrowedUntilMs === undefined ? Math.min(beatAtMs, expiresAtMs) : expiresAtMs);
}

/** Whole seconds, never more than there are: a client counts them from when it asked, and no clock need agree. */
export function secondsLeft(endsAtMs: number, nowMs: number): number {
  return Math.floor((endsAtMs - nowMs) / 1000);
}

/** Milliseconds since the epoch as RFC 3339 text in UTC. */
export function timestamp(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** The same of a moment that there may be none of. */
export function timestampOrNull(atMs: number | null): string | null {
  return atMs === null ? null : timestamp(atMs);
}
