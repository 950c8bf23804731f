import { optionInvalid } from './options.ts';
import type { Platform } from './platform.ts';

/** Removes a listener. */
export type Off = () => void;

export type Listener<Event> = (event: Event) => void;

/** Methods for listeners, typed by the table of events. Unknown names throw OPTION_INVALID. */
export interface EventSource<Events> {
  /** Returns a function that removes this listener. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): Off;
  /** Removes the listener when it is called. */
  once<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): Off;
  /** Removes the listener, once if it was added more than once. */
  off<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void;
}

interface Entry {
  readonly name: PropertyKey;
  readonly listener: Listener<never>;
  readonly isOnce: boolean;
}

/** Listeners by event name. An error of a listener is reported; the other listeners still run. */
export abstract class Emitter<Events> implements EventSource<Events> {
  #entries: readonly Entry[] = [];
  readonly #names: readonly (keyof Events)[];
  readonly #platform: Pick<Platform, 'report'>;

  constructor(names: readonly (keyof Events)[], platform: Pick<Platform, 'report'>) {
    this.#names = names;
    this.#platform = platform;
  }

  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): Off {
    return this.#add(name, listener, false);
  }

  once<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): Off {
    return this.#add(name, listener, true);
  }

  off<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    this.#check(name, listener);
    const entry = this.#entries.find((one) => one.name === name && one.listener === listener);
    if (entry) this.#remove(entry);
  }

  protected emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const entry of this.#entries.filter((one) => one.name === name)) {
      if (entry.isOnce) this.#remove(entry);
      try {
        const given: unknown = (entry.listener as (event: Events[Name]) => unknown)(event);
        // An async listener fails later: without this, the rejection is unhandled.
        if (given instanceof Promise) given.catch((error) => this.#platform.report(error));
      } catch (error) {
        this.#platform.report(error);
      }
    }
  }

  #add<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>, isOnce: boolean): Off {
    this.#check(name, listener);
    const entry: Entry = { name, listener, isOnce };
    this.#entries = [...this.#entries, entry];
    return () => this.#remove(entry);
  }

  #remove(entry: Entry): void {
    this.#entries = this.#entries.filter((one) => one !== entry);
  }

  #check(name: keyof Events, listener: unknown): void {
    if (!this.#names.includes(name))
      throw optionInvalid('name', `must be one of ${this.#names.join(', ')}, not "${String(name)}".`);
    if (typeof listener !== 'function') throw optionInvalid('listener', 'must be a function.');
  }
}
