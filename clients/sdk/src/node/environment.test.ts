import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Seatlease } from '../node.ts';
import { optionInvalid } from '../options.ts';
import { namingVariable, optionsOf, publicKeysOf, waitOf } from './environment.ts';
import { temporaryFolder } from './testing.ts';

const pem = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .publicKey.export({ type: 'spki', format: 'pem' })
    .toString();

let place: { folder: string; remove(): Promise<void> };
beforeEach(async () => {
  place = await temporaryFolder();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await place.remove();
});
function fileOf(text: string): string {
  const file = join(place.folder, 'keys');
  writeFileSync(file, text);
  return file;
}

const NAMED = {
  SEATLEASE_URL: 'https://licenses.example.com',
  SEATLEASE_LICENSE_KEY: 'key',
  SEATLEASE_FINGERPRINT: 'pod-7',
};

describe('the environment', () => {
  test('gives options, which empty variables do not', () => {
    expect(optionsOf(NAMED)).toEqual({
      url: 'https://licenses.example.com',
      licenseKey: 'key',
      fingerprint: 'pod-7',
    });
    const empty = { SEATLEASE_URL: '', SEATLEASE_WAIT: '', SEATLEASE_PUBLIC_KEYS: '' };
    expect([optionsOf(empty), waitOf(empty), publicKeysOf(empty)]).toEqual([{}, undefined, undefined]);
  });

  test('gives the keys of a file with PEMs or a JSON Web Key Set', () => {
    const pems = [pem(), pem()];
    const trimmed = pems.map((each) => each.trim());
    expect(publicKeysOf({ SEATLEASE_PUBLIC_KEYS: fileOf(`# ours\n${pems.join('\n')}`) })).toEqual(trimmed);
    const set = { keys: [{ kty: 'RSA', kid: 'one' }] };
    expect(publicKeysOf({ SEATLEASE_PUBLIC_KEYS: fileOf(JSON.stringify(set)) })).toEqual(set);
  });

  test.each([
    ['is missing', () => join(place.folder, 'none'), 'ENOENT'],
    ['has no keys', () => fileOf('{"keys": 5}'), 'neither PEMs of public keys nor a JSON Web Key Set'],
  ])('throws OPTION_INVALID, which names the variable, if the file of keys %s', (_, file, reason) => {
    const read = () => publicKeysOf({ SEATLEASE_PUBLIC_KEYS: file() });
    expect(read).toThrow(/^SEATLEASE_PUBLIC_KEYS names /);
    expect(read).toThrow(reason);
    expect(read).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
  });

  test.each([
    ['true', true],
    ['600', { atMostSeconds: 600 }],
    ['0.5', { atMostSeconds: 0.5 }],
    ['false', false],
    ['0', false],
    ['0.0', false],
    [undefined, undefined],
    ['', undefined],
  ])('waits with SEATLEASE_WAIT=%s as with %o', (text, wait) => {
    expect(waitOf({ SEATLEASE_WAIT: text })).toEqual(wait);
  });

  test.each(['yes', '-1', '10s', 'Infinity'])('throws OPTION_INVALID with SEATLEASE_WAIT=%s', (text) => {
    expect(() => waitOf({ SEATLEASE_WAIT: text })).toThrow(
      `SEATLEASE_WAIT must be a number of seconds, "true" or "false", not "${text}".`,
    );
  });
});

describe('a file of keys that cannot be read', () => {
  test.each([
    ['the program passes the address', { url: 'https://licenses.example.com' }],
    ['the program passes its own keys', { url: 'https://licenses.example.com', publicKeys: [pem()] }],
    ['the program passes its own keys for any address', { publicKeys: [pem()] }],
  ])('does no harm if %s', (_, options) => {
    vi.stubEnv('SEATLEASE_URL', 'https://licenses.example.com');
    vi.stubEnv('SEATLEASE_PUBLIC_KEYS', join(place.folder, 'none'));
    expect(() => new Seatlease({ licenseKey: 'key', ...options })).not.toThrow();
    expect(() => new Seatlease({ licenseKey: 'key' })).toThrow(/^SEATLEASE_PUBLIC_KEYS names /);
  });
});

describe('an error of an option', () => {
  const messageOf = (given: object, env: NodeJS.ProcessEnv, error: Error = optionInvalid('url', 'is bad.')) =>
    namingVariable(error, given, env);
  test('names the variable that it comes from', () => {
    expect(messageOf({}, NAMED)).toMatchObject({ message: 'SEATLEASE_URL is bad.' });
  });

  test('names the variable that can be set if there is no value', () => {
    expect(messageOf({}, {})).toMatchObject({ message: 'url is bad, or set SEATLEASE_URL.' });
  });

  test('stays as it is if the option was given, has no variable, or the error is another', () => {
    expect(messageOf({ url: 'given' }, NAMED)).toMatchObject({ message: 'url is bad.' });
    expect(messageOf({}, {}, optionInvalid('userId', 'is bad.'))).toMatchObject({
      message: 'userId is bad.',
    });
    expect(messageOf({}, NAMED, new TypeError('url'))).toMatchObject({ message: 'url' });
  });
});
