/** Formats times in English and in the viewer's time zone. Months are names, as 2/3 is ambiguous between countries. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const STEPS = [
  { unit: 'day', ms: DAY_MS },
  { unit: 'hour', ms: HOUR_MS },
  { unit: 'minute', ms: MINUTE_MS },
] as const;

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'long' });

/** "in 4 minutes", "2 days ago"; "just now" and "in a moment" within a minute. Rounds down the distance from now. */
export function relativeTo(atMs: number, nowMs: number): string {
  const offsetMs = atMs - nowMs;
  const step = STEPS.find(({ ms }) => Math.abs(offsetMs) >= ms);
  if (!step) return offsetMs > 0 ? 'in a moment' : 'just now';
  return RELATIVE.format(Math.trunc(offsetMs / step.ms), step.unit);
}

/** A duration: "4 minutes", "2 days". */
export function durationOf(seconds: number): string {
  const lengthMs = seconds * SECOND_MS;
  const step = STEPS.find(({ ms }) => lengthMs >= ms) ?? { unit: 'second', ms: SECOND_MS };
  const count = Math.round(lengthMs / step.ms);
  return `${count} ${step.unit}${count === 1 ? '' : 's'}`;
}

const DAY = { day: 'numeric', month: 'short', year: 'numeric' } as const;
const MINUTE = { hour: '2-digit', minute: '2-digit' } as const;

/** "28 Nov 2026, 10:42" in `zone`, by default the viewer's. */
export function dateAndTime(at: Date, zone?: string): string {
  return new Intl.DateTimeFormat('en-GB', { ...DAY, ...MINUTE, timeZone: zone }).format(at);
}

/** A short form of `dateAndTime`: "10:42" today, "1 Dec, 10:42" this year, the full form in another year. */
export function shortDateAndTime(at: Date, nowMs: number, zone?: string): string {
  const now = new Date(nowMs);
  if (dateOf(at, zone) === dateOf(now, zone)) return hourTick(at, zone);
  const isThisYear = yearOf(at, zone) === yearOf(now, zone);
  const { year: _, ...dayOfYear } = DAY;
  return isThisYear
    ? new Intl.DateTimeFormat('en-GB', { ...dayOfYear, ...MINUTE, timeZone: zone }).format(at)
    : dateAndTime(at, zone);
}

function yearOf(at: Date, zone?: string): string {
  return new Intl.DateTimeFormat('en-GB', { year: 'numeric', timeZone: zone }).format(at);
}

/** "28 Nov 2026". */
export function dateOf(at: Date, zone?: string): string {
  return new Intl.DateTimeFormat('en-GB', { ...DAY, timeZone: zone }).format(at);
}

/** "10:42:03". */
export function clockTime(at: Date, zone?: string): string {
  return new Intl.DateTimeFormat('en-GB', { ...MINUTE, second: '2-digit', timeZone: zone }).format(at);
}

const WEEKDAY = { weekday: 'short', day: 'numeric', month: 'short' } as const;

/** "Sat 28 Nov, 10:00", for the start of an hour. */
export function hourName(at: Date, zone?: string): string {
  return new Intl.DateTimeFormat('en-GB', { ...WEEKDAY, ...MINUTE, timeZone: zone }).format(at);
}

/** "10:00". */
export function hourTick(at: Date, zone?: string): string {
  return new Intl.DateTimeFormat('en-GB', { ...MINUTE, timeZone: zone }).format(at);
}

/** "Sat 28 Nov", for a UTC day, as the server counts days. */
export function utcDayName(at: Date): string {
  return new Intl.DateTimeFormat('en-GB', { ...WEEKDAY, timeZone: 'UTC' }).format(at);
}

/** "28 Nov". */
export function utcDayTick(at: Date): string {
  return new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' }).format(at);
}
