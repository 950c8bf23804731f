import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import * as z from 'zod/mini';
import type { Release } from '../../shared/http/release.ts';
import { ROOT } from './esbuild.ts';

const Package = z.object({ version: z.string() });

/** What the files at hand are: the version of the release, and the commit if Git knows it. */
export function readRelease(): Release {
  const { version } = z.parse(Package, JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));
  const describe = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'];
  const { status, stdout } = spawnSync('git', describe, { cwd: ROOT, encoding: 'utf8' });
  return { version, commit: status === 0 ? stdout.trim() : null };
}

/**
 * Puts the release into the functions that report it. Only those change with each commit: the others are not built
 * again when they are deployed.
 */
export const embedRelease: Plugin = {
  name: 'embed-release',
  setup({ onLoad }) {
    onLoad({ filter: /\/shared\/http\/release\.ts$/ }, () => ({
      contents: `export const RELEASE = ${JSON.stringify(readRelease())};`,
    }));
  },
};
