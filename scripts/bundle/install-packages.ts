import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Installs the dependencies in a function's own package files, as the buildpack does. Nothing is downloaded. Functions
 * of the same bundler have the same package files, so the others share the first one's `node_modules`.
 */
export function installPackages([first, ...others]: readonly string[]): void {
  if (first === undefined) return;
  const { status, stderr } = spawnSync('npm', ['ci', '--omit=dev', '--offline', '--no-audit', '--no-fund'], {
    cwd: first,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npm ci failed in ${first}:\n${stderr}`);
  for (const other of others) symlinkSync(join(first, 'node_modules'), join(other, 'node_modules'));
}
