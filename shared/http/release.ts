import { readFileSync } from 'node:fs';
import * as z from 'zod/mini';

/** What runs here. `npm run bundle` replaces this file by the values of the bundle (`scripts/bundle/release.ts`). */
export interface Release {
  readonly version: string;
  /** The commit, with `-dirty` if files differed from it; `null` outside a bundle and outside Git. */
  readonly commit: string | null;
}

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')));

export const RELEASE: Release = { version, commit: null };
