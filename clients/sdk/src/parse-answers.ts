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
  /** `offline_grace_days`: how long a running program goes on without the server. */
  readonly graceDays: number;
  /** `offline_start_days`: how long after its last contact a program may start offline although the seat was released. */
  readonly startDays: number;
  /** By the server's clock. */
  readonly borrowedUntil: Date | undefined;
  readonly entitlements: Entitlements;
  /** When the server answered, by its clock, to the second. */
  readonly serverMs: number;
}

/** What the license gives to a program beside its seat. */
export interface Entitlements {
  readonly plan: string | undefined;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

export interface HeartbeatAnswer {
  readonly sessionToken: string;
  readonly ttlSeconds: number;
  readonly heartbeatSeconds: number;
  readonly revived: boolean;
  /** `undefined` if they have not changed. */
  readonly entitlements: Entitlements | undefined;
  readonly serverMs: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** None if the body is not a JSON object. */
export function fieldsOf(body: string): Fields {
  try {
    return Object(JSON.parse(body));
  } catch {
    return {};
  }
}

/** `undefined` unless all fields of a grant are present and consistent. */
export function readGrant(body: string): Grant | undefined {
  const fields = fieldsOf(body);
  const { session_id: sessionId, session_token: sessionToken, license_id: licenseId } = fields;
  const {
    heartbeat_interval: interval,
    offline_grace_days: graceDays,
    offline_start_days: startDays,
  } = fields;
  const lease = readLease(fields, fields.ttl);
  const borrowedUntilMs = readMs(fields.borrowed_until);
  if (!lease || !isText(sessionId) || !isText(sessionToken) || !isText(licenseId)) return undefined;
  if (!isCount(interval) || !isCount(graceDays)) return undefined;
  if (fields.borrowed_until != null && Number.isNaN(borrowedUntilMs)) return undefined;
  // Detects a changed field. The server's times are compared with each other only, never with our clock. If the license
  // ends before the next heartbeat, the lease is shorter than the interval.
  const isCut = lease.heartbeatSeconds === lease.ttlSeconds;
  if (!isCut && Math.abs(lease.heartbeatSeconds - interval) > ROUNDING_SECONDS) return undefined;
  return {
    ...lease,
    sessionId,
    sessionToken,
    licenseId,
    graceDays,
    startDays: isCount(startDays) ? startDays : 0,
    borrowedUntil: borrowedUntilMs ? new Date(borrowedUntilMs) : undefined,
    entitlements: readEntitlements(fields.entitlements),
  };
}

/** `undefined` unless it is an answer to a heartbeat of that session. */
export function readHeartbeat(body: string, sessionId: string): HeartbeatAnswer | undefined {
  const fields = fieldsOf(body);
  const { status, session_id, session_token: sessionToken, revived, entitlements } = fields;
  const lease = readLease(fields, fields.ttl_extended_to);
  return lease && status === 'heartbeat_acknowledged' && session_id === sessionId && isText(sessionToken)
    ? {
        ...lease,
        sessionToken,
        revived: revived === true,
        entitlements: entitlements ? readEntitlements(entitlements) : undefined,
      }
    : undefined;
}

/** What this version does not understand is left out. */
function readEntitlements(value: unknown): Entitlements {
  const { plan, features, limits } = Object(value);
  const numbers = Object.entries(Object(limits)).filter(([, limit]) => typeof limit === 'number');
  return {
    plan: isText(plan) ? plan : undefined,
    features: Array.isArray(features) ? features.filter(isText) : [],
    limits: Object.fromEntries(numbers) as Entitlements['limits'],
  };
}

/** The token of a signed license, not verified; `undefined` if there is none. */
export function readSigned(body: string): string | undefined {
  const token = fieldsOf(body).license_token;
  return isText(token) ? token : undefined;
}

/** A problem document of the license server (RFC 9457); `undefined` for any other error page. */
export function readProblem({ status, body, header }: Response): SeatleaseError | undefined {
  const { type, title, code, detail, status: bodyStatus, request_id, ...members } = fieldsOf(body);
  const urn = `urn:seatlease:problem:${String(code).toLowerCase().replaceAll('_', '-')}`;
  if (!isText(code) || type !== urn || bodyStatus !== status) return undefined;
  const { retry_after: seconds } = members;
  return new SeatleaseError(code, [title, detail].filter(isText).join(' ') || code, {
    status,
    retryAfterSeconds: isCount(seconds) ? seconds : readRetryAfter(header('retry-after')),
    requestId: isText(request_id) ? request_id : undefined,
    members,
  });
}

/** Seconds. HTTP also allows a date: the server does not send one, and it would need synchronized clocks. */
export function readRetryAfter(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** The length of the lease from the server's current time, and when in it the next heartbeat is due. */
function readLease(
  { expires_at, next_heartbeat_due }: Fields,
  ttl: unknown,
): { ttlSeconds: number; heartbeatSeconds: number; serverMs: number } | undefined {
  const expiresAtMs = readMs(expires_at);
  const dueAtMs = readMs(next_heartbeat_due);
  if (!isCount(ttl) || ttl > LONGEST_TTL_SECONDS) return undefined;
  const dueSeconds = ttl - (expiresAtMs - dueAtMs) / 1000;
  return dueSeconds > -ROUNDING_SECONDS && dueSeconds <= ttl
    ? { ttlSeconds: ttl, heartbeatSeconds: Math.max(dueSeconds, 0), serverMs: expiresAtMs - ttl * 1000 }
    : undefined;
}

/** NaN if it is not an RFC 3339 timestamp. */
export function readMs(value: unknown): number {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 65_536;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
