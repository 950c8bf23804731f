import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import * as z from 'zod/mini';
import { makePrivateFile, makePrivateFolder, readIfExists } from './private-files.ts';

/** SQLite's primary result code for a database that another connection has locked. */
const SQLITE_BUSY = 5;

const Server = z.object({ url: z.string(), pid: z.int() });
type Server = z.infer<typeof Server>;

/** The exclusive right of one server to use a data folder. It ends with the process, however the process ends. */
export interface DataFolderLock {
  /** Records where the server listens, for the message of a second one. */
  announce(url: string): void;
  release(): void;
}

/** Another server uses the data folder. The message names that server, if it is known. */
export class DataFolderInUse extends Error {
  override readonly name = 'DataFolderInUse';

  constructor(folder: string, server: Server | undefined) {
    const who = server ? `the server at ${server.url} (process ${server.pid})` : 'another server';
    super(
      `The data folder ${folder} is already used by ${who}: stop that server, or set SEATLEASE_DATA to another folder.`,
    );
  }
}

/** Open databases: a lock would end if its connection were garbage-collected. */
const held = new Set<DatabaseSync>();

/**
 * Locks the data folder for this process. Each server has its own embedded Redis, so two servers on one folder would
 * each grant all seats of a license. The lock is SQLite's on a database of its own: the operating system releases it
 * when the process ends, even by a crash. Programs that only read or write records are not affected. Throws
 * `DataFolderInUse`.
 */
export function lockDataFolder(folder: string): DataFolderLock {
  makePrivateFolder(folder);
  const serverFile = join(folder, 'server.json');
  const database = openLocked(join(folder, 'lock.db'));
  if (!database) throw new DataFolderInUse(folder, readServer(serverFile));
  // A server that crashed left it behind.
  rmSync(serverFile, { force: true });
  held.add(database);
  return {
    announce(url) {
      const server: Server = { url, pid: process.pid };
      writeFileSync(serverFile, `${JSON.stringify(server)}\n`, { mode: 0o600 });
    },
    release() {
      if (!held.delete(database)) return;
      rmSync(serverFile, { force: true });
      database.close();
    },
  };
}

/** The database, locked, or `undefined` if another connection has locked it. */
function openLocked(file: string): DatabaseSync | undefined {
  makePrivateFile(file);
  const database = new DatabaseSync(file);
  try {
    // In memory, because nothing is ever written: a journal file would only stay behind after a crash.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    // The low byte of an extended result code is its primary code.
    const isBusy =
      error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY;
    if (isBusy) return undefined;
    throw error;
  }
}

function readServer(file: string): Server | undefined {
  try {
    return z.parse(Server, JSON.parse(readIfExists(file) ?? ''));
  } catch {
    return undefined;
  }
}
