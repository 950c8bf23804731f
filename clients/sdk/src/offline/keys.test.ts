import { beforeAll, describe, expect, test } from 'vitest';
import type { PublicKeys } from '../options.ts';
import { LICENSE } from '../testing/canned.ts';
import { testVendor, type Vendor } from '../testing/vendor.ts';
import { importKeys } from './keys.ts';
import { verifyToken } from './token.ts';

let first: Vendor;
let second: Vendor;
beforeAll(async () => {
  [first, second] = await Promise.all([testVendor('key-1'), testVendor('key-2')]);
});

/** Whether an app with these keys uses what the vendor has signed. */
async function accepts(publicKeys: PublicKeys, vendor: Vendor): Promise<boolean> {
  const token = await vendor.sign({
    license_id: LICENSE,
    fingerprint: 'laptop',
    issued_at: '2026-01-01T00:00:00.000Z',
    offline_until: '2026-01-08T00:00:00.000Z',
  });
  const expected = { fingerprint: 'laptop', licenseId: LICENSE, isLocal: false };
  return verifyToken(token, await importKeys(publicKeys), expected).then(
    () => true,
    () => false,
  );
}

describe('while a key is rotated, an app accepts both keys', () => {
  test.each<[string, () => PublicKeys]>([
    ['a list of PEMs', () => [first.pem, second.pem]],
    ['a text with PEMs', () => `old:\n${first.pem}\nnew:\n${second.pem}\n`],
    [
      'a text with the line ends of Windows',
      () => [first.pem, second.pem].join('\n').replaceAll('\n', '\r\n'),
    ],
    ['a key set', () => ({ keys: [first.jwk, second.jwk] })],
  ])('from %s', async (_, publicKeys) => {
    expect(await accepts(publicKeys(), first)).toBe(true);
    expect(await accepts(publicKeys(), second)).toBe(true);
  });
});

test('an app accepts no other key than its own', async () => {
  expect(await accepts(first.pem, second)).toBe(false);
  expect(await accepts({ keys: [first.jwk] }, second)).toBe(false);
});

test('what a key set says about the use of its key is ignored: no algorithm is read from it', async () => {
  const jwk = { ...first.jwk, alg: 'RS512', use: 'enc', key_ops: ['encrypt'] };
  expect(await accepts({ keys: [jwk] }, first)).toBe(true);
});

test('one key that cannot be read refuses all of them: the app would lack it in a rotation', async () => {
  const broken = { ...second.jwk, n: undefined };
  await expect(importKeys({ keys: [first.jwk, broken] })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
});
