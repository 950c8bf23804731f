import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    signingKeys: readonly [string, string];
  }
}

/** Provides two RSA-4096 private keys (PEM) for all tests of a run, because generating one takes a second or two. */
export default async function setup(project: TestProject): Promise<void> {
  const [first, second] = await Promise.all([newKey(), newKey()]);
  project.provide('signingKeys', [first, second]);
}

async function newKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 4096 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
