import type { Clock, Moment, Storage } from '../../clients/sdk/src/platform.ts';
import type { World } from './world.ts';

/** A machine of the simulation: its clocks, its sleep, and what its programs share. */
export interface Machine {
  readonly name: string;
  readonly isAsleep: () => boolean;
  now(): Moment;
  /** The clock of a program; its timers no longer fire when the program is dead. */
  clock(isAlive: () => boolean): Clock;
  readonly storage: Storage;
  /** Calls at once or, if the machine sleeps, when it wakes up. */
  whenAwake(call: () => void): void;
  sleep(): void;
  wake(): void;
  setWallClock(byMs: number): void;
}

export interface MachineOptions {
  readonly name: string;
  /** Speed of its clocks relative to the server's: 1.001 gains about a second in a quarter of an hour. */
  readonly rate: number;
  readonly wallOffsetMs: number;
  /** Whether its monotonic clock stands still while it sleeps, as on most systems. */
  readonly sleepStopsClock: boolean;
}

export function openMachine(world: World, options: MachineOptions): Machine {
  const { name } = options;
  const clocks = openClocks(world.nowMs, options);
  const timers = openTimers(() => clocks.now().monotonicMs);
  const storage = new Map<string, string>();
  const inbox: (() => void)[] = [];
  world.add({
    nextDueMs: () =>
      clocks.isAsleep() ? Number.POSITIVE_INFINITY : world.nowMs() + timers.dueInMs() / options.rate,
    runDue: timers.runDue,
  });
  return {
    name,
    now: clocks.now,
    isAsleep: clocks.isAsleep,
    clock: (isAlive) => ({
      now: clocks.now,
      after: (delayMs, call) =>
        timers.after(delayMs, () => {
          if (isAlive()) call();
        }),
    }),
    storage: {
      read: async (of) => storage.get(of),
      write: async (of, text) => void storage.set(of, text),
      remove: async (of) => void storage.delete(of),
    },
    whenAwake(call) {
      if (clocks.isAsleep()) inbox.push(call);
      else call();
    },
    sleep: clocks.sleep,
    wake() {
      clocks.wake();
      // Its programs run before responses arrive, so that their beliefs at that time are sampled.
      for (const call of inbox.splice(0)) world.plan(world.nowMs(), call);
    },
    setWallClock: clocks.setWallClock,
  };
}

/** The wall clock and the monotonic clock of a machine that sleeps and wakes. */
function openClocks(nowMs: () => number, options: MachineOptions) {
  const { rate, sleepStopsClock } = options;
  const bornMs = nowMs();
  let wallOffsetMs = options.wallOffsetMs;
  let asleepSinceMs: number | undefined;
  let sleptMs = 0;
  return {
    now(): Moment {
      const passedMs = nowMs() - bornMs;
      const asleepMs = asleepSinceMs === undefined ? 0 : nowMs() - asleepSinceMs;
      const stoodStillMs = sleepStopsClock ? sleptMs + asleepMs : 0;
      return {
        wallMs: Math.floor(bornMs + wallOffsetMs + passedMs * rate),
        monotonicMs: (passedMs - stoodStillMs) * rate,
      };
    },
    isAsleep: () => asleepSinceMs !== undefined,
    sleep() {
      asleepSinceMs ??= nowMs();
    },
    wake() {
      if (asleepSinceMs === undefined) return;
      sleptMs += nowMs() - asleepSinceMs;
      asleepSinceMs = undefined;
    },
    setWallClock(byMs: number) {
      wallOffsetMs += byMs;
    },
  };
}

interface Timer {
  readonly dueMs: number;
  readonly call: () => void;
}

/** Timers on the clock `nowMs`. */
function openTimers(nowMs: () => number) {
  const timers = new Set<Timer>();
  const soonest = (): Timer | undefined =>
    [...timers].reduce<Timer | undefined>(
      (first, timer) => (first && first.dueMs <= timer.dueMs ? first : timer),
      undefined,
    );
  return {
    after(delayMs: number, call: () => void): () => void {
      const timer = { dueMs: nowMs() + Math.max(1, delayMs), call };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    /** Infinity if there is none. */
    dueInMs(): number {
      return Math.max(0, (soonest()?.dueMs ?? Number.POSITIVE_INFINITY) - nowMs());
    },
    runDue(): void {
      const timer = soonest();
      if (!timer) return;
      timers.delete(timer);
      timer.call();
    },
  };
}
