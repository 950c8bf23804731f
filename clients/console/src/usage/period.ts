const DAY_MS = 24 * 3_600_000;
/** As much as the server tells at once. */
const DAYS = 31;

/** This day (UTC) and the thirty before it. Both ends are said, so that a clock that is wrong asks for no more than may be. */
export function lastDays(nowMs: number): { from: string; to: string } {
  const endMs = (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS;
  return { from: new Date(endMs - DAYS * DAY_MS).toISOString(), to: new Date(endMs).toISOString() };
}
