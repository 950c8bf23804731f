import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClockedSuite, openClockedSuite } from '../../../shared/testing/clocked-suite.ts';
import { findFalseBeliefs } from './beliefs.ts';
import { scenarios, simulate } from './simulation.ts';

const RUNS = Number(process.env.RUNS ?? 30);
const SEED = Number(process.env.SEED ?? 20_261_128);
const WITHIN_MS = 120_000;

describe('whatever becomes of requests, answers, programs, machines and clocks,', () => {
  let clocked: ClockedSuite;
  const tally = new Map<string, number>();
  beforeAll(async () => {
    clocked = await openClockedSuite();
  });
  afterAll(() => clocked.close());

  test('no program believes in a seat that the server does not hold for it', {
    timeout: WITHIN_MS,
  }, async () => {
    (globalThis as any).MUT = process.env.MUT;
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        const logs = await simulate(clocked, scenario);
        for (const what of logs.happened) tally.set(what, (tally.get(what) ?? 0) + 1);
        for (const [what, n] of logs.met) tally.set(what, (tally.get(what) ?? 0) + n);
        for (const e of logs.events) tally.set(e.type, (tally.get(e.type) ?? 0) + 1);
        expect(findFalseBeliefs(logs)).toEqual([]);
      }),
      { seed: SEED, numRuns: RUNS, interruptAfterTimeLimit: 60000 },
    );
  });
  afterAll(() =>
    process.stderr.write(
      JSON.stringify((globalThis as any).STAT) + JSON.stringify([...tally].sort(), null, 1),
    ),
  );
});
