import { globSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import { entryPointOf } from '../../functions/names.ts';
import type { FunctionContract } from '../../shared/http/contract.ts';
import { writeFiles } from '../write-files.ts';
import { type Built, buildFor, ROOT } from './esbuild.ts';
import { bundleFramework } from './framework.ts';
import { LOADED_WHEN_NEEDED } from './needs.ts';

const LUA = 'shared/adapters/seats/lua';

/** The rooms whose files run on developers' machines only, and the files in others that do (`shared/testing`, …). */
const NEVER_SHIPPED = /\/shared\/local\/|\/testing\/|\/example\.ts$|\.test\.ts$/;

export interface Bundle {
  readonly name: string;
  readonly folder: string;
  /** Size of what an instance reads before it takes its first request. */
  readonly entryBytes: number;
  /** Packages that something of is in there. */
  readonly entryPackages: readonly string[];
  /** Packages that are loaded when they are first needed. */
  readonly later: readonly string[];
  /** Size of all files. */
  readonly bytes: number;
}

/**
 * Makes the folder of a function, as Cloud Functions takes it: `index.cjs` with everything that is loaded at the start,
 * `later/` with the packages that are loaded when they are first needed, the Lua, and the functions-framework. What
 * several functions have alike is built once by each bundler.
 */
export function openBundler(): (contract: FunctionContract, folder: string) => Promise<Bundle> {
  const alike = new Map<string, Promise<Built>>();
  const once = (what: string, make: () => Promise<Built>): Promise<Built> => {
    const made = alike.get(what) ?? make();
    alike.set(what, made);
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

/** Bundles TypeScript `source`, which stands at the root. Throws where it leads to a file that is never shipped. */
export function bundleShipped(source: string, later: ReadonlySet<string>): Promise<Built> {
  return buildFor('', {
    stdin: { contents: source, resolveDir: ROOT, sourcefile: 'index.ts', loader: 'ts' },
    entryNames: 'index',
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    // The one module that asks where it is looks for the Lua beside it.
    banner: {
      js: `const luaScripts=require('node:url').pathToFileURL(require('node:path').join(__dirname,'lua/scripts.js')).href;`,
    },
    define: { 'import.meta.url': 'luaScripts' },
    plugins: [whatShips(later)],
  });
}

/** Refuses what runs on developers' machines only, and keeps packages that are loaded later in files of their own. */
function whatShips(later: ReadonlySet<string>): Plugin {
  return {
    name: 'what-ships',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /.*/ }, ({ kind, path }) => {
        if (kind !== 'dynamic-import') return undefined;
        if (path.startsWith('.')) return undefined;
        if (!(path in LOADED_WHEN_NEEDED))
          return { errors: [{ text: `scripts/bundle/needs.ts does not know ${path}` }] };
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

/** Built together, as they have packages in common, which must be the same to all. */
function bundleLater(packages: readonly string[]): Promise<Built> {
  return buildFor('later', {
    entryPoints: packages.map((each) => ({ in: each, out: fileNameOf(each) })),
    plugins: [onlyWhatIsUsed],
    outExtension: { '.js': '.mjs' },
    chunkNames: 'shared-[hash]',
    format: 'esm',
    splitting: true,
    // Many of them are CommonJS.
    banner: {
      js: `import{createRequire as makeRequire}from'node:module';import{dirname as dirnameOf}from'node:path';import{fileURLToPath as pathOf}from'node:url';const require=makeRequire(import.meta.url),__filename=pathOf(import.meta.url),__dirname=dirnameOf(__filename);`,
    },
  });
}

const onlyWhatIsUsed: Plugin = {
  name: 'only-what-is-used',
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
