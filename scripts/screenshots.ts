import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { DAY_MS, HOUR_MS, hourOf, usageHourId } from '../shared/domain/usage.ts';
import { USAGE_HOURS } from '../shared/ports/collections.ts';
import { openBrowser } from '../shared/testing/browser.ts';
import { type ConsoleWorld, openConsoleWorld } from './journeys/console-world.ts';

/**
 * Takes the screenshots of the console for the README and the docs: an invented customer on the local server. Needs
 * `chromium`.
 */

const FOLDER = 'clients/console/screenshots';

interface Picture {
  readonly file: string;
  readonly path: string;
  readonly width: number;
  readonly scheme: 'light' | 'dark';
  /** A selector of content that shows that the page is ready. */
  readonly shows: string;
}

const browser = await openBrowser();
const world = await openConsoleWorld(browser);
try {
  const ada = await world.newUser('ada@journey.example', 'Ada Lovelace');
  const { tenantId } = ada;
  await world.operate('PATCH', `/api/v1/tenants/${tenantId}`, { name: 'Analytical Engines' });
  const licenseId = await fillTenant(world, tenantId);
  const tenant = `/console/tenants/${tenantId}`;
  const pictures: readonly Picture[] = [
    { file: 'seats', path: `${tenant}/seats`, width: 1280, scheme: 'light', shows: 'text=Live, as of' },
    { file: 'seats-narrow', path: `${tenant}/seats`, width: 390, scheme: 'dark', shows: 'text=Live, as of' },
    {
      file: 'usage',
      path: `${tenant}/usage`,
      width: 1280,
      scheme: 'light',
      shows: 'text=Seats needed for 99 % of the hours',
    },
    { file: 'audit', path: `${tenant}/audit`, width: 1280, scheme: 'dark', shows: 'tbody th' },
  ];
  await mkdir(FOLDER, { recursive: true });
  // One page for all pictures, as its sign-in can be opened only once.
  const page = await world.open({ as: ada, path: tenant });
  await page.getByRole('heading', { level: 1 }).waitFor();
  for (const picture of pictures) await take(page, picture);
  process.stdout.write(`Wrote ${pictures.length} screenshots of license ${licenseId} to ${FOLDER}.\n`);
} finally {
  await world.close();
  await browser.close();
}

async function take(page: Page, { file, path, width, scheme, shows }: Picture): Promise<void> {
  await page.setViewportSize({ width, height: width === 390 ? 844 : 800 });
  await page.emulateMedia({ colorScheme: scheme });
  await page.goto(`${world.server.url}${path}`);
  await page.locator(shows).first().waitFor();
  await page.screenshot({ path: join(FOLDER, `${file}.png`), animations: 'disabled' });
}

/** Creates a license with sessions, and a month of its usage. */
async function fillTenant({ server, operate }: ConsoleWorld, tenantId: string): Promise<string> {
  const { license_id, license_key } = await operate('POST', '/api/v1/licenses', {
    tenant_id: tenantId,
    max: 8,
    plan: 'team',
    features: ['export', 'simulate'],
    borrow: { max_days: 14 },
  });
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(`${server.url}/api/v1/licenses/${path}`, {
      method: 'POST',
      headers: { authorization: `License ${license_key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const machines = ['babbage', 'jacquard', 'difference-2', 'mill', 'store', 'workshop-3'];
  for (const [n, hostname] of machines.entries()) {
    const fingerprint = Buffer.from(`print of ${hostname}`).toString('hex');
    const program = { fingerprint, hostname, app_version: n % 2 === 0 ? '4.2.0' : '4.1.3' };
    await post('acquire', { ...program, ...(hostname === 'workshop-3' && { borrow_days: 5 }) });
    if (hostname === 'mill')
      await post('acquire', { ...program, instance_id: 'second', app_version: '4.1.3' });
  }
  for (const email of ['grace@example.com', 'linus@example.com']) {
    await operate('POST', `/api/v1/tenants/${tenantId}/invitations`, { email, role: 'member' });
  }
  const nowMs = hourOf(Date.now());
  for (let ago = 1; ago * HOUR_MS < 31 * DAY_MS; ago += 1) {
    const hourMs = nowMs - ago * HOUR_MS;
    const { peak, denials } = usageOf(hourMs);
    const hour = { licenseId: license_id, tenantId, hourMs, peak, denials, closing: null };
    if (peak > 0) await server.deps.records.create(USAGE_HOURS, usageHourId(license_id, hourMs), hour);
  }
  // Publishes, records and seals the events.
  for (let round = 0; round < 3; round += 1) {
    await server.sweep();
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return license_id;
}

/** The usage of an hour of a working day, with peaks in the late morning and the early afternoon. */
function usageOf(hourMs: number): { peak: number; denials: number } {
  const at = new Date(hourMs);
  const hour = at.getUTCHours();
  const isWeekend = [0, 6].includes(at.getUTCDay());
  const rush = Math.max(0, 6 - Math.min(Math.abs(hour - 10), Math.abs(hour - 14)) * 1.5);
  const peak = Math.min(8, Math.round(rush * (isWeekend ? 0.2 : 1) + ((at.getUTCDate() * 7 + hour) % 4) - 1));
  return { peak: Math.max(0, peak), denials: peak === 8 ? (at.getUTCDate() % 3) + 1 : 0 };
}
