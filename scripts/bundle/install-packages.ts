import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Installs what a function's own package files name, as the buildpack does. Nothing of it is fetched. Functions of the
 * same bundler have the same package files, so that the others share what the first has.
 */
export function installPackages([first, ...others]: readonly string[]): void {
  if (first === undefined) return;
  const { status, stderr } = spawnSync('npm', ['ci', '--omit=dev', '--offline', '--no-audit', '--no-fund'], {
    cwd: first,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the packages of ${first} cannot be installed:\n${stderr}`);
  for (const other of others) symlinkSync(join(first, 'node_modules'), join(other, 'node_modules'));
}
