/** Removes a listener. */
export type Off = () => void;

/** Listeners by event name. An error of a listener is reported; the other listeners still run. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();
  readonly #report: (error: unknown) => void;

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): Off {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    // A new function each time: a listener that was added twice is called twice and removed one at a time.
    const call = (event: Events[Name]): void => listener(event);
    listeners.add(call);
    return () => void listeners.delete(call);
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        const given: unknown = (listener as (event: Events[Name]) => unknown)(event);
        // An async listener fails later: without this, the rejection is unhandled.
        if (given instanceof Promise) given.catch(this.#report);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
