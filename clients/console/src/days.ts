/** Days as date fields give them ("2026-11-28"), in the viewer's zone, as the server asks for moments. */

export interface Days {
  /** Empty for without beginning. */
  readonly first: string;
  /** Empty for without end. */
  readonly last: string;
}

/** From the beginning of the first day to the beginning of the day after the last. */
export function periodOf({ first, last }: Days): { readonly from?: string; readonly to?: string } {
  return {
    ...(first !== '' && { from: beginningOf(first, 0) }),
    ...(last !== '' && { to: beginningOf(last, 1) }),
  };
}

function beginningOf(day: string, daysLater: number): string {
  const date = new Date(`${day}T00:00`);
  // Not 24 hours: a day in which clocks change has another length.
  date.setDate(date.getDate() + daysLater);
  return date.toISOString();
}
