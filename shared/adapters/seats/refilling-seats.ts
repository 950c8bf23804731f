import type { Records } from '../../ports/records.ts';
import type { Proof, Seats, TooOften } from '../../ports/seats.ts';

/**
 * Seats whose entitlement copies refill themselves: a verb that finds none reads the license from the records once,
 * stores the copy and asks again. A license that the records do not know either stays `UNKNOWN_LICENSE`, for a minute
 * without another look at them, and is `TOO_OFTEN` where it is asked for too often in that time. While the copy is there,
 * the records are not touched; so one that is created meanwhile is found, as its copy is put.
 */
export function refillingSeats(
  seats: Seats,
  records: Records,
  nowMs: () => number = () => performance.now(),
): Seats {
  const unknown = unknownLicenses(nowMs);

  async function refilled<V extends { verdict: string }>(
    licenseId: string,
    ask: () => Promise<V>,
  ): Promise<V> {
    const answer = await ask();
    if (answer.verdict !== 'UNKNOWN_LICENSE' || unknown.has(licenseId)) return answer;
    // Imported here because most instances never miss a copy, and all that is ever recorded comes with it.
    const { restoreCopy } = await import('../../ports/restore-copy.ts');
    if (await restoreCopy(licenseId, { records, seats })) return ask();
    unknown.add(licenseId);
    return answer;
  }

  async function entered<V extends { verdict: string }>(
    { licenseId, proof }: { readonly licenseId: string; readonly proof: Proof },
    ask: () => Promise<V>,
  ): Promise<V | TooOften> {
    const answer = await refilled(licenseId, ask);
    if (answer.verdict !== 'UNKNOWN_LICENSE' || proof.kind === 'trusted') return answer;
    return unknown.countAsk(licenseId) ?? answer;
  }

  return {
    acquire: (request) => entered(request, () => seats.acquire(request)),
    heartbeat: (request) => entered(request, () => seats.heartbeat(request)),
    readSession: (request) => entered(request, () => seats.readSession(request)),
    keepSigned: (licenseId, sessionId, signed) => seats.keepSigned(licenseId, sessionId, signed),
    release: (request) => entered(request, () => seats.release(request)),
    listSessions: (licenseId, page) => refilled(licenseId, () => seats.listSessions(licenseId, page)),
    putLicense(entitlement, event) {
      unknown.forget(entitlement.licenseId);
      return seats.putLicense(entitlement, event);
    },
    ping: () => seats.ping(),
    close: () => seats.close(),
  };
}

/** How long the records' word that there is no such license is taken. */
const REMEMBERED_MS = 60_000;

/** Asks in that time; as many as a license that is there lets strangers ask (pace.lua). */
const MOST_ASKS = 20;

/** More licenses than anybody mistypes in a minute; beyond that the oldest is forgotten first. */
const MOST_REMEMBERED = 10_000;

/** Licenses that the records did not know a moment ago, so that asking for them again costs no read. */
export interface UnknownLicenses {
  add(licenseId: string): void;
  has(licenseId: string): boolean;
  forget(licenseId: string): void;
  /** Counts an ask for one that is remembered; how long to wait where that was one too many. */
  countAsk(licenseId: string): TooOften | undefined;
}

/** `nowMs` need not tell the time of day, but must never go back. */
export function unknownLicenses(nowMs: () => number): UnknownLicenses {
  const remembered = new Map<string, { readonly untilMs: number; asks: number }>();

  function find(licenseId: string) {
    const entry = remembered.get(licenseId);
    if (entry && entry.untilMs <= nowMs()) remembered.delete(licenseId);
    return remembered.get(licenseId);
  }

  return {
    add(licenseId) {
      const [oldest] = remembered.keys();
      if (oldest !== undefined && remembered.size >= MOST_REMEMBERED) remembered.delete(oldest);
      remembered.set(licenseId, { untilMs: nowMs() + REMEMBERED_MS, asks: 0 });
    },
    has: (licenseId) => find(licenseId) !== undefined,
    forget: (licenseId) => {
      remembered.delete(licenseId);
    },
    countAsk(licenseId) {
      const entry = find(licenseId);
      if (!entry) return undefined;
      entry.asks += 1;
      if (entry.asks <= MOST_ASKS) return undefined;
      return { verdict: 'TOO_OFTEN', retryAfterSeconds: Math.ceil((entry.untilMs - nowMs()) / 1000) };
    },
  };
}
