/**
 * Why there is no seat, or why it may not be used. `code` is stable: branch on it. Most are the server's (its problem
 * documents, RFC 9457); the SDK's own are in `OwnCode`. Neither message nor members hold credentials.
 */
export class SeatleaseError extends Error {
  override readonly name = 'SeatleaseError';
  readonly code: ErrorCode;
  /** Of the server's answer; `undefined` where there was none. */
  readonly status: number | undefined;
  /** Seconds after which the server would like to be asked again. */
  readonly retryAfterSeconds: number | undefined;
  /** Name it when you ask the vendor for help. */
  readonly requestId: string | undefined;
  /** What else the server said, such as `active` and `max` of SEATS_EXHAUSTED. */
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
  /** No answer that could be used came, however often the server was asked, and no stored license stands in. */
  | 'NO_ANSWER'
  /** Offline, and what is stored is no license for this machine, or was changed. */
  | 'OFFLINE_LICENSE_INVALID'
  /** Offline, and the stored license has ended. */
  | 'OFFLINE_LICENSE_EXPIRED'
  /** Offline, and the clock stands before a moment that was seen already. */
  | 'CLOCK_ROLLED_BACK';

/** The server's codes are many and will be more. */
export type ErrorCode = OwnCode | (string & {});
