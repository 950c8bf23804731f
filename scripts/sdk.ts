import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Builds the SDK's package from its sources. `npm pack` runs it first, so that the package is never out of date. */
const root = fileURLToPath(new URL('..', import.meta.url));
const sdk = fileURLToPath(new URL('../clients/sdk', import.meta.url));

rmSync(`${sdk}/dist`, { recursive: true, force: true });
// A package must include its license, and npm packs no files outside its folder.
cpSync(`${root}/LICENSE`, `${sdk}/LICENSE`);
for (const target of ['browser', 'node']) {
  const { status } = spawnSync(
    process.execPath,
    [`${root}/node_modules/typescript/bin/tsc`, '-p', `${sdk}/tsconfig.${target}.json`],
    // npm prints the name of the package on standard output.
    { stdio: ['ignore', process.stderr, process.stderr] },
  );
  if (status !== 0) process.exit(status ?? 1);
}
// Within a package of ES modules, this marks CommonJS.
writeFileSync(`${sdk}/dist/node/package.json`, '{ "type": "commonjs" }\n');
