import { configDefaults, defineConfig } from 'vitest/config';
import config, { LONG } from './vitest.config.ts';

/** The same settings and guards as `npm test`; every file gets a process of its own. */
export default defineConfig({
  test: {
    ...config.test,
    projects: [
      {
        extends: true,
        test: { name: 'long', include: [LONG], exclude: configDefaults.exclude },
      },
    ],
  },
});
