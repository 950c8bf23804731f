import { isFull, type SeatleaseError } from '../errors.ts';

/** Exit codes as in sysexits.h. */
const UNAVAILABLE = 69;
const TRY_LATER = 75;
const NOT_ALLOWED = 77;

export function exitCodeOf(error: SeatleaseError): number {
  const { code, status = 0 } = error;
  if (isFull(error)) return TRY_LATER;
  return code === 'NO_ANSWER' || status >= 500 || status === 429 ? UNAVAILABLE : NOT_ALLOWED;
}

/** One line: the reason, and which answer of which server it comes from. */
export function describeNoSeat({ code, message, status, requestId }: SeatleaseError, url: string): string {
  // Without an answer, or with one that is not the server's, the message itself names the address.
  const source =
    status === undefined || code === 'NO_ANSWER'
      ? code
      : `HTTP ${status} ${code} from ${new URL(url).origin}`;
  const request = requestId === undefined ? '' : `, request ${requestId}`;
  return `${message} (${source}${request})`.replaceAll(/\s+/g, ' ');
}
