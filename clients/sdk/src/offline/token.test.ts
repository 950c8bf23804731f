import { beforeAll, describe, expect, test } from 'vitest';
import { LICENSE } from '../testing/canned.ts';
import { testVendor, type Vendor } from '../testing/vendor.ts';
import { importKeys, type VerifyingKey } from './keys.ts';
import { type Expected, verifyToken } from './token.ts';

const ISSUED_AT = '2026-01-01T00:00:00.250Z';
const OFFLINE_UNTIL = '2026-01-08T00:00:00.250Z';
const SIGNED = {
  license_id: LICENSE,
  fingerprint: 'laptop',
  plan: 'pro',
  features: ['export'],
  limits: { projects: 5 },
  issued_at: ISSUED_AT,
  offline_until: OFFLINE_UNTIL,
};
const MINE: Expected = { fingerprint: 'laptop', licenseId: LICENSE, isLocal: false };

let vendor: Vendor;
let stranger: Vendor;
let keys: readonly VerifyingKey[];
beforeAll(async () => {
  vendor = await testVendor('key-1');
  stranger = await testVendor('key-1');
  keys = await importKeys(vendor.pem);
});

/** The fault of a token that this machine rejects. */
async function faultOf(token: string, expected = MINE): Promise<unknown> {
  const accepted = await verifyToken(token, keys, expected).catch((error: unknown) => error);
  expect(accepted).toMatchObject({ code: 'OFFLINE_LICENSE_INVALID' });
  return (accepted as Error).message;
}

describe('a signed license is accepted', () => {
  test('on its machine, for its license, with what the vendor has signed', async () => {
    expect(await verifyToken(await vendor.sign(SIGNED), keys, MINE)).toEqual({
      licenseId: LICENSE,
      fingerprint: 'laptop',
      plan: 'pro',
      features: ['export'],
      limits: { projects: 5 },
      issuedAtMs: Date.parse(ISSUED_AT),
      offlineUntilMs: Date.parse(OFFLINE_UNTIL),
    });
  });

  test('for any license if the app does not name one', async () => {
    const token = await vendor.sign({ ...SIGNED, license_id: 'lic_08_bbbbbbbbbbbbbbbb' });
    const license = await verifyToken(token, keys, { ...MINE, licenseId: undefined });
    expect(license.licenseId).toBe('lic_08_bbbbbbbbbbbbbbbb');
  });

  test('without entitlements, which are empty then', async () => {
    const { plan, features, limits, ...older } = SIGNED;
    expect(await verifyToken(await vendor.sign(older), keys, MINE)).toMatchObject({
      plan: undefined,
      features: [],
      limits: {},
    });
  });

  test('until `exp`, if that is before `offline_until`', async () => {
    const exp = Date.parse(OFFLINE_UNTIL) / 1000 - 3600.25;
    const license = await verifyToken(await vendor.sign(SIGNED, {}, { exp }), keys, MINE);
    // The whole second counts: `exp` is rounded down.
    expect(license.offlineUntilMs).toBe((exp + 1) * 1000);
  });

  test('with a key of a local server only from a server on this machine', async () => {
    const token = await vendor.sign(SIGNED, { kid: 'not-for-production-1-abc' });
    expect(await faultOf(token)).toContain('test server');
    expect(await verifyToken(token, keys, { ...MINE, isLocal: true })).toMatchObject({ plan: 'pro' });
  });
});

describe('a token with a valid signature is rejected', () => {
  test.each<[string, object]>([
    ['of another type, such as an access token', { typ: 'at+jwt' }],
    ['without a type', { typ: undefined }],
    ['with another algorithm', { alg: 'PS256' }],
    ['without an algorithm', { alg: 'none' }],
    ['without a key id', { kid: undefined }],
    ['with a key id that is no text', { kid: 7 }],
  ])('%s', async (_, head) => {
    expect(await faultOf(await vendor.sign(SIGNED, head))).toContain('not a signed license');
  });

  test.each<[string, object]>([
    ['without an end', { exp: undefined }],
    ['with an end that is no number', { exp: '2100' }],
    ['without a license', { license: undefined }],
    ['with null for a license', { license: null }],
    ['for no license', { license: { ...SIGNED, license_id: undefined } }],
    ['for no machine', { license: { ...SIGNED, fingerprint: undefined } }],
    ['without the time of signing', { license: { ...SIGNED, issued_at: undefined } }],
    ['with an offline end that is no time', { license: { ...SIGNED, offline_until: 'never' } }],
  ])('%s', async (_, claims) => {
    const anywhere = { ...MINE, licenseId: undefined, fingerprint: undefined as never };
    const token = await vendor.sign(SIGNED, {}, claims);
    expect(await faultOf(token)).toContain('not a signed license');
    expect(await faultOf(token, anywhere)).toContain('not a signed license');
  });

  test('on another machine', async () => {
    expect(await faultOf(await vendor.sign({ ...SIGNED, fingerprint: 'another' }))).toContain('machine');
  });

  test('for another license', async () => {
    const token = await vendor.sign({ ...SIGNED, license_id: 'lic_08_bbbbbbbbbbbbbbbb' });
    expect(await faultOf(token)).toContain('another license');
  });
});

describe('a token is rejected, and the fault names its key id,', () => {
  const cases: [string, () => Promise<string>][] = [
    ['signed by another key with the same id', () => stranger.sign(SIGNED)],
    [
      'with claims that the vendor has not signed',
      async () => {
        const [head, , signature] = (await vendor.sign(SIGNED)).split('.');
        const [, forged] = (await stranger.sign({ ...SIGNED, plan: 'all' })).split('.');
        return `${head}.${forged}.${signature}`;
      },
    ],
    ['without a signature', async () => (await vendor.sign(SIGNED)).replace(/[^.]+$/, '')],
    ['with a signature that is not base64', async () => `${await vendor.sign(SIGNED)}!`],
    ['with more parts than three', async () => `${await vendor.sign(SIGNED)}.more`],
  ];
  test.each(cases)('%s', async (_, forge) => {
    expect(await faultOf(await forge())).toContain('key id key-1');
  });
});

test.each(['', 'text', '..', 'bnVsbA..', '!.!.!'])('%j is no token', async (text) => {
  expect(await faultOf(text)).toContain('not a signed license');
});
