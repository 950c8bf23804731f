import { SeatleaseError } from '../errors.ts';
import { isRetry, stepAfter } from '../steps.ts';
import { NOT_ALLOWED, TRY_LATER, UNAVAILABLE, WRONG_USAGE } from './exit-codes.ts';

/** Of settings, not of the seat. */
const SETTINGS: ReadonlySet<string> = new Set(['OPTION_INVALID', 'PUBLIC_KEYS_REQUIRED']);
/** These follow only where the server did not answer. */
const OFFLINE: ReadonlySet<string> = new Set([
  'OFFLINE_LICENSE_INVALID',
  'OFFLINE_LICENSE_EXPIRED',
  'OFFLINE_START_NOT_ALLOWED',
  'CLOCK_ROLLED_BACK',
]);

export function exitCodeOf(error: SeatleaseError): number {
  const cause = causeOf(error);
  if (SETTINGS.has(cause.code)) return WRONG_USAGE;
  if (OFFLINE.has(cause.code)) return UNAVAILABLE;
  const next = stepAfter(cause, false);
  if (!isRetry(next)) return NOT_ALLOWED;
  return next === 'seat' ? TRY_LATER : UNAVAILABLE;
}

/** One line: the reason, and which answer of which server it comes from. */
export function describeNoSeat(error: SeatleaseError, origin: string): string {
  if (error.code === 'OPTION_INVALID') return error.message;
  if (error.code === 'PUBLIC_KEYS_REQUIRED')
    return "A borrowed seat needs the vendor's public keys: pass --public-keys, or set SEATLEASE_PUBLIC_KEYS.";
  const { code, message, status, requestId } = causeOf(error);
  // Without an answer, or with one that is not the server's, the message itself names the address.
  const source =
    status === undefined || code === 'NO_ANSWER' ? code : `HTTP ${status} ${code} from ${origin}`;
  const request = requestId === undefined ? '' : `, request ${requestId}`;
  const inVain = error.code === 'WAITED_IN_VAIN' ? 'waited in vain: ' : '';
  return `${inVain}${message} (${source}${request})`.replaceAll(/\s+/g, ' ');
}

/** For programs, in the words of the server's problem documents. */
export function fieldsOf(error: SeatleaseError): Readonly<Record<string, unknown>> {
  const { code, status, requestId, retryAfterSeconds } = error;
  const cause = causeOf(error);
  return {
    code,
    ...(cause === error ? {} : { cause: cause.code }),
    status,
    request_id: requestId,
    retry_after_seconds: retryAfterSeconds,
  };
}

/** What stood in the way until the wait was over. */
function causeOf(error: SeatleaseError): SeatleaseError {
  return error.code === 'WAITED_IN_VAIN' && error.cause instanceof SeatleaseError ? error.cause : error;
}
