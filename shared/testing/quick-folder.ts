import { accessSync, constants } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder in memory, on Linux. */
const IN_MEMORY = '/dev/shm';

/**
 * A new, empty folder, in memory if possible: SQLite waits for the disk at each commit, which takes longer than the
 * rest of a request.
 */
export function quickFolder(prefix: string): Promise<string> {
  return mkdtemp(join(isWritable(IN_MEMORY) ? IN_MEMORY : tmpdir(), prefix));
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
