/** Exit codes as in sysexits.h. */
export const WRONG_USAGE = 64;
export const UNAVAILABLE = 69;
export const TRY_LATER = 75;
export const NOT_ALLOWED = 77;
