import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { openLocalKeys, openLocalSigner, putLocalKey } from '../../local/signing-key.ts';
import type { LogLine } from '../../ports/log-line.ts';
import { signerContract } from '../../testing/contracts/signer/suite.ts';
import { startKmsServer } from '../../testing/servers/kms-server.ts';
import { openKmsKeys } from './kms-keys.ts';
import { openKmsSigner } from './kms-signer.ts';

const [FIRST, SECOND] = inject('signingKeys');

describe('the signer of a developer’s machine', () => {
  signerContract(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'seatlease-keys-'));
    putLocalKey(folder, 1, FIRST);
    return {
      signer: (version) => openLocalSigner({ folder, version, log: () => {} }),
      keys: (version) => openLocalKeys({ folder, version }),
      ready: () => {},
      wait: () => {},
      close: async () => rmSync(folder, { recursive: true }),
    };
  });
});

describe('the signer over Cloud KMS', () => {
  let nowMs = Date.now();
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  signerContract(async () => {
    const server = await startKmsServer([FIRST, SECOND]);
    const { client } = server;
    return {
      signer: (number) => openKmsSigner({ keyVersion: server.versionName(number), client }),
      keys: (number) => openKmsKeys({ keyVersion: server.versionName(number), client }),
      ready: (number) => server.setState(number, 'ENABLED'),
      wait() {
        nowMs += 60_000;
        vi.setSystemTime(nowMs);
      },
      close: () => server.close(),
    };
  });
});

describe('keys in a folder', () => {
  let parent: string;
  let folder: string;
  let logged: LogLine[];
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'seatlease-keys-'));
    folder = join(parent, 'signing-keys');
    logged = [];
  });
  afterEach(() => rmSync(parent, { recursive: true }));
  const open = (version = 1) => openLocalSigner({ folder, version, log: (line) => logged.push(line) });

  test('the first is created once, when it is needed, readable only by its owner', async () => {
    const [one, two] = [open(), open()];
    const ids = await Promise.all([one, two, one].map(async (each) => (await each.current()).keyId));
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^not-for-production-1-[\w-]{16}$/);
    expect(statSync(join(folder, '1.pem')).mode & 0o077).toBe(0);
    expect(readFileSync(join(folder, '1.pem'), 'utf8')).toMatch(
      /^NOT FOR PRODUCTION: .*\n-----BEGIN PRIVATE KEY-----\n/,
    );
  });

  test('warn once per process that they are not for production', async () => {
    putLocalKey(folder, 1, FIRST);
    const signer = open();
    expect(logged).toEqual([]);
    await signer.publicKeys();
    await signer.current();
    expect(logged).toEqual([
      { severity: 'WARNING', message: expect.stringMatching(/^NOT FOR PRODUCTION: /) },
    ]);
  });

  test('warn also if they are only published', async () => {
    putLocalKey(folder, 1, FIRST);
    await open().publicKeys();
    expect(logged).toHaveLength(1);
  });

  test('are never overwritten', () => {
    putLocalKey(folder, 1, FIRST);
    putLocalKey(folder, 1, SECOND);
    expect(readFileSync(join(folder, '1.pem'), 'utf8')).toContain(FIRST.split('\n')[1]);
    expect(readdirSync(folder)).toEqual(['1.pem']);
  });

  test('created or disabled by another process are seen by this one', async () => {
    putLocalKey(folder, 1, FIRST);
    const signer = open();
    expect(await signer.publicKeys()).toHaveLength(1);
    putLocalKey(folder, 2, SECOND);
    expect(await signer.publicKeys()).toHaveLength(2);
    await openLocalKeys({ folder, version: 1 }).disable('2');
    expect(await signer.publicKeys()).toHaveLength(1);
  });

  test('replaced in their file get another key id at once', async () => {
    putLocalKey(folder, 1, FIRST);
    const signer = open();
    const before = await signer.current();
    writeFileSync(join(folder, '1.pem'), SECOND);
    expect((await signer.current()).keyId).not.toBe(before.keyId);
  });

  test('report when they were created, and files with other names are ignored', async () => {
    putLocalKey(folder, 1, FIRST);
    utimesSync(join(folder, '1.pem'), 1_000_000, 1_000_000);
    writeFileSync(join(folder, 'notes.txt'), 'x');
    writeFileSync(join(folder, '01.pem'), 'x');
    expect(await openLocalKeys({ folder, version: 1 }).versions()).toMatchObject([
      { number: 1, name: '1', createdAtMs: 1_000_000_000 },
    ]);
  });

  test('of fewer than 4096 bits sign nothing', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    putLocalKey(folder, 1, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    await expect(open().current()).rejects.toMatchObject({
      part: 'signing',
      message: expect.stringContaining('RSA-4096'),
    });
  });

  test.each(['', 'x', '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n'])(
    'in a file with other content (%j) sign nothing, and the file is not quoted',
    async (text) => {
      putLocalKey(folder, 1, FIRST);
      writeFileSync(join(folder, '1.pem'), text);
      const failure = await open()
        .current()
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({ part: 'signing', message: expect.stringContaining('1.pem') });
      expect(String(failure)).not.toContain('c2VjcmV0');
    },
  );
});
