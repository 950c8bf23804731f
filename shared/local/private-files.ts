import { randomUUID } from 'node:crypto';
import { closeSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Creates the folder, unless it exists, so that other users of this machine cannot read it. */
export function makePrivateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}

/** Creates an empty file, unless it exists, so that other users of this machine cannot read it. */
export function makePrivateFile(file: string): void {
  try {
    // "wx" never opens an existing file: closing it would drop the locks that SQLite has on it in this process.
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

/** The text of the file, or `undefined` if it does not exist. */
export function readIfExists(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Writes `text` to the file, unless it exists. Returns what the file contains then: `text`, or what another process
 * wrote first. Other users of this machine cannot read the file.
 */
export function writeOnce(file: string, text: string): string {
  makePrivateFolder(dirname(file));
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, text, { flag: 'wx', mode: 0o600 });
  try {
    // A link appears at once with the whole text, so no process reads half a key.
    linkSync(draft, file);
    return text;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return readFileSync(file, 'utf8');
  } finally {
    rmSync(draft);
  }
}

/** The `code` of a Node.js system error. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
