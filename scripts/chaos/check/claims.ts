import type { SeatClaim, SeatLimit } from '../../../shared/testing/seats/over-allocation.ts';
import type { Request } from '../requests.ts';
import type { Finding } from './finding.ts';

/** A session that a client held by the server's responses, in the time of Redis' clock. Its machine has the seat. */
export interface Claim extends SeatClaim {
  readonly sessionId: string;
}

/** What the checker needs to know about a license. */
export interface License extends SeatLimit {
  readonly tenantId: string;
}

/**
 * All claims in the log. A response that confirms a lease confirms it from the time it was granted (its end minus the
 * TTL). Leases without a gap are one claim; in a gap the client had no seat, whatever the response says. A claim ends
 * with the lease, or when its client sends the release.
 */
export function claimsOf(requests: readonly Request[]): Claim[] {
  const bySession = Map.groupBy(
    requests.filter(({ sessionId }) => sessionId !== undefined),
    ({ sessionId }) => sessionId ?? '',
  );
  return [...bySession].flatMap(([sessionId, ofSession]) => {
    const releases = ofSession.filter(({ op }) => op === 'release').map(({ sentMs }) => sentMs);
    const confirmed = ofSession.flatMap(({ machine, licenseId, expiresAtMs, ttlMs }): Claim[] => {
      if (expiresAtMs === undefined || ttlMs === undefined) return [];
      const beginMs = expiresAtMs - ttlMs;
      const endMs = Math.min(expiresAtMs, ...releases.filter((releasedMs) => releasedMs >= beginMs));
      return [{ licenseId, holder: machine, sessionId, beginMs, endMs }];
    });
    return joined(confirmed);
  });
}

function joined(claims: readonly Claim[]): Claim[] {
  const done: Claim[] = [];
  for (const claim of [...claims].sort((a, b) => a.beginMs - b.beginMs)) {
    const last = done.at(-1);
    if (last && claim.beginMs <= last.endMs) {
      done[done.length - 1] = { ...last, endMs: Math.max(last.endMs, claim.endMs) };
    } else {
      done.push(claim);
    }
  }
  return done.filter(({ beginMs, endMs }) => endMs > beginMs);
}

/** Leases that the server ended, or granted again, before their confirmed end. */
export function findCutShort(requests: readonly Request[], claims: readonly Claim[]): Finding[] {
  const bySession = Map.groupBy(claims, ({ sessionId }) => sessionId);
  const byHolder = Map.groupBy(claims, ({ holder }) => holder);
  const confirmedBefore = confirmedEnds(requests);
  return requests.flatMap((request): Finding[] => {
    const { op, status, sessionId = '', sentMs, endedMs, machine } = request;
    const own = bySession.get(sessionId) ?? [];
    const confirmedMs = confirmedBefore(request);
    const isHeld = (atMs: number): boolean =>
      own.some(({ beginMs, endMs }) => beginMs < atMs && atMs < endMs);
    if (op === 'heartbeat' && status === 404 && confirmedMs > endedMs && isHeld(sentMs)) {
      const detail = `not found ${confirmedMs - endedMs} ms before its end`;
      return [{ kind: 'CUT_SHORT', of: sessionId, detail }];
    }
    const begunMs = (request.expiresAtMs ?? 0) - (request.ttlMs ?? 0);
    if (request.revived && confirmedMs > begunMs) {
      const detail = `revived ${confirmedMs - begunMs} ms before its end`;
      return [{ kind: 'CUT_SHORT', of: sessionId, detail }];
    }
    if (op === 'acquire' && status === 201) {
      // A session that began later could have joined this one, if the grant was sent to Redis twice.
      const held = (byHolder.get(machine) ?? []).filter(
        (claim) => claim.sessionId !== sessionId && claim.beginMs < sentMs && begunMs < claim.endMs,
      );
      return held.map(({ sessionId: of, endMs }) => {
        const detail = `its holder got another seat ${endMs - begunMs} ms before its end`;
        return { kind: 'CUT_SHORT', of, detail };
      });
    }
    return [];
  });
}

/** The latest end of a request's session that was confirmed before the request was sent. */
function confirmedEnds(requests: readonly Request[]): (request: Request) => number {
  const bySession = Map.groupBy(requests, ({ sessionId }) => sessionId ?? '');
  return ({ sessionId, sentMs }) => {
    if (sessionId === undefined) return 0;
    const before = (bySession.get(sessionId) ?? []).filter(({ endedMs }) => endedMs <= sentMs);
    return Math.max(
      0,
      ...before.flatMap(({ expiresAtMs }) => (expiresAtMs === undefined ? [] : [expiresAtMs])),
    );
  };
}

/** Statuses that each operation may return while faults happen. Any other status is a bug. */
const EXPECTED_STATUSES: Readonly<Record<Request['op'], readonly (number | null)[]>> = {
  acquire: [200, 201, 409, 503, null],
  heartbeat: [200, 404, 503, null],
  release: [204, 503, null],
};

/** The error codes of 409 and 404: no client acquires or beats with a session that it released. */
const EXPECTED_CODES: Readonly<Record<number, string>> = { 409: 'SEATS_EXHAUSTED', 404: 'SESSION_NOT_FOUND' };

export function findUnexpectedResponses(requests: readonly Request[]): Finding[] {
  return requests
    .filter(({ op, status, code, ended }) => {
      const expected = EXPECTED_CODES[status ?? 0];
      const isExplained = expected === undefined || (code === expected && (ended ?? 'expired') === 'expired');
      return !EXPECTED_STATUSES[op].includes(status) || !isExplained;
    })
    .map(({ op, status, code, ended, client }) => ({
      kind: 'UNEXPECTED_RESPONSE',
      of: client,
      detail: [`${op} returned ${status}`, code, ended].filter(Boolean).join(' '),
    }));
}

/** After every lease has ended, exactly `limit` fresh clients of each license must get a seat. */
export function findSeatsNotFree(requests: readonly Request[], licenses: readonly License[]): Finding[] {
  const acquired = requests.filter(({ phase, op }) => phase === 'fresh' && op === 'acquire');
  return licenses.flatMap(({ licenseId, limit }): Finding[] => {
    const answers = acquired.filter((request) => request.licenseId === licenseId);
    const seated = new Set(answers.flatMap(({ sessionId, client }) => (sessionId ? [client] : []))).size;
    const refused = answers.filter(({ status }) => status === 409).length;
    if (seated < limit) {
      const detail = `${seated} of ${limit} seats were granted, ${refused} requests were refused`;
      return [{ kind: 'SEAT_TAKEN', of: licenseId, detail }];
    }
    if (seated > limit || refused === 0) {
      const detail = `${seated} clients got one of ${limit} seats, ${refused} requests were refused`;
      return [{ kind: 'SEAT_TOO_MANY', of: licenseId, detail }];
    }
    return [];
  });
}
