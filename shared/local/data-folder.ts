import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import * as z from 'zod/mini';
import { makePrivateFile, makePrivateFolder, readIfExists } from './private-files.ts';

/** SQLite's primary result code for a database that another connection has locked. */
const SQLITE_BUSY = 5;

/** The server of a data folder. Without `url` it is starting. */
const Server = z.object({ url: z.optional(z.string()), pid: z.int() });
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
    super(
      `The data folder ${folder} is already used by ${nameOf(server)}: stop that server, or set SEATLEASE_DATA to another folder.`,
    );
  }
}

function nameOf(server: Server | undefined): string {
  if (!server) return 'another server';
  const { url, pid } = server;
  return url === undefined
    ? `a server that is starting (process ${pid})`
    : `the server at ${url} (process ${pid})`;
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
  held.add(database);
  const write = (server: Server): void =>
    writeFileSync(serverFile, `${JSON.stringify(server)}\n`, { mode: 0o600 });
  // Also replaces the file of a server that crashed.
  write({ pid: process.pid });
  return {
    announce(url) {
      write({ url, pid: process.pid });
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
