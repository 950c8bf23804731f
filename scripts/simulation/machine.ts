import type { Clock, Holders, Membership, Moment, Storage } from '../../clients/sdk/src/platform.ts';
import type { World } from './world.ts';

/** A machine of the simulation: its clocks, its sleep, and what its programs share. */
export interface Machine {
  readonly name: string;
  readonly isAsleep: () => boolean;
  now(): Moment;
  /** For a program: it is never called again once that is dead. */
  clock(isAlive: () => boolean): Clock;
  holders(clock: Clock, isAlive: () => boolean): MachineHolders;
  readonly storage: Storage;
  /** At once, or, while it sleeps, when it wakes up. */
  whenAwake(call: () => void): void;
  sleep(): void;
  wake(): void;
  setWallClock(byMs: number): void;
}

export interface MachineOptions {
  readonly name: string;
  /** How much faster than the server's clock its clocks run: 1.001 is a second in a quarter of an hour. */
  readonly rate: number;
  readonly wallOffsetMs: number;
  /** Whether its monotonic clock stands still while it sleeps, as on most systems. */
  readonly sleepStopsClock: boolean;
}

interface Timer {
  readonly dueMonotonicMs: number;
  readonly call: () => void;
}

export function openMachine(world: World, options: MachineOptions): Machine {
  const { name, rate, sleepStopsClock } = options;
  const timers = new Set<Timer>();
  const storage = new Map<string, string>();
  const inbox: (() => void)[] = [];
  const bornMs = world.nowMs();
  let wallOffsetMs = options.wallOffsetMs;
  let asleepSinceMs: number | undefined;
  let sleptMs = 0;

  function now(): Moment {
    const passedMs = world.nowMs() - bornMs;
    const asleepMs = asleepSinceMs === undefined ? 0 : world.nowMs() - asleepSinceMs;
    const stoodStillMs = sleepStopsClock ? sleptMs + asleepMs : 0;
    return {
      wallMs: Math.floor(bornMs + wallOffsetMs + passedMs * rate),
      monotonicMs: (passedMs - stoodStillMs) * rate,
    };
  }

  const soonest = (): Timer | undefined =>
    [...timers].reduce<Timer | undefined>(
      (first, timer) => (first && first.dueMonotonicMs <= timer.dueMonotonicMs ? first : timer),
      undefined,
    );

  world.add({
    nextDueMs() {
      const timer = asleepSinceMs === undefined ? soonest() : undefined;
      if (!timer) return Number.POSITIVE_INFINITY;
      return world.nowMs() + Math.max(0, timer.dueMonotonicMs - now().monotonicMs) / rate;
    },
    runDue() {
      const timer = soonest();
      if (!timer) return;
      timers.delete(timer);
      timer.call();
    },
  });

  return {
    name,
    now,
    isAsleep: () => asleepSinceMs !== undefined,
    clock: (isAlive) => ({
      now,
      after(delayMs, call) {
        const timer = {
          dueMonotonicMs: now().monotonicMs + Math.max(1, delayMs),
          call: () => {
            if (isAlive()) call();
          },
        };
        timers.add(timer);
        return () => void timers.delete(timer);
      },
    }),
    holders: sharedHolders(world.nowMs),
    storage: {
      read: async (of) => storage.get(of),
      write: async (of, text) => void storage.set(of, text),
      remove: async (of) => void storage.delete(of),
    },
    whenAwake(call) {
      if (asleepSinceMs === undefined) call();
      else inbox.push(call);
    },
    sleep() {
      asleepSinceMs ??= world.nowMs();
    },
    wake() {
      if (asleepSinceMs === undefined) return;
      sleptMs += world.nowMs() - asleepSinceMs;
      asleepSinceMs = undefined;
      // Its programs run before anything comes in: what they go by then is to be seen.
      for (const call of inbox.splice(0)) world.plan(world.nowMs(), call);
    },
    setWallClock(byMs) {
      wallOffsetMs += byMs;
    },
  };
}

/** How long somebody who leaves holds up whoever comes, at the most, and how often those look again: as on Node. */
const LEAVING_MS = 10_000;
const POLL_MS = 50;

export interface MachineHolders extends Holders {
  /** What is to be called once that was sent which gives back what was left at once. */
  takeMarks(): (() => void)[];
}

/** What a machine's programs share, as its operating system keeps it: of the dead nothing stays, but who was leaving. */
function sharedHolders(nowMs: () => number): (clock: Clock, isAlive: () => boolean) => MachineHolders {
  const groups = new Map<string, { stay: Set<() => boolean>; leaving: Set<{ untilMs: number }> }>();

  return (clock, isAlive) => {
    const marks: (() => void)[] = [];
    return {
      async join(name): Promise<Membership> {
        const group = groups.get(name) ?? { stay: new Set(), leaving: new Set() };
        groups.set(name, group);
        const self = (): boolean => isAlive();
        group.stay.add(self);
        const isHeldUp = (): boolean => [...group.leaving].some(({ untilMs }) => nowMs() < untilMs);
        while (isHeldUp()) await new Promise<void>((resolve) => clock.after(POLL_MS, resolve, true));

        function leave(): { isLast: boolean; end: () => void } {
          group.stay.delete(self);
          const mark = { untilMs: nowMs() + LEAVING_MS };
          group.leaving.add(mark);
          const isLast = ![...group.stay].some((isThere) => isThere());
          return { isLast, end: () => void group.leaving.delete(mark) };
        }

        return {
          async leave(last) {
            const { isLast, end } = leave();
            try {
              if (isLast) await last();
            } finally {
              end();
            }
          },
          leaveNow() {
            const { isLast, end } = leave();
            if (isLast) marks.push(end);
            else end();
            return isLast;
          },
        };
      },
      takeMarks: () => marks.splice(0),
    };
  };
}
