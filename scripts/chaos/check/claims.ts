import type { SeatClaim, SeatLimit } from '../../../shared/testing/seats/over-allocation.ts';
import type { Request } from '../requests.ts';
import type { Finding } from './finding.ts';

/** A seat that a client held by what the server had told it, by Redis' clock. */
export interface Claim extends SeatClaim {
  readonly client: string;
  readonly sessionId: string;
}

/** What the checker must know of a license. */
export interface License extends SeatLimit {
  readonly tenantId: string;
}

/**
 * Every claim that the log tells of. Each answer that confirms a lease confirms it from the moment it was given (its
 * end less the TTL); what touches is one claim, and where there is time in between the seat was not the client's then,
 * whatever the answer says. A claim ends with the lease, or when its client asked to give it back.
 */
export function claimsOf(requests: readonly Request[]): Claim[] {
  const bySession = Map.groupBy(
    requests.filter(({ sessionId }) => sessionId !== undefined),
    ({ sessionId }) => sessionId ?? '',
  );
  return [...bySession].flatMap(([sessionId, ofSession]) => {
    const releases = ofSession.filter(({ op }) => op === 'release').map(({ sentMs }) => sentMs);
    const confirmed = ofSession.flatMap(({ client, licenseId, expiresAtMs, ttlMs }): Claim[] => {
      if (expiresAtMs === undefined || ttlMs === undefined) return [];
      const beginMs = expiresAtMs - ttlMs;
      const endMs = Math.min(expiresAtMs, ...releases.filter((releasedMs) => releasedMs >= beginMs));
      return [{ client, licenseId, sessionId, beginMs, endMs }];
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

/** Leases that the server gave up, or gave anew, before the end that it had confirmed. */
export function findCutShort(requests: readonly Request[], claims: readonly Claim[]): Finding[] {
  const bySession = Map.groupBy(claims, ({ sessionId }) => sessionId);
  const byClient = Map.groupBy(claims, ({ client }) => client);
  const confirmedBefore = confirmedEnds(requests);
  return requests.flatMap((request): Finding[] => {
    const { op, status, sessionId = '', sentMs, endedMs, client } = request;
    const own = bySession.get(sessionId) ?? [];
    const promisedMs = confirmedBefore(request);
    const isHeld = (atMs: number): boolean =>
      own.some(({ beginMs, endMs }) => beginMs < atMs && atMs < endMs);
    if (op === 'heartbeat' && status === 404 && promisedMs > endedMs && isHeld(sentMs)) {
      const detail = `unknown ${promisedMs - endedMs} ms before its end`;
      return [{ kind: 'CUT_SHORT', of: sessionId, detail }];
    }
    const begunMs = (request.expiresAtMs ?? 0) - (request.ttlMs ?? 0);
    if (request.revived && promisedMs > begunMs) {
      const detail = `revived ${promisedMs - begunMs} ms before its end`;
      return [{ kind: 'CUT_SHORT', of: sessionId, detail }];
    }
    if (op === 'acquire' && status === 201) {
      const held = (byClient.get(client) ?? []).filter(
        (claim) => claim.sessionId !== sessionId && claim.beginMs < begunMs && begunMs < claim.endMs,
      );
      return held.map(({ sessionId: of, endMs }) => {
        const detail = `its holder got another session ${endMs - begunMs} ms before its end`;
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

/** What each operation may be answered while parts come and go. Anything else is a fault of ours. */
const KNOWN_ANSWERS: Readonly<Record<Request['op'], readonly (number | null)[]>> = {
  acquire: [200, 201, 409, 503, null],
  heartbeat: [200, 404, 503, null],
  release: [204, 503, null],
};

export function findUnknownAnswers(requests: readonly Request[]): Finding[] {
  return requests
    .filter(({ op, status }) => !KNOWN_ANSWERS[op].includes(status))
    .map(({ op, status, client }) => ({
      kind: 'UNKNOWN_ANSWER',
      of: client,
      detail: `${op} was answered ${status}`,
    }));
}

/** Once every lease is over, `limit` fresh clients of each license must get a seat and no more. */
export function findSeatsNotFree(requests: readonly Request[], licenses: readonly License[]): Finding[] {
  const acquired = requests.filter(({ phase, op }) => phase === 'fresh' && op === 'acquire');
  return licenses.flatMap(({ licenseId, limit }): Finding[] => {
    const answers = acquired.filter((request) => request.licenseId === licenseId);
    const seated = new Set(answers.flatMap(({ sessionId, client }) => (sessionId ? [client] : []))).size;
    const refused = answers.filter(({ status }) => status === 409).length;
    if (seated < limit) {
      const detail = `${seated} of ${limit} seats could be had, ${refused} requests were refused`;
      return [{ kind: 'SEAT_TAKEN', of: licenseId, detail }];
    }
    if (seated > limit || refused === 0) {
      const detail = `${seated} clients got one of ${limit} seats, ${refused} requests were refused`;
      return [{ kind: 'SEAT_TOO_MANY', of: licenseId, detail }];
    }
    return [];
  });
}
