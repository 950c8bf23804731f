import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MANIFEST } from '../../functions/manifest.ts';
import { readSettings } from '../read-settings.ts';
import type { StackSettings } from '../settings.ts';
import { configuredIn } from '../stack-file.ts';

const INFRA = fileURLToPath(new URL('..', import.meta.url));

export type StackName = 'dev' | 'prod';

/** The settings of the stack with `changes`. */
export async function settingsOf(
  stack: StackName,
  bundles: string,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<StackSettings> {
  return readSettings({ ...configuredIn(stack), ...changes, bundles }, MANIFEST);
}

/** Changes of a stack's settings that keep its seats in another Redis than Upstash. */
export function withRedis(
  stack: StackName,
  redis: { readonly kind: 'memorystore' | 'url' } & Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const {
    UPSTASH_REDIS_REST_URL: _,
    UPSTASH_REDIS_REST_TOKEN: __,
    ...secretVersions
  } = configuredIn(stack).secretVersions as Record<string, number>;
  return { redis, secretVersions: { ...secretVersions, ...(redis.kind === 'url' && { REDIS_URL: 1 }) } };
}

/** A bundle with one line of code for every function: the program does not read what is inside. */
export function makeBundles() {
  const folder = mkdtempSync(join(tmpdir(), 'seatlease-bundles-'));
  for (const { name } of MANIFEST) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'index.cjs'), `// ${name}\n`);
  }
  return {
    /** Relative to `infra/`, as in the settings. */
    path: relative(INFRA, folder),
    change(functionName: string): void {
      writeFileSync(join(folder, functionName, 'index.cjs'), '// something else\n');
    },
    remove(): void {
      rmSync(folder, { recursive: true });
    },
  };
}
