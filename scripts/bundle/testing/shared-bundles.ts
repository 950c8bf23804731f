import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import { MANIFEST } from '../../../functions/manifest.ts';
import { type Bundle, openBundler } from '../bundle.ts';
import { installPackages } from '../install-packages.ts';

const POLL_MS = 50;

type Built = { readonly bundles: readonly Bundle[] } | { readonly failure: string };

/**
 * The bundle of every function, with its packages installed. They are built once for each run of the tests, and removed
 * when it ends: tests must not write into them.
 */
export async function sharedBundles(): Promise<ReadonlyMap<string, Bundle>> {
  const folder = join(inject('bundlesFolder'), 'bundles');
  const result = join(folder, 'bundles.json');
  if (isFirst(folder)) {
    const built = await build(folder);
    writeFileSync(`${result}.new`, JSON.stringify(built));
    renameSync(`${result}.new`, result);
  }
  while (!existsSync(result)) await sleep(POLL_MS);
  const built: Built = JSON.parse(readFileSync(result, 'utf8'));
  if ('failure' in built) throw new Error(built.failure);
  return new Map(built.bundles.map((bundle) => [bundle.name, bundle]));
}

/** Creates the folder. Test files in other processes may try at the same time: only one succeeds. */
function isFirst(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function build(folder: string): Promise<Built> {
  try {
    const bundle = openBundler();
    const bundles: Bundle[] = [];
    for (const contract of MANIFEST) bundles.push(await bundle(contract, join(folder, contract.name)));
    installPackages(bundles.map((each) => each.folder));
    return { bundles };
  } catch (error) {
    return { failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
