import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClockedSuite, openClockedSuite } from '../../../shared/testing/clocked-suite.ts';
import { findFalseBeliefs } from './beliefs.ts';
import { scenarios, simulate } from './simulation.ts';
import { storyOf } from './story.ts';

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
    const t = performance.now();
    let n = 0;
    await fc
      .assert(
        fc.asyncProperty(scenarios, async (scenario) => {
          const logs = await simulate(clocked, scenario);
          n++;
          for (const what of logs.happened) tally.set(what, (tally.get(what) ?? 0) + 1);
          for (const [what, n] of logs.met) {
            tally.set(what, (tally.get(what) ?? 0) + n);
            tally.set('requests', (tally.get('requests') ?? 0) + n);
          }
          for (const e of logs.events) tally.set(e.type, (tally.get(e.type) ?? 0) + 1);
          expect(findFalseBeliefs(logs), storyOf(logs)).toEqual([]);
        }),
        { seed: SEED, numRuns: RUNS, endOnFailure: !process.env.SHRINK },
      )
      .finally(() => process.stderr.write(`TOOK ${n} ${performance.now() - t}\n`));
  });
  afterAll(() =>
    process.stderr.write(
      [...tally]
        .sort()
        .map((x) => x.join(' '))
        .join(' | ') + '\n',
    ),
  );
});
