/** Whoever looks sees a change within five seconds: this, and the time that an answer takes. */
export const WATCH_EVERY_MS = 4_000;
