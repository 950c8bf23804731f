import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import type { Signer } from '../../ports/signer.ts';
import { freePort } from '../../testing/servers/free-port.ts';
import { type KmsServer, startKmsServer } from '../../testing/servers/kms-server.ts';
import { openKmsSigner } from './kms-signer.ts';

const run = promisify(execFile);

/** How long tests wait for a response that does not come, and for one that a busy machine may delay. */
const PATIENCE_MS = 300;
const LONG_ENOUGH_MS = 10_000;

describe('the connection to KMS', () => {
  let server: KmsServer;
  let signer: Signer;
  beforeEach(async () => {
    server = await startKmsServer([...inject('signingKeys')]);
    signer = openKmsSigner({ keyVersion: server.versionName(1), client: server.client });
    await signer.ping();
  });
  afterEach(async () => {
    await signer.close();
    await server.close();
  });

  test('is shared by all calls, including those that KMS refuses', async () => {
    server.fail(status.PERMISSION_DENIED, 1);
    await expect(signer.ping()).rejects.toMatchObject({ part: 'signing' });
    await Promise.all([signer.ping(), signer.publicKeys()]);
    expect(server.connectionCount()).toBe(1);
  });

  test('is replaced if it stopped answering, and licenses are signed again', async () => {
    const { client } = server;
    const hasty = openKmsSigner({ keyVersion: server.versionName(1), client, withinMs: PATIENCE_MS });
    await vi.waitFor(() => hasty.ping(), LONG_ENOUGH_MS);
    server.silenceConnections();
    await expect(hasty.ping()).rejects.toMatchObject({
      message: expect.stringContaining('DEADLINE_EXCEEDED'),
    });
    const key = await hasty.current();
    const sign = () => key.sign(Buffer.from('license'));
    expect(await vi.waitFor(sign, LONG_ENOUGH_MS)).toMatchObject({ verdict: 'SIGNED' });
    await hasty.close();
  });

  test('that failed for one caller is not cut while another call is running', async () => {
    const { arrived, release } = server.hold();
    const slow = signer.publicKeys();
    await arrived;
    server.fail(status.UNAVAILABLE, 4);
    await expect(signer.ping()).rejects.toMatchObject({ part: 'signing' });
    release();
    expect(await slow).toHaveLength(1);
  });

  test('is closed once the running calls have ended', async () => {
    const { arrived, release } = server.hold();
    const slow = signer.publicKeys();
    await arrived;
    let isClosed = false;
    const closing = signer.close().then(() => {
      isClosed = true;
    });
    await nextTurn();
    expect(isClosed).toBe(false);
    release();
    await closing;
    expect(await slow).toHaveLength(1);
  });
});

test('a call ends in Unavailable if nothing listens', async () => {
  const server = await startKmsServer([...inject('signingKeys')]);
  const client = { ...server.client, port: await freePort() };
  const signer = openKmsSigner({ keyVersion: server.versionName(1), client });
  await expect(signer.ping()).rejects.toMatchObject({
    part: 'signing',
    message: expect.stringContaining('UNAVAILABLE'),
  });
  await signer.close();
  await server.close();
});

const OPEN = `
  import { writeFileSync } from 'node:fs';
  import { createRequire } from 'node:module';
  const { openKmsSigner } = await import(${JSON.stringify(new URL('./kms-signer.ts', import.meta.url).href)});
  const keyVersion = 'projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1';
  const signer = openKmsSigner({ keyVersion, client: { apiEndpoint: '127.0.0.1', port: 1 } });
`;

test('a process without credentials gets Unavailable, does not crash, and uses them once they exist', async () => {
  const account = {
    type: 'service_account',
    project_id: 'test',
    client_email: 'a@b.test',
    private_key: inject('signingKeys')[0],
  };
  const outcomes = await runInNode(`${OPEN}
    const outcomes = [];
    const ping = () => signer.ping().catch(({ message }) => outcomes.push(message));
    await ping();
    writeFileSync(process.env.GOOGLE_APPLICATION_CREDENTIALS, ${JSON.stringify(JSON.stringify(account))});
    await ping();
    await signer.close();
    console.log(JSON.stringify(outcomes));
  `);
  expect(outcomes).toEqual([
    'signing: cannot get credentials for Cloud KMS',
    'signing: Cloud KMS failed with UNAVAILABLE',
  ]);
});

test('the SDK is not loaded before the first call to KMS', async () => {
  const loaded = await runInNode(`${OPEN}
    const { cache } = createRequire(import.meta.url);
    const isLoaded = () => Object.keys(cache).some((file) => /@google-cloud|@grpc/.test(file));
    const { keyId } = await signer.current();
    const before = isLoaded();
    await signer.ping().catch(() => {});
    console.log(JSON.stringify({ keyId, before, after: isLoaded() }));
  `);
  expect(loaded).toEqual({ keyId: expect.stringMatching(/^v1-/), before: false, after: true });
});

/**
 * Waits for the process to end by itself, and returns its output. Its credentials file does not exist yet.
 */
async function runInNode(code: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'seatlease-credentials-'));
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code], {
    timeout: 20_000,
    env: {
      PATH: process.env.PATH,
      METADATA_SERVER_DETECTION: 'none',
      GOOGLE_APPLICATION_CREDENTIALS: join(folder, 'key.json'),
    },
  }).finally(() => rmSync(folder, { recursive: true }));
  return JSON.parse(stdout);
}
