/** Converts days of date fields ("2026-11-28") in the viewer's time zone into timestamps for the API. */

export interface Days {
  /** Empty for an open start. */
  readonly first: string;
  /** Empty for an open end. */
  readonly last: string;
}

/** From the start of the first day to the start of the day after the last. */
export function periodOf({ first, last }: Days): { readonly from?: string; readonly to?: string } {
  return {
    ...(first !== '' && { from: startOf(first, 0) }),
    ...(last !== '' && { to: startOf(last, 1) }),
  };
}

function startOf(day: string, daysLater: number): string {
  const date = new Date(`${day}T00:00`);
  // Not 24 hours: days of a clock change are longer or shorter.
  date.setDate(date.getDate() + daysLater);
  return date.toISOString();
}
