const DAY_MS = 24 * 3_600_000;
/** The longest period that the API returns. */
const DAYS = 31;

/** Today (UTC) and the 30 days before. With both ends, a wrong clock cannot request more than the API allows. */
export function lastDays(nowMs: number): { from: string; to: string } {
  const endMs = (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS;
  return { from: new Date(endMs - DAYS * DAY_MS).toISOString(), to: new Date(endMs).toISOString() };
}
