import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** The widths that the console's layout is made for. */
const WIDTHS = [1280, 390] as const;

/**
 * Fails unless the page as it is now can be used at both widths: axe finds nothing serious, nothing is wider than the
 * window, and each control can be clicked. The window is 1280 pixels wide afterwards.
 */
export async function expectUsable(page: Page): Promise<void> {
  await page.evaluate(`if (!globalThis.axe) { ${axe.source} }`);
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    const where = `${page.url()} at ${width} pixels`;
    expect(await page.evaluate(OVERHANG), where).toBe(0);
    expect(await page.evaluate(COVERED), where).toEqual([]);
  }
  // At the narrow width: the wide layout has the same elements and colours.
  expect(await violationsOn(page), page.url()).toEqual([]);
  // The dark scheme changes nothing but colours.
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await violationsOn(page, { runOnly: ['color-contrast'] }), `${page.url()} in the dark`).toEqual([]);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: WIDTHS[0], height: 900 });
}

/** What axe reports as serious or critical. */
async function violationsOn(page: Page, options: axe.RunOptions = {}): Promise<string[]> {
  const run = JSON.stringify({ resultTypes: ['violations'], ...options });
  const { violations } = await page.evaluate<axe.AxeResults>(`axe.run(${run})`);
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** By how many pixels the page is wider than the window. */
const OVERHANG = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

/** The controls that a pointer does not hit at their centre, because something covers them or cuts them off. */
const COVERED = `(() => {
  const scope = document.querySelector('dialog:modal') ?? document.body;
  const controls = scope.querySelectorAll('a[href], button, input, select, textarea, summary');
  const [left, top] = [scrollX, scrollY];
  const isCovered = (control) => {
    control.scrollIntoView({ block: 'center', behavior: 'instant' });
    const { x, y, width, height } = control.getClientRects()[0];
    const hit = document.elementFromPoint(x + width / 2, y + height / 2);
    return !hit || (!control.contains(hit) && hit.closest('label')?.control !== control);
  };
  const covered = [...controls]
    // The skip link is out of sight until it has the focus.
    .filter((control) => control.checkVisibility() && !control.matches('.skip'))
    .filter(isCovered)
    .map((control) => control.outerHTML);
  scrollTo({ left, top, behavior: 'instant' });
  return covered;
})()`;
