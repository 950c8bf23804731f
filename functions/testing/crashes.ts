/** Crashes of a function at its outgoing calls: before a call has its effect, or before its answer arrives. */
export interface Crashes {
  /** Makes the call with that number from now on crash, before or after its effect, and fails all later ones. */
  plan(call: number, isAfter: boolean): void;
  /** Lets all later calls succeed again. Returns whether the function has crashed. */
  end(): boolean;
  /** Wraps an outgoing call. */
  step<R>(work: () => Promise<R>): Promise<R>;
}

export function openCrashes(newError: () => Error = () => new Error('crashes here')): Crashes {
  let callsLeft: number | undefined;
  let crashesAfterCall = false;
  return {
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
  };
}
