import { configDefaults, defineConfig } from 'vitest/config';
import config, { LONG } from './vitest.config.ts';

/** Tests of random cases, which try more of them here: see shared/testing/runs.ts. */
const WITH_MORE_RUNS = [
  'functions/audit/verify.test.ts',
  'functions/bad-input.test.ts',
  'functions/cancel/interleavings.test.ts',
  'functions/checkout/interleavings.test.ts',
  'functions/stripe-webhook/{crash-points-of-holds,permutations}.test.ts',
  'functions/subscriptions/change-interleavings.test.ts',
  'shared/adapters/records/records.test.ts',
  'shared/adapters/seats/{*.property,sweep-cost}.test.ts',
  'shared/local/redis/resp-client.test.ts',
];

const CHAOS = 'scripts/chaos/*.long.test.ts';
/** These share one Chromium and one local server. */
const JOURNEYS = 'scripts/journeys/*.long.test.ts';

/** The same settings and guards as `npm test`; every file gets a process of its own. */
export default defineConfig({
  test: {
    ...config.test,
    projects: [
      {
        extends: true,
        test: {
          name: 'long',
          include: [LONG, ...WITH_MORE_RUNS],
          exclude: [...configDefaults.exclude, CHAOS, JOURNEYS],
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: [JOURNEYS],
          isolate: false,
          maxWorkers: 1,
          // Vitest requires a group for each number of workers.
          sequence: { groupOrder: 1 },
        },
      },
      // After the others: it counts what its clients achieve in half a minute.
      { extends: true, test: { name: 'chaos', include: [CHAOS], sequence: { groupOrder: 2 } } },
    ],
    // Most of these wait for leases to end: two of them leave half of the machine idle.
    maxWorkers: 3,
    provide: { isLongRun: true },
    testTimeout: 240_000,
  },
});
