import type { ProblemCode } from './api.ts';

/**
 * Why there is no seat, or why the seat cannot be used. Branch on `code`: it is stable. Most codes come from the server's
 * problem documents (RFC 9457); the SDK's own are in `OwnCode`. Message and members never contain credentials.
 */
export class SeatleaseError extends Error {
  override readonly name = 'SeatleaseError';
  readonly code: ErrorCode;
  /** HTTP status of the answer; `undefined` if there was none. */
  readonly status: number | undefined;
  /** Seconds after which to retry, if the server sent them. */
  readonly retryAfterSeconds: number | undefined;
  /** Id of the request: give it to the vendor when you ask for help. */
  readonly requestId: string | undefined;
  /** Other fields of the problem document, such as `active` and `max` of SEATS_EXHAUSTED. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, more: ErrorDetails = {}) {
    super(message, more);
    this.code = code;
    this.status = more.status;
    this.retryAfterSeconds = more.retryAfterSeconds;
    this.requestId = more.requestId;
    this.members = more.members ?? {};
  }
}

export interface ErrorDetails {
  readonly status?: number | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly requestId?: string | undefined;
  readonly members?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** Codes of the SDK. All others are codes of the server. */
export type OwnCode =
  /** No usable answer after all retries, and no stored license to use instead. */
  | 'NO_ANSWER'
  /** `acquire` waited for as long as `wait` says. `cause` is the error of the last try. */
  | 'WAITED_IN_VAIN'
  /** An option, an event name or an environment variable is wrong. `members.option` names it. */
  | 'OPTION_INVALID'
  /** The machine has no id, and a random one cannot be stored. Pass `fingerprint`. */
  | 'FINGERPRINT_UNAVAILABLE'
  /** Seats can be borrowed only by an app that has the vendor's `publicKeys`. */
  | 'PUBLIC_KEYS_REQUIRED'
  /** Offline, and the stored license is for another machine or license, or was changed. */
  | 'OFFLINE_LICENSE_INVALID'
  /** Offline, and the stored license has expired. */
  | 'OFFLINE_LICENSE_EXPIRED'
  /** Offline, and the last program returned its seat: the license does not allow a start without the server any more. */
  | 'OFFLINE_START_NOT_ALLOWED'
  /** Offline, and the clock shows an earlier time than it has shown before. */
  | 'CLOCK_ROLLED_BACK'
  /** The sign-in has ended, or its user refused it: sign in again. */
  | 'SIGN_IN_REFUSED';

/** New codes of the server may be added. */
export type ErrorCode = OwnCode | ProblemCode | (string & {});
