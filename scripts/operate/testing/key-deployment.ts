import { expect, inject } from 'vitest';
import { openKmsKeys } from '../../../shared/adapters/signer/kms-keys.ts';
import { openKmsSigner } from '../../../shared/adapters/signer/kms-signer.ts';
import type { Signer } from '../../../shared/ports/signer.ts';
import { type KmsServer, startKmsServer } from '../../../shared/testing/servers/kms-server.ts';
import { runOperate } from '../run.ts';

/** A deployment that signs with one version of a key in Cloud KMS, and the program that manages the key. */
export interface KeyDeployment {
  readonly server: KmsServer;
  /** Signs with the version that is deployed. Closing it does nothing: the deployment closes it. */
  readonly signer: Signer;
  /** New instances with that version in `SIGNING_KEY_VERSION`, and empty caches. */
  deploy(version: number): Promise<void>;
  /** Runs `npm run operate -- keys …` at `nowMs`. */
  runKeys(nowMs: number, ...args: string[]): Promise<{ code: number; printed: string }>;
  close(): Promise<void>;
}

/** Starts with version 1. */
export async function openKeyDeployment(): Promise<KeyDeployment> {
  const server = await startKmsServer([...inject('signingKeys')]);
  const { client } = server;
  let deployed = 1;
  const open = () => openKmsSigner({ keyVersion: server.versionName(deployed), client });
  let instance = open();
  return {
    server,
    signer: {
      current: () => instance.current(),
      enabled: (keyId) => instance.enabled(keyId),
      publicKeys: () => instance.publicKeys(),
      ping: () => instance.ping(),
      close: async () => {},
    },
    async deploy(version) {
      const before = instance;
      deployed = version;
      instance = open();
      await before.close();
    },
    async runKeys(nowMs, ...args) {
      const printed: string[] = [];
      const output = { print: (text: string) => void printed.push(text), printError: () => {} };
      const code = await runOperate(['keys', ...args], {}, output, {
        async withKeys(work) {
          const keys = openKmsKeys({ keyVersion: server.versionName(deployed), client });
          try {
            return await work(keys);
          } finally {
            await keys.close();
          }
        },
        withRecords: () => expect.fail('keys are not in the records'),
        withMessages: () => expect.fail('keys are not in messages'),
        nowMs: () => nowMs,
      });
      return { code, printed: printed.join('\n') };
    },
    async close() {
      await instance.close();
      await server.close();
    },
  };
}
