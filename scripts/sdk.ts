import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Builds the SDK's package from its sources. `npm pack` runs it first, so that the package is never out of date. */
const root = fileURLToPath(new URL('..', import.meta.url));
const sdk = fileURLToPath(new URL('../clients/sdk', import.meta.url));

rmSync(`${sdk}/dist`, { recursive: true, force: true });
// A package must include its license, and npm packs no files outside its folder.
cpSync(`${root}/LICENSE`, `${sdk}/LICENSE`);
const { status } = spawnSync(
  process.execPath,
  [`${root}/node_modules/typescript/bin/tsc`, '-p', `${sdk}/tsconfig.build.json`],
  {
    // npm prints the name of the package on standard output.
    stdio: ['ignore', process.stderr, process.stderr],
  },
);
process.exitCode = status ?? 1;
