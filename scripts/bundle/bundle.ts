import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import * as z from 'zod/mini';
import { entryPointOf } from '../../functions/manifest.ts';
import type { FunctionContract } from '../../shared/http/contract.ts';
import { LOADED_WHEN_NEEDED } from './needs.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FRAMEWORK = '@google-cloud/functions-framework';
const MEDIA_TYPES = [
  'application/json',
  'application/octet-stream',
  'application/x-www-form-urlencoded',
  'text/html',
  'text/plain',
];
const LUA = 'shared/adapters/seats/lua';

/** What stands in for the cloud on a developer's machine. Each is imported by `shared/deps.ts` only when it is chosen. */
const EMBEDDED =
  /\/adapters\/(events\/embedded-bus|identity\/embedded|records\/sqlite|seats\/embedded-redis|seats\/upstash-front|signer\/embedded)\.ts$/;

/** Minified but for names, which stack traces in the log need. */
const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node24',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'linked',
  logLevel: 'warning',
} satisfies BuildOptions;

export interface Bundle {
  readonly name: string;
  readonly folder: string;
  /** Of what an instance reads before it takes its first request. */
  readonly entryBytes: number;
  /** Of all files. */
  readonly bytes: number;
}

/**
 * One function's folder, as Cloud Functions takes it: `index.cjs` with everything that is loaded at the start, `later/`
 * with the packages that are loaded when they are first needed, the Lua, and the functions-framework.
 */
export async function bundleFunction(contract: FunctionContract, folder: string): Promise<Bundle> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { name } = contract;
  const later = Object.keys(LOADED_WHEN_NEEDED).filter((each) => LOADED_WHEN_NEEDED[each]?.(contract));
  await build({
    ...COMMON,
    stdin: { contents: entrySource(name), resolveDir: ROOT, sourcefile: `${name}.ts`, loader: 'ts' },
    outfile: join(folder, 'index.cjs'),
    format: 'cjs',
    banner: {
      js: `const luaScripts=require('node:url').pathToFileURL(require('node:path').join(__dirname,'lua/scripts.js')).href;`,
    },
    define: { 'import.meta.url': 'luaScripts' },
    plugins: [whatIsDeployed(new Set(later))],
  });
  await build({
    ...COMMON,
    entryPoints: later.map((each) => ({ in: each, out: fileNameOf(each) })),
    outdir: join(folder, 'later'),
    outExtension: { '.js': '.mjs' },
    chunkNames: 'shared-[hash]',
    format: 'esm',
    splitting: true,
    // Many of them are CommonJS.
    banner: {
      js: `import{createRequire as makeRequire}from'node:module';import{dirname as dirnameOf}from'node:path';import{fileURLToPath as pathOf}from'node:url';const require=makeRequire(import.meta.url),__filename=pathOf(import.meta.url),__dirname=dirnameOf(__filename);`,
    },
  });
  cpSync(join(ROOT, LUA), join(folder, 'lua'), {
    recursive: true,
    filter: (path) => !/\.[^./]+$/.test(path) || path.endsWith('.lua'),
  });
  await bundleFramework(folder);
  return {
    name,
    folder,
    entryBytes: statSync(join(folder, 'index.cjs')).size,
    bytes: sizeOf(folder),
  };
}

/**
 * The functions-framework as one file, which starts in half of the time that its 300 take. The buildpack starts
 * `node_modules/.bin/functions-framework` where the package files name the framework as a dependency, which may be a
 * folder beside them (https://docs.npmjs.com/cli/configuring-npm/package-json#local-paths): nothing is fetched.
 */
async function bundleFramework(folder: string): Promise<void> {
  const { version, license } = z.parse(
    z.object({ version: z.string(), license: z.string() }),
    JSON.parse(readFileSync(join(ROOT, 'node_modules', FRAMEWORK, 'package.json'), 'utf8')),
  );
  await build({
    ...COMMON,
    entryPoints: [`node_modules/${FRAMEWORK}/build/src/main.js`],
    outfile: join(folder, 'framework/main.cjs'),
    format: 'cjs',
    minifyIdentifiers: true,
    plugins: [fewMediaTypes],
  });
  const bin = { 'functions-framework': 'main.cjs' };
  const framework = { name: FRAMEWORK, version, license, bin };
  const own = { name: 'seatlease-function', private: true };
  const dependencies = { [FRAMEWORK]: 'file:framework' };
  const write = (file: string, content: unknown): void => {
    writeFileSync(join(folder, file), `${JSON.stringify(content, null, 2)}\n`);
  };
  write('framework/package.json', framework);
  write('package.json', { ...own, main: 'index.cjs', engines: { node: '24' }, dependencies });
  write('package-lock.json', {
    name: own.name,
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': { name: own.name, dependencies, engines: { node: '24' } },
      framework,
      [`node_modules/${FRAMEWORK}`]: { resolved: 'framework', link: true },
    },
  });
}

/**
 * Express carries a table of 2,500 media types for whoever serves files. Our functions name theirs themselves, so the
 * few that the framework asks for by name are enough: the table is a tenth of a cold start.
 */
const fewMediaTypes: Plugin = {
  name: 'few-media-types',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]mime-db[\\/]db\.json$/ }, ({ path }) => {
      const all = z.parse(z.record(z.string(), z.unknown()), JSON.parse(readFileSync(path, 'utf8')));
      return {
        loader: 'json',
        contents: JSON.stringify(Object.fromEntries(MEDIA_TYPES.map((type) => [type, all[type]]))),
      };
    });
  },
};

function entrySource(name: string): string {
  return `import { deployed } from './functions/deployed.ts';
import contract from './functions/${name}/contract.ts';
export const ${entryPointOf(name)} = deployed(contract, () => import('./functions/${name}/handler.ts'));
`;
}

/** Leaves out what runs on developers' machines only, and keeps packages that are loaded later in files of their own. */
function whatIsDeployed(later: ReadonlySet<string>): Plugin {
  return {
    name: 'what-is-deployed',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /.*/ }, ({ kind, path }) => {
        if (kind !== 'dynamic-import') return undefined;
        if (EMBEDDED.test(path.replace(/^\.\//, '/'))) return { path, namespace: 'left-out' };
        if (path.startsWith('.')) return undefined;
        if (!(path in LOADED_WHEN_NEEDED))
          return { errors: [{ text: `scripts/bundle/needs.ts does not know ${path}` }] };
        return later.has(path)
          ? { path: `./later/${fileNameOf(path)}.mjs`, external: true }
          : { path, namespace: 'left-out' };
      });
      onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({
        contents: `throw new Error(${JSON.stringify(`${path} is not part of this function`)});`,
      }));
    },
  };
}

function fileNameOf(packageName: string): string {
  return packageName.replace(/^@/, '').replaceAll('/', '-');
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
