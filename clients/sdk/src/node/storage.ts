import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Storage } from '../platform.ts';

/** One file for each name, readable by the user only. */
export function fileStorage(folder: string): Storage {
  const fileOf = (name: string): string => join(folder, `${fileNameOf(name)}.json`);
  return {
    async read(name) {
      try {
        return await readFile(fileOf(name), 'utf8');
      } catch {
        return undefined;
      }
    },
    async write(name, text) {
      const file = fileOf(name);
      const draft = `${file}.${randomUUID()}`;
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await writeFile(draft, text, { mode: 0o600, flag: 'wx', flush: true });
        await rename(draft, file);
      } catch {
        await rm(draft, { force: true }).catch(() => undefined);
      }
    },
    async remove(name) {
      await rm(fileOf(name), { force: true }).catch(() => undefined);
    },
  };
}

/** File systems differ in allowed characters, lengths and case sensitivity. A digest works on all of them. */
export function fileNameOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 32);
}
