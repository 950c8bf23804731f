import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Bundle {
  readonly folder: string;
  /** Sixteen hex digits of a hash over the names and contents of all files. */
  readonly hash: string;
}

/** The bundle of a function in the folder `bundles`, relative to `infra/`. Throws if it is missing. */
export function readBundle(bundles: string, functionName: string): Bundle {
  const folder = join(fileURLToPath(new URL('.', import.meta.url)), bundles, functionName);
  const files = (existsSync(folder) ? readdirSync(folder, { encoding: 'utf8', recursive: true }) : [])
    .filter((file) => statSync(join(folder, file)).isFile())
    .toSorted();
  if (files.length === 0) throw new Error(`${folder} has no files: run "npm run bundle" first.`);
  const hash = createHash('sha256');
  for (const file of files) {
    const content = readFileSync(join(folder, file));
    hash.update(`${file}\n${content.length}\n`).update(content);
  }
  return { folder, hash: hash.digest('hex').slice(0, 16) };
}
