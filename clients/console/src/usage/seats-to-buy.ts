/** What an hour was like. */
export interface Hour {
  /** The most seats taken at once. */
  readonly peak_seats: number;
  /** Requests for a seat that were refused because there was none. */
  readonly denials: number;
}

export interface Advice {
  readonly seats: number;
  /** Hours in which anybody worked, or would have. */
  readonly busyHours: number;
  /** Those in which somebody was refused. */
  readonly deniedHours: number;
  /** Whether more may have been wanted: the answer leans on hours whose demand nobody knows in full. */
  readonly mayBeMore: boolean;
}

/**
 * The least number of seats that would have sufficed in `percent` of the hours in which anybody worked; `undefined` where
 * nobody did.
 *
 * An hour without denials wanted its peak. An hour with denials wanted more than it got, by one seat at least. How many
 * more, denials cannot tell: they count requests, and one program that asks every ten seconds makes 360 of them while two
 * people who give up make two. So such an hour counts as its peak and one, and where the answer would be another if it had
 * wanted any number of seats more, it says so.
 */
export function seatsToBuy(hours: readonly Hour[], percent: number): Advice | undefined {
  const busy = hours.filter(({ peak_seats, denials }) => peak_seats > 0 || denials > 0);
  const seats = sufficing(busy.map(leastDemand), percent);
  if (seats === undefined) return undefined;
  const atWorst = sufficing(busy.map(worstDemand), percent);
  return {
    seats,
    busyHours: busy.length,
    deniedHours: busy.filter(({ denials }) => denials > 0).length,
    mayBeMore: atWorst !== seats,
  };
}

function leastDemand({ peak_seats, denials }: Hour): number {
  return denials > 0 ? peak_seats + 1 : peak_seats;
}

function worstDemand({ peak_seats, denials }: Hour): number {
  return denials > 0 ? Number.POSITIVE_INFINITY : peak_seats;
}

/** Whole numbers only: a hundredth times a hundred is not always one. */
function sufficing(demands: readonly number[], percent: number): number | undefined {
  const mayFallShort = Math.floor((demands.length * (100 - percent)) / 100);
  return demands.toSorted((a, b) => b - a)[mayFallShort];
}
