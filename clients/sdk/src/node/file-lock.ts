import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from './folders.ts';
import { fileNameOf } from './storage.ts';

/** Longer than any action under a lock takes, which is one request: the owner of an older lock has crashed. */
const STALE_MS = 12_000;
const POLL_MS = 25;

/** Containers may share the folder: an id of a process says nothing about one on another host. */
const OWNER = `${process.pid} ${hostname()}`;

function isOfCrashed(owner: string): boolean {
  const [pid, host] = owner.split(' ');
  if (host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

/**
 * Runs `act` while no other program runs one under the same name. If there is no folder, or it cannot be written, runs it
 * without a lock. Best effort, not mutual exclusion: a lock that looks abandoned is taken
 * over.
 */
export async function withLock<Result>(
  folder: string | undefined,
  name: string,
  act: () => Promise<Result>,
): Promise<Result> {
  if (folder === undefined) return act();
  const file = join(folder, `${fileNameOf(name)}.lock`);
  await makeFolder(folder).catch(() => undefined);
  while (!(await tryLock(file))) await sleep(POLL_MS);
  try {
    return await act();
  } finally {
    await rm(file, { force: true }).catch(() => undefined);
  }
}

/** Returns whether the caller may run: it has created the file, or the folder cannot be written. */
async function tryLock(file: string): Promise<boolean> {
  try {
    await writeFile(file, OWNER, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) return true;
  }
  const hasCrashed = await readFile(file, 'utf8').then(isOfCrashed, () => false);
  const sinceMs = await stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => Date.now(),
  );
  // The absolute value: the time is in the future if the clock was set back.
  if (hasCrashed || Math.abs(Date.now() - sinceMs) > STALE_MS)
    await rm(file, { force: true }).catch(() => undefined);
  return false;
}
