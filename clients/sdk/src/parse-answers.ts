import { SeatleaseError } from './errors.ts';
import type { Response } from './platform.ts';

/** Parses the server's answers. Anything else, such as the page of a proxy, is no answer, and never a grant. */

/** The longest lease that an answer may have: borrowed for 90 days. */
const LONGEST_TTL_SECONDS = 90 * 24 * 3600;
/** The server rounds seconds down. */
const ROUNDING_SECONDS = 2;

export interface Grant {
  readonly sessionId: string;
  readonly sessionToken: string;
  readonly licenseId: string;
  readonly ttlSeconds: number;
  readonly heartbeatSeconds: number;
  readonly offlineGraceDays: number;
  /** By the server's clock. */
  readonly borrowedUntil: Date | undefined;
}

export interface HeartbeatAnswer {
  readonly sessionToken: string;
  readonly ttlSeconds: number;
  readonly heartbeatSeconds: number;
  readonly revived: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** `undefined` if the body is not a JSON object. */
export function fieldsOf(body: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Fields)
      : undefined;
  } catch {
    return undefined;
  }
}

/** `undefined` unless all fields of a grant are present and consistent. */
export function readGrant(body: string): Grant | undefined {
  const fields = fieldsOf(body) ?? {};
  const { session_id, session_token, license_id, heartbeat_interval, offline_grace_days, borrowed_until } =
    fields;
  const lease = readLease(fields, fields.ttl);
  const borrowedUntilMs = borrowed_until === undefined ? undefined : readMs(borrowed_until);
  if (
    !isText(session_id) ||
    !isText(session_token) ||
    !isText(license_id) ||
    !isCount(heartbeat_interval) ||
    !isCount(offline_grace_days) ||
    lease === undefined ||
    Number.isNaN(borrowedUntilMs)
  )
    return undefined;
  // Detects a changed field. The server's times are compared with each other only, never with our clock. If the license
  // ends before the next heartbeat, the lease is shorter than the interval.
  const isCut = lease.dueSeconds === lease.ttlSeconds;
  if (!isCut && Math.abs(lease.dueSeconds - heartbeat_interval) > ROUNDING_SECONDS) return undefined;
  return {
    sessionId: session_id,
    sessionToken: session_token,
    licenseId: license_id,
    ttlSeconds: lease.ttlSeconds,
    heartbeatSeconds: lease.dueSeconds,
    offlineGraceDays: offline_grace_days,
    borrowedUntil: borrowedUntilMs === undefined ? undefined : new Date(borrowedUntilMs),
  };
}

/** `undefined` unless it is an answer to a heartbeat of that session. */
export function readHeartbeat(body: string, sessionId: string): HeartbeatAnswer | undefined {
  const fields = fieldsOf(body) ?? {};
  const { status, session_id, session_token, revived } = fields;
  const lease = readLease(fields, fields.ttl_extended_to);
  if (status !== 'heartbeat_acknowledged' || session_id !== sessionId || !isText(session_token))
    return undefined;
  if (lease === undefined || (revived !== undefined && revived !== true)) return undefined;
  return {
    sessionToken: session_token,
    ttlSeconds: lease.ttlSeconds,
    heartbeatSeconds: lease.dueSeconds,
    revived: revived === true,
  };
}

/** The token of a signed license, not verified; `undefined` if there is none. */
export function readSigned(body: string): string | undefined {
  const token = fieldsOf(body)?.license_token;
  return isText(token) ? token : undefined;
}

/** The keys of a JSON Web Key Set, not checked: they are imported when they are used. */
export function readKeySet(body: string): { readonly keys: readonly object[] } | undefined {
  const keys = fieldsOf(body)?.keys;
  return Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null)
    ? { keys }
    : undefined;
}

/** A problem document of the license server (RFC 9457); `undefined` for any other error page. */
export function readProblem({ status, body, header }: Response): SeatleaseError | undefined {
  const {
    type,
    title,
    code,
    detail,
    status: bodyStatus,
    request_id: requestId,
    ...more
  } = fieldsOf(body) ?? {};
  const urn = `urn:seatlease:problem:${String(code).toLowerCase().replaceAll('_', '-')}`;
  if (!isText(code) || type !== urn || bodyStatus !== status) return undefined;
  return new SeatleaseError(code, [title, detail].filter(isText).join(' ') || code, {
    status,
    retryAfterSeconds: isCount(more.retry_after) ? more.retry_after : readRetryAfter(header('retry-after')),
    requestId: isText(requestId) ? requestId : undefined,
    members: more,
  });
}

/** Seconds. HTTP also allows a date: the server does not send one, and it would need synchronized clocks. */
export function readRetryAfter(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** The length of the lease from the server's current time, and when in it the next heartbeat is due. */
function readLease(fields: Fields, ttl: unknown): { ttlSeconds: number; dueSeconds: number } | undefined {
  const expiresAtMs = readMs(fields.expires_at);
  const dueAtMs = readMs(fields.next_heartbeat_due);
  if (!isCount(ttl) || ttl > LONGEST_TTL_SECONDS) return undefined;
  const dueSeconds = ttl - (expiresAtMs - dueAtMs) / 1000;
  return dueSeconds > -ROUNDING_SECONDS && dueSeconds <= ttl
    ? { ttlSeconds: ttl, dueSeconds: Math.max(dueSeconds, 0) }
    : undefined;
}

/** NaN if it is not an RFC 3339 timestamp. */
function readMs(value: unknown): number {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 65_536;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
