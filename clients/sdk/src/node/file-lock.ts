import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileNameOf } from './storage.ts';

/** Longer than any action under a lock takes: the owner of an older lock has crashed. */
const STALE_MS = 30_000;
const POLL_MS = 25;

/**
 * Runs `act` while no other program runs one under the same name. If the folder cannot be written, runs it without a lock.
 * Best effort, not mutual exclusion: a lock that looks abandoned is taken over.
 */
export async function withLock<Result>(
  folder: string,
  name: string,
  act: () => Promise<Result>,
): Promise<Result> {
  const file = join(folder, `${fileNameOf(name)}.lock`);
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch(() => undefined);
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
    await writeFile(file, '', { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) return true;
  }
  const sinceMs = await stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => Date.now(),
  );
  // The absolute value: the time is in the future if the clock was set back.
  if (Math.abs(Date.now() - sinceMs) > STALE_MS) await rm(file, { force: true }).catch(() => undefined);
  return false;
}
