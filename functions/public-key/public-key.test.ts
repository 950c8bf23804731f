import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PUBLISHED_EVERYWHERE_AFTER_MS } from '../../shared/domain/key-rotation.ts';
import { openTestSuite, type TestSuite } from '../testing/suite.ts';
import publicKey from './contract.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

test('returns the key that verifies licenses as PEM to anyone', async () => {
  const { status, body } = await suite.call('GET', '/api/v1/public-key');
  expect(status).toBe(200);
  const { public_key, key_id, algorithm } = body;
  expect(body).toEqual({ public_key, key_id, algorithm, keys: [{ public_key, key_id, algorithm }] });
  expect(algorithm).toBe('RSA_SIGN_PKCS1_4096_SHA256');
  expect(createPublicKey(public_key).asymmetricKeyDetails).toMatchObject({ modulusLength: 4096 });
});

test('returns the same key with the same id as a JSON Web Key Set', async () => {
  const { body } = await suite.call('GET', '/.well-known/jwks.json');
  const pem = await suite.call('GET', '/api/v1/public-key');
  const { n, e } = createPublicKey(pem.body.public_key).export({ format: 'jwk' });
  expect(body).toEqual({ keys: [{ kty: 'RSA', n, e, alg: 'RS256', use: 'sig', kid: pem.body.key_id }] });
});

test.each(['/api/v1/public-key', '/.well-known/jwks.json'])(
  '%s can be cached for five minutes, and returns 304 while it is unchanged',
  async (path) => {
    const first = await suite.call('GET', path);
    expect(first.headers.get('cache-control')).toBe('public, max-age=300');
    const etag = first.headers.get('etag') ?? '';
    const again = await suite.call('GET', path, { headers: { 'if-none-match': etag } });
    expect([again.status, again.text]).toEqual([304, '']);
    expect(again.headers.get('etag')).toBe(etag);
    expect(again.headers.get('cache-control')).toBe('public, max-age=300');
    const changed = await suite.call('GET', path, { headers: { 'if-none-match': '"another etag"' } });
    expect([changed.status, changed.text]).toEqual([200, first.text]);
  },
);

test('a key rotation waits for at least as long as published keys can be cached', () => {
  const { publicKey: pem, jwks } = publicKey.endpoints;
  const keptSeconds = Math.max(pem.answers.keys.cacheSeconds, jwks.answers.keys.cacheSeconds);
  const instanceKeepsMs = 60_000;
  expect(PUBLISHED_EVERYWHERE_AFTER_MS).toBeGreaterThanOrEqual(keptSeconds * 1000 + instanceKeepsMs);
});
