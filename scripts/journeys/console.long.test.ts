import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { test } from './journey-test.ts';
import { expectUsable } from './usable.ts';

const EVERY_MS = 4_000;
const SESSIONS = '**/api/v1/sessions?*';

describeReal('chromium', 'the console', () => {
  const rowOf = (page: Page, machine: string) => page.getByRole('row', { name: new RegExp(machine) });
  const headingOf = (page: Page, name: string) => page.getByRole('heading', { name, level: 1 });

  test('signs an admin in, shows a new session within five seconds, and evicts it', async ({
    world,
    open,
  }) => {
    const page = await open({ hasOwnClock: true });
    const tenantId = await world.signIn(page);
    const license = await world.createLicense(tenantId);
    await page.reload();
    await page.getByRole('heading', { name: 'No seats in use' }).waitFor();
    await page.evaluate('isSamePage = true');

    const { body } = await license.acquire('workshop');
    await page.clock.runFor(5_000);
    await rowOf(page, 'workshop').waitFor();
    expect(await page.getByLabel('Seats in use').textContent()).toContain('1 of 3 seats in use');

    await page.getByRole('button', { name: 'Free this seat: workshop' }).click();
    const question = page.getByRole('dialog', { name: 'Free the seat of workshop?' });
    await expectUsable(page);
    await question.getByRole('button', { name: 'Free seat' }).click();
    await question.waitFor({ state: 'detached' });
    await rowOf(page, 'workshop').waitFor({ state: 'detached' });
    expect(await license.heartbeat(body.session_id)).toBe(404);
    // The focus stays near, for users of a keyboard.
    await page.locator('.keeps-focus:focus').waitFor();
    expect(await page.evaluate('isSamePage')).toBe(true);
  });

  test('is usable on each page, in light and dark, and fits the window', async ({ world, open }) => {
    const user = await world.newUser();
    const { tenantId } = user;
    const license = await world.createLicense(tenantId, { max: 2, overdraft: 1, limits: { projects: 20 } });
    const suspended = await world.createLicense(tenantId);
    await world.operate('PATCH', `/api/v1/licenses/${suspended.id}`, { status: 'suspended' });
    for (const machine of ['one', 'two', 'three', 'four']) await license.acquire(`machine-${machine}`);
    await world.recordUsage(tenantId, license.id, { peak: 3, denials: 4 });
    const page = await open({ as: user, path: `/console/tenants/${tenantId}/seats?license=${license.id}` });
    const check = async (name: string): Promise<void> => {
      await expectUsable(page);
      expect(await page.title()).toContain(`${name} · `);
    };
    await rowOf(page, 'machine-three').waitFor();
    expect(await page.getByLabel('Seats in use').textContent()).toContain('1 of 1 overdraft seat in use');
    await check('Seats');
    await page.getByRole('link', { name: 'Usage' }).click();
    await page.getByText('Show as table').first().click();
    await check('Usage');
    await page.getByRole('link', { name: 'Licenses' }).click();
    await page.getByText('The vendor has suspended this license').waitFor();
    await page.getByText('projects: 20').first().waitFor();
    await check('Licenses');
    await page.getByRole('button', { name: 'Rotate key' }).first().click();
    await page.getByRole('dialog').waitFor();
    await check('Licenses');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('Use the operator key').click();
    await check('Sign in');
  });

  test('lets keyboard users skip the links, and moves the focus to the heading that a link leads to', async ({
    world,
    open,
  }) => {
    const page = await open({ as: await world.newUser(), path: '/console/' });
    await headingOf(page, 'Seats').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('#content:focus').waitFor();
    await page.getByRole('link', { name: 'Licenses' }).press('Enter');
    await headingOf(page, 'Licenses').and(page.locator(':focus')).waitFor();
    await page.goBack();
    await headingOf(page, 'Seats').and(page.locator(':focus')).waitFor();
  });

  test('sends one bounded request every four seconds, and none while the tab is hidden', async ({
    world,
    open,
  }) => {
    const user = await world.newUser();
    const { id } = await world.createLicense(user.tenantId);
    const page = await open({ as: user, hasOwnClock: true });
    await page.addInitScript(RECORD_REQUESTS);
    await page.goto(`${world.server.url}/console/`);
    await page.getByText('Live, as of').waitFor();
    const requests = (): Promise<{ path: string; atMs: number; isAnswered: boolean }[]> =>
      page.evaluate('requests');
    const first = (await requests()).length - 1;
    for (let all = await requests(); all.length <= first + 5; all = await requests()) {
      if (all.every(({ isAnswered }) => isAnswered)) await page.clock.runFor(EVERY_MS / 8);
    }
    const sent = (await requests()).slice(first);
    expect(new Set(sent.map(({ path }) => path))).toEqual(
      new Set([`/api/v1/sessions?license_id=${id}&limit=100`]),
    );
    for (const [n, { atMs }] of sent.slice(1).entries()) {
      const gapMs = atMs - (sent[n]?.atMs ?? 0);
      // The timer counts from just before the request, so a gap can be some milliseconds shorter.
      expect(gapMs).toBeGreaterThan(EVERY_MS * 0.9);
      expect(gapMs).toBeLessThan(EVERY_MS * 1.5);
    }

    await hide(page, true);
    const before = (await requests()).length;
    await page.clock.runFor(10 * 60_000);
    expect(await requests()).toHaveLength(before);
    const shownAtMs = await page.evaluate<number>('Date.now()');
    await hide(page, false);
    const [next] = (await requests()).slice(before);
    expect(next?.atMs).toBeLessThan(shownAtMs + EVERY_MS);
  });

  test('keeps the last data during an outage, marks it as stale, and recovers', async ({ world, open }) => {
    const user = await world.newUser();
    const license = await world.createLicense(user.tenantId);
    await license.acquire('workshop');
    const page = await open({ as: user, path: '/console/', hasOwnClock: true });
    await rowOf(page, 'workshop').waitFor();

    await page.route(SESSIONS, (route) => route.abort());
    await page.clock.runFor(EVERY_MS);
    const stale = page.getByText('Not up to date');
    await stale.waitFor();
    expect(await rowOf(page, 'workshop').isVisible()).toBe(true);
    await page.unroute(SESSIONS);
    await page.clock.runFor(4 * EVERY_MS);
    await stale.waitFor({ state: 'detached' });
  });

  test('keeps rows and the focus in place while sessions are added', async ({ world, open }) => {
    const user = await world.newUser();
    const license = await world.createLicense(user.tenantId, { max: 5 });
    await license.acquire('first');
    await license.acquire('second');
    const page = await open({ as: user, path: '/console/', hasOwnClock: true });
    const free = page.getByRole('button', { name: 'Free this seat: second' });
    await free.focus();
    const before = await free.boundingBox();
    await license.acquire('another');
    await page.clock.runFor(EVERY_MS);
    await rowOf(page, 'another').waitFor();
    expect(await free.boundingBox()).toEqual(before);
    await free.and(page.locator(':focus')).waitFor();

    await page.getByRole('searchbox').fill('FIRST');
    await rowOf(page, 'second').waitFor({ state: 'detached' });
    expect(await rowOf(page, 'first').isVisible()).toBe(true);
  });

  test('shows the peak, the denials and the number of seats to buy', async ({ world, open }) => {
    const user = await world.newUser();
    const { tenantId } = user;
    const license = await world.createLicense(tenantId, { max: 2 });
    await world.recordUsage(tenantId, license.id, { peak: 2, denials: 31 });
    const page = await open({ as: user, path: `/console/tenants/${tenantId}/usage` });
    const advice = page.getByLabel('Seats needed for 99 % of the hours');
    await advice.getByText('at least 3').waitFor();
    expect(await advice.textContent()).toContain('1 more than you have');
    await page
      .getByRole('img', { name: 'at most 2 of 2 seats were in use at once, and 31 requests' })
      .first()
      .waitFor();
    await page.getByText('Show as table').first().click();
    const cells = page.getByRole('table').first().getByRole('row').nth(2).getByRole('cell');
    expect(await cells.allTextContents()).toEqual(['2', '31']);
  });

  test('shows a rotated key once, and revokes the old one at the chosen time', async ({ world, open }) => {
    const user = await world.newUser();
    const license = await world.createLicense(user.tenantId);
    const page = await open({ as: user, path: `/console/tenants/${user.tenantId}/licenses` });
    await page.getByRole('button', { name: `Rotate key of ${license.id}` }).click();
    await page.getByLabel('Old key').selectOption('Revoke now');
    await page.getByRole('button', { name: 'Rotate key', exact: true }).click();
    const shown = page.getByRole('dialog', { name: 'New license key' });
    const key = (await shown.locator('code').textContent()) ?? '';
    expect((await license.acquire('with-the-old-one')).status).toBe(401);
    expect((await license.acquire('with-the-new-one', key)).status).toBe(201);
    await shown.getByRole('button', { name: 'Close' }).click();
    expect(await page.content()).not.toContain(key);
  });

  test('stays signed in over a reload, but not in a duplicated tab or after signing out', async ({
    world,
    open,
  }) => {
    const page = await open({ as: await world.newUser(), path: '/console/' });
    await headingOf(page, 'Seats').waitFor();
    await page.reload();
    await headingOf(page, 'Seats').waitFor();

    // A duplicated tab has a copy of this tab's storage.
    const opened = page.waitForEvent('popup');
    await page.evaluate('void window.open(location.href)');
    const duplicate = await opened;
    await duplicate.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
    await page.reload();
    await headingOf(page, 'Seats').waitFor();

    const ended = page.waitForResponse('**/auth/revoke');
    await page.getByRole('button', { name: 'Sign out' }).click();
    expect((await ended).status()).toBe(200);
    await page.reload();
    await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();

    // The return address of another sign-in does not sign anyone in.
    await page.goto(`${world.server.url}/console/signed-in?code=theirs&state=theirs`);
    await page.getByRole('alert').getByText('not started in this tab').waitFor();
    expect(page.url()).toBe(`${world.server.url}/console/`);
  });
});

/** Notes each request of the page: its path, and when it was sent by the page's own clock. */
const RECORD_REQUESTS = `
  globalThis.requests = [];
  const send = fetch;
  globalThis.fetch = (...given) => {
    const { pathname, search } = new URL(new Request(...given).url);
    const request = { path: pathname + search, atMs: Date.now(), isAnswered: false };
    requests.push(request);
    return send(...given).finally(() => { request.isAnswered = true; });
  };
`;

/** Hides the tab or shows it, as switching to another tab does. */
async function hide(page: Page, isHidden: boolean): Promise<void> {
  const visibility = JSON.stringify({ configurable: true, value: isHidden ? 'hidden' : 'visible' });
  await page.evaluate(`
    Object.defineProperty(document, 'visibilityState', ${visibility});
    document.dispatchEvent(new Event('visibilitychange'));
  `);
}
