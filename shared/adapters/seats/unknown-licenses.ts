import type { TooOften } from '../../ports/seats.ts';

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
