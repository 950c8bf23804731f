import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileNameOf } from './storage.ts';

/** Longer than what is done under a lock may take: whoever has it for longer has died. */
const STALE_MS = 30_000;
const POLL_MS = 25;

/**
 * Does `act` while no other program does it under the same name; where the folder cannot be written, without looking.
 * For what two at once would spoil, not for what they must never do: a lock that looks abandoned is taken.
 */
export async function alone<Result>(
  folder: string,
  name: string,
  act: () => Promise<Result>,
): Promise<Result> {
  const file = join(folder, `${fileNameOf(name)}.lock`);
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch(() => undefined);
  while (await isTaken(file)) await sleep(POLL_MS);
  try {
    return await act();
  } finally {
    await rm(file, { force: true }).catch(() => undefined);
  }
}

async function isTaken(file: string): Promise<boolean> {
  try {
    await writeFile(file, '', { flag: 'wx', mode: 0o600 });
    return false;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) return false;
  }
  const sinceMs = await stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => Date.now(),
  );
  // Of the future, where the clock was set back.
  if (Math.abs(Date.now() - sinceMs) > STALE_MS) await rm(file, { force: true }).catch(() => undefined);
  return true;
}
