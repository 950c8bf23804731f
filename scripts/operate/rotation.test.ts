import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTestSuite, type TestLicense, type TestSuite } from '../../functions/testing/suite.ts';
import { type KeyDeployment, openKeyDeployment } from './testing/key-deployment.ts';

const MINUTE_MS = 60_000;

let key: KeyDeployment;
let suite: TestSuite;
let license: TestLicense;
let session: string;
beforeEach(async () => {
  key = await openKeyDeployment();
  suite = await openTestSuite({}, (deps) => ({ ...deps, signer: key.signer }));
  license = await suite.createLicense({ max: 3, plan: 'pro' });
  session = (await license.acquire('laptop')).body.session_id;
});
afterEach(async () => {
  await suite.close();
  await key.close();
});

/** Runs `keys …` as an operator, `laterMs` from now. */
const run = (laterMs: number, ...args: string[]) => key.runKeys(Date.now() + laterMs, ...args);

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

  key.server.setState(2, 'ENABLED');
  expect(await keys(5 * MINUTE_MS, 'rotate')).toMatchObject({ step: 'wait', version: { number: 2 } });
  // Running instances know the new version within a minute; these are new.
  await key.deploy(1);
  const published = await publishedKids();
  expect(published).toEqual([kidOf(old), expect.stringMatching(/^v2-/)]);
  expect(await signNow()).toBe(old);

  const pin = await keys(6 * MINUTE_MS, 'rotate');
  expect(pin).toMatchObject({ step: 'pin', set: { SIGNING_KEY_VERSION: key.server.versionName(2) } });
  expect((await run(6 * MINUTE_MS, 'rotate')).printed).toContain(
    `SIGNING_KEY_VERSION=${key.server.versionName(2)}\n`,
  );
  await key.deploy(2);
  const fresh = await signNow();
  expect(kidOf(fresh)).toBe(published[1]);
  expect(kidOf(fresh)).toBe(pin.version.key_id);
  await verify(fresh);
  await verify(old);

  expect(await keys(6 * MINUTE_MS, 'rotate', '--apply')).toMatchObject({ step: 'retire', applied: false });
  expect(await keys(0, 'disable', '--version', '1')).toMatchObject({ code: 0, applied: false });
  await verify(old);
  expect(await keys(0, 'disable', '--version', '1', '--apply')).toMatchObject({ code: 0, applied: true });
  await key.deploy(2);
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
  key.server.setState(2, 'ENABLED');
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

  await key.deploy(2);
  await expect(verify(old)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  await verify(await signNow());
});
