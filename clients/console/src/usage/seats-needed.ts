export interface Hour {
  /** The most seats in use at once. */
  readonly peak_seats: number;
  /** Requests that were denied because no seat was free. */
  readonly denials: number;
}

export interface Advice {
  readonly seats: number;
  /** Hours in which a seat was in use or denied. */
  readonly busyHours: number;
  /** Hours with denials. */
  readonly deniedHours: number;
  /** Whether more seats may be needed, because the number depends on hours with denials, whose demand is not known. */
  readonly isLowerBound: boolean;
}

/**
 * The smallest number of seats that would have been enough in `percent` of the hours with activity; `undefined` if
 * there are no such hours.
 *
 * The demand of an hour without denials is its peak. An hour with denials needed at least one seat more. Denials do not
 * show how many more, because they count requests: one program that retries every ten seconds makes 360, and two users
 * who give up make two. Such an hour counts as its peak plus one. If a higher demand in these hours would change the
 * number, `isLowerBound` is true.
 */
export function seatsNeeded(hours: readonly Hour[], percent: number): Advice | undefined {
  const busy = hours.filter(({ peak_seats, denials }) => peak_seats > 0 || denials > 0);
  const seats = quantileOf(busy.map(leastDemand), percent);
  if (seats === undefined) return undefined;
  const atWorst = quantileOf(busy.map(worstDemand), percent);
  return {
    seats,
    busyHours: busy.length,
    deniedHours: busy.filter(({ denials }) => denials > 0).length,
    isLowerBound: atWorst !== seats,
  };
}

function leastDemand({ peak_seats, denials }: Hour): number {
  return denials > 0 ? peak_seats + 1 : peak_seats;
}

function worstDemand({ peak_seats, denials }: Hour): number {
  return denials > 0 ? Number.POSITIVE_INFINITY : peak_seats;
}

/** Multiplies before it divides, to avoid the rounding errors of fractions such as 0.01. */
function quantileOf(demands: readonly number[], percent: number): number | undefined {
  const leftOut = Math.floor((demands.length * (100 - percent)) / 100);
  return demands.toSorted((a, b) => b - a)[leftOut];
}
