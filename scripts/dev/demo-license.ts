import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { type LocalAccount, SAMPLE_ACCOUNTS } from '../../shared/local/google/accounts.ts';
import { LICENSES } from '../../shared/ports/collections.ts';
import type { LocalServer } from './server.ts';

const SEATS = 3;

const Demo = z.object({
  url: z.string(),
  license_id: z.string(),
  license_key: z.string(),
  operator_key: z.string(),
});
export type Demo = z.infer<typeof Demo>;

/** The content of `demo.json` in the data folder, or `undefined` if it is missing or not readable. */
export function readDemo(dataFolder: string): Demo | undefined {
  try {
    return z.parse(Demo, JSON.parse(readFileSync(join(dataFolder, 'demo.json'), 'utf8')));
  } catch {
    return undefined;
  }
}

/**
 * The demo license of three seats: the existing one if the records still have it, or a new one with its own tenant. The
 * first user of the local sign-in page becomes the owner. `demo.json` in the data folder names the license for clients.
 */
export async function seedDemo({ url, config, deps }: LocalServer): Promise<Demo> {
  const before = readDemo(config.dataFolder);
  // Only the local sign-in page has known users.
  const owner = config.signIn.kind === 'embedded' ? SAMPLE_ACCOUNTS[0] : undefined;
  const known = before !== undefined && (await deps.records.get(LICENSES, before.license_id)) !== undefined;
  const license = known ? before : await createLicense(url, config.operatorKey, owner);
  const { license_id, license_key } = license;
  const demo: Demo = { url, license_id, license_key, operator_key: config.operatorKey };
  writeFileSync(join(config.dataFolder, 'demo.json'), `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
  return demo;
}

async function createLicense(
  url: string,
  operatorKey: string,
  owner: LocalAccount | undefined,
): Promise<{ license_id: string; license_key: string }> {
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
  const terms = { max: SEATS, plan: 'pro', features: ['export'], borrow: { max_days: 14 } };
  const license = await operate('/api/v1/licenses', { tenant_id, ...terms });
  return z.parse(z.object({ license_id: z.string(), license_key: z.string() }), license);
}
