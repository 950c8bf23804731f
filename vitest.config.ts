import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{functions,shared,scripts,infra}/**/*.test.ts'],
    globalSetup: ['shared/testing/find-real-parts.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Vitest would leave one core to itself; on two cores that is half of the machine.
    maxWorkers: 2,
    env: { METADATA_SERVER_DETECTION: 'none' },
    coverage: {
      provider: 'v8',
      include: ['functions/**/*.ts', 'shared/**/*.ts'],
      exclude: ['**/*.test.ts', '**/*.contract-suite.ts', 'shared/testing/**'],
      reporter: ['text-summary', 'html'],
      thresholds: { lines: 90, branches: 85 },
    },
  },
});
