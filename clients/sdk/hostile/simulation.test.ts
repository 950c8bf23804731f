import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ClockedSuite, openClockedSuite } from '../../../shared/testing/clocked-suite.ts';
import { findFalseBeliefs } from './beliefs.ts';
import { type SimulationLogs, scenarios, simulate } from './simulation.ts';
import { storyOf } from './story.ts';

/** Enough for a run of all tests; more, and others, for whoever has time. */
const { SIMULATIONS: runs = '20', SIMULATION_SEED: seed = '20261128' } = process.env;
const WITHIN_MS = 600_000;

describe('whatever becomes of requests, answers, programs, machines and clocks,', () => {
  let clocked: ClockedSuite;
  const tally = new Map<string, number>();
  beforeAll(async () => {
    clocked = await openClockedSuite();
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    await clocked.close();
  });

  function count({ happened, met, events }: SimulationLogs): void {
    const add = (what: string, n = 1): void => void tally.set(what, (tally.get(what) ?? 0) + n);
    for (const what of happened) add(what);
    for (const { type } of events) add(type);
    for (const [what, n] of met) add(what, n);
  }

  test('no program believes in a seat that the server does not hold for it', {
    timeout: WITHIN_MS,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        const logs = await simulate(clocked, scenario);
        count(logs);
        expect(findFalseBeliefs(logs), storyOf(logs)).toEqual([]);
      }),
      // Made smaller, a story that fails takes minutes to tell: done by hand, with more time.
      { seed: Number(seed), numRuns: Number(runs), endOnFailure: true },
    );
  });

  test('and all of it did happen', () => {
    process.stderr.write(
      `${[...tally]
        .sort()
        .map((one) => one.join(' '))
        .join(' | ')}\n`,
    );
  });
});
