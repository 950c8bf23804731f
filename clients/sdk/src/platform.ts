/**
 * What the SDK needs of the place where it runs. Node (and Electron) and browsers each have one; tests bring one whose
 * clock stands still and whose network can be cut.
 */
export interface Platform {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly storage: Storage;
  readonly holders: Holders;
  /** What tells this machine, or this browser, from others; the same on every start. */
  fingerprint(): Promise<string>;
  /** What its admins know it by; `undefined` where nothing says. */
  hostname(): string | undefined;
  /** What tells this process from others of the machine, now and later. */
  readonly processId: string;
  /**
   * Has `release` done when the program ends by itself, by a signal or by having been told to. Gives what takes it back.
   * Whatever becomes of `release`, the program's end is held up for about a second at the most.
   */
  atExit(release: AtExit): () => void;
  /** A listener of the host program threw: its fault, which must not stop a heartbeat nor go unseen. */
  report(error: unknown): void;
}

export interface AtExit {
  /** While there is time: the end of the program waits for it, but not for long. */
  inTime(): Promise<void>;
  /** Where nothing can be waited for any more: the request for somebody else to send; `undefined` where there is none. */
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
  /** Of a header, by its name in lower case; `undefined` where it did not come. */
  header(name: string): string | undefined;
  readonly body: string;
}

export interface SendOptions {
  /** For the whole answer, its last byte included. */
  readonly timeoutMs: number;
  /** The program may end while this is under way: nobody of it waits for the answer. */
  readonly background: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Transport {
  /**
   * Sends once and never again by itself. Throws `NoAnswer` where no whole answer of at most a mebibyte came in time, for
   * whatever reason; the server may have done what was asked. Follows no redirects.
   */
  send(request: Request, options: SendOptions): Promise<Response>;
}

/** No whole answer came, so that nobody knows what the server did. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** A moment by both clocks that there are: neither alone tells how long ago it was. */
export interface Moment {
  /** Milliseconds since the epoch, by a clock that people can set. */
  readonly wallMs: number;
  /** Milliseconds since some moment, by a clock that only goes forward, but may stand still while the machine sleeps. */
  readonly monotonicMs: number;
}

export interface Clock {
  now(): Moment;
  /**
   * Calls once. Keeps the program from ending by itself only if it `isAwaited`: while somebody of the program waits for what
   * comes after. Gives what calls it off.
   */
  after(delayMs: number, call: () => void, isAwaited?: boolean): () => void;
}

/** Small texts by name that survive the program. Losing them loses the offline grace, and nothing else. */
export interface Storage {
  /** `undefined` also where it cannot be read. */
  read(name: string): Promise<string | undefined>;
  /** Whole or not at all; a text that cannot be written is given up in silence. */
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
}

/**
 * Programs of one machine that share a seat, as all those do whose license is counted by machine. None may give back
 * what another still holds, nor join while it is being given back.
 */
export interface Holders {
  /** Joins those who share what is called `name`; waits, not for long, while the last of them is leaving. */
  join(name: string): Promise<Membership>;
}

export interface Membership {
  /** Leaves; where nobody else is left, `last` is done before anybody can join again. */
  leave(last: () => Promise<void>): Promise<void>;
  /** The same at once, without waiting for anything: whether nobody else is left. */
  leaveNow(): boolean;
}
