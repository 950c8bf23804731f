import type { SeatleaseError } from '../errors.ts';

/** As in sysexits.h, which shells' users know. */
const UNAVAILABLE = 69;
const TRY_LATER = 75;
const NOT_ALLOWED = 77;

export function exitCodeOf({ code, status = 0 }: SeatleaseError): number {
  if (code === 'SEATS_EXHAUSTED' || code === 'WAITED_IN_VAIN') return TRY_LATER;
  return code === 'NO_ANSWER' || status >= 500 || status === 429 ? UNAVAILABLE : NOT_ALLOWED;
}

export function whyNoSeat({ code, message, members, retryAfterSeconds, requestId }: SeatleaseError): string {
  const { active, max } = members;
  const counts = active !== undefined && max !== undefined ? ` ${active} of ${max} are taken.` : '';
  const again =
    retryAfterSeconds === undefined ? '' : ` One comes free in ${retryAfterSeconds} s at the latest.`;
  const request = requestId === undefined ? '' : `, request ${requestId}`;
  return `${message}${counts}${counts && again} (${code}${request})`;
}
