import type { Records } from '../../ports/records.ts';
import type { Proof, Seats, TooOften } from '../../ports/seats.ts';

/**
 * Seats whose missing entitlement copies are restored: a call that finds none reads the license from the records once,
 * stores the copy and repeats the call. If the records do not know the license either, the verdict stays
 * `UNKNOWN_LICENSE`, for a minute without reading the records again, and becomes `TOO_OFTEN` if there are too many
 * requests in that time. While the copy exists, the records are not read. A license that is created within the minute
 * is found, because its copy is restored.
 */
export function refillingSeats(
  seats: Seats,
  records: Records,
  nowMs: () => number = () => performance.now(),
): Seats {
  const unknown = unknownLicenses(nowMs);

  async function refilled<V extends { verdict: string }>(
    licenseId: string,
    call: () => Promise<V>,
  ): Promise<V> {
    const answer = await call();
    if (answer.verdict !== 'UNKNOWN_LICENSE' || unknown.has(licenseId)) return answer;
    // Imported here because most instances never miss a copy, and it loads the schemas of all records.
    const { restoreCopy } = await import('../../ports/restore-copy.ts');
    if (await restoreCopy(licenseId, { records, seats })) return call();
    unknown.add(licenseId);
    return answer;
  }

  async function entered<V extends { verdict: string }>(
    { licenseId, proof }: { readonly licenseId: string; readonly proof: Proof },
    call: () => Promise<V>,
  ): Promise<V | TooOften> {
    const answer = await refilled(licenseId, call);
    if (answer.verdict !== 'UNKNOWN_LICENSE' || proof.kind === 'trusted') return answer;
    return unknown.countRequest(licenseId) ?? answer;
  }

  return {
    acquire: (request) => entered(request, () => seats.acquire(request)),
    borrow: (request) => entered(request, () => seats.borrow(request)),
    heartbeat: (request) => entered(request, () => seats.heartbeat(request)),
    revive: (request) => entered(request, () => seats.revive(request)),
    readSession: (request) => entered(request, () => seats.readSession(request)),
    reserveSignature: (request) => seats.reserveSignature(request),
    keepSigned: (request) => seats.keepSigned(request),
    release: (request) => entered(request, () => seats.release(request)),
    evict: (request) => refilled(request.licenseId, () => seats.evict(request)),
    listSeats: (licenseId, page) => refilled(licenseId, () => seats.listSeats(licenseId, page)),
    putLicense: (entitlement, event) => seats.putLicense(entitlement, event),
    restore(lost) {
      unknown.forget(lost.entitlement.licenseId);
      return seats.restore(lost);
    },
    close: () => seats.close(),
  };
}

/** How long the result that a license does not exist is cached. */
const CACHED_MS = 60_000;

/** Requests allowed in that time: the number that an existing license allows to callers without access (pace.lua). */
const MAX_REQUESTS = 20;

/** More than the license ids mistyped within a minute. If there are more, the oldest entry is removed. */
const MAX_ENTRIES = 10_000;

/** License ids that the records did not know a moment ago, so that requests for them do not read the records again. */
export interface UnknownLicenses {
  add(licenseId: string): void;
  has(licenseId: string): boolean;
  forget(licenseId: string): void;
  /** Counts a request for a cached license; returns how long to wait if that exceeds the limit. */
  countRequest(licenseId: string): TooOften | undefined;
}

/** `nowMs` need not be the time of day, but must never go back. */
export function unknownLicenses(nowMs: () => number): UnknownLicenses {
  const entries = new Map<string, { readonly untilMs: number; requests: number }>();

  function find(licenseId: string) {
    const entry = entries.get(licenseId);
    if (entry && entry.untilMs <= nowMs()) entries.delete(licenseId);
    return entries.get(licenseId);
  }

  return {
    add(licenseId) {
      const [oldest] = entries.keys();
      if (oldest !== undefined && entries.size >= MAX_ENTRIES) entries.delete(oldest);
      entries.set(licenseId, { untilMs: nowMs() + CACHED_MS, requests: 0 });
    },
    has: (licenseId) => find(licenseId) !== undefined,
    forget: (licenseId) => {
      entries.delete(licenseId);
    },
    countRequest(licenseId) {
      const entry = find(licenseId);
      if (!entry) return undefined;
      entry.requests += 1;
      if (entry.requests <= MAX_REQUESTS) return undefined;
      return { verdict: 'TOO_OFTEN', retryAfterSeconds: Math.ceil((entry.untilMs - nowMs()) / 1000) };
    },
  };
}
