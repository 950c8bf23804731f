/**
 * What the SDK needs from its environment. There is one for Node and Electron, one for browsers, and one for tests, with a
 * clock and a network that the test controls.
 */
export interface Platform {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly storage: Storage;
  /** Identifies this machine, or this browser; the same on every start. */
  fingerprint(): Promise<string>;
  /** The machine's host name; `undefined` if unknown. */
  hostname(): string | undefined;
  /** Identifies this process; never reused on this machine. */
  readonly processId: string;
  /**
   * Registers `release` for the end of the program: an empty event loop, a signal, or an exit. Returns a function that
   * removes it. It delays the end by about one second at most.
   */
  atExit(release: AtExit): () => void;
  /** Reports an error of the host program's listener. It must not stop a heartbeat, and must not be hidden. */
  report(error: unknown): void;
  /** Called once for each seat that needs heartbeats. Missing, or returns `undefined`, where nothing runs beside the event loop. */
  readonly understudy?: (() => Understudy | undefined) | undefined;
}

/** Sends heartbeats while a busy program blocks the event loop. It must not keep the program running. */
export interface Understudy {
  /** Replaces what was planned. Each sending has an `x-request-id` of its own. */
  plan(request: Request, times: UnderstudyTimes): void;
  /** Nothing more is sent until the next `plan`. What was answered can still be drained. */
  cancel(): void;
  /** Takes out, synchronously, what was answered since the last call, in the order of sending. */
  drain(): readonly UnderstudyAnswer[];
  /** The seat has ended. */
  stop(): void;
}

export interface UnderstudyTimes {
  /** Until the first sending. */
  readonly inMs: number;
  /** From a sending with an answer, whatever its status, to the next. */
  readonly everyMs: number;
  /** From a sending without an answer to the next. */
  readonly retryMs: number;
  readonly timeoutMs: number;
}

/** A complete answer of at most 1 MiB. Sendings without one are not reported: they are no tries. */
export interface UnderstudyAnswer {
  /** As sent. */
  readonly request: Request;
  /** By the clocks of `Platform.clock`. */
  readonly sentAt: Moment;
  readonly response: Response;
}

export interface AtExit {
  /** Releases while the end of the program waits for it, for a short time. */
  inTime(): Promise<void>;
  /** Returns the request that another process sends, when the program can no longer wait; `undefined` if there is none. */
  afterwards(): Request | undefined;
}

export interface Request {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

export interface Response {
  readonly status: number;
  /** A header by its lower-case name; `undefined` if missing. */
  header(name: string): string | undefined;
  readonly body: string;
}

export interface SendOptions {
  /** Until the last byte of the answer. */
  readonly timeoutMs: number;
  /** Whether the program may end while this request is pending. */
  readonly background: boolean;
  /** Cancels the request: its answer is no longer needed. */
  readonly signal?: AbortSignal | undefined;
}

/** How long a request may take. Leases get as short as a second near the end of a license: their requests still need time. */
export const LONGEST_TIMEOUT_MS = 10_000;
export const LEAST_TIMEOUT_MS = 250;

export const MAX_ANSWER_BYTES = 1_048_576;

export interface Transport {
  /**
   * Sends once, without retries and redirects. Throws `NoAnswer` unless a complete answer of at most 1 MiB arrives in time;
   * the server may have executed the request.
   */
  send(request: Request, options: SendOptions): Promise<Response>;
}

/** No complete answer arrived: whether the server executed the request is unknown. The message names address and reason. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** The time by both clocks. Neither alone can measure elapsed time reliably. */
export interface Moment {
  /** Milliseconds since the epoch, by a clock that users can set. */
  readonly wallMs: number;
  /** Milliseconds since an arbitrary time, by a clock that only goes forward, but may stop while the machine sleeps. */
  readonly monotonicMs: number;
}

export interface Clock {
  now(): Moment;
  /**
   * Calls once after the delay. Returns a function that cancels it. The timer keeps the program running only if `isAwaited`:
   * a caller waits for it.
   */
  after(delayMs: number, call: () => void, isAwaited?: boolean): () => void;
}

/** Small texts by name that outlive the program. If they are lost, only the offline grace is lost: it may reject. */
export interface Storage {
  read(name: string): Promise<string | undefined>;
  /** Writes atomically. */
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
}
