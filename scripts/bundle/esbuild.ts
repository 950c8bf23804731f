import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Built {
  /** By path within the function's folder. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  /** Packages with code in the files. */
  readonly packages: readonly string[];
}

/** Builds for Node, minified except for names, which stack traces in the log need. */
export async function buildFor(folder: string, options: BuildOptions): Promise<Built> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    outdir: join(ROOT, folder),
    bundle: true,
    platform: 'node',
    target: 'node24',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'linked',
    logLevel: 'warning',
    ...options,
    write: false,
    metafile: true,
  });
  const packages = Object.keys(metafile.inputs).flatMap(
    (input) => /^.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? [],
  );
  return {
    files: new Map(outputFiles.map(({ path, contents }) => [path.slice(ROOT.length), contents])),
    packages: [...new Set(packages)].toSorted(),
  };
}
