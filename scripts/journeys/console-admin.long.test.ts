import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page, Route } from 'playwright-core';
import { expect, vi } from 'vitest';
import { failedEvent, receivedEvent, type StoredEvent } from '../../shared/domain/billing-event.ts';
import { BILLING_EVENTS } from '../../shared/ports/collections.ts';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { OPERATOR, test } from './journey-test.ts';
import { expectUsable } from './usable.ts';

describeReal('chromium', 'the console for admins and operators', () => {
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

  test('lets an owner invite a member, who joins by accepting, and remove them', async ({ world, open }) => {
    const owner = await world.newUser();
    const page = await open({ as: owner, path: `/console/tenants/${owner.tenantId}/members` });
    const address = 'colleague@journey.example';
    await page.getByLabel('E-mail address').fill(address.toUpperCase());
    await page.getByLabel('Role').selectOption('Admin');
    await page.getByRole('button', { name: 'Invite member' }).click();
    await page.getByRole('status').getByText('is invited').waitFor();
    await page.getByRole('row', { name: new RegExp(address) }).waitFor();

    const colleague = await world.newUser(address);
    expect(colleague.tenantId).not.toBe(owner.tenantId);
    const theirs = await open({ as: colleague, path: '/console/personal-data' });
    await theirs.getByText('You have an open invitation.').waitFor();
    await theirs.getByRole('link', { name: 'Review' }).click();
    await theirs.getByRole('button', { name: /^Accept: / }).waitFor();
    await expectUsable(theirs);
    await theirs.getByRole('button', { name: /^Accept: / }).click();
    await theirs.getByRole('dialog').getByRole('button', { name: 'Accept' }).click();
    await theirs.getByText('You have no open invitations.').waitFor();
    await page.reload();
    const row = page.getByRole('table', { name: 'Members of' }).getByRole('row', {
      name: new RegExp(address),
    });
    await row.getByText('Admin').waitFor();
    await expectUsable(page);

    await row.getByRole('button', { name: 'Remove' }).click();
    const question = page.getByRole('dialog', { name: /^Remove / });
    await question.getByRole('button', { name: 'Remove member' }).click();
    await row.waitFor({ state: 'detached' });
    const { members } = await world.operate('GET', `/api/v1/tenants/${owner.tenantId}/members`);
    expect(members).toHaveLength(1);
  });

  test('lets an owner offer the ownership, which the member accepts', async ({ world, open }) => {
    const [owner, colleague] = [await world.newUser(), await world.newUser()];
    const { tenantId } = owner;
    await world.operate('PATCH', `/api/v1/tenants/${tenantId}`, { name: 'Engines' });
    await world.operate('POST', `/api/v1/tenants/${tenantId}/invitations`, {
      email: colleague.email,
      role: 'member',
    });
    const theirs = await open({ as: colleague, path: '/console/invitations' });
    await theirs.getByRole('button', { name: 'Accept: Engines' }).click();
    await theirs.getByRole('dialog', { name: 'Join Engines?' }).getByText('You become a member').waitFor();
    await theirs.getByRole('button', { name: 'Accept invitation' }).click();
    await theirs.getByText('You have no open invitations.').waitFor();

    const page = await open({ as: owner, path: `/console/tenants/${tenantId}/members` });
    await page.getByRole('button', { name: /^Offer ownership: / }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Offer ownership' }).click();
    await page.getByText('Ownership offered').waitFor();
    await theirs.reload();
    await theirs.getByRole('button', { name: 'Decline: Engines' }).click();
    const decline = theirs.getByRole('dialog', { name: 'Decline the ownership of Engines?' });
    await decline.getByRole('button', { name: 'Cancel' }).click();
    await theirs.getByRole('button', { name: 'Accept: Engines' }).click();
    await theirs.getByRole('dialog', { name: 'Become the owner of Engines?' }).waitFor();
    await expectUsable(theirs);
    await theirs.getByRole('button', { name: 'Accept ownership' }).click();
    await theirs.getByText('You have no open invitations.').waitFor();
    await page.reload();
    await page.getByRole('row', { name: /You/ }).getByText('Admin').waitFor();
  });

  test('lets an owner claim a domain, verify it by its TXT record, and release it', async ({
    world,
    open,
  }) => {
    const owner = await world.newUser();
    const page = await open({ as: owner, path: `/console/tenants/${owner.tenantId}/members` });
    const domain = page.getByRole('region', { name: 'Domain' });
    await domain.getByLabel('Google Workspace domain').fill('gmail.com');
    await domain.getByRole('button', { name: 'Claim domain' }).click();
    await domain.getByText('It cannot be claimed.').waitFor();
    await domain.getByLabel('Google Workspace domain').fill('Claimed.example');
    await domain.getByRole('button', { name: 'Claim domain' }).click();
    await domain.getByRole('button', { name: 'Verify domain' }).click();
    await domain.getByText('The TXT record was not found.').waitFor();
    await expectUsable(page);

    const [name = '', value = ''] = await domain.locator('dd code').allTextContents();
    const zone = join(world.server.config.dataFolder, 'dns-zone.json');
    await writeFile(zone, JSON.stringify({ [name]: [value] }));
    await domain.getByRole('button', { name: 'Verify domain' }).click();
    await domain.getByText('claimed.example is verified.').waitFor();
    await domain.getByRole('button', { name: 'Release domain' }).click();
    const question = page.getByRole('dialog', { name: 'Release claimed.example?' });
    await question.getByRole('button', { name: 'Release domain' }).click();
    await domain.getByLabel('Google Workspace domain').waitFor();
  });

  test('lets an admin buy seats, add some, cancel the subscription, and undo that', async ({
    world,
    open,
  }) => {
    const owner = await world.newUser();
    const path = `/console/tenants/${owner.tenantId}/billing`;
    const page = await open({ as: owner, path });
    await page.getByLabel('Team').check();
    await page.getByText('$15.00 per seat per month').waitFor();
    await page.getByLabel('Seats', { exact: true }).fill('7');
    await page.getByText('Total: $105.00 per month').waitFor();
    await expectUsable(page);
    await page.getByRole('button', { name: 'Continue to payment' }).click();
    await page.getByRole('button', { name: /^Pay/ }).click();
    await page.waitForURL(`**${path}?checkout=paid`);
    await page.getByText('Thank you.').waitFor();

    const bought = page.getByRole('article', { name: 'Team, 7 seats' });
    await bought.getByText('Active').waitFor();
    await bought.getByRole('button', { name: 'Change seats or plan' }).click();
    const change = page.getByRole('dialog', { name: 'Change seats or plan' });
    await change.getByLabel('Seats').fill('9');
    await change.getByRole('button', { name: 'Show what it costs' }).click();
    await change.getByText('The next invoice is $135.00').waitFor();
    await expectUsable(page);
    await change.getByRole('button', { name: 'Confirm change' }).click();

    const card = page.getByRole('article', { name: 'Team, 9 seats' });
    await card.getByText('Active').waitFor();
    await card.getByText('9 seats, $15.00 per seat per month').waitFor();
    await card.getByRole('button', { name: 'Cancel subscription' }).click();
    const question = page.getByRole('dialog', { name: 'When should the subscription end?' });
    await expectUsable(page);
    await question.getByRole('button', { name: 'End subscription then' }).click();
    await card.getByText('You can use its seats until then').waitFor();
    await card.getByRole('button', { name: 'Keep subscription' }).click();
    await card.getByText('Renews on').waitFor();
    const [{ cancel_at }] = (await world.operate('GET', `/api/v1/subscriptions?tenant_id=${owner.tenantId}`))
      .subscriptions;
    expect(cancel_at).toBeNull();
  });

  test('offers an admin the license of an ended subscription first, whose key stays valid', async ({
    world,
    open,
  }) => {
    const owner = await world.newUser();
    const order = { tenant_id: owner.tenantId, plan: 'pro', seats: 2 };
    const bought = await world.operate('POST', '/api/v1/checkout/create-session', order);
    await fetch(bought.checkout_url, {
      method: 'POST',
      body: new URLSearchParams({ card: '4242 4242 4242 4242' }),
      redirect: 'manual',
    });
    const page = await open({ as: owner, path: `/console/tenants/${owner.tenantId}/billing` });
    await page.getByText('Renews on').waitFor();
    await page.getByText('A new license gets a new key.').waitFor({ state: 'detached' });
    const { license_id } = bought;
    await world.operate('POST', '/api/v1/subscriptions/cancel', { license_id, when: 'now' });
    await page.reload();
    const license = page.getByRole('combobox', { name: 'License' });
    await license.waitFor();
    expect(await license.inputValue()).toBe(license_id);
    await page.getByText('Its key stays valid.').waitFor();
    await license.selectOption('A new license');
    await page.getByText('A new license gets a new key.').waitFor();
    await expectUsable(page);
  });

  test('lets an admin filter the audit log and verify it', async ({ world, open }) => {
    const owner = await world.newUser();
    const { tenantId } = owner;
    const license = await world.operate('POST', '/api/v1/licenses', { tenant_id: tenantId, max: 3 });
    await world.operate('PATCH', `/api/v1/licenses/${license.license_id}`, { max: 4 });
    await world.server.sweep();
    const page = await open({ as: owner, path: `/console/tenants/${tenantId}/audit` });
    const created = page.getByRole('row', { name: /^License created/ });
    const updated = page.getByRole('row', { name: /^License updated/ });
    await Promise.all([created.waitFor(), updated.waitFor()]);
    await page.getByRole('combobox', { name: 'Event' }).selectOption('License updated');
    await page.getByRole('button', { name: 'Show events' }).click();
    await created.waitFor({ state: 'detached' });
    await updated.waitFor();
    expect(await created.count()).toBe(0);
    await page.reload();
    await updated.waitFor();
    expect(await created.count()).toBe(0);

    await page.getByRole('button', { name: 'Verify log' }).click();
    await page.getByText('The log is intact: 4 events verified').waitFor();
    await expectUsable(page);
  });

  test('lets a user download their data, and delete it once they have typed their address', async ({
    world,
    open,
  }) => {
    const owner = await world.newUser();
    const page = await open({ as: owner, path: '/console/personal-data' });
    expect((await download(page, 'Download my data')).person.email).toBe(owner.email);
    expect((await download(page, 'Download tenant data')).tenant.tenant_id).toBe(owner.tenantId);
    await expectUsable(page);

    await page.getByRole('button', { name: 'Delete my data' }).click();
    const question = page.getByRole('dialog', { name: 'Delete your data?' });
    const typed = question.getByLabel(/^Type/);
    await typed.fill('someone else');
    await question.getByRole('button', { name: 'Delete permanently' }).click();
    await question.getByRole('alert').waitFor();
    await expectUsable(page);
    const find = `/api/v1/users?email=${owner.email}`;
    expect((await world.operate('GET', find)).users).toHaveLength(1);

    await typed.fill(owner.email);
    await question.getByRole('button', { name: 'Delete permanently' }).click();
    const receipt = page.getByRole('dialog', { name: 'Deleted' });
    await receipt.getByText(/^era_/).waitFor();
    expect(await receipt.textContent()).toContain('Users deleted: 1');
    expect((await world.operate('GET', find)).users).toEqual([]);
    await receipt.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  });

  test('lets an operator create a tenant with a license, resize the license and suspend it', async ({
    world,
    open,
  }) => {
    const name = 'Journey Ltd';
    const page = await open({ as: await world.newUser(OPERATOR), path: '/console/operator/tenants' });
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('E-mail address of the owner').fill('owner@journey.example');
    await page.getByRole('button', { name: 'Create tenant' }).click();
    await page.getByRole('status').getByText('is created').waitFor();
    await expectUsable(page);

    await page.getByRole('link', { name: `Licenses of ${name}` }).click();
    await page.getByLabel('Seats').fill('6');
    await page.getByRole('button', { name: 'Create license' }).click();
    const shown = page.getByRole('dialog', { name: 'New license key' });
    const key = (await shown.locator('code').textContent()) ?? '';
    await shown.getByRole('button', { name: 'Close' }).click();
    const acquire = (fingerprint: string): Promise<Response> =>
      fetch(`${world.server.url}/api/v1/licenses/acquire`, {
        method: 'POST',
        headers: { authorization: `License ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ fingerprint }),
      });
    const before = await acquire('before');
    expect(await before.json()).toMatchObject({ seats: { active: 1, max: 6 } });

    await page.getByRole('button', { name: 'Resize' }).click();
    const resize = page.getByRole('dialog', { name: 'Resize license' });
    await resize.getByLabel('Seats', { exact: true }).fill('9');
    await resize.getByRole('button', { name: 'Resize license' }).click();
    await page.getByRole('row', { name: /Team, 9 seats/ }).waitFor();
    await page.getByRole('button', { name: 'Suspend' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Suspend license' }).click();
    await page.getByText('Suspended', { exact: true }).waitFor();
    expect(await (await acquire('after')).json()).toMatchObject({ code: 'LICENSE_SUSPENDED' });
    await expectUsable(page);

    // Not healthy before the first sweep, which runs after ten seconds.
    await vi.waitFor(() => world.operate('GET', '/health?deep=1'), 20_000);
    for (const [title, text] of [
      ['Users', OPERATOR],
      ['Signing keys', 'Signing'],
      ['Health', 'All dependencies are available.'],
    ] as const) {
      await goTo(page, title);
      await page.getByText(text, { exact: true }).first().waitFor();
      await expectUsable(page);
    }
  });

  test('creates one token if the answer to the first click is lost', async ({ world, open }) => {
    const page = await open({ as: await world.newUser(OPERATOR), path: '/console/operator/tokens' });
    await page.getByLabel('Name').fill('Lost answer');
    const loseAnswer = async (route: Route): Promise<void> => {
      await route.fetch();
      await route.abort();
    };
    await page.route('**/api/v1/operator-tokens', loseAnswer, { times: 1 });
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByRole('alert').waitFor();
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByRole('dialog', { name: 'New operator token' }).waitFor();
    const { operator_tokens } = await world.operate('GET', '/api/v1/operator-tokens');
    const names = operator_tokens.map(({ name }: { name: string }) => name);
    expect(names.filter((name: string) => name === 'Lost answer')).toHaveLength(1);
  });

  test('lets an operator create a token, which is shown once, and revoke it', async ({ world, open }) => {
    const page = await open({ as: await world.newUser(OPERATOR), path: '/console/operator/tokens' });
    await page.getByLabel('Name').fill('Nightly report');
    await page.getByLabel('Scopes').fill('licenses:read, users:nothing');
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByText('“scopes 2”').waitFor();
    await page.getByLabel('Scopes').fill('licenses:read');
    await page.getByRole('button', { name: 'Create token' }).click();
    const shown = page.getByRole('dialog', { name: 'New operator token' });
    const token = (await shown.locator('code').textContent()) ?? '';
    await expectUsable(page);
    await shown.getByRole('button', { name: 'Close' }).click();
    const listLicenses = async (): Promise<number> =>
      (
        await fetch(`${world.server.url}/api/v1/licenses`, {
          headers: { authorization: `Operator ${token}` },
        })
      ).status;
    expect(await listLicenses()).toBe(200);
    await page.getByRole('row', { name: /Nightly report/ }).waitFor();
    await expectUsable(page);
    await page.getByRole('button', { name: 'Revoke Nightly report' }).click();
    await page.getByRole('button', { name: 'Revoke token' }).click();
    await page.getByText('Revoked', { exact: true }).waitFor();
    expect(await listLicenses()).toBe(401);
  });

  test('lets an operator have an event of Stripe tried again that was set aside', async ({ world, open }) => {
    const { records } = world.server.deps;
    const eventId = 'evt_1Tq8m2LkdIwHu7ix0Zc4Rb9e';
    const about = { kind: 'subscription', id: 'sub_unknown' } as const;
    const received = { eventId, type: 'invoice.paid', createdAtMs: Date.now(), about };
    let event: StoredEvent = receivedEvent(received, Date.now());
    while (event.state === 'open') event = failedEvent(event, 'Error: sub_unknown has no items', Date.now());
    await records.create(BILLING_EVENTS, eventId, event);
    const page = await open({ as: await world.newUser(OPERATOR), path: '/console/operator/stripe-events' });
    const setAside = page.getByRole('region', { name: 'Set aside' });
    await setAside.getByRole('row', { name: /invoice\.paid about sub_unknown/ }).waitFor();
    await setAside.getByText('Error: sub_unknown has no items').waitFor();
    await expectUsable(page);
    await page.getByRole('button', { name: `Try again ${eventId}` }).click();
    await expectUsable(page);
    await page.getByRole('dialog').getByRole('button', { name: 'Try again' }).click();
    await setAside.getByText('No event of Stripe was set aside.').waitFor();
    const reopened = await records.get(BILLING_EVENTS, eventId);
    expect(['open', 'done']).toContain(reopened?.state);
  });

  test('shows operators which dependency is unavailable', async ({ world, open }) => {
    const page = await open({ as: await world.newUser(OPERATOR), path: '/console/operator/users' });
    await page.route('**/health?deep=1', (route) =>
      route.fulfill({
        status: 503,
        json: {
          status: 'unavailable',
          dependencies: { seats: 'ok', records: 'ok', events: 'unavailable', signing: 'ok' },
          sweep: { status: 'ok', succeeded_at: new Date().toISOString() },
          backlog: { status: 'ok', events: 0, oldest_age_seconds: null },
          version: '1.2.3',
          commit: null,
        },
      }),
    );
    await goTo(page, 'Health');
    const events = page.getByRole('listitem').filter({ hasText: 'Events' });
    await events.getByText('Unavailable').waitFor();
    expect(await page.getByText('OK', { exact: true }).count()).toBe(5);
  });

  test('shows operator pages to operators only', async ({ world, open }) => {
    const page = await open({ as: await world.newUser(), path: '/console/operator/tenants' });
    await page.getByRole('heading', { name: 'Page not found' }).waitFor();
    expect(await page.getByRole('link', { name: 'Health' }).count()).toBe(0);
  });
});
