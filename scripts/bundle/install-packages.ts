import { spawnSync } from 'node:child_process';

/** Installs what a function's own package files name, as the buildpack does. Nothing of it is fetched. */
export function installPackages(folder: string): void {
  const { status, stderr } = spawnSync('npm', ['ci', '--omit=dev', '--offline', '--no-audit', '--no-fund'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the packages of ${folder} cannot be installed:\n${stderr}`);
}
