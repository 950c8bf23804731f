import { test } from 'vitest';
import { openBrowser } from './browser.ts';

/** `test` with a Chromium that all files of a worker share. It starts with the first test that uses it. */
export const browserTest = test.extend(
  'browser',
  { scope: 'worker' },
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads from the pattern which fixtures this one needs.
  async ({}, { onCleanup }) => {
    const browser = await openBrowser();
    onCleanup(() => browser.close());
    return browser;
  },
);
