import type { SeatleaseError } from './errors.ts';
import type { Seat } from './seat.ts';

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

/** Takes a listener back. */
export type Off = () => void;

/** Listeners by name of event. One that throws is reported, and stops neither the others nor what happened. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();
  readonly #report: (error: unknown) => void;

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): Off {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    // Each has a place of its own, so that one that was given twice is called twice and taken back singly.
    const call = (event: Events[Name]): void => listener(event);
    listeners.add(call);
    return () => void listeners.delete(call);
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        const given: unknown = (listener as (event: Events[Name]) => unknown)(event);
        // An async listener throws later, and nobody else would hear of it.
        if (given instanceof Promise) given.catch(this.#report);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
