import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Clock, Moment } from '../platform.ts';
import { Stopwatch } from '../stopwatch.ts';
import { type NotedTime, ServerTime } from './server-time.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A machine whose two clocks have their own speeds, beside the true time, which is the server's. */
class Machine implements Clock {
  trueMs = Date.UTC(2026, 0);
  #wallMs: number;
  #monotonicMs = 0;
  readonly #speeds: { readonly wall: number; readonly monotonic: number };

  constructor(errorMs = 0, speeds = { wall: 1, monotonic: 1 }) {
    this.#wallMs = this.trueMs + errorMs;
    this.#speeds = speeds;
  }

  now(): Moment {
    return { wallMs: Math.floor(this.#wallMs), monotonicMs: this.#monotonicMs };
  }

  after(): never {
    throw new Error('no timers');
  }

  pass(ms: number): void {
    this.sleep(ms);
    this.#monotonicMs += ms * this.#speeds.monotonic;
  }

  sleep(ms: number): void {
    this.trueMs += ms;
    this.#wallMs += ms * this.#speeds.wall;
  }

  shift(ms: number): void {
    this.#wallMs += ms;
  }
}

/** A program on the machine. */
class Program {
  readonly machine: Machine;
  readonly stopwatch: Stopwatch;
  time: ServerTime;

  constructor(machine: Machine, noted?: NotedTime, issuedAtMs = Number.NEGATIVE_INFINITY) {
    this.machine = machine;
    this.stopwatch = new Stopwatch(machine);
    this.time = new ServerTime(machine, this.stopwatch);
    if (noted) this.time = this.time.resumed(noted, issuedAtMs);
  }

  /** A request that the server answers after half of `durationMs`. */
  answer(durationMs = 100): boolean {
    const sentAtMs = this.stopwatch.read();
    this.machine.pass(durationMs / 2);
    const serverMs = this.machine.trueMs;
    this.machine.pass(durationMs / 2);
    return this.time.observe(sentAtMs, serverMs);
  }

  /** The error of the estimate. */
  get errorMs(): number {
    return this.time.nowMs() - this.machine.trueMs;
  }

  /** The next program, after a crash or an end. */
  next(): Program {
    return new Program(this.machine, this.time.note());
  }
}

let machine: Machine;
let program: Program;
beforeEach(() => {
  machine = new Machine();
  program = new Program(machine);
});

describe('a constant error of the clock changes nothing', () => {
  test.each([
    ['ten minutes slow', -10 * MINUTE_MS],
    ['ten days slow', -10 * DAY_MS],
    ['ten minutes fast', 10 * MINUTE_MS],
    ['ten days fast', 10 * DAY_MS],
    ['without a battery, in 1970', -Date.UTC(2026, 0)],
  ])('%s', (_, errorMs) => {
    program = new Program(new Machine(errorMs));
    program.answer();
    expect(Math.abs(program.errorMs)).toBeLessThan(SECOND_MS);
    program.machine.pass(3 * DAY_MS);
    program.machine.sleep(2 * DAY_MS);
    expect(Math.abs(program.errorMs)).toBeLessThan(SECOND_MS);
    const next = program.next();
    program.machine.sleep(DAY_MS);
    expect(next.time.isRolledBack()).toBe(false);
    expect(Math.abs(next.errorMs)).toBeLessThan(SECOND_MS);
  });
});

describe('a clock that is set while online is measured anew', () => {
  test.each([-3 * DAY_MS, -20 * MINUTE_MS, 20 * MINUTE_MS, 3 * DAY_MS])('by %i ms', (ms) => {
    program.answer();
    machine.shift(ms);
    expect(program.answer()).toBe(true);
    expect(program.time.isRolledBack()).toBe(false);
    expect(Math.abs(program.errorMs)).toBeLessThan(SECOND_MS);
    expect(Math.abs(program.next().errorMs)).toBeLessThan(SECOND_MS);
    expect(program.answer()).toBe(false);
  });

  test.each([
    [59 * SECOND_MS, false],
    [61 * SECOND_MS, true],
  ])('by %i ms, which is worth storing at once: %s', (ms, isNoteworthy) => {
    program.answer(0);
    machine.shift(ms);
    expect(program.answer(0)).toBe(isNoteworthy);
  });

  test('while a request is under way: the next answer measures it', () => {
    const sentAtMs = program.stopwatch.read();
    const serverMs = machine.trueMs;
    machine.shift(10 * DAY_MS);
    program.time.observe(sentAtMs, serverMs);
    expect(program.errorMs).toBeGreaterThan(9 * DAY_MS);
    program.answer();
    expect(Math.abs(program.errorMs)).toBeLessThan(SECOND_MS);
  });
});

describe('a clock that is set back offline', () => {
  beforeEach(() => void program.answer());

  test('is tolerated for five minutes, and gains nothing', () => {
    machine.pass(HOUR_MS);
    expect(Math.abs(program.errorMs)).toBeLessThan(MINUTE_MS);
    machine.shift(-5 * MINUTE_MS);
    expect(program.time.isRolledBack()).toBe(false);
    expect(Math.abs(program.errorMs)).toBeLessThan(MINUTE_MS);
    machine.shift(-2);
    expect(program.time.isRolledBack()).toBe(true);
  });

  test('again and again by less than five minutes gains nothing', () => {
    for (let n = 0; n < 100; n += 1) {
      machine.pass(4 * MINUTE_MS);
      machine.shift(-4 * MINUTE_MS);
      program.time.nowMs();
    }
    expect(program.errorMs).toBeGreaterThan(-400 * MINUTE_MS * 0.006);
    // Nor does the next program forget what has passed.
    expect(program.next().errorMs).toBeGreaterThan(-400 * MINUTE_MS * 0.006);
  });

  test('is detected by the next program, and accepted when it is right again', () => {
    machine.pass(6 * DAY_MS);
    const noted = program.time.note();
    machine.shift(-5 * DAY_MS);
    expect(new Program(machine, noted).time.isRolledBack()).toBe(true);
    machine.shift(5 * DAY_MS);
    const next = new Program(machine, noted);
    expect(next.time.isRolledBack()).toBe(false);
    expect(Math.abs(next.errorMs)).toBeLessThan(MINUTE_MS);
  });

  test('while the machine sleeps as long counts the sleep', () => {
    machine.pass(DAY_MS);
    machine.shift(-DAY_MS);
    expect(program.time.isRolledBack()).toBe(false);
    program.time.nowMs();
    machine.sleep(DAY_MS);
    expect(program.errorMs).toBeGreaterThan(-2 * DAY_MS * 0.006);
  });

  test('before the program reads it gains nothing', () => {
    machine.pass(6 * DAY_MS);
    machine.shift(-5 * DAY_MS);
    expect(program.errorMs).toBeGreaterThan(-6 * DAY_MS * 0.006);
    expect(program.next().errorMs).toBeGreaterThan(-6 * DAY_MS * 0.006);
  });

  test('is accepted again once the server answers', () => {
    machine.pass(DAY_MS);
    program.time.nowMs();
    machine.shift(-DAY_MS);
    expect(program.time.isRolledBack()).toBe(true);
    program.answer();
    expect(program.time.isRolledBack()).toBe(false);
    expect(Math.abs(program.errorMs)).toBeLessThan(SECOND_MS);
  });
});

describe('an answer', () => {
  test('counts from when its request was sent: the estimate is never early', () => {
    program.answer(10 * SECOND_MS);
    expect(program.errorMs).toBeGreaterThanOrEqual(0);
    expect(program.errorMs).toBeLessThan(10 * SECOND_MS);
  });

  test('that took longer than a minute is not used', () => {
    program.answer();
    const sentAtMs = program.stopwatch.read();
    const serverMs = machine.trueMs - DAY_MS;
    machine.pass(61 * SECOND_MS);
    expect(program.time.observe(sentAtMs, serverMs)).toBe(false);
    expect(Math.abs(program.errorMs)).toBeLessThan(SECOND_MS);
  });

  test('that contradicts the signed license does not count: too early', () => {
    const issuedAtMs = machine.trueMs;
    program.time.prove(program.stopwatch.read(), { issuedAtMs, offlineUntilMs: issuedAtMs + 7 * DAY_MS });
    program.time.observe(program.stopwatch.read(), issuedAtMs - 30 * DAY_MS);
    expect(program.errorMs).toBe(0);
    // Also for the next program.
    const next = new Program(machine, program.time.note(), issuedAtMs);
    next.time.observe(next.stopwatch.read(), issuedAtMs - 30 * DAY_MS);
    expect(next.errorMs).toBe(0);
  });

  test.each([
    ['late', 30 * DAY_MS],
    ['early', -30 * DAY_MS],
  ])('that contradicts the next signed license does not count: too %s', (_, ms) => {
    program.time.observe(program.stopwatch.read(), machine.trueMs + ms);
    const issuedAtMs = machine.trueMs;
    program.time.prove(program.stopwatch.read(), { issuedAtMs, offlineUntilMs: issuedAtMs + 7 * DAY_MS });
    expect(program.errorMs).toBe(0);
  });
});

test('a signed license is a contact, and bounds the time of a program that only has the note', () => {
  const issuedAtMs = machine.trueMs;
  program.time.prove(program.stopwatch.read(), { issuedAtMs, offlineUntilMs: issuedAtMs + 7 * DAY_MS });
  const noted = program.time.note();
  expect(noted.contactMs).toBe(issuedAtMs);
  const wrong = { ...noted, offsetMs: -DAY_MS };
  expect(new Program(machine, wrong, issuedAtMs).time.nowMs()).toBe(issuedAtMs);
});

test('a signed license that the server kept from before does not turn the time back', () => {
  program.answer();
  const issuedAtMs = machine.trueMs - 17 * HOUR_MS;
  program.time.prove(program.stopwatch.read(), { issuedAtMs, offlineUntilMs: issuedAtMs + 7 * DAY_MS });
  expect(Math.abs(program.errorMs)).toBeLessThan(SECOND_MS);
});

test('a signed license that arrives after its end does not turn the time back', () => {
  program.answer();
  const sentAtMs = program.stopwatch.read();
  const issuedAtMs = machine.trueMs - 17 * HOUR_MS;
  const offlineUntilMs = machine.trueMs + 10 * SECOND_MS;
  machine.pass(30 * SECOND_MS);
  program.time.prove(sentAtMs, { issuedAtMs, offlineUntilMs });
  expect(Math.abs(program.errorMs)).toBeLessThan(SECOND_MS);
});

test('a signed license that is the only measurement counts from when it was requested: the estimate is never early', () => {
  program = new Program(new Machine(-10 * DAY_MS));
  const sentAtMs = program.stopwatch.read();
  const issuedAtMs = program.machine.trueMs;
  program.machine.pass(10 * SECOND_MS);
  program.time.prove(sentAtMs, { issuedAtMs, offlineUntilMs: issuedAtMs + 7 * DAY_MS });
  expect(program.errorMs).toBe(0);
});

test('a program that reads its own note does not forget what has passed since', () => {
  program.answer();
  const noted = program.time.note();
  machine.pass(4 * MINUTE_MS);
  machine.shift(-4 * MINUTE_MS);
  program.time.nowMs();
  program.time = program.time.resumed(noted, 0);
  expect(program.errorMs).toBeGreaterThan(-2 * SECOND_MS);
});

test('a program continues with what another one has noted since, and never with less than it knows', () => {
  program.answer();
  const early = program.time.note();
  machine.shift(-2 * HOUR_MS);
  const other = program.next();
  other.answer();
  // The other program has heard from the server after the clock was set.
  expect(program.time.isRolledBack()).toBe(true);
  program.time = program.time.resumed(other.time.note(), 0);
  expect(program.time.isRolledBack()).toBe(false);
  program.time = program.time.resumed(early, 0);
  expect(program.time.isRolledBack()).toBe(false);
  expect(Math.abs(program.errorMs)).toBeLessThan(SECOND_MS);
});

const ms = (longestMs: number) => fc.integer({ min: 1, max: longestMs });
const Step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: ms(12 * HOUR_MS) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('sleep' as const), ms: ms(20 * HOUR_MS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), ms: ms(20 * HOUR_MS) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('answer' as const), ms: ms(10 * SECOND_MS) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('correct' as const),
      ms: fc.integer({ min: -10 * DAY_MS, max: 10 * DAY_MS }),
    }),
  },
);
/** Speeds of a bad quartz: a tenth of a percent. */
const Speed = fc.constantFrom(0.999, 1, 1.001);
const AnyError = fc.integer({ min: -3650 * DAY_MS, max: 3650 * DAY_MS });

test('an honest user with any clock never loses more than its drift; a clock set back by more than five minutes is caught', () => {
  const seen = { answer: 0, correct: 0, restart: 0, sleep: 0, pass: 0 };
  fc.assert(
    fc.property(
      AnyError,
      Speed,
      Speed,
      fc.array(Step, { maxLength: 40 }),
      fc.integer({ min: 5 * MINUTE_MS + 100, max: 3650 * DAY_MS }),
      (errorMs, wall, monotonic, steps, backMs) => {
        const machine = new Machine(errorMs, { wall, monotonic });
        let program = new Program(machine);
        program.answer();
        let contactMs = machine.trueMs;
        let latestMs = program.time.nowMs();
        for (const step of steps) {
          seen[step.do] += 1;
          if (step.do === 'pass') {
            // The SDK reads its clocks every 20 seconds; here as often as the test affords.
            for (let n = 0; n < 20; n += 1) {
              machine.pass(step.ms / 20);
              program.time.nowMs();
            }
          }
          if (step.do === 'sleep') machine.sleep(step.ms);
          if (step.do === 'restart') {
            const next = program.next();
            machine.sleep(step.ms);
            program = next;
          }
          if (step.do === 'correct') machine.shift(step.ms);
          if (step.do === 'answer' || step.do === 'correct') {
            program.answer(step.do === 'answer' ? step.ms : undefined);
            contactMs = machine.trueMs;
            latestMs = Number.NEGATIVE_INFINITY;
          }
          expect(program.time.isRolledBack()).toBe(false);
          const driftMs = (machine.trueMs - contactMs) * 0.0011 + 10.1 * SECOND_MS;
          expect(Math.abs(program.errorMs)).toBeLessThan(driftMs);
          expect(program.time.nowMs()).toBeGreaterThanOrEqual(latestMs);
          latestMs = program.time.nowMs();
        }
        const beforeMs = program.time.nowMs();
        machine.shift(-backMs);
        expect(program.time.isRolledBack()).toBe(true);
        expect(program.next().time.isRolledBack()).toBe(true);
        expect(program.next().time.nowMs()).toBeGreaterThanOrEqual(Math.floor(beforeMs));
      },
    ),
    { numRuns: 300 },
  );
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(20);
});
