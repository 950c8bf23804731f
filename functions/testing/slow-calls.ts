/** Calls that take their time, so that those of several requests interleave in other orders. */
export interface SlowCalls {
  /** How long the next calls take, before and after each, in turns of the event loop. Later ones take none. */
  take(turns: Iterable<number>): void;
  /** Lets the next of these times pass. */
  pass(): Promise<void>;
  slow<R>(work: () => Promise<R>): Promise<R>;
  /** The port, with these calls slowed down. */
  wrap<T extends object>(port: T, names: readonly (keyof T)[]): T;
}

export function openSlowCalls(): SlowCalls {
  let turns: Iterator<number> = [].values();
  const calls: SlowCalls = {
    take(next) {
      turns = next[Symbol.iterator]();
    },
    async pass() {
      const next = turns.next();
      for (let left = next.done ? 0 : next.value; left > 0; left -= 1)
        await new Promise((resolve) => setImmediate(resolve));
    },
    async slow(work) {
      await calls.pass();
      const result = await work();
      await calls.pass();
      return result;
    },
    wrap: (port, names) =>
      new Proxy(port, {
        get(target, name) {
          const member = Reflect.get(target, name);
          if (typeof member !== 'function') return member;
          if (!names.some((each) => each === name)) return member.bind(target);
          return (...args: unknown[]) => calls.slow(async () => Reflect.apply(member, target, args));
        },
      }),
  };
  return calls;
}
