import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import * as z from 'zod/mini';
import { signIn as signInByBrowser } from '../../clients/sdk/src/node/sign-in.ts';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { test } from './journey-test.ts';

/** We promise seats within three seconds of paying. The test retries ten times a second. */
const MAX_ATTEMPTS = 30;
const RETRY_AFTER_MS = 100;

const Owner = z.object({ tenants: z.array(z.object({ tenant_id: z.string() })) });
const Bought = z.object({ checkout_url: z.string(), license_id: z.string() });

describeReal('chromium', 'buying seats with a browser', () => {
  test('grants a seat within three seconds of paying, and no more seats than were bought', async ({
    world,
    open,
  }) => {
    const page = await open();
    const ada = await signIn(world.server.url, page, /Ada Lovelace/);
    const bought = await ada.buy({ plan: 'pro', interval: 'month', seats: 2 });
    expect((await ada.acquire(bought.license_id, 'laptop')).status).toBe(404);

    await page.goto(bought.checkout_url);
    expect(await page.textContent('body')).toContain('2');
    await page.getByRole('button', { name: /pay/i }).click();
    await page.waitForURL(/checkout=paid/);
    const { attempts, answer } = await ada.acquireSoon(bought.license_id, 'laptop');
    expect(answer.status, `after ${attempts} attempts`).toBe(201);
    expect(await answer.json()).toMatchObject({ seats: { active: 1, max: 2 } });

    expect((await ada.acquire(bought.license_id, 'desktop')).status).toBe(201);
    const third = await ada.acquire(bought.license_id, 'tablet');
    expect(third.status).toBe(409);
    expect(await third.json()).toMatchObject({ code: 'SEATS_EXHAUSTED' });
  });

  test('grants nothing for a declined card, and the seat once another card has paid', async ({
    world,
    open,
  }) => {
    const page = await open();
    const grace = await signIn(world.server.url, page, /Grace Hopper/);
    const bought = await grace.buy({ plan: 'team', interval: 'year', seats: 5 });
    await page.goto(bought.checkout_url);
    await page.getByLabel(/card number/i).fill('4000 0000 0000 0002');
    await page.getByRole('button', { name: /pay/i }).click();
    await page.getByRole('alert').waitFor();
    expect((await grace.acquire(bought.license_id, 'laptop')).status).toBe(404);

    await page.getByLabel(/card number/i).fill('4242 4242 4242 4242');
    await page.getByRole('button', { name: /pay/i }).click();
    await page.waitForURL(/checkout=paid/);
    const { attempts, answer } = await grace.acquireSoon(bought.license_id, 'laptop');
    expect(answer.status, `after ${attempts} attempts`).toBe(201);
  });

  test('adds a seat once its invoice is paid, and has no seats during a dispute until an operator lifts it', async ({
    world,
    open,
  }) => {
    const { stripe } = world.server;
    if (!stripe) throw new Error('no fake Stripe');
    const owner = await world.newUser();
    const buyer = await open({ as: owner, path: `/console/tenants/${owner.tenantId}/billing` });
    const bought = await world.operate('POST', '/api/v1/checkout/create-session', {
      tenant_id: owner.tenantId,
      plan: 'pro',
      seats: 2,
    });
    await stripe.pay(bought.checkout_url);
    await stripe.idle();
    const subscriptionId = stripe.subscriptionOf(bought.checkout_url) ?? '';
    const license = `/api/v1/licenses/${bought.license_id}`;

    await stripe.setCard(subscriptionId, 'declined');
    await buyer.reload();
    await buyer.getByRole('button', { name: 'Change seats or plan' }).click();
    const dialog = buyer.getByRole('dialog', { name: 'Change seats or plan' });
    await dialog.getByLabel('Seats').fill('3');
    await buyer.getByRole('button', { name: 'Show what it costs' }).click();
    await buyer.getByRole('button', { name: 'Confirm change' }).click();
    const pay = buyer.getByRole('link', { name: 'Pay the invoice' });
    await pay.waitFor();
    expect((await world.operate('GET', license)).max).toBe(2);
    // It is not lost with the dialog.
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await buyer.getByText('A change to Pro, 3 seats, billed every month, waits for its payment.').waitFor();
    await buyer.getByRole('link', { name: 'Pay for the change' }).click();
    await buyer.getByRole('button', { name: /pay/i }).click();
    await buyer.getByText('Nothing to pay').waitFor();
    await stripe.idle();
    expect((await world.operate('GET', license)).max).toBe(3);

    const dispute = await stripe.dispute(stripe.chargeOf(subscriptionId) ?? '');
    await stripe.idle();
    await buyer.goto(`${world.server.url}/console/tenants/${owner.tenantId}/billing`);
    await buyer.getByText('No seats can be acquired').waitFor();
    expect(await buyer.getByRole('button', { name: 'Change seats or plan' }).count()).toBe(0);

    const path = `/api/v1/subscriptions/${bought.license_id}/holds`;
    await world.operate('POST', `${path}/lift`, { hold: dispute, reason: 'They paid by wire transfer.' });
    await buyer.reload();
    await buyer.getByRole('button', { name: 'Change seats or plan' }).waitFor();
    expect(await world.operate('GET', license)).toMatchObject({ max: 3, status: 'active', hold: null });
  });
});

/** Signs in by choosing a name on the local sign-in page. Returns the calls of that user. */
async function signIn(url: string, page: Page, name: RegExp) {
  const user = await signInByBrowser({
    url,
    open: async (address) => {
      await page.goto(address);
      await page.getByRole('link', { name }).click();
    },
    remember: false,
  });
  const accessToken = await user.accessToken();
  const me = await fetch(`${url}/api/v1/users/me`, { headers: { authorization: `Bearer ${accessToken}` } });
  const { tenants } = z.parse(Owner, await me.json());
  const tenantId = tenants[0]?.tenant_id;
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const acquire = (licenseId: string, fingerprint: string): Promise<Response> =>
    post('/api/v1/licenses/acquire', { license_id: licenseId, fingerprint });
  return {
    acquire,
    /** Retries until there is a seat, as an app does while its user pays. */
    async acquireSoon(licenseId: string, fingerprint: string) {
      for (let attempts = 1; ; attempts += 1) {
        const answer = await acquire(licenseId, fingerprint);
        if (answer.status === 201 || attempts === MAX_ATTEMPTS) return { attempts, answer };
        await sleep(RETRY_AFTER_MS);
      }
    },
    async buy(wanted: { plan: string; interval: string; seats: number }) {
      const order = { tenant_id: tenantId, ...wanted };
      const answer = await post('/api/v1/checkout/create-session', order);
      expect(answer.status).toBe(201);
      return z.parse(Bought, await answer.json());
    },
  };
}
