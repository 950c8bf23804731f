import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browserTest } from '../../shared/testing/browser-test.ts';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { serveSite } from '../dev/site.ts';
import type { OpenApi } from '../generate/openapi/document.ts';

const DOCUMENT: OpenApi = JSON.parse(readFileSync('clients/openapi.json', 'utf8'));
const OPERATIONS = Object.entries(DOCUMENT.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, { operationId }]) => ({
    operationId,
    title: `${method.toUpperCase()} ${path}`,
  })),
);

let server: Server;
let url: string;
beforeAll(async () => {
  server = createServer(serveSite);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

describe('the local server', () => {
  test('serves the OpenAPI document of the repository', async () => {
    const answer = await fetch(`${url}/openapi.json`);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toEqual(DOCUMENT);
  });

  test('returns the functions’ 404 for an unknown path', async () => {
    for (const [path, method] of [
      ['/nowhere', 'GET'],
      ['/../package.json', 'GET'],
      ['/docs', 'POST'],
    ] as const) {
      const answer = await fetch(`${url}${path}`, { method });
      expect(answer.status, path).toBe(404);
      expect(await answer.json(), path).toMatchObject({ code: 'NOT_FOUND' });
    }
  });
});

describeReal('chromium', 'the reference page', () => {
  let page: Page;
  const browserErrors: string[] = [];
  browserTest.beforeAll(async ({ browser }) => {
    page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    page.on('console', (message) => browserErrors.push(message.text()));
    page.on('pageerror', (error) => browserErrors.push(error.message));
    page.on('requestfailed', (request) => browserErrors.push(request.url()));
    await page.goto(`${url}/docs`);
  });
  afterAll(() => page.close());

  test('opens without browser errors, under a policy that allows nothing inline', async () => {
    expect(await page.title()).toBe('Seatlease API');
    expect(browserErrors).toEqual([]);
    // The policy allows its style sheet.
    expect(await page.evaluate('getComputedStyle(document.body).maxWidth')).not.toBe('none');
  });

  test('has a heading for every operation, with a link in the list', async () => {
    expect(OPERATIONS.length).toBeGreaterThan(40);
    const headings = await page.locator('article > h3').allTextContents();
    expect(headings.toSorted()).toEqual(OPERATIONS.map(({ title }) => title).toSorted());
    const targets = await page
      .getByRole('navigation', { name: 'Endpoints' })
      .getByRole('link')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href')));
    for (const { operationId } of OPERATIONS) expect(targets).toContain(`#${operationId}`);
  });

  test('shows the callers, problems and an example of each operation', async () => {
    const acquire = page.getByRole('article', { name: 'POST /api/v1/licenses/acquire' });
    const text = await acquire.innerText();
    expect(text).toContain('Who: clients with the license key, or signed-in members of the tenant.');
    expect(text).toContain('fingerprint text, 1 to 256 characters, no control characters\n');
    expect(text).toContain('409 SEATS_EXHAUSTED');
    expect(text).toContain(`-d '{"fingerprint":"my-laptop"}'`);
    await acquire.getByText('Seat', { exact: true }).first().click();
    expect(await acquire.innerText()).toContain('session_id SessionId');
  });

  test('has no broken link', async () => {
    const ids = new Set(await page.locator('[id]').evaluateAll((all) => all.map(({ id }) => `#${id}`)));
    const targets = await page
      .locator('a[href^="#"]')
      .evaluateAll((links) => links.map((link) => String(link.getAttribute('href'))));
    expect(targets.length).toBeGreaterThan(OPERATIONS.length);
    expect(targets.filter((target) => !ids.has(target))).toEqual([]);
  });

  test('fits the screen of a phone, in light and dark', async () => {
    await page.locator('details').evaluateAll((all) => {
      for (const details of all) details.setAttribute('open', '');
    });
    const widthOf = () => page.evaluate('document.documentElement.scrollWidth');
    expect(await widthOf()).toBe(390);
    const groundOf = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await groundOf();
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await groundOf()).not.toBe(light);
    expect(await widthOf()).toBe(390);
  });

  test('can be used by keyboard, with a link to the content first', async () => {
    await page.goto(`${url}/docs`);
    await page.keyboard.press('Tab');
    expect(await page.locator(':focus').textContent()).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(new URL(page.url()).hash).toBe('#main');
  });
});
