/// <reference lib="esnext.disposable" preserve="true" />
import type { SeatleaseError } from './errors.ts';
import type { EventSource } from './events.ts';

/** `online`: held. `offline`: the server does not answer. `expired`: do not use it. `released`: released by the program. */
export type SeatState = 'online' | 'offline' | 'expired' | 'released';

/** A granted seat. Its properties are computed when they are read. `console.log` and JSON show all of them. */
export interface Seat extends EventSource<SeatEvents> {
  readonly sessionId: string;
  readonly licenseId: string;
  readonly state: SeatState;
  /** Whether the program may run: online, or offline within the lease or the verified grace. */
  readonly mayRun: boolean;
  /** Whether the server certainly counts this seat as ours. False as soon as another holder may have it. */
  readonly holdsLease: boolean;
  /** The license's plan; `undefined` if the server did not say. */
  readonly plan: string | undefined;
  readonly features: readonly string[];
  /** Whether the license has the feature. */
  has(feature: string): boolean;
  /** Numbers that the vendor gives a meaning to. */
  readonly limits: Readonly<Record<string, number>>;
  /** When a borrowed seat ends, by the server's clock; `undefined` for a seat with heartbeats. */
  readonly borrowedUntil: Date | undefined;
  /** Until when the signed license allows use without the server; `undefined` without a signed license. */
  readonly offlineUntil: Date | undefined;
  /** The latest failure; `undefined` while the seat is online. */
  readonly problem: SeatleaseError | undefined;
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
  /** Three tries in a row have failed. `seat.mayRun` is still true. */
  offline: { readonly seat: Seat };
  /** The server counts the seat as ours again. */
  online: { readonly seat: Seat };
  /** The session had ended, and a free seat was acquired again. `online` follows. */
  reacquired: { readonly seat: Seat };
  /**
   * The offline grace is not renewed: a program that loses its network may run until `offlineUntil` only (`undefined`: until
   * its lease ends). Emitted once for each cause.
   */
  graceAtRisk: {
    readonly seat: Seat;
    readonly error: SeatleaseError;
    readonly offlineUntil: Date | undefined;
  };
  /**
   * The program must stop using the seat. Reason `expired`: lease and offline grace have ended without an answer.
   * `CLOCK_ROLLED_BACK`: the clock was set back while offline. Any other reason is the server's problem code. `isFinal`:
   * the SDK has given up the seat. If not, it keeps asking, and `online` follows when it gets the seat again.
   */
  lost: {
    readonly seat: Seat;
    readonly reason: LostReason;
    readonly isFinal: boolean;
    readonly error: SeatleaseError | undefined;
  };
}

export const SEAT_EVENTS = [
  'online',
  'offline',
  'reacquired',
  'graceAtRisk',
  'lost',
] as const satisfies readonly (keyof SeatEvents)[];

/** Events of a `Seatlease`: those of its seats, and those of acquiring one. */
export interface SeatleaseEvents extends SeatEvents {
  granted: { readonly seat: Seat };
  /**
   * A try of `acquire` failed. It tries again after `retryInSeconds`; `undefined`: it gives up, and throws the error.
   */
  denied: { readonly error: SeatleaseError; readonly retryInSeconds: number | undefined };
}

export type LostReason = 'expired' | (string & {});
