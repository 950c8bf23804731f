import { globSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { LogLevel, Plugin } from 'esbuild';
import { entryPointOf } from '../../functions/names.ts';
import type { FunctionContract } from '../../shared/http/contract.ts';
import { writeFiles } from '../write-files.ts';
import { type Built, buildFor, ROOT } from './esbuild.ts';
import { bundleFramework } from './framework.ts';
import { LOADED_WHEN_NEEDED } from './needs.ts';
import { embedRelease } from './release.ts';

const LUA = 'shared/adapters/seats/lua';

/** Files that run only on developers' machines and in tests. */
const NEVER_SHIPPED = /\/shared\/local\/|\/testing\/|\/example\.ts$|\.test\.ts$/;

export interface Bundle {
  readonly name: string;
  readonly folder: string;
  /** Size of the file that an instance reads before its first request. */
  readonly entryBytes: number;
  /** Packages with code in that file. */
  readonly entryPackages: readonly string[];
  /** Packages that are loaded at first use. */
  readonly later: readonly string[];
  /** Size of all files. */
  readonly bytes: number;
}

/**
 * Writes the folder of a function, in the form that Cloud Functions expects: `index.cjs` with everything that is loaded
 * at the start, `later/` with the packages that are loaded at first use, the Lua files, and the functions-framework. A
 * bundler builds what functions have in common only once.
 */
export function openBundler(): (contract: FunctionContract, folder: string) => Promise<Bundle> {
  const built = new Map<string, Promise<Built>>();
  const once = (what: string, make: () => Promise<Built>): Promise<Built> => {
    const made = built.get(what) ?? make();
    built.set(what, made);
    return made;
  };
  return async (contract, folder) => {
    const later = Object.keys(LOADED_WHEN_NEEDED).filter((each) =>
      LOADED_WHEN_NEEDED[each]?.isNeededBy(contract),
    );
    const entry = await bundleEntry(contract.name, new Set(later));
    const parts = [
      entry,
      await once(later.join(), () => bundleLater(later)),
      await once('framework', bundleFramework),
      await once('lua', luaFiles),
    ];
    const files = new Map(parts.flatMap((part) => [...part.files]));
    rmSync(folder, { recursive: true, force: true });
    writeFiles(folder, files);
    return {
      name: contract.name,
      folder,
      entryBytes: sizeOf([entry.files.get('index.cjs') ?? '']),
      entryPackages: entry.packages,
      later,
      bytes: sizeOf(files.values()),
    };
  };
}

function bundleEntry(name: string, later: ReadonlySet<string>): Promise<Built> {
  return bundleShipped(
    `import { deployed } from './functions/deployed.ts';
import contract from './functions/${name}/contract.ts';
export const ${entryPointOf(name)} = deployed(contract, () => import('./functions/${name}/handler.ts'));
`,
    later,
  );
}

/** Bundles TypeScript `source` as a file at the root. Throws if it imports a file that is never shipped. */
export function bundleShipped(
  source: string,
  later: ReadonlySet<string>,
  logLevel: LogLevel = 'warning',
): Promise<Built> {
  return buildFor('', {
    logLevel,
    stdin: { contents: source, resolveDir: ROOT, sourcefile: 'index.ts', loader: 'ts' },
    entryNames: 'index',
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    // The only module that uses `import.meta.url` looks for the Lua files next to it.
    banner: {
      js: `const luaScripts=require('node:url').pathToFileURL(require('node:path').join(__dirname,'lua/scripts.js')).href;`,
    },
    define: { 'import.meta.url': 'luaScripts' },
    plugins: [embedRelease, englishOnly, shippedFilesOnly(later)],
  });
}

/**
 * Leaves out Zod's messages in other languages, which would be a third of the file: esbuild keeps all exports of a
 * module that it reaches by a dynamic import (evanw/esbuild#3987).
 */
const englishOnly: Plugin = {
  name: 'english-only',
  setup({ onLoad }) {
    onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

/** Refuses files that are never shipped, and keeps packages that are loaded later in their own files. */
function shippedFilesOnly(later: ReadonlySet<string>): Plugin {
  return {
    name: 'shipped-files-only',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /.*/ }, ({ kind, path }) => {
        if (kind !== 'dynamic-import') return undefined;
        if (path.startsWith('.')) return undefined;
        if (!(path in LOADED_WHEN_NEEDED))
          return { errors: [{ text: `${path} is missing in scripts/bundle/needs.ts` }] };
        return later.has(path)
          ? { path: `./later/${fileNameOf(path)}.mjs`, external: true }
          : { path, namespace: 'left-out' };
      });
      onLoad({ filter: NEVER_SHIPPED }, ({ path }) => ({
        errors: [{ text: `${path} is not for deployed functions` }],
      }));
      onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({
        contents: `throw new Error(${JSON.stringify(`${path} is not part of this function`)});`,
      }));
    },
  };
}

/** Built together: they share packages, of which there must be one copy. */
function bundleLater(packages: readonly string[]): Promise<Built> {
  return buildFor('later', {
    entryPoints: packages.map((each) => ({ in: each, out: fileNameOf(each) })),
    plugins: [usedNamesOnly],
    outExtension: { '.js': '.mjs' },
    chunkNames: 'shared-[hash]',
    format: 'esm',
    splitting: true,
    // Many of the packages are CommonJS.
    banner: {
      js: `import{createRequire as makeRequire}from'node:module';import{dirname as dirnameOf}from'node:path';import{fileURLToPath as pathOf}from'node:url';const require=makeRequire(import.meta.url),__filename=pathOf(import.meta.url),__dirname=dirnameOf(__filename);`,
    },
  });
}

const usedNamesOnly: Plugin = {
  name: 'used-names-only',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /.*/ }, ({ kind, path }) =>
      kind === 'entry-point' ? { path, namespace: 'used' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'used' }, ({ path }) => ({
      contents: `export { ${LOADED_WHEN_NEEDED[path]?.names.join(', ')} } from '${path}';`,
      resolveDir: ROOT,
    }));
  },
};

export function fileNameOf(packageName: string): string {
  return packageName.replace(/^@/, '').replaceAll('/', '-');
}

async function luaFiles(): Promise<Built> {
  const paths = globSync('**/*.lua', { cwd: join(ROOT, LUA) });
  return {
    files: new Map(paths.map((path) => [join('lua', path), readFileSync(join(ROOT, LUA, path))])),
    packages: [],
  };
}

function sizeOf(contents: Iterable<string | Uint8Array>): number {
  return [...contents].reduce((sum, content) => sum + Buffer.byteLength(content), 0);
}
