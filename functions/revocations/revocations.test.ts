import { createPublicKey, verify } from 'node:crypto';
import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest';
import { openKmsKeys } from '../../shared/adapters/signer/kms-keys.ts';
import { openKmsSigner } from '../../shared/adapters/signer/kms-signer.ts';
import { VENDOR } from '../../shared/domain/audit-event.ts';
import { newLicenseId, newTenantId } from '../../shared/domain/ids.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { auditQuery } from '../../shared/ports/queries.ts';
import { type KmsServer, startKmsServer } from '../../shared/testing/servers/kms-server.ts';
import { openTestSuite, type Reply, type TestLicense, type TestSuite } from '../testing/suite.ts';
import { signIn } from '../testing/users.ts';

/** Version 2 signs, and version 1, which signed before, is still enabled. */
let kms: KmsServer;
let suite: TestSuite;
let license: TestLicense;
let session: string;
let [before, current] = ['', ''];
const closers: (() => Promise<void>)[] = [];
const START_MS = Date.UTC(2027, 0, 15, 8);

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS });
  kms = await startKmsServer([...inject('signingKeys')]);
  const { client } = kms;
  const operator = openKmsKeys({ keyVersion: kms.versionName(1), client });
  await operator.create();
  kms.setState(2, 'ENABLED');
  const signer = openKmsSigner({ keyVersion: kms.versionName(2), client });
  [before = '', current = ''] = (await operator.versions()).map(({ keyId }) => keyId);
  suite = await openTestSuite({}, (deps) => ({ ...deps, signer }));
  closers.push(
    () => suite.close(),
    () => signer.close(),
    () => operator.close(),
    () => kms.close(),
  );
  license = await suite.createLicense({ max: 3, plan: 'pro' });
  session = (await license.acquire('laptop')).body.session_id;
});
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closers.splice(0)) await close();
});

const revoke = (body: object): Promise<Reply> => suite.operate('POST', '/api/v1/revocations', body);
const undo = (id: string): Promise<Reply> => suite.operate('DELETE', `/api/v1/revocations/${id}`);
const pass = (ms: number): void => void vi.setSystemTime(Date.now() + ms);
const origin = (path: string): Promise<Reply> => suite.call('GET', path, { door: 'run.app' });
/** The published tokens, each with the key that signed it, verified. */
async function published() {
  const { body } = await origin('/.well-known/license-revocations.json');
  return body.tokens.map((token: string) => {
    const [head = '', payload = '', signature = ''] = token.split('.');
    const { kid, alg, typ } = read(head);
    expect([alg, typ]).toEqual(['RS256', 'license-revocations+jwt']);
    const pem = createPublicKey(inject('signingKeys')[kid === current ? 1 : 0] ?? '');
    const isSigned = verify(
      'sha256',
      Buffer.from(`${head}.${payload}`),
      pem,
      Buffer.from(signature, 'base64url'),
    );
    expect(isSigned).toBe(true);
    return { kid, ...read(payload) };
  });
}
const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
const kids = async (): Promise<string[]> =>
  (await origin('/.well-known/jwks.json')).body.keys.map(({ kid }: { kid: string }) => kid);
const sign = async () => (await license.sign({ session_id: session })).body;

test('publishes an empty list while nothing is revoked', async () => {
  expect((await origin('/.well-known/license-revocations.json')).body).toEqual({ tokens: [] });
  expect((await suite.operate('GET', '/api/v1/revocations')).body).toEqual({
    sequence: 0,
    keys: [],
    licenses: [],
  });
});

test('a revoked key is in a list signed by the current key, and in one of its own, and leaves the published keys', async () => {
  expect(await kids()).toEqual([current, before]);
  const { status, body } = await revoke({ key_id: before });
  expect(status).toBe(200);
  const revoked_at = new Date(START_MS).toISOString();
  const entry = { key_id: before, since: null, revoked_at, is_self_signed: true };
  expect(body).toEqual({ sequence: 1, keys: [entry], licenses: [] });

  pass(60_000);
  expect(await kids()).toEqual([current]);
  expect((await origin('/api/v1/public-key')).body.keys.map((key: { key_id: string }) => key.key_id)).toEqual(
    [current],
  );
  const keys = [{ key_id: before, since: null, thumbprint: expect.stringMatching(/^[\w-]{43}$/) }];
  expect(await published()).toEqual([
    { kid: current, iat: START_MS / 1000, sequence: 1, keys, licenses: [] },
    { kid: before, iat: START_MS / 1000, sequence: 1, keys, licenses: [] },
  ]);
});

test('a disabled key keeps the revocation that it has signed, also after later changes', async () => {
  await revoke({ key_id: before });
  kms.setState(1, 'DISABLED');
  await revoke({ jti: 'wrongly-issued', license_id: license.licenseId });
  pass(60_000);
  expect(await published()).toMatchObject([
    { kid: current, sequence: 2, keys: [{ key_id: before }], licenses: [{ jti: 'wrongly-issued' }] },
    { kid: before, sequence: 1, keys: [{ key_id: before }], licenses: [] },
  ]);
});

test('a key that is revoked since a moment stays published, with that moment', async () => {
  const since = '2027-01-10T00:00:00.000Z';
  await revoke({ key_id: before, since });
  expect(await kids()).toEqual([current, before]);
  const { keys } = (await origin('/api/v1/public-key')).body;
  expect(keys).toMatchObject([{ key_id: current }, { key_id: before, revoked_since: since }]);
  expect(keys[0]).not.toHaveProperty('revoked_since');
  expect((await published())[0].keys).toMatchObject([{ key_id: before, since }]);
});

test.each([
  ['the key that signs', () => ({ key_id: current }), 409, 'SIGNING_KEY_IN_USE'],
  ['an unknown key', () => ({ key_id: 'v9-unknown-key' }), 404, 'SIGNING_KEY_NOT_FOUND'],
  [
    'an unknown license',
    () => ({ jti: 'some-license', license_id: newLicenseId(newTenantId(1)) }),
    404,
    'LICENSE_NOT_FOUND',
  ],
  ['nothing', () => ({}), 400, 'VALIDATION_FAILED'],
  ['a key and a license', () => ({ key_id: before, jti: 'some-license' }), 400, 'VALIDATION_FAILED'],
  [
    'a license since a moment',
    () => ({ jti: 'some-license', license_id: license.licenseId, since: '2027-01-10T00:00:00Z' }),
    400,
    'VALIDATION_FAILED',
  ],
])('refuses to revoke %s, and changes nothing', async (_, body, status, code) => {
  const refused = await revoke(body());
  expect([refused.status, refused.body.code]).toEqual([status, code]);
  expect((await origin('/.well-known/license-revocations.json')).body).toEqual({ tokens: [] });
});

test('changes nothing if Cloud KMS does not sign', async () => {
  await sign();
  kms.fail(8, 1);
  const busy = await revoke({ jti: 'wrongly-issued', license_id: license.licenseId });
  expect([busy.status, busy.body.code, busy.headers.get('retry-after')]).toEqual([503, 'SIGNING_BUSY', '60']);
  expect((await suite.operate('GET', '/api/v1/revocations')).body.sequence).toBe(0);
});

test('a revoked license is not given out again: the next request gets a new one, and the seat stays', async () => {
  const first = await sign();
  expect((await sign()).license_data.jti).toBe(first.license_data.jti);
  const { body } = await revoke({ jti: first.license_data.jti, license_id: license.licenseId });
  expect(body.licenses).toEqual([
    {
      jti: first.license_data.jti,
      license_id: license.licenseId,
      until: '2027-04-15T08:00:00.000Z',
      revoked_at: '2027-01-15T08:00:00.000Z',
    },
  ]);
  const second = await sign();
  expect(second.license_data.jti).not.toBe(first.license_data.jti);
  expect((await license.heartbeat({ session_id: session })).status).toBe(200);
});

test('the entry of a license ends when the license has ended, and that of a key does not', async () => {
  await revoke({ key_id: before });
  await revoke({ jti: 'wrongly-issued', license_id: license.licenseId });
  pass(90 * 24 * 3600_000);
  const { body } = await revoke({ jti: 'another-one', license_id: license.licenseId });
  expect(body.keys).toHaveLength(1);
  expect(body.licenses).toMatchObject([{ jti: 'another-one' }]);
});

test.each(['list', 'revoke', 'undo'])('lets only operators %s', async (what) => {
  const [method, path, body] = {
    list: ['GET', '/api/v1/revocations', undefined],
    revoke: ['POST', '/api/v1/revocations', { key_id: before }],
    undo: ['DELETE', `/api/v1/revocations/${before}`, undefined],
  }[what] as [string, string, unknown];
  await revoke({ key_id: before });
  const owner = await signIn(suite, 'owner@acme.example');
  for (const authorization of [undefined, `License ${license.key}`, owner.authorization]) {
    const options = { ...(authorization !== undefined && { authorization }), body };
    expect([401, 403]).toContain((await suite.call(method, path, options)).status);
  }
  expect((await suite.operate('GET', '/api/v1/revocations')).body).toMatchObject({ sequence: 1 });
});

test('undo removes the entry, publishes the key again, and counts the sequence up', async () => {
  await revoke({ key_id: before });
  const { body } = await undo(before);
  expect(body).toEqual({ sequence: 2, keys: [], licenses: [] });
  pass(60_000);
  expect(await kids()).toEqual([current, before]);
  expect(await published()).toMatchObject([{ kid: current, sequence: 2, keys: [], licenses: [] }]);
  expect((await undo(before)).body.code).toBe('REVOCATION_NOT_FOUND');
});

test('revocations and their undoing are in the audit log, with the operator and the request', async () => {
  const revoked = await revoke({ key_id: before });
  await revoke({ jti: 'wrongly-issued', license_id: license.licenseId });
  pass(1);
  await undo('wrongly-issued');
  await undo(before);
  const audit = await suite.operate('GET', `/api/v1/audit?license_id=${license.licenseId}`);
  const ours = audit.body.events.filter(({ type }: { type: string }) => type.startsWith('signature.'));
  expect(ours).toMatchObject([
    { type: 'signature.restored', subject: 'wrongly-issued', tenant_id: license.tenantId },
    { type: 'signature.revoked', subject: 'wrongly-issued', actor: { type: 'operator', id: 'bootstrap' } },
  ]);
  const keys = await Array.fromAsync(
    eachDocument(suite.deps.records, auditQuery('tenantId', false), { tenantId: VENDOR }),
  );
  expect(keys).toMatchObject([
    { type: 'signing_key.restored', subject: before },
    { type: 'signing_key.revoked', subject: before, requestId: revoked.headers.get('x-request-id') },
  ]);
});

test('nothing is signed with a key that is revoked, if a deploy goes back to it', async () => {
  await revoke({ key_id: before });
  const old = openKmsSigner({ keyVersion: kms.versionName(1), client: kms.client });
  const { records } = suite.deps;
  const rolledBack = await openTestSuite({}, (deps) => ({ ...deps, signer: old, records }));
  closers.unshift(
    () => rolledBack.close(),
    () => old.close(),
  );
  const other = await rolledBack.createLicense({ plan: 'pro' });
  const seat = (await other.acquire('machine')).body.session_id;
  const refused = await other.sign({ session_id: seat });
  expect([refused.status, refused.body.code]).toEqual([502, 'SIGNING_UNAVAILABLE']);
  expect((await other.heartbeat({ session_id: seat })).status).toBe(200);
});
