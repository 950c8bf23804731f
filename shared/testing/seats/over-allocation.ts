/** A seat that a client relied on: from `beginMs` to before `endMs`. */
export interface SeatClaim {
  readonly licenseId: string;
  /** Whose seat it is: all claims of a holder at one time are one seat. */
  readonly holder: string;
  readonly beginMs: number;
  readonly endMs: number;
}

export interface SeatLimit {
  readonly licenseId: string;
  /** Seats, including overdraft. */
  readonly limit: number;
}

/** A period in which clients claimed more seats of a license than it has. */
export interface Excess {
  readonly licenseId: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** The largest excess over the limit. */
  readonly seats: number;
}

/**
 * Checks the claims of each license, to the millisecond; a claim that ends at t does not overlap one that begins at t.
 */
export function excessOf(claims: readonly SeatClaim[], licenses: readonly SeatLimit[]): Excess[] {
  const byLicense = Map.groupBy(claims, ({ licenseId }) => licenseId);
  return licenses.flatMap(({ licenseId, limit }) => {
    const turns = seatsOf(byLicense.get(licenseId) ?? [])
      .flatMap(({ beginMs, endMs }) => [
        { atMs: beginMs, change: 1 },
        { atMs: endMs, change: -1 },
      ])
      .sort((a, b) => a.atMs - b.atMs || a.change - b.change);
    const found: Excess[] = [];
    let active = 0;
    let begun: { fromMs: number; seats: number } | undefined;
    for (const { atMs, change } of turns) {
      active += change;
      const seats = active - limit;
      if (seats > 0) begun = { fromMs: begun?.fromMs ?? atMs, seats: Math.max(begun?.seats ?? 0, seats) };
      else if (begun) {
        found.push({ licenseId, ...begun, toMs: atMs });
        begun = undefined;
      }
    }
    return found;
  });
}

/** From when to when each holder had a seat: claims that overlap or meet are one. */
function seatsOf(claims: readonly SeatClaim[]): Omit<SeatClaim, 'licenseId'>[] {
  return [...Map.groupBy(claims, ({ holder }) => holder)].flatMap(([holder, own]) => {
    const joined: { holder: string; beginMs: number; endMs: number }[] = [];
    for (const { beginMs, endMs } of own.toSorted((a, b) => a.beginMs - b.beginMs)) {
      const last = joined.at(-1);
      if (last && beginMs <= last.endMs) last.endMs = Math.max(last.endMs, endMs);
      else joined.push({ holder, beginMs, endMs });
    }
    return joined;
  });
}
