import type { Off, SeatleaseEvents } from './events.ts';
import { Emitter } from './events.ts';
import type { AcquireOptions, SeatleaseOptions } from './options.ts';
import type { Platform } from './platform.ts';
import type { Seat } from './seat.ts';

/** Holds a seat of one license for this program. Entries for Node and for browsers know their platform. */
export class Seatlease {
  readonly #emitter: Emitter<SeatleaseEvents>;

  constructor(_options: SeatleaseOptions, platform: Platform) {
    this.#emitter = new Emitter((error) => platform.report(error));
  }

  on<Name extends keyof SeatleaseEvents>(name: Name, listener: (event: SeatleaseEvents[Name]) => void): Off {
    return this.#emitter.on(name, listener);
  }

  /** The seat that is held, or a new one. Throws `SeatleaseError` where there is none to have. */
  acquire(_options: AcquireOptions = {}): Promise<Seat> {
    throw new Error('under construction');
  }
}
