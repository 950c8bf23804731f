import type { Deps } from '../../shared/ports/deps.ts';

/** Crashes of a function at its outgoing calls: before a call has its effect, or before its answer arrives. */
export interface Crashes {
  /** Makes the call with that number from now on crash, before or after its effect, and fails all later ones. */
  plan(call: number, isAfter: boolean): void;
  /** Lets all later calls succeed again. Returns whether the function has crashed. */
  end(): boolean;
  /** Wraps an outgoing call. */
  step<R>(work: () => Promise<R>): Promise<R>;
  /** Wraps every call to records, seats, events and Stripe. Returns the same object for the same dependencies. */
  wrap(deps: Deps): Deps;
}

export function openCrashes(newError: () => Error = () => new Error('crashes here')): Crashes {
  let callsLeft: number | undefined;
  let crashesAfterCall = false;
  const wrapped = new Map<Deps, Deps>();
  const crashes: Crashes = {
    plan(call, isAfter) {
      callsLeft = call;
      crashesAfterCall = isAfter;
    },
    end() {
      const hasCrashed = callsLeft !== undefined && callsLeft <= 0;
      callsLeft = undefined;
      return hasCrashed;
    },
    async step(work) {
      if (callsLeft === undefined) return work();
      callsLeft -= 1;
      if (callsLeft > 0) return work();
      if (callsLeft === 0 && crashesAfterCall) await work();
      throw newError();
    },
    wrap(deps) {
      const known = wrapped.get(deps);
      if (known) return known;
      const { records, seats, seatMaintenance, events, billing } = deps;
      const ports: Deps = {
        ...deps,
        records: wrapPort(records, crashes),
        seats: wrapPort(seats, crashes),
        seatMaintenance: wrapPort(seatMaintenance, crashes),
        events: wrapPort(events, crashes),
        billing: billing && wrapPort(billing, crashes),
      };
      wrapped.set(deps, ports);
      return ports;
    },
  };
  return crashes;
}

function wrapPort<T extends object>(port: T, { step }: Crashes): T {
  return new Proxy(port, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member !== 'function' || name === 'close') return member;
      return (...args: unknown[]) => step(async () => Reflect.apply(member, target, args));
    },
  });
}
