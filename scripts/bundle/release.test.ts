import { expect, test } from 'vitest';
import { bundleShipped } from './bundle.ts';
import { readRelease } from './release.ts';

async function bundled(source: string): Promise<string> {
  const { files } = await bundleShipped(source, new Set());
  return String(Buffer.from(files.get('index.cjs') ?? ''));
}

test('the release of a bundle has the version of the package and the commit', () => {
  expect(readRelease()).toEqual({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    commit: expect.stringMatching(/^[0-9a-f]{40}(-dirty)?$/),
  });
});

test('a bundle has its own release in it, and reads no package.json for it', async () => {
  const { version, commit } = readRelease();
  const code = await bundled(`export { RELEASE } from './shared/http/release.ts';`);
  expect(code).toContain(JSON.stringify(version));
  expect(code).toContain(String(commit));
  expect(code).not.toContain('package.json');
});

test('a function that does not report the release is the same in every commit', async () => {
  const code = await bundled(`export { allShards } from './shared/domain/ids.ts';`);
  expect(code).not.toContain(String(readRelease().commit));
});
