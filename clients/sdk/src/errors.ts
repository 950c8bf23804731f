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
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
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

export type OwnCode =
  /** No usable answer after all retries, and no stored license to use instead. */
  | 'NO_ANSWER'
  /** Offline, and the stored license is for another machine or license, or was changed. */
  | 'OFFLINE_LICENSE_INVALID'
  /** Offline, and the stored license has expired. */
  | 'OFFLINE_LICENSE_EXPIRED'
  /** Offline, and the clock shows an earlier time than the SDK has already seen. */
  | 'CLOCK_ROLLED_BACK';

/** There may be room later: all seats are taken, or the seat has the maximum number of programs. */
export function isFull({ code }: SeatleaseError): boolean {
  return code === 'SEATS_EXHAUSTED' || code === 'SESSIONS_EXHAUSTED';
}

/** The server has many codes, and new ones may be added. */
export type ErrorCode = OwnCode | (string & {});
