/** Changes are shown within five seconds: this interval, plus the time of a response. */
export const WATCH_EVERY_MS = 4_000;
