import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Makes what the SDK's package ships of its sources. `npm pack` calls it first, so that nothing stale is ever shipped. */
const root = fileURLToPath(new URL('..', import.meta.url));
const sdk = fileURLToPath(new URL('../clients/sdk', import.meta.url));

rmSync(`${sdk}/dist`, { recursive: true, force: true });
// A package has to bring its license along, and npm packs no file from outside of its folder.
cpSync(`${root}/LICENSE`, `${sdk}/LICENSE`);
const { status } = spawnSync(
  process.execPath,
  [`${root}/node_modules/typescript/bin/tsc`, '-p', `${sdk}/tsconfig.build.json`],
  {
    // What npm packs is told on the standard output.
    stdio: ['ignore', process.stderr, process.stderr],
  },
);
process.exitCode = status ?? 1;
