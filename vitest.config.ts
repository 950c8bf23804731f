import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** On a machine that has never run them, Vitest takes the size of a file for its time. These take long and are small. */
const FIRST = ['seats-embedded.property.test.ts', 'records/records.test.ts'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = FIRST.findIndex((name) => moduleId.endsWith(name));
      return place === -1 ? FIRST.length : place;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

/**
 * Files that change their process for good (what a library is told once, a clock, a signal's handler), or that take so
 * long that a process of their own costs nothing beside.
 */
const BY_THEMSELVES = [
  'functions/{bad-input,deployed}.test.ts',
  'functions/sweep/real-parts.test.ts',
  'functions/stripe-webhook/permutations.test.ts',
  'shared/http/serve.test.ts',
  'functions/seats.race.test.ts',
  'shared/adapters/**/{*.property,sweep-cost}.test.ts',
];
/** The others load the house once for all of them: that took longer than their tests. */
const TOGETHER = '{functions,shared}/**/*.test.ts';
/** These share one Chromium, and most of them one local server, so that one worker runs them. */
const IN_BROWSER = [
  'scripts/journeys/*.test.ts',
  'scripts/site/reference.test.ts',
  'clients/sdk/src/browser/browser.test.ts',
];

/** Tests that need real minutes, heavy load or a cluster: `npm run test:long`, with vitest.long.config.ts. */
export const LONG = '**/*.long.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: [TOGETHER],
          exclude: [...BY_THEMSELVES, LONG],
          isolate: false,
          setupFiles: ['shared/testing/check-cleanup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: [...BY_THEMSELVES, '{scripts,infra,clients}/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...IN_BROWSER, LONG],
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: IN_BROWSER,
          isolate: false,
          maxWorkers: 1,
          // Vitest requires a group for each number of workers.
          sequence: { groupOrder: 1 },
          setupFiles: ['shared/testing/check-cleanup.ts'],
          testTimeout: 120_000,
        },
      },
    ],
    globalSetup: [
      'shared/testing/find-real-parts.ts',
      'shared/testing/make-signing-keys.ts',
      'shared/testing/share-emulators.ts',
      'infra/testing/install.ts',
      'scripts/bundle/testing/bundles-folder.ts',
    ],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Vitest would leave one core to itself; on two cores that is half of the machine.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    provide: { isLongRun: false },
    env: { METADATA_SERVER_DETECTION: 'none' },
    coverage: {
      provider: 'v8',
      include: ['functions/**/*.ts', 'shared/**/*.ts'],
      exclude: ['**/*.test.ts', '**/example.ts', 'functions/testing/**', 'shared/testing/**'],
      reporter: ['text-summary'],
      thresholds: { lines: 90, branches: 85 },
    },
  },
});
