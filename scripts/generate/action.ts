import { build } from 'esbuild';

/**
 * The steps of the GitHub Action, each in one file: GitHub runs what is in the repository, and installs nothing. Readable,
 * as those who use an action read it before they trust it.
 */
export async function actionBundles(): Promise<ReadonlyMap<string, string>> {
  const { outputFiles } = await build({
    entryPoints: ['clients/action/src/main.ts', 'clients/action/src/post.ts'],
    outdir: 'clients/action/dist',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    charset: 'utf8',
    legalComments: 'none',
    write: false,
    banner: { js: '// Generated from clients/action/src and clients/sdk by `npm run generate`.' },
  });
  return new Map(outputFiles.map(({ path, text }) => [path.slice(process.cwd().length + 1), text]));
}
