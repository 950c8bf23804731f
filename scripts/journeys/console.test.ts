import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOUR_MS, hourOf, usageHourId } from '../../shared/domain/usage.ts';
import { USAGE_HOURS } from '../../shared/ports/collections.ts';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { barriersOn, type ConsoleWorld, openConsoleWorld, overhangOf, WIDTHS } from './console-world.ts';

const EVERY_MS = 4_000;
const SESSIONS = '**/api/v1/sessions?*';

describeReal('chromium', 'the console', () => {
  let world: ConsoleWorld;
  beforeAll(async () => {
    world = await openConsoleWorld();
  });
  afterAll(() => world.close());

  /** A program on some machine that has the license's key. */
  async function createLicense(tenantId: string, terms: Record<string, unknown> = {}) {
    const created = await world.operate('POST', '/api/v1/licenses', {
      tenant_id: tenantId,
      max: 3,
      ...terms,
    });
    const ask = (method: string, path: string, body: unknown, key = created.license_key): Promise<Response> =>
      fetch(`${world.server.url}/api/v1/licenses/${path}`, {
        method,
        headers: { authorization: `License ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    return {
      id: String(created.license_id),
      acquire: async (hostname: string, key?: string) => {
        const answer = await ask('POST', 'acquire', { fingerprint: `print-of-${hostname}`, hostname }, key);
        const body = (await answer.json()) as { readonly session_id: string };
        return { status: answer.status, body };
      },
      heartbeat: async (sessionId: string) =>
        (await ask('PUT', 'heartbeat', { session_id: sessionId })).status,
    };
  }

  /** As records tell it once events have come true, which takes minutes. */
  async function useInTheLastHour(
    tenantId: string,
    licenseId: string,
    { peak, denials }: { readonly peak: number; readonly denials: number },
  ): Promise<void> {
    const hourMs = hourOf(Date.now()) - HOUR_MS;
    const hour = { licenseId, tenantId, hourMs, peak, denials, closing: null };
    await world.server.deps.records.create(USAGE_HOURS, usageHourId(licenseId, hourMs), hour);
  }

  const rowOf = (page: Page, machine: string) => page.getByRole('row', { name: new RegExp(machine) });

  describe.each(WIDTHS)('at %i pixels', (width) => {
    test('an admin signs in, sees seats come within five seconds, and takes one away', async () => {
      const page = await world.open(width);
      const tenantId = await world.signIn(page);
      const license = await createLicense(tenantId);
      await page.reload();
      await page.getByRole('heading', { name: 'Nobody holds a seat right now' }).waitFor();
      await page.evaluate('isSamePage = true');

      const { body } = await license.acquire('workshop');
      await rowOf(page, 'workshop').waitFor({ timeout: 5_000 });
      expect(await page.getByLabel('Seats taken').textContent()).toContain('1 of 3 seats taken');

      await page.getByRole('button', { name: 'Evict workshop' }).click();
      const question = page.getByRole('dialog', { name: 'Take the seat away from workshop?' });
      await question.getByRole('button', { name: 'Evict' }).click();
      await question.waitFor({ state: 'detached' });
      await rowOf(page, 'workshop').waitFor({ state: 'detached' });
      expect(await license.heartbeat(body.session_id)).toBe(404);
      // Whoever works by keyboard goes on from where they were.
      expect(await page.evaluate('document.activeElement.className')).toBe('keeps-focus');
      expect(await page.evaluate('isSamePage')).toBe(true);
      await page.context().close();
    });

    test('every page can be used by everybody, in light and dark, and fits the window', async () => {
      const person = await world.newPerson();
      const { tenantId } = person;
      const license = await createLicense(tenantId, { max: 2, overdraft: 1, features: ['export'] });
      const suspended = await createLicense(tenantId);
      await world.operate('PATCH', `/api/v1/licenses/${suspended.id}`, { status: 'suspended' });
      for (const machine of ['one', 'two', 'three', 'four']) await license.acquire(`machine-${machine}`);
      await useInTheLastHour(tenantId, license.id, { peak: 3, denials: 4 });
      const path = `/console/tenants/${tenantId}/seats?license=${license.id}`;
      const page = await world.openAs(person, width, path);
      const check = async (name: string): Promise<void> => {
        expect(await barriersOn(page), name).toEqual([]);
        expect(await overhangOf(page), name).toBe(0);
        expect(await page.title()).toContain(`${name} · `);
      };
      await rowOf(page, 'machine-three').waitFor();
      expect(await page.getByLabel('Seats taken').textContent()).toContain('1 of them is overdraft');
      await check('Seats');
      await page.getByRole('link', { name: 'Usage' }).click();
      await page.getByText('The same as a table').first().click();
      await check('Usage');
      await page.getByRole('link', { name: 'Licenses' }).click();
      await page.getByText('The vendor has suspended this license').waitFor();
      await check('Licenses');
      await page.getByRole('button', { name: 'New key' }).first().click();
      await page.getByRole('dialog').waitFor();
      await check('Licenses');
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByText('Use the operator key').click();
      await check('Sign in');
      await page.context().close();
    });
  });

  test('somebody who works by keyboard skips the links, and is told where a link has led', async () => {
    const person = await world.newPerson();
    const page = await world.openAs(person, 1280, '/console/');
    await page.getByRole('heading', { name: 'Seats', level: 1 }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('content');
    await page.getByRole('link', { name: 'Licenses' }).press('Enter');
    await page.getByRole('heading', { name: 'Licenses', level: 1 }).waitFor();
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Licenses');
    await page.goBack();
    await page.getByRole('heading', { name: 'Seats', level: 1 }).waitFor();
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Seats');
    await page.context().close();
  });

  test('watching is one bounded question each four seconds, and none while nobody looks', async () => {
    const person = await world.newPerson();
    const { id } = await createLicense(person.tenantId);
    const page = await world.openAs(person, 1280, '/console/', 'own clock');
    const asked: string[] = [];
    page.on('request', (request) =>
      asked.push(new URL(request.url()).pathname + new URL(request.url()).search),
    );
    const pass = async (intervals: number): Promise<void> => {
      for (let interval = 0; interval < intervals; interval += 1) {
        const answer = page.waitForResponse(SESSIONS);
        await page.clock.runFor(EVERY_MS);
        await answer;
      }
    };
    await page.getByText('Live, as of').waitFor();
    asked.length = 0;
    await pass(5);
    expect(asked).toEqual(Array.from({ length: 5 }, () => `/api/v1/sessions?license_id=${id}&limit=100`));

    asked.length = 0;
    await lookAway(page, true);
    await page.clock.runFor(10 * 60_000);
    expect(asked).toEqual([]);
    const answer = page.waitForResponse(SESSIONS);
    await lookAway(page, false);
    await answer;
    expect(asked).toHaveLength(1);
    await page.context().close();
  });

  test('where the server is away, what is shown stays and is said to be old, until there is news', async () => {
    const person = await world.newPerson();
    const license = await createLicense(person.tenantId);
    await license.acquire('workshop');
    const page = await world.openAs(person, 1280, '/console/', 'own clock');
    await rowOf(page, 'workshop').waitFor();

    await page.route(SESSIONS, (route) => route.abort());
    await page.clock.runFor(EVERY_MS);
    const stale = page.getByText('Not up to date');
    await stale.waitFor();
    expect(await rowOf(page, 'workshop').isVisible()).toBe(true);
    await page.unroute(SESSIONS);
    await page.clock.runFor(4 * EVERY_MS);
    await stale.waitFor({ state: 'detached' });
    await page.context().close();
  });

  test('rows and what is focused in them stay where they are while others come', async () => {
    const person = await world.newPerson();
    const license = await createLicense(person.tenantId, { max: 5 });
    await license.acquire('first');
    await license.acquire('second');
    const page = await world.openAs(person, 1280, '/console/', 'own clock');
    const evict = page.getByRole('button', { name: 'Evict second' });
    // A busy server may have it asked twice, for which some time has to pass.
    while ((await evict.count()) === 0) await page.clock.runFor(100);
    await evict.focus();
    const before = await evict.boundingBox();
    await license.acquire('another');
    await page.clock.runFor(EVERY_MS);
    await rowOf(page, 'another').waitFor();
    expect(await evict.boundingBox()).toEqual(before);
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe('Evict second');

    await page.getByRole('searchbox').fill('FIRST');
    await rowOf(page, 'second').waitFor({ state: 'detached' });
    expect(await rowOf(page, 'first').isVisible()).toBe(true);
    await page.context().close();
  });

  test('usage tells the peak, what was refused, and how many seats would have done', async () => {
    const person = await world.newPerson();
    const { tenantId } = person;
    const license = await createLicense(tenantId, { max: 2 });
    await useInTheLastHour(tenantId, license.id, { peak: 2, denials: 31 });
    const page = await world.openAs(person, 1280, `/console/tenants/${tenantId}/usage`);
    const advice = page.getByLabel('Seats to buy for 99 %');
    await advice.getByText('at least 3').waitFor();
    expect(await advice.textContent()).toContain('1 more than you have');
    await page
      .getByRole('img', { name: 'at most 2 of 2 seats were taken at once, and 31 requests' })
      .first()
      .waitFor();
    await page.getByText('The same as a table').first().click();
    const cells = page.getByRole('table').first().getByRole('row').nth(2).getByRole('cell');
    expect(await cells.allTextContents()).toEqual(['2', '31']);
    await page.context().close();
  });

  test('a new key is shown once, and the old one ends when it was said to', async () => {
    const person = await world.newPerson();
    const license = await createLicense(person.tenantId);
    const page = await world.openAs(person, 1280, `/console/tenants/${person.tenantId}/licenses`);
    await page.getByRole('button', { name: `New key for ${license.id}` }).click();
    await page.getByLabel('The old key goes on for').selectOption('it ends now');
    await page.getByRole('button', { name: 'Make a new key' }).click();
    const shown = page.getByRole('dialog', { name: 'The new key' });
    const key = (await shown.locator('code').textContent()) ?? '';
    expect((await license.acquire('with-the-old-one')).status).toBe(401);
    expect((await license.acquire('with-the-new-one', key)).status).toBe(201);
    await shown.getByRole('button', { name: 'I have it' }).click();
    expect(await page.content()).not.toContain(key);
    await page.context().close();
  });

  test('a reload keeps somebody signed in; another tab is theirs to sign in to; signing out ends it', async () => {
    const page = await world.openAs(await world.newPerson(), 1280, '/console/');
    await page.getByRole('heading', { name: 'Seats', level: 1 }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Seats', level: 1 }).waitFor();

    // A duplicated tab comes with a copy of all that this one keeps.
    const opened = page.waitForEvent('popup');
    await page.evaluate('void window.open(location.href)');
    const duplicate = await opened;
    await duplicate.getByRole('button', { name: 'Sign in with Google' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Seats', level: 1 }).waitFor();

    const ended = page.waitForResponse('**/auth/sign-out');
    await page.getByRole('button', { name: 'Sign out' }).click();
    expect((await ended).status()).toBe(204);
    await page.reload();
    await page.getByRole('button', { name: 'Sign in with Google' }).waitFor();

    // Nor is anybody signed in by a link that somebody else made.
    await page.goto(`${world.server.url}/console/signed-in?code=theirs&state=theirs`);
    await page.getByRole('alert').getByText('not begun in this tab').waitFor();
    expect(page.url()).toBe(`${world.server.url}/console/`);
    await page.context().close();
  });
});

/** As when another tab is in front. */
async function lookAway(page: Page, isHidden: boolean): Promise<void> {
  const visibility = JSON.stringify({ configurable: true, value: isHidden ? 'hidden' : 'visible' });
  await page.evaluate(`
    Object.defineProperty(document, 'visibilityState', ${visibility});
    document.dispatchEvent(new Event('visibilitychange'));
  `);
}
