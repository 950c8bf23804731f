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
