import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { expect, test } from 'vitest';
import { ACCESS_TOKEN_KEY } from '../testing/secrets.ts';
import { publicTextOf, readPrivateKey, readPublicKey, thumbprintOf } from './rsa-key.ts';

const pem = ACCESS_TOKEN_KEY.export({ type: 'pkcs8', format: 'pem' }).toString();
const base64 = ACCESS_TOKEN_KEY.export({ type: 'pkcs8', format: 'der' }).toString('base64');
const publicText = publicTextOf(ACCESS_TOKEN_KEY);

test.each([
  ['PEM', pem],
  ['PEM without the last line break', pem.trimEnd()],
  ['PEM with the line breaks of Windows', pem.replaceAll('\n', '\r\n')],
  ['PEM whose line breaks became spaces', pem.replaceAll('\n', ' ')],
  ['PEM whose line breaks became the two characters \\n', pem.replaceAll('\n', '\\n')],
  ['base64 in one line', base64],
  ['base64 with a line break at the end', `${base64}\n`],
])('reads a private key in %s', (_, text) => {
  expect(readPrivateKey(text)?.equals(ACCESS_TOKEN_KEY)).toBe(true);
});

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

test.each([
  ['nothing', ''],
  ['a random text', 'x'.repeat(64)],
  ['a public key', publicText],
  ['a truncated key', base64.slice(0, -8)],
  ['a key of another kind', pemOf(generateKeyPairSync('ed25519').privateKey)],
  ['a key that is too short', pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)],
])('refuses %s as a private key', (_, text) => {
  expect(readPrivateKey(text)).toBeUndefined();
});

test('reads a public key, and refuses a private one', () => {
  expect(publicText).toMatch(/^MIIB[\w+/]+=*$/);
  expect(readPublicKey(publicText)?.type).toBe('public');
  expect(readPublicKey(base64)).toBeUndefined();
});

test('both halves of a key have the thumbprint of RFC 7638', async () => {
  const { e = '', n = '' } = ACCESS_TOKEN_KEY.export({ format: 'jwk' });
  const expected = await calculateJwkThumbprint({ kty: 'RSA', e, n });
  expect([ACCESS_TOKEN_KEY, readPublicKey(publicText) as KeyObject].map(thumbprintOf)).toEqual([
    expected,
    expected,
  ]);
});
