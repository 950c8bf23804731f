import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { Stopwatch } from './stopwatch.ts';
import { TestClock } from './testing/clock.ts';

const HOUR_MS = 3600_000;

let clock: TestClock;
let stopwatch: Stopwatch;
beforeEach(() => {
  clock = new TestClock();
  stopwatch = new Stopwatch(clock);
});

test('counts while the program runs and while the machine sleeps', async () => {
  await clock.advance(HOUR_MS);
  expect(stopwatch.read()).toBe(HOUR_MS);
  await clock.sleep(HOUR_MS);
  expect(stopwatch.read()).toBe(2 * HOUR_MS);
});

test('never goes back, and a clock that is set back does not stop it', async () => {
  await clock.advance(HOUR_MS);
  await clock.shift(-10 * HOUR_MS);
  expect(stopwatch.read()).toBe(HOUR_MS);
  await clock.advance(1000);
  expect(stopwatch.read()).toBe(HOUR_MS + 1000);
});

test('counts a sleep although the clock is set back by the same time afterwards', async () => {
  await clock.sleep(HOUR_MS);
  stopwatch.read();
  await clock.shift(-HOUR_MS);
  stopwatch.read();
  await clock.advance(1000);
  expect(stopwatch.read()).toBe(HOUR_MS + 1000);
});

test('does not gain when it is read often', async () => {
  for (let n = 0; n < 500; n += 1) {
    await clock.advance(0.7);
    stopwatch.read();
  }
  expect(stopwatch.read()).toBeLessThan(351);
});

test('counts all time that has passed, and at most the forward steps of the clock more', async () => {
  const Step = fc.record({
    do: fc.constantFrom('advance', 'sleep', 'shift'),
    ms: fc.integer({ min: 1, max: 10 * HOUR_MS }),
    isBack: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(Step, { maxLength: 15 }), async (steps) => {
      const clock = new TestClock();
      const stopwatch = new Stopwatch(clock);
      let passedMs = 0;
      let forwardMs = 0;
      for (const step of steps) {
        const beforeMs = stopwatch.read();
        if (step.do === 'advance') await clock.advance(step.ms);
        if (step.do === 'sleep') await clock.sleep(step.ms);
        if (step.do === 'shift') await clock.shift(step.isBack ? -step.ms : step.ms);
        else passedMs += step.ms;
        if (step.do === 'shift' && !step.isBack) forwardMs += step.ms;
        expect(stopwatch.read()).toBeGreaterThanOrEqual(beforeMs);
        // Up to 250 ms between the two clocks may be rounded away at each step.
        expect(stopwatch.read()).toBeGreaterThanOrEqual(passedMs - 250 * steps.length);
        expect(stopwatch.read()).toBeLessThanOrEqual(passedMs + forwardMs);
      }
    }),
    { numRuns: 60 },
  );
});
