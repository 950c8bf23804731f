import { status } from '@grpc/grpc-js';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { openKmsKeys } from '../../shared/adapters/signer/kms-keys.ts';
import { openKmsSigner } from '../../shared/adapters/signer/kms-signer.ts';
import { type KmsServer, startKmsServer } from '../../shared/testing/servers/kms-server.ts';
import { openTestSuite, type TestLicense, type TestSuite } from '../testing/suite.ts';

/** Signing as deployed, with a fake server that speaks the protocol of Cloud KMS. */
let kms: KmsServer;
const suites: TestSuite[] = [];
beforeEach(async () => {
  kms = await startKmsServer([...inject('signingKeys')]);
});
afterEach(async () => {
  vi.useRealTimers();
  for (const suite of suites.splice(0)) await suite.close();
  await kms.close();
});

/** A suite whose configuration names that key version. */
async function openSuite(number: number): Promise<TestSuite> {
  const signer = openKmsSigner({ keyVersion: kms.versionName(number), client: kms.client });
  const suite = await openTestSuite({}, (deps) => ({ ...deps, signer }));
  suites.push({ ...suite, close: () => Promise.all([suite.close(), signer.close()]).then(() => undefined) });
  return suite;
}

async function seated(suite: TestSuite): Promise<{ license: TestLicense; session_id: string }> {
  const license = await suite.createLicense({ borrow: { max_days: 7 } });
  return { license, session_id: (await license.acquire('machine')).body.session_id };
}

const kmsMethods = (): string[] => kms.calls.map(({ method }) => method);

describe('no license is returned when KMS does not sign', () => {
  async function refusalOf(suite: TestSuite, causeFault: () => void) {
    const { license, session_id } = await seated(suite);
    causeFault();
    const refused = await license.sign({ session_id });
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(refused.text).not.toMatch(/signed_license|license_token|projects\/|KMS/);
    const line = suite.logged.at(-1);
    // A failed signature is not kept: the next attempt signs.
    expect((await license.sign({ session_id })).status).toBe(200);
    return {
      status: refused.status,
      code: refused.body.code,
      retryAfter: refused.headers.get('retry-after'),
      line,
    };
  }

  test('returns 502 for three corrupted answers', async () => {
    const refused = await refusalOf(await openSuite(1), () => kms.spoil('signature checksum', 6));
    expect(refused).toMatchObject({ status: 502, code: 'SIGNING_UNAVAILABLE', retryAfter: '2' });
    expect(refused.line).toMatchObject({ severity: 'ERROR', because: expect.stringContaining('checksum') });
    expect(kmsMethods().filter((method) => method === 'AsymmetricSign').length).toBeGreaterThanOrEqual(6);
  });

  test('retries after one corrupted answer, and succeeds', async () => {
    const suite = await openSuite(1);
    const { license, session_id } = await seated(suite);
    kms.spoil('signature checksum', 1);
    expect((await license.sign({ session_id })).status).toBe(200);
    expect(kmsMethods()).toHaveLength(4);
  });

  test('returns 502 if permission is denied, and logs the reason', async () => {
    const refused = await refusalOf(await openSuite(1), () => kms.fail(status.PERMISSION_DENIED, 1));
    expect(refused).toMatchObject({ status: 502, code: 'SIGNING_UNAVAILABLE' });
    expect(refused.line).toMatchObject({ because: expect.stringContaining('PERMISSION_DENIED') });
  });

  test('returns 503 with Retry-After if the quota is used up', async () => {
    const suite = await openSuite(1);
    const { license, session_id } = await seated(suite);
    await license.sign({ session_id });
    const refused = await refusalOf(suite, () => kms.fail(status.RESOURCE_EXHAUSTED, 2));
    expect(refused).toMatchObject({ status: 503, code: 'SIGNING_BUSY', retryAfter: '60' });
  });

  test('returns 502 if the key version is disabled', async () => {
    const suite = await openSuite(1);
    const { license, session_id } = await seated(suite);
    kms.setState(1, 'DISABLED');
    expect((await license.sign({ session_id })).body.code).toBe('SIGNING_UNAVAILABLE');
    expect((await suite.call('GET', '/api/v1/public-key')).body.code).toBe('SIGNING_UNAVAILABLE');
    expect((await suite.call('GET', '/.well-known/jwks.json')).body).toEqual({ keys: [] });
  });

  test('still counts seats', async () => {
    const suite = await openSuite(1);
    const { license, session_id } = await seated(suite);
    kms.setState(1, 'DISABLED');
    expect((await license.heartbeat({ session_id })).status).toBe(200);
    expect((await license.acquire('other')).status).toBe(201);
    expect((await suite.operate('GET', '/health?deep=1')).body.dependencies).toMatchObject({
      signing: 'unavailable',
    });
  });
});

test('verifies old licenses after a key rotation, signs new ones with the new key id, and drops a disabled key', async () => {
  const before = await openSuite(1);
  const { license, session_id } = await seated(before);
  const oldToken: string = (await license.sign({ session_id })).body.license_token;

  const operator = openKmsKeys({ keyVersion: kms.versionName(1), client: kms.client });
  await operator.create();
  kms.setState(2, 'ENABLED');
  const after = await openSuite(2);
  const moved = await seated(after);
  const newToken: string = (await moved.license.sign({ session_id: moved.session_id })).body.license_token;
  const kids = [oldToken, newToken].map((token) => decodeProtectedHeader(token).kid);
  expect(kids[0]).not.toBe(kids[1]);

  // Past Hosting, which may keep the previous set for as long as the answer allows.
  const ORIGIN = { door: 'run.app' } as const;
  const kidsPublished = async (): Promise<string[]> => {
    const { keys } = (await after.call('GET', '/.well-known/jwks.json', ORIGIN)).body;
    return keys.map(({ kid }: { kid: string }) => kid);
  };
  const verify = (token: string) =>
    jwtVerify(token, createRemoteJWKSet(new URL('/.well-known/jwks.json', after.doors['run.app'])), {
      typ: 'license+jwt',
    });
  expect(await kidsPublished()).toEqual([kids[1], kids[0]]);
  for (const token of [oldToken, newToken]) await expect(verify(token)).resolves.toBeDefined();

  await operator.disable(kms.versionName(1));
  await operator.close();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
  expect(await kidsPublished()).toEqual([kids[1]]);
  await expect(verify(oldToken)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  await expect(verify(newToken)).resolves.toBeDefined();
});
