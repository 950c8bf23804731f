import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../shared/config.ts';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));
const START_WITHIN_MS = 30_000;

export interface Worker {
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** Whether it ended without being killed. */
  readonly hasDied: () => boolean;
}

/** Starts the functions and resolves when they serve; throws if they do not. They log to `logFile`. */
export async function startWorker(environment: Environment, logFile: string): Promise<Worker> {
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, [WORKER], {
    env: { ...environment },
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  let isWanted = true;
  let hasDied = false;
  const ended = once(child, 'exit').then(() => {
    hasDied = isWanted;
  });

  async function kill(): Promise<void> {
    isWanted = false;
    child.kill('SIGKILL');
    await ended;
  }

  const giveUp = AbortSignal.timeout(START_WITHIN_MS);
  const start = await Promise.race([
    once(child, 'message', { signal: giveUp }).then(
      () => 'READY',
      () => `not within ${START_WITHIN_MS} ms`,
    ),
    ended.then(() => 'it ended'),
  ]);
  if (start !== 'READY') {
    await kill();
    throw new Error(`The functions did not start (${start}); see ${logFile}`);
  }
  return { kill, hasDied: () => hasDied };
}
