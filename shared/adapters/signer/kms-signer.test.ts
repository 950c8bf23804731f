import { createHash } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import crc32c from 'crc-32/crc32c.js';
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { Unavailable } from '../../errors.ts';
import type { Signer } from '../../ports/signer.ts';
import { type KmsServer, type Spoil, startKmsServer } from '../../testing/servers/kms-server.ts';
import { openKmsKeys } from './kms-keys.ts';
import { openKmsSigner } from './kms-signer.ts';

let server: KmsServer;
let signer: Signer;
const others: Signer[] = [];
beforeEach(async () => {
  server = await startKmsServer([...inject('signingKeys')]);
  signer = open();
});
afterEach(async () => {
  vi.useRealTimers();
  for (const each of [signer, ...others.splice(0)]) await each.close();
  await server.close();
});

function open(number = 1, withinMs?: number): Signer {
  const { client } = server;
  return openKmsSigner({ keyVersion: server.versionName(number), client, withinMs, firstPauseMs: 1 });
}
async function sign(by: Signer, text = 'license') {
  return (await by.current()).sign(Buffer.from(text));
}
const methods = (): string[] => server.calls.map(({ method }) => method);

test('calls KMS with the configured version, the SHA-256 digest and its checksum', async () => {
  await sign(signer, 'größe');
  const digest = createHash('sha256').update('größe').digest();
  expect(server.calls).toEqual([
    { method: 'GetPublicKey', name: server.versionName(1) },
    {
      method: 'AsymmetricSign',
      name: server.versionName(1),
      digest,
      checksum: crc32c.buf(digest) >>> 0,
    },
  ]);
});

test('a signature is one operation; the public key to verify it is fetched once per process', async () => {
  for (const text of ['a', 'b', 'c']) expect(await sign(signer, text)).toMatchObject({ verdict: 'SIGNED' });
  expect(methods()).toEqual(['GetPublicKey', 'AsymmetricSign', 'AsymmetricSign', 'AsymmetricSign']);
});

test('reading the current key sends no request', async () => {
  const { keyId } = await signer.current();
  expect(keyId).toMatch(/^v1-[\w-]{16}$/);
  expect(server.calls).toEqual([]);
});

test('versions with the same number in two keys have different key ids', async () => {
  const elsewhere = openKmsSigner({ keyVersion: server.versionName(1).replace('/europe/', '/us/') });
  others.push(elsewhere);
  expect((await elsewhere.current()).keyId).not.toBe((await signer.current()).keyId);
});

test('ping calls KMS each time', async () => {
  await signer.ping();
  server.setState(1, 'DISABLED');
  await expect(signer.ping()).rejects.toMatchObject({ part: 'signing' });
});

describe('a corrupt response is discarded', () => {
  const SPOILED: readonly [Spoil, string][] = [
    ['signature bit', 'does not verify'],
    ['signature checksum', 'checksum'],
    ['unverified digest', 'checksum'],
    ['version name', 'another version'],
  ];

  test.each(SPOILED)('(%s) and the call is retried', async (how) => {
    server.spoil(how, 2);
    expect(await sign(signer)).toMatchObject({ verdict: 'SIGNED' });
    expect(methods()).toEqual(['GetPublicKey', 'AsymmetricSign', 'AsymmetricSign', 'AsymmetricSign']);
  });

  test.each(SPOILED)('(%s) and after the third nothing is signed', async (how, because) => {
    server.spoil(how, 3);
    const failure = await sign(signer).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unavailable);
    expect(failure).toMatchObject({ part: 'signing', message: expect.stringContaining(because) });
    expect(methods()).toEqual(['GetPublicKey', 'AsymmetricSign', 'AsymmetricSign', 'AsymmetricSign']);
  });

  test.each(['key checksum', 'key name'] as const)('(%s) before anything is signed', async (how) => {
    server.spoil(how, 3);
    await expect(sign(signer)).rejects.toMatchObject({ part: 'signing' });
    expect(methods()).toEqual(['GetPublicKey', 'GetPublicKey', 'GetPublicKey']);
    expect(await sign(signer)).toMatchObject({ verdict: 'SIGNED' });
  });
});

describe('if KMS fails', () => {
  test.each([
    [status.PERMISSION_DENIED, 'PERMISSION_DENIED', 1],
    [status.UNAUTHENTICATED, 'UNAUTHENTICATED', 1],
    [status.FAILED_PRECONDITION, 'FAILED_PRECONDITION', 1],
    [status.UNAVAILABLE, 'UNAVAILABLE', 3],
    [status.INTERNAL, 'INTERNAL', 3],
  ])('(%i) nothing is signed, and the reason is %s after %i calls', async (code, word, calls) => {
    await sign(signer);
    server.forgetCalls();
    server.fail(code, 3);
    const failure = await sign(signer).catch((error: unknown) => error);
    expect(failure).toMatchObject({ part: 'signing', message: `signing: Cloud KMS failed with ${word}` });
    expect(3 - server.failuresLeft()).toBe(calls);
  });

  test('with RESOURCE_EXHAUSTED there is no retry, and the verdict is BUSY', async () => {
    await sign(signer);
    server.fail(status.RESOURCE_EXHAUSTED, 3);
    expect(await sign(signer)).toEqual({ verdict: 'BUSY' });
    expect(server.failuresLeft()).toBe(2);
  });

  test('only for a moment, callers do not notice', async () => {
    server.fail(status.UNAVAILABLE, 2);
    expect(await sign(signer)).toMatchObject({ verdict: 'SIGNED' });
  });
});

test('a call to a KMS that does not answer ends, and a later one succeeds', async () => {
  server.hang(true);
  const impatient = open(1, 300);
  others.push(impatient);
  await expect(sign(impatient)).rejects.toMatchObject({
    message: expect.stringContaining('DEADLINE_EXCEEDED'),
  });
  await expect(impatient.publicKeys()).rejects.toBeInstanceOf(Unavailable);
  await expect(impatient.ping()).rejects.toBeInstanceOf(Unavailable);
  server.hang(false);
  // A busy machine may need more than the 300 ms for one response.
  await vi.waitFor(async () => expect(await impatient.publicKeys()).toHaveLength(1), 10_000);
});

test('a version for another algorithm signs nothing and is not published', async () => {
  server.setAlgorithm(1, 'RSA_SIGN_PSS_4096_SHA256');
  await expect(sign(signer)).rejects.toMatchObject({
    message: expect.stringContaining('RSA_SIGN_PKCS1_4096_SHA256'),
  });
  expect(await signer.publicKeys()).toEqual([]);
});

describe('the published keys', () => {
  const at = (ms: number) => vi.useFakeTimers({ toFake: ['Date'], now: ms });
  const startMs = Date.now();
  async function twoVersions(): Promise<void> {
    const keys = openKmsKeys({ keyVersion: server.versionName(1), client: server.client });
    await keys.create();
    await keys.close();
    server.setState(2, 'ENABLED');
    server.forgetCalls();
  }

  test('are listed once a minute, and each is fetched once', async () => {
    await twoVersions();
    at(startMs);
    const first = await signer.publicKeys();
    at(startMs + 59_999);
    expect(await signer.publicKeys()).toEqual(first);
    expect(methods()).toEqual(['ListCryptoKeyVersions', 'GetPublicKey', 'GetPublicKey']);
    at(startMs + 60_000);
    expect(await signer.publicKeys()).toEqual(first);
    expect(methods().slice(3)).toEqual(['ListCryptoKeyVersions']);
  });

  test('are fetched once for concurrent callers', async () => {
    await Promise.all([1, 2, 3].map(() => signer.publicKeys()));
    expect(methods()).toEqual(['ListCryptoKeyVersions', 'GetPublicKey']);
  });

  test('are never older than a minute: after that they are fetched, or Unavailable', async () => {
    await twoVersions();
    at(startMs);
    expect(await signer.publicKeys()).toHaveLength(2);
    server.setState(1, 'DISABLED');
    at(startMs + 60_000);
    server.fail(status.PERMISSION_DENIED, 1);
    await expect(signer.publicKeys()).rejects.toBeInstanceOf(Unavailable);
    expect(await signer.publicKeys()).toHaveLength(1);
  });

  test('are listed again if a version was disabled meanwhile', async () => {
    await twoVersions();
    at(startMs);
    server.hold().release();
    const { arrived, release } = server.hold();
    const first = signer.publicKeys();
    await arrived;
    server.setState(1, 'DISABLED');
    release();
    await expect(first).rejects.toBeInstanceOf(Unavailable);
    expect((await signer.publicKeys()).map(({ keyId }) => keyId)).toEqual([expect.stringMatching(/^v2-/)]);
  });

  test('include all versions, the signing one first, then the newest', async () => {
    const keys = [...inject('signingKeys'), ...inject('signingKeys')];
    const many = await startKmsServer(keys);
    const operator = openKmsKeys({ keyVersion: many.versionName(2), client: many.client });
    for (const number of [2, 3, 4]) {
      await operator.create();
      many.setState(number, 'ENABLED');
    }
    const current = openKmsSigner({ keyVersion: many.versionName(2), client: many.client });
    const ids = (await current.publicKeys()).map(({ keyId }) => keyId.split('-')[0]);
    expect(ids).toEqual(['v2', 'v4', 'v3', 'v1']);
    await current.close();
    await operator.close();
    await many.close();
  });
});

describe('an operator', () => {
  test('sees a version in creation as pending, and a destroyed one as gone', async () => {
    const keys = openKmsKeys({ keyVersion: server.versionName(1), client: server.client });
    expect(await keys.create()).toMatchObject({ number: 2, state: 'pending', name: server.versionName(2) });
    server.setState(1, 'DESTROY_SCHEDULED');
    expect((await keys.versions()).map(({ state }) => state)).toEqual(['gone', 'pending']);
    await keys.close();
  });

  test('sees the creation time of the key material, as it is published only then', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
    const keys = openKmsKeys({ keyVersion: server.versionName(1), client: server.client });
    expect(await keys.create()).toMatchObject({ createdAtMs: 1_000_000 });
    vi.setSystemTime(1_060_000);
    server.setState(2, 'ENABLED');
    expect((await keys.versions()).at(-1)).toMatchObject({ number: 2, createdAtMs: 1_060_000 });
    await keys.close();
  });

  test('never creates two versions with one call, even if the response is lost', async () => {
    const keys = openKmsKeys({ keyVersion: server.versionName(1), client: server.client });
    server.fail(status.UNAVAILABLE, 3);
    await expect(keys.create()).rejects.toBeInstanceOf(Unavailable);
    expect(server.failuresLeft()).toBe(2);
    await keys.close();
  });
});
