import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** An empty folder of this run. The first test file that needs the bundles builds them in it. */
    bundlesFolder: string;
  }
}

export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'seatlease-bundles-'));
  project.provide('bundlesFolder', folder);
  const empty = (): void => rmSync(join(folder, 'bundles'), { recursive: true, force: true });
  // In watch mode the sources have changed.
  project.onTestsRerun(empty);
  return () => rmSync(folder, { recursive: true, force: true });
}
