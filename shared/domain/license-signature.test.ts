import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { expect, test } from 'vitest';
import { jwkOf, keep, licenseToken, reusableLicense, signingInputs } from './license-signature.ts';

const NOW_MS = Date.UTC(2026, 10, 25, 12);
const DAY_MS = 24 * 3600 * 1000;
const at = (ms: number): string => new Date(ms).toISOString();
const DATA = {
  jti: 'id-1',
  license_id: 'lic_00_x',
  tenant_id: 'ten_00_x',
  plan: 'pro',
  features: ['größe', 'a"b'],
  limits: { Ünits: Number.MAX_SAFE_INTEGER, projects: 0 },
  seats: 3,
  fingerprint: 'machine',
  issued_at: at(NOW_MS + 1),
  expires_at: at(NOW_MS + 7 * DAY_MS + 999),
  offline_until: at(NOW_MS + 7 * DAY_MS + 999),
} as const;
const data = { ...DATA, features: [...DATA.features] };

test('signs the canonical form: names in order, no spaces, text unchanged', () => {
  const { json } = signingInputs(data, 'kid');
  expect(json).toBe(
    '{"expires_at":"2026-12-02T12:00:00.999Z","features":["größe","a\\"b"],"fingerprint":"machine",' +
      '"issued_at":"2026-11-25T12:00:00.001Z","jti":"id-1","license_id":"lic_00_x",' +
      '"limits":{"projects":0,"Ünits":9007199254740991},"offline_until":"2026-12-02T12:00:00.999Z","plan":"pro",' +
      '"seats":3,"tenant_id":"ten_00_x"}',
  );
  const backwards = Object.fromEntries(Object.entries(data).toReversed());
  expect(signingInputs({ ...data, ...backwards }, 'kid').json).toBe(json);
});

test('creates a JWS of the same license that expires no later than the license', () => {
  const { json, token } = signingInputs(data, 'kid');
  const text = licenseToken({ keyId: 'kid', json, signature: 'x', tokenSignature: 'sig' });
  const [header = '', payload = '', signature] = text.split('.');
  expect(`${header}.${payload}`).toBe(token);
  expect(signature).toBe('sig');
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  expect(read(header)).toEqual({ alg: 'RS256', kid: 'kid', typ: 'license+jwt' });
  expect(read(payload)).toEqual({
    jti: 'id-1',
    sub: 'lic_00_x',
    iat: NOW_MS / 1000,
    exp: (NOW_MS + 7 * DAY_MS) / 1000,
    license: data,
  });
});

test('creates a JSON Web Key that contains only the public key', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = jwkOf({ keyId: 'kid', pem: publicKey.export({ type: 'spki', format: 'pem' }).toString() });
  expect(Object.keys(jwk).toSorted()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  expect(jwk).toMatchObject({ kty: 'RSA', alg: 'RS256', use: 'sig', kid: 'kid', e: 'AQAB' });
  const signature = sign('sha256', Buffer.from('x'), privateKey);
  const { n, e, kty } = jwk;
  expect(
    verify('sha256', Buffer.from('x'), createPublicKey({ key: { n, e, kty }, format: 'jwk' }), signature),
  ).toBe(true);
});

const signed = { ...signingInputs(data, 'kid'), keyId: 'kid', signature: 's', tokenSignature: 't' };
const signature = { keyId: 'kid', json: signed.json, signature: 's', tokenSignature: 't' };
const endsAtMs = Date.parse(data.expires_at);
const wanted = {
  keyId: 'kid',
  version: 4,
  ask: { seats: 2 },
  nowMs: NOW_MS,
  endsAtMs,
  isExact: false,
};
const kept = keep(signature, wanted);

test('reuses a stored license for the same request', () => {
  expect(reusableLicense(kept, wanted)).toMatchObject(signature);
  expect(reusableLicense(undefined, wanted)).toBeUndefined();
});

test.each([
  ['another key signs now', { keyId: 'kid 2' }],
  ['the license has changed', { version: 5 }],
  ['the license has an older version', { version: 3 }],
  ['less is requested', { ask: { seats: 1 } }],
  ['the whole license is requested', { ask: {} }],
  ['it ends later than a new one would', { endsAtMs: endsAtMs - 1 }],
  ['it has expired', { nowMs: endsAtMs, endsAtMs }],
])('signs again if %s', (_, change) => {
  expect(reusableLicense(kept, { ...wanted, ...change })).toBeUndefined();
});

test('signs again once more than a tenth of the offline time has passed, not before', () => {
  const later = (ms: number) => ({ ...wanted, nowMs: NOW_MS + ms, endsAtMs: endsAtMs + ms });
  const tenthMs = Math.floor((endsAtMs - NOW_MS) / 10);
  expect(reusableLicense(kept, later(tenthMs))).toBeDefined();
  expect(reusableLicense(kept, later(tenthMs + 1))).toBeUndefined();
});

test('reuses the stored license of a borrowed seat only if it ends exactly with the loan', () => {
  const borrowed = { ...wanted, isExact: true };
  expect(reusableLicense(kept, borrowed)).toBeDefined();
  expect(reusableLicense(kept, { ...borrowed, endsAtMs: endsAtMs + 1 })).toBeUndefined();
  expect(reusableLicense(kept, { ...borrowed, nowMs: NOW_MS + 6 * DAY_MS })).toBeDefined();
});

test('returns no license that another release signed with more or fewer fields, or kept in another form', () => {
  for (const fields of [{ added_later: 'x' }, { limits: undefined }]) {
    const json = JSON.stringify({ ...data, ...fields });
    expect(reusableLicense(keep({ ...signature, json }, wanted), wanted)).toBeUndefined();
  }
  expect(reusableLicense(JSON.stringify({ ...JSON.parse(kept), v: 2 }), wanted)).toBeUndefined();
});
