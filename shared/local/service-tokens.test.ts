import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Unavailable } from '../errors.ts';
import { openLocalIdentity } from './service-tokens.ts';

const audience = 'seatlease';
const EMAIL = 'sweep@seatlease.local';
const VERIFIED = { verdict: 'VERIFIED', email: EMAIL };

let folder: string;
let keyFile: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seatlease-identity-'));
  keyFile = join(folder, 'deep', 'down', 'identity.pem');
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true });
});

function partsOf(token: string): unknown[] {
  const parts = token.split('.').slice(0, 2);
  return parts.map((part) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')));
}

test('a local token has the same claims as a token of Google', () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_999 });
  const [header, claims] = partsOf(openLocalIdentity({ audience }).issue(EMAIL));
  expect(header).toEqual({ alg: 'ES256', typ: 'JWT', kid: expect.stringMatching(/^[0-9a-f]{40}$/) });
  expect(claims).toEqual({
    iss: 'seatlease-local',
    aud: audience,
    sub: EMAIL,
    email: EMAIL,
    email_verified: true,
    iat: 1_800_000_000,
    exp: 1_800_003_600,
  });
});

test('a test can change claims, and the token is then refused', async () => {
  const identity = openLocalIdentity({ audience });
  expect(await identity.verifyServiceToken(identity.issue(EMAIL, { aud: 'other' }))).toEqual({
    verdict: 'REFUSED',
    because: 'the token was issued for another audience',
  });
});

test('a local token is accepted for one hour plus five minutes of clock skew', async () => {
  const startMs = 1_800_000_000_000;
  vi.useFakeTimers({ toFake: ['Date'], now: startMs });
  const identity = openLocalIdentity({ audience });
  const token = identity.issue(EMAIL);
  vi.setSystemTime(startMs + 65 * 60_000 - 1);
  expect(await identity.verifyServiceToken(token)).toEqual(VERIFIED);
  vi.setSystemTime(startMs + 65 * 60_000);
  expect(await identity.verifyServiceToken(token)).toEqual({
    verdict: 'REFUSED',
    because: 'the token has expired',
  });
});

test('without a file, every identity has its own key', async () => {
  const [one, other] = [openLocalIdentity({ audience }), openLocalIdentity({ audience })];
  expect(await one.verifyServiceToken(one.issue(EMAIL))).toEqual(VERIFIED);
  expect(await other.verifyServiceToken(one.issue(EMAIL))).toMatchObject({ verdict: 'REFUSED' });
});

describe('with a key file', () => {
  test('tokens stay valid after a restart', async () => {
    const token = openLocalIdentity({ keyFile, audience }).issue(EMAIL);
    expect(await openLocalIdentity({ keyFile, audience }).verifyServiceToken(token)).toEqual(VERIFIED);
  });

  test('a restart writes nothing', async () => {
    openLocalIdentity({ keyFile, audience });
    await utimes(dirname(keyFile), 0, 0);
    openLocalIdentity({ keyFile, audience });
    expect((await stat(dirname(keyFile))).mtimeMs).toBe(0);
  });

  test('only the owner can read the key, and no other file is left behind', async () => {
    openLocalIdentity({ keyFile, audience });
    openLocalIdentity({ keyFile, audience });
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'deep', 'down'))).toEqual(['identity.pem']);
    expect(await readFile(keyFile, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  });

  test('processes that start at the same moment accept each other’s tokens', async () => {
    const keyFiles = Array.from({ length: 100 }, (_, index) => join(folder, `race-${index}`, 'identity.pem'));
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const script = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(${JSON.stringify(new URL('./service-tokens.ts', import.meta.url).href)}).then(({ openLocalIdentity }) => {
        parentPort.postMessage('ready');
        Atomics.wait(workerData.gate, 0, 0);
        const issue = (keyFile) => openLocalIdentity({ keyFile, audience: 'seatlease' }).issue('${EMAIL}');
        parentPort.postMessage(workerData.keyFiles.map(issue));
      });
    `;
    const workers = Array.from(
      { length: 4 },
      () => new Worker(script, { eval: true, workerData: { gate, keyFiles } }),
    );
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    const answers = workers.map((worker) => once(worker, 'message'));
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    for (const [tokens] of await Promise.all(answers)) {
      for (const [index, keyFile] of keyFiles.entries()) {
        const identity = openLocalIdentity({ keyFile, audience });
        expect(await identity.verifyServiceToken(tokens[index])).toEqual(VERIFIED);
      }
    }
    for (const keyFile of keyFiles) expect(await readdir(dirname(keyFile))).toEqual(['identity.pem']);
  });

  test.each([
    ['nothing', ''],
    ['rubbish', 'hunter2'],
    ['a public key', pemOf('public')],
    ['a key of another kind', pemOf('rsa')],
    ['a key on another curve', pemOf('P-384')],
  ])(
    'that contains %s, opening fails with the name of the file and leaves the file unchanged',
    async (_name, held) => {
      keyFile = join(folder, 'identity.pem');
      await writeFile(keyFile, held);
      const open = (): unknown => openLocalIdentity({ keyFile, audience });
      expect(open).toThrow(Unavailable);
      expect(open).toThrow(keyFile);
      expect(open).not.toThrow('hunter2');
      expect(await readFile(keyFile, 'utf8')).toBe(held);
    },
  );
});

function pemOf(kind: 'public' | 'rsa' | 'P-384'): string {
  if (kind === 'rsa') {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  }
  const pair = generateKeyPairSync('ec', { namedCurve: kind === 'public' ? 'P-256' : kind });
  return kind === 'public'
    ? pair.publicKey.export({ type: 'spki', format: 'pem' }).toString()
    : pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
