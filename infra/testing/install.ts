import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Why the suites that need Pulumi cannot run; empty if they can. */
    infraTrouble: string;
  }
}

const INFRA = fileURLToPath(new URL('..', import.meta.url));

/**
 * Installs the packages of `infra/` if its lock file has changed since the last install. They are not part of `npm ci`:
 * they are too large for developers who only run the suite.
 */
export default function setup(project: TestProject): void {
  const trouble = installInfra();
  if (trouble) process.stdout.write(`\nSKIPPED: suites on the infrastructure: ${trouble}\n`);
  project.provide('infraTrouble', trouble);
}

/** Returns why the install failed, or an empty text. */
function installInfra(): string {
  return isInstalled() ? '' : install();
}

function isInstalled(): boolean {
  const installed = statSync(`${INFRA}/node_modules/.package-lock.json`, { throwIfNoEntry: false });
  return installed !== undefined && installed.mtimeMs >= statSync(`${INFRA}/package-lock.json`).mtimeMs;
}

/** Two minutes are more than enough; without a network npm would retry for longer. */
function install(): string {
  process.stdout.write('\nInstalling the packages of infra/. This is done once.\n');
  const { status, stderr, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: INFRA,
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status === 0) return '';
  const reason = error?.message ?? /npm error code (\w+)/.exec(stderr)?.[1] ?? `exit code ${status}`;
  return `"npm ci" in infra/ failed (${reason})`;
}

if (import.meta.main) {
  const trouble = installInfra();
  if (trouble) throw new Error(trouble);
}
