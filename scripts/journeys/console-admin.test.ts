import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { OPERATOR, test } from './journey-test.ts';
import { expectUsable } from './usable.ts';

describeReal('chromium', 'the console, for owners, admins and operators', () => {
  async function goTo(page: Page, title: string): Promise<void> {
    await page.getByRole('link', { name: title, exact: true }).click();
    await page.getByRole('heading', { name: title, level: 1 }).waitFor();
  }

  async function download(page: Page, button: string) {
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: button }).click(),
    ]);
    return JSON.parse(await readFile(await file.path(), 'utf8'));
  }

  test('lets an owner invite a colleague, who signs in and is listed, and remove them again', async ({
    world,
    open,
  }) => {
    const owner = await world.newUser();
    const page = await open({ as: owner, path: `/console/tenants/${owner.tenantId}/members` });
    const address = 'colleague@journey.example';
    await page.getByLabel('E-mail address').fill(address.toUpperCase());
    await page.getByLabel('Role').selectOption('Admin');
    await page.getByRole('button', { name: 'Invite' }).click();
    await page.getByRole('status').getByText('is invited').waitFor();
    await page.getByRole('row', { name: new RegExp(address) }).waitFor();

    const colleague = await world.newUser(address);
    expect(colleague.tenantId).toBe(owner.tenantId);
    await page.reload();
    const row = page.getByRole('table', { name: 'Who belongs to' }).getByRole('row', {
      name: new RegExp(address),
    });
    await row.getByText('Admin').waitFor();
    await expectUsable(page);

    await row.getByRole('button', { name: 'Remove' }).click();
    const question = page.getByRole('dialog', { name: /^Remove / });
    await question.getByRole('button', { name: 'Remove' }).click();
    await row.waitFor({ state: 'detached' });
    const { members } = await world.operate('GET', `/api/v1/tenants/${owner.tenantId}/members`);
    expect(members).toHaveLength(1);
  });

  test('lets an admin buy seats, cancel the subscription and undo the cancellation', async ({
    world,
    open,
  }) => {
    const owner = await world.newUser();
    const path = `/console/tenants/${owner.tenantId}/billing`;
    const page = await open({ as: owner, path });
    await page.getByLabel('Team').check();
    await page.getByLabel('Seats', { exact: true }).fill('7');
    await expectUsable(page);
    await page.getByRole('button', { name: 'Go to payment' }).click();
    await page.getByRole('button', { name: /^Pay/ }).click();
    await page.waitForURL(/\/return/);
    await page.goto(`${world.server.url}${path}`);

    const card = page.getByRole('article', { name: 'Team, 7 seats' });
    await card.getByText('Active').waitFor();
    await card.getByRole('button', { name: 'Cancel subscription' }).click();
    const question = page.getByRole('dialog', { name: 'When should the subscription end?' });
    await expectUsable(page);
    await question.getByRole('button', { name: 'End it then' }).click();
    await card.getByText('Its seats can be used until then').waitFor();
    await card.getByRole('button', { name: 'Have it go on' }).click();
    await card.getByText('and then goes on').waitFor();
    const [{ cancel_at }] = (await world.operate('GET', `/api/v1/subscriptions?tenant_id=${owner.tenantId}`))
      .subscriptions;
    expect(cancel_at).toBeNull();
  });

  test('shows an admin the audit log, and verifies it', async ({ world, open }) => {
    const owner = await world.newUser();
    const { tenantId } = owner;
    const license = await world.operate('POST', '/api/v1/licenses', { tenant_id: tenantId, max: 3 });
    await world.operate('PATCH', `/api/v1/licenses/${license.license_id}`, { max: 4 });
    await world.operate('POST', '/internal/sweep');
    const page = await open({ as: owner, path: `/console/tenants/${tenantId}/audit` });
    const made = page.getByRole('row', { name: /^License made/ });
    const changed = page.getByRole('row', { name: /^License changed/ });
    await Promise.all([made.waitFor(), changed.waitFor()]);
    await page.getByLabel('What').selectOption('License changed');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await made.waitFor({ state: 'detached' });
    await changed.waitFor();
    expect(await made.count()).toBe(0);
    await page.reload();
    await changed.waitFor();
    expect(await made.count()).toBe(0);

    await page.getByRole('button', { name: 'Verify the log' }).click();
    await page.getByText('The log is whole: 2 events checked').waitFor();
    await expectUsable(page);
  });

  test('exports a user’s data, and erases the user once they have typed who they are', async ({
    world,
    open,
  }) => {
    const owner = await world.newUser();
    const page = await open({ as: owner, path: '/console/personal-data' });
    expect((await download(page, 'Download my data')).person.email).toBe(owner.email);
    expect((await download(page, 'Download its data')).tenant.tenant_id).toBe(owner.tenantId);
    await expectUsable(page);

    await page.getByRole('button', { name: 'Delete my data' }).click();
    const question = page.getByRole('dialog', { name: 'Delete yourself here?' });
    const typed = question.getByLabel(/^Type/);
    await typed.fill('somebody else');
    await question.getByRole('button', { name: 'Delete for good' }).click();
    await question.getByRole('alert').waitFor();
    await expectUsable(page);
    const find = `/api/v1/users?email=${owner.email}`;
    expect((await world.operate('GET', find)).users).toHaveLength(1);

    await typed.fill(owner.email);
    await question.getByRole('button', { name: 'Delete for good' }).click();
    const receipt = page.getByRole('dialog', { name: 'Deleted' });
    await receipt.getByText(/^era_/).waitFor();
    expect(await receipt.textContent()).toContain('People: 1');
    expect((await world.operate('GET', find)).users).toEqual([]);
    await receipt.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'Sign in with Google' }).waitFor();
  });

  test('lets an operator create a tenant with a license, resize the license and suspend it', async ({
    world,
    open,
  }) => {
    const name = 'Journey Ltd';
    const page = await open({ as: await world.newUser(OPERATOR), path: '/console/operator/tenants' });
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('E-mail address of its owner').fill('owner@journey.example');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByRole('status').getByText('is there').waitFor();
    await expectUsable(page);

    await page.getByRole('link', { name: `Licenses of ${name}` }).click();
    await page.getByLabel('Seats').fill('6');
    await page.getByRole('button', { name: 'Make it' }).click();
    const shown = page.getByRole('dialog', { name: 'The new key' });
    const key = (await shown.locator('code').textContent()) ?? '';
    await shown.getByRole('button', { name: 'I have it' }).click();
    const acquire = (fingerprint: string): Promise<Response> =>
      fetch(`${world.server.url}/api/v1/licenses/acquire`, {
        method: 'POST',
        headers: { authorization: `License ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ fingerprint }),
      });
    const before = await acquire('before');
    expect(await before.json()).toMatchObject({ seats: { active: 1, max: 6 } });

    await page.getByRole('button', { name: 'Resize' }).click();
    const resize = page.getByRole('dialog', { name: 'How many seats?' });
    await resize.getByLabel('Seats', { exact: true }).fill('9');
    await resize.getByRole('button', { name: 'Resize' }).click();
    await page.getByRole('row', { name: /Team, 9 seats/ }).waitFor();
    await page.getByRole('button', { name: 'Suspend' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Suspend' }).click();
    await page.getByText('Suspended', { exact: true }).waitFor();
    expect(await (await acquire('after')).json()).toMatchObject({ code: 'LICENSE_SUSPENDED' });
    await expectUsable(page);

    for (const title of ['People', 'Signing keys', 'Health']) {
      await goTo(page, title);
      await page
        .getByText(title === 'People' ? OPERATOR : title === 'Health' ? 'All parts serve' : 'Signs now')
        .first()
        .waitFor();
      await expectUsable(page);
    }
  });

  test('names an unavailable part to operators', async ({ world, open }) => {
    const page = await open({ as: await world.newUser(OPERATOR), path: '/console/operator/people' });
    await page.route('**/health?deep=1', (route) =>
      route.fulfill({
        status: 503,
        json: {
          status: 'unavailable',
          parts: { seats: 'ok', records: 'ok', events: 'unavailable', signing: 'ok' },
        },
      }),
    );
    await goTo(page, 'Health');
    const away = page.getByRole('listitem').filter({ hasText: 'Events' });
    await away.getByText('Away').waitFor();
    expect(await page.getByText('Serves', { exact: true }).count()).toBe(3);
  });

  test('shows no operator page to other users', async ({ world, open }) => {
    const page = await open({ as: await world.newUser(), path: '/console/operator/tenants' });
    await page.getByRole('heading', { name: 'Nothing here' }).waitFor();
    expect(await page.getByRole('link', { name: 'Health' }).count()).toBe(0);
  });
});
