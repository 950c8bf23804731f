import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { type LocalAccount, SAMPLE_ACCOUNTS } from '../../shared/local/google/accounts.ts';
import { LICENSES } from '../../shared/ports/collections.ts';
import type { LocalServer } from './server.ts';

const SEATS = 3;

const License = z.object({ license_id: z.string(), license_key: z.string() });
type License = z.infer<typeof License>;

/** The license, for the next start. */
const LICENSE_FILE = 'demo-license.json';

const Demo = z.extend(License, { url: z.string(), operator_key: z.string() });
export type Demo = z.infer<typeof Demo>;

/** What clients need to use the server. It exists only while the server runs, unless the server crashed. */
const DEMO_FILE = 'demo.json';

/** The content of `demo.json` in the data folder, or `undefined` if it is missing or not readable. */
export function readDemo(dataFolder: string): Demo | undefined {
  return read(Demo, join(dataFolder, DEMO_FILE));
}

/** Removes `demo.json`, so that it does not name a stopped server. */
export function removeDemo(dataFolder: string): void {
  rmSync(join(dataFolder, DEMO_FILE), { force: true });
}

/**
 * The demo license of three seats: the existing one if the records still have it, or a new one with its own tenant. The
 * first user of the local sign-in page is invited to own it. Writes `demo.json` into the data folder.
 */
export async function seedDemo({ url, config, deps }: LocalServer): Promise<Demo> {
  const before = read(License, join(config.dataFolder, LICENSE_FILE));
  // Only the local sign-in page has known users.
  const owner = config.signIn.kind === 'embedded' ? SAMPLE_ACCOUNTS[0] : undefined;
  const known = before !== undefined && (await deps.records.get(LICENSES, before.license_id)) !== undefined;
  const license = known ? before : await createLicense(url, config.operatorKey, owner);
  const { license_id, license_key } = license;
  const demo: Demo = { url, license_id, license_key, operator_key: config.operatorKey };
  write(join(config.dataFolder, LICENSE_FILE), { license_id, license_key });
  write(join(config.dataFolder, DEMO_FILE), demo);
  return demo;
}

function read<T>(schema: z.ZodMiniType<T>, file: string): T | undefined {
  try {
    return z.parse(schema, JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

function write(file: string, content: License | Demo): void {
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
}

async function createLicense(
  url: string,
  operatorKey: string,
  owner: LocalAccount | undefined,
): Promise<License> {
  const operate = async (path: string, body: unknown): Promise<unknown> => {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { authorization: `Operator ${operatorKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (response.status !== 201)
      throw new Error(`the demo license was not created: ${await response.text()}`);
    return response.json();
  };
  const tenant = await operate('/api/v1/tenants', { name: 'Demo' });
  const { tenant_id } = z.parse(z.object({ tenant_id: z.string() }), tenant);
  if (owner) {
    await operate(`/api/v1/tenants/${tenant_id}/invitations`, { email: owner.email, role: 'owner' });
  }
  const license = await operate('/api/v1/licenses', { tenant_id, max: SEATS, plan: 'pro' });
  return z.parse(License, license);
}
