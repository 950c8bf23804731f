import { build } from 'vite';
import config from './vite.config.ts';

/** Builds the console in memory. Returns its files by their paths below the site's root. */
export async function buildConsole(): Promise<Map<string, string>> {
  const built = await build({
    ...config,
    configFile: false,
    logLevel: 'warn',
    build: { ...config.build, write: false },
  });
  if (!('output' in built)) throw new TypeError('Vite returned several builds or a watcher');
  return new Map(
    built.output.map((file) => [
      `console/${file.fileName}`,
      file.type === 'chunk' ? file.code : textOf(file.source),
    ]),
  );
}

function textOf(source: string | Uint8Array): string {
  return typeof source === 'string' ? source : new TextDecoder('utf-8', { fatal: true }).decode(source);
}
