import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST } from '../functions/manifest.ts';
import { openBundler } from './bundle/bundle.ts';

/** Writes the folder of each function into `dist/functions`, and prints their sizes. */

const bundle = openBundler();
const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(0)} kB`.padStart(9);

rmSync('dist/functions', { recursive: true, force: true });
process.stdout.write(`${''.padEnd(16)}${'entry'.padStart(9)}${'all'.padStart(9)}\n`);
for (const contract of MANIFEST) {
  const { name, entryBytes, bytes } = await bundle(contract, join('dist/functions', contract.name));
  process.stdout.write(`${name.padEnd(16)}${kilobytes(entryBytes)}${kilobytes(bytes)}\n`);
}
