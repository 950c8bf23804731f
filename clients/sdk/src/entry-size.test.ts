import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

test('a page that uses the SDK loads at most 35,000 bytes of it, 12,000 compressed', async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./browser.ts', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
  });
  const [bundle] = outputFiles;
  expect(bundle?.contents.length).toBeLessThanOrEqual(35_000);
  expect(gzipSync(bundle?.contents ?? '').length).toBeLessThanOrEqual(12_000);
});
