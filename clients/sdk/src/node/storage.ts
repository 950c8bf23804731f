import { createHash, randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Storage } from '../platform.ts';
import { makeFolder } from './folders.ts';

export interface FileStorage extends Storage {
  /** `undefined` if there is none: then every read finds nothing. */
  readonly folder: string | undefined;
  /** Writes unless the name has a text: of several programs that create it, one succeeds. Errors are ignored. */
  create(name: string, text: string): Promise<void>;
}

/** One file for each name, readable by the user only. */
export function fileStorage(folder: string | undefined): FileStorage {
  if (folder === undefined) return NOTHING;
  const fileOf = (name: string): string => join(folder, `${fileNameOf(name)}.json`);

  /** Writes a complete file first, which `publish` then gives its name. */
  async function write(
    name: string,
    text: string,
    publish: (draft: string, file: string) => Promise<void>,
  ): Promise<void> {
    const file = fileOf(name);
    const draft = `${file}.${randomUUID()}`;
    try {
      await makeFolder(folder as string);
      await writeFile(draft, text, { mode: 0o600, flag: 'wx', flush: true });
      await publish(draft, file);
    } catch {
      // What is lost is named in `Storage`.
    }
    await rm(draft, { force: true }).catch(() => undefined);
  }

  return {
    folder,
    async read(name) {
      try {
        return await readFile(fileOf(name), 'utf8');
      } catch {
        return undefined;
      }
    },
    write: (name, text) => write(name, text, rename),
    create: (name, text) => write(name, text, linkOrRename),
    async remove(name) {
      await rm(fileOf(name), { force: true }).catch(() => undefined);
    },
  };
}

const NOTHING: FileStorage = {
  folder: undefined,
  read: async () => undefined,
  write: async () => undefined,
  create: async () => undefined,
  remove: async () => undefined,
};

/** A hard link fails if the file exists; some file systems have none. */
async function linkOrRename(draft: string, file: string): Promise<void> {
  try {
    await link(draft, file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    await rename(draft, file);
  }
}

/** File systems differ in allowed characters, lengths and case sensitivity. A digest works on all of them. */
export function fileNameOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 32);
}
