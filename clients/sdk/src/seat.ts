import type { SeatleaseError } from './errors.ts';
import type { Off } from './events.ts';

/** `online`: held. `offline`: the server does not answer. `expired`: do not use it. `released`: released by the program. */
export type SeatState = 'online' | 'offline' | 'expired' | 'released';

/** A granted seat. Its properties are computed when they are read. */
export interface Seat {
  readonly sessionId: string;
  readonly licenseId: string;
  readonly state: SeatState;
  /** Whether the program may run: online, or offline within the lease or the verified grace. */
  readonly mayRun: boolean;
  /** Whether the server certainly counts this seat as ours. False as soon as another holder may have it. */
  readonly holdsLease: boolean;
  /** When a borrowed seat ends, by the server's clock; `undefined` for a seat with heartbeats. */
  readonly borrowedUntil: Date | undefined;
  /** Until when the signed license allows use without the server; `undefined` without a signed license. */
  readonly offlineUntil: Date | undefined;
  on<Name extends keyof SeatEvents>(name: Name, listener: (event: SeatEvents[Name]) => void): Off;
  /**
   * Releases the seat. From the call on the program must not use it, whatever the server answers. Throws only if a borrowed
   * seat could not be released: call again, or it stays taken until its loan ends. Any other seat is free when its lease
   * ends.
   */
  release(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Events of a seat. */
export interface SeatEvents {
  /** Three heartbeats failed, or the lease ended and the offline grace applies. `seat.mayRun` is still true. */
  offline: { readonly seat: Seat };
  /** The server counts the seat as ours again. */
  online: { readonly seat: Seat };
  /** The lease had expired, and a free seat was taken again. `online` follows. */
  revived: { readonly seat: Seat };
  /**
   * The program must stop using the seat. Reason `expired`: lease and offline grace have ended without an answer.
   * `CLOCK_ROLLED_BACK`: the clock was set back while offline. After these two the seat may come back: `online` is emitted.
   * Any other reason is the server's problem code, such as SESSION_NOT_FOUND, and is final.
   */
  lost: { readonly seat: Seat; readonly reason: LostReason };
}

/** Events of a `Seatlease`: those of its seats, and those of acquiring one. */
export interface SeatleaseEvents extends SeatEvents {
  granted: { readonly seat: Seat };
  /** The server refused a seat. While `acquire` waits for a seat, emitted at each try. */
  denied: { readonly error: SeatleaseError };
}

export type LostReason = 'expired' | (string & {});
