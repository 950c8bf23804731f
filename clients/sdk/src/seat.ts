import type { Off, SeatEvents } from './events.ts';

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
