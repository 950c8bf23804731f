import type { SeatleaseError } from './errors.ts';
import type { Off } from './events.ts';

/** `online`: held. `offline`: the server does not answer. `expired`: not to be used. `released`: given back. */
export type SeatState = 'online' | 'offline' | 'expired' | 'released';

/** A seat that was granted, as it stands at the moment of looking. */
export interface Seat {
  readonly sessionId: string;
  readonly licenseId: string;
  readonly state: SeatState;
  /** Whether the program may go on: online, or offline within the lease or the verified grace. */
  readonly mayRun: boolean;
  /** Whether the server surely counts this seat as ours. Never true when it may have given it away. */
  readonly holdsLease: boolean;
  /** The end of a loan by the server's clock; `undefined` for a seat that is held by heartbeats. */
  readonly borrowedUntil: Date | undefined;
  /** Until when it may be used without the server, by its signed license; `undefined` while there is none. */
  readonly offlineUntil: Date | undefined;
  on<Name extends keyof SeatEvents>(name: Name, listener: (event: SeatEvents[Name]) => void): Off;
  /**
   * Gives the seat back; it is not to be used from the call on, whatever the server answers. Throws only for a borrowed
   * seat that the server could not be told of: call again, or it stays taken until its loan ends. Any other comes free by
   * itself.
   */
  release(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What can happen to a seat, by name. */
export interface SeatEvents {
  /** The server has not answered for so long that the seat is doubtful; `seat.mayRun` says whether to go on. */
  offline: { readonly seat: Seat };
  /** The server counts the seat as ours again. */
  online: { readonly seat: Seat };
  /** The lease had run out, and a free seat was taken again. `online` follows. */
  revived: { readonly seat: Seat };
  /**
   * Gone. `expired`: the server could not be asked for longer than is allowed, or `CLOCK_ROLLED_BACK` meanwhile; it may
   * still come back, which `online` tells. Any other reason is the server's code, such as SESSION_NOT_FOUND, and is final.
   */
  lost: { readonly seat: Seat; readonly reason: LostReason };
}

/** What can happen to a `Seatlease`: to any of its seats, and while there is none. */
export interface SeatleaseEvents extends SeatEvents {
  granted: { readonly seat: Seat };
  /** The server has refused a seat. While `acquire` waits for one, this comes each time it asks. */
  denied: { readonly error: SeatleaseError };
}

export type LostReason = 'expired' | (string & {});
