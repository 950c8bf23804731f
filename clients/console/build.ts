import { build } from 'vite';
import config from './vite.config.ts';

/** The console's files by their paths below the site's root. Nothing is written. */
export async function buildConsole(): Promise<Map<string, string>> {
  const built = await build({
    ...config,
    configFile: false,
    logLevel: 'warn',
    build: { ...config.build, write: false },
  });
  if (!('output' in built)) throw new TypeError('not one build, done once');
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
