import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

test('a page that uses the SDK loads at most 36 kB of it, 13.2 kB compressed', async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./browser.ts', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
  });
  const [bundle] = outputFiles;
  expect(bundle?.contents.length).toBeLessThanOrEqual(36_000);
  expect(gzipSync(bundle?.contents ?? '').length).toBeLessThanOrEqual(13_200);
});
