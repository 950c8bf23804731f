import type { Page } from 'playwright-core';
import { browserTest } from '../../shared/testing/browser-test.ts';
import { type ConsoleWorld, type OpenOptions, openConsoleWorld } from './console-world.ts';

export const OPERATOR = 'operator@journey.example';

/** `test` with a local server that all files of a worker share, beside its browser. Each test has its own tenants. */
export const test = browserTest
  .extend('world', { scope: 'worker' }, async ({ browser }, { onCleanup }): Promise<ConsoleWorld> => {
    const world = await openConsoleWorld(browser, { OPERATOR_EMAILS: OPERATOR });
    onCleanup(() => world.close());
    return world;
  })
  /** Opens pages that are closed when the test ends. */
  .extend('open', async ({ world }, { onCleanup }) => {
    const pages: Page[] = [];
    onCleanup(async () => {
      await Promise.all(pages.map((page) => page.context().close()));
    });
    return async (options?: OpenOptions): Promise<Page> => {
      const page = await world.open(options);
      pages.push(page);
      return page;
    };
  });
