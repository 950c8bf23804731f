import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Without the results of an earlier run Vitest sorts files by size. These take long for their size. */
const FIRST = [
  'checks/readme.test.ts',
  'records/records.test.ts',
  'seats/seats.test.ts',
  'checkout/crash-points.test.ts',
  'infra/suite.test.ts',
  'events/events.test.ts',
  'functions/dependencies.test.ts',
  'python/python.test.ts',
  // In `npm run test:long`. They took 135 to 45 seconds; the first two mostly wait.
  'conformance/conformance.long.test.ts',
  'simulation/real-programs.long.test.ts',
  'stripe-webhook/crash-points-of-holds.test.ts',
  'subscriptions/change-interleavings.test.ts',
  'seats/seats-embedded.property.test.ts',
  'stripe-webhook/permutations.test.ts',
  'checks/blocks.long.test.ts',
  'conformance/python.long.test.ts',
  'seats/seats-real.property.test.ts',
  'bundle/bundle.long.test.ts',
  'c/client.long.test.ts',
  'seats/race.long.test.ts',
  'checkout/interleavings.test.ts',
  'seats/engines.property.long.test.ts',
];

class LongestFirst extends BaseSequencer {
  /** Project by project, as Vitest does: a process is shared only between files that follow each other. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const projects = [...new Set(sorted.map(({ project }) => project))];
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = FIRST.findIndex((name) => moduleId.endsWith(name));
      return place === -1 ? FIRST.length : place;
    };
    return sorted.toSorted(
      (a, b) => projects.indexOf(a.project) - projects.indexOf(b.project) || rank(a) - rank(b),
    );
  }
}

/**
 * Files that change their process permanently (a library's one-time configuration, a clock, a signal's handler), or
 * that take so long that starting a process of their own adds little.
 */
const OWN_PROCESS = [
  'functions/{bad-input,deployed}.test.ts',
  'functions/stripe-webhook/permutations.test.ts',
  'shared/http/serve.test.ts',
  'shared/adapters/**/{*.property,sweep-cost}.test.ts',
  'clients/action/**/*.test.ts',
  'clients/sdk/src/node/transport.test.ts',
  'infra/**/*.test.ts',
];
/** The others share a process per worker, which loads the product once: that took longer than many of their tests. */
const SHARED_PROCESS = '{clients,functions,scripts,shared}/**/*.test.ts';
/** These share one Chromium, so that one worker runs them. */
const IN_BROWSER = ['scripts/site/reference.test.ts', 'clients/sdk/src/browser/browser.test.ts'];

/** Tests of real time, load, whole programs and journeys in a browser: `npm run test:long`, vitest.long.config.ts. */
export const LONG = '**/*.long.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: [SHARED_PROCESS],
          exclude: [...configDefaults.exclude, ...OWN_PROCESS, ...IN_BROWSER, LONG],
          isolate: false,
          setupFiles: ['shared/testing/check-cleanup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: OWN_PROCESS,
          exclude: [...configDefaults.exclude, LONG],
          // They import JSON without the attribute that Node requires; Vite does not.
          server: { deps: { inline: [/@actions\//] } },
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: IN_BROWSER,
          exclude: [...configDefaults.exclude, LONG],
          isolate: false,
          // A browser keeps both cores busy: with another worker beside it, both take longer.
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
      thresholds: { lines: 99, statements: 97.7, functions: 98.6, branches: 92.9 },
    },
  },
});
