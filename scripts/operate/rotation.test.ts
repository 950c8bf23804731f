import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { openTestSuite, type TestLicense, type TestSuite } from '../../functions/testing/suite.ts';
import { openKmsKeys } from '../../shared/adapters/signer/kms-keys.ts';
import { openKmsSigner } from '../../shared/adapters/signer/kms-signer.ts';
import type { Signer } from '../../shared/ports/signer.ts';
import { type KmsServer, startKmsServer } from '../../shared/testing/servers/kms-server.ts';
import { runOperate } from './run.ts';

const MINUTE_MS = 60_000;

let server: KmsServer;
let suite: TestSuite;
let license: TestLicense;
let session: string;
let signer: Signer | undefined;
/** The version in `SIGNING_KEY_VERSION`. */
let deployed = 1;
beforeEach(async () => {
  server = await startKmsServer([...inject('signingKeys')]);
  await deploy(1);
  suite = await openTestSuite({}, (deps) => ({
    ...deps,
    signer: {
      current: () => instance().current(),
      enabled: (keyId) => instance().enabled(keyId),
      publicKeys: () => instance().publicKeys(),
      ping: () => instance().ping(),
      close: () => instance().close(),
    },
  }));
  license = await suite.createLicense({ max: 3, plan: 'pro' });
  session = (await license.acquire('laptop')).body.session_id;
});
afterEach(async () => {
  await suite.close();
  await server.close();
  signer = undefined;
});

const instance = (): Signer => signer ?? expect.fail('nothing is deployed');

/** New instances with that version configured, and empty caches. */
async function deploy(number: number): Promise<void> {
  deployed = number;
  const before = signer;
  signer = openKmsSigner({ keyVersion: server.versionName(number), client: server.client });
  await before?.close();
}

/** Runs `keys …` as an operator, `laterMs` from now. */
async function run(laterMs: number, ...args: string[]): Promise<{ code: number; printed: string }> {
  const printed: string[] = [];
  const output = { print: (text: string) => void printed.push(text), printError: () => {} };
  const code = await runOperate(['keys', ...args], {}, output, {
    async withKeys(work) {
      const opened = openKmsKeys({ keyVersion: server.versionName(deployed), client: server.client });
      try {
        return await work(opened);
      } finally {
        await opened.close();
      }
    },
    withRecords: () => expect.fail('keys are not in the records'),
    withMessages: () => expect.fail('keys are not in messages'),
    nowMs: () => Date.now() + laterMs,
  });
  return { code, printed: printed.join('\n') };
}

async function keys(laterMs: number, ...args: string[]) {
  const { code, printed } = await run(laterMs, ...args, '--json');
  return { code, ...(printed === '' ? {} : JSON.parse(printed)) };
}

/** Verifies as a client that has no keys yet, past Hosting's cache: the runbook waits until that has ended. */
const verify = (token: string) =>
  jwtVerify(token, createRemoteJWKSet(new URL('/.well-known/jwks.json', suite.doors['run.app'])), {
    algorithms: ['RS256'],
  });

async function signNow(): Promise<string> {
  const { status, body } = await license.sign({ session_id: session });
  expect(status).toBe(200);
  return body.license_token;
}
const kidOf = (token: string): string => String(decodeProtectedHeader(token).kid);
const publishedKids = async (): Promise<string[]> =>
  (await suite.call('GET', '/api/v1/public-key', { door: 'run.app' })).body.keys.map(
    (key: { key_id: string }) => key.key_id,
  );

test('every client’s license verifies throughout a rotation, until the old key is disabled', async () => {
  const old = await signNow();
  expect(await keys(0, 'rotate', '--apply')).toMatchObject({ code: 0, step: 'create', applied: true });
  expect(await keys(0, 'rotate')).toMatchObject({ step: 'wait', version: { number: 2, state: 'pending' } });

  server.setState(2, 'ENABLED');
  expect(await keys(5 * MINUTE_MS, 'rotate')).toMatchObject({ step: 'wait', version: { number: 2 } });
  // Running instances know the new version within a minute; these are new.
  await deploy(1);
  const published = await publishedKids();
  expect(published).toEqual([kidOf(old), expect.stringMatching(/^v2-/)]);
  expect(await signNow()).toBe(old);

  const pin = await keys(6 * MINUTE_MS, 'rotate');
  expect(pin).toMatchObject({ step: 'pin', set: { SIGNING_KEY_VERSION: server.versionName(2) } });
  expect((await run(6 * MINUTE_MS, 'rotate')).printed).toContain(
    `SIGNING_KEY_VERSION=${server.versionName(2)}\n`,
  );
  await deploy(2);
  const fresh = await signNow();
  expect(kidOf(fresh)).toBe(published[1]);
  expect(kidOf(fresh)).toBe(pin.version.key_id);
  await verify(fresh);
  await verify(old);

  expect(await keys(6 * MINUTE_MS, 'rotate', '--apply')).toMatchObject({ step: 'retire', applied: false });
  expect(await keys(0, 'disable', '--version', '1')).toMatchObject({ code: 0, applied: false });
  await verify(old);
  expect(await keys(0, 'disable', '--version', '1', '--apply')).toMatchObject({ code: 0, applied: true });
  await deploy(2);
  expect(await publishedKids()).toEqual([kidOf(fresh)]);
  await verify(fresh);
  await expect(verify(old)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  expect(await keys(0, 'list')).toMatchObject({
    code: 0,
    versions: [
      { number: 1, state: 'disabled', is_current: false },
      { number: 2, state: 'enabled', is_current: true },
    ],
  });
});

test('a compromised key is replaced at once, and what it signed no longer verifies', async () => {
  const old = await signNow();
  await keys(0, 'rotate', '--compromised', '--apply');
  server.setState(2, 'ENABLED');
  expect(await keys(0, 'rotate', '--compromised')).toMatchObject({
    code: 0,
    step: 'pin',
    version: { number: 2 },
  });

  // Before the deploy has ended: it is better to sign nothing than to accept forged licenses.
  expect((await keys(0, 'disable', '--version', '1', '--apply')).code).toBe(2);
  await keys(0, 'disable', '--version', '1', '--apply', '--compromised');
  expect((await keys(0, 'list')).code).toBe(1);
  const other = (await license.acquire('other')).body.session_id;
  expect((await license.sign({ session_id: other })).body.code).toBe('SIGNING_UNAVAILABLE');

  await deploy(2);
  await expect(verify(old)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  await verify(await signNow());
});
