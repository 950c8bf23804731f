import type { ChildProcess } from 'node:child_process';
import { getSystemErrorMap } from 'node:util';

/**
 * Starts a process. If that fails, calls `failed`, at once or later, with the reason: Node reports some errors of the system
 * by an event (ENOENT, EACCES), and throws the others (ENOTDIR, E2BIG, ENOMEM): https://github.com/nodejs/node/issues/33566.
 * Returns `undefined` if it was thrown.
 */
export function startProcess(
  spawn: () => ChildProcess,
  failed: (reason: string, code: string | undefined) => void,
): ChildProcess | undefined {
  const report = (error: unknown): void => {
    const { code, errno, message } = error as NodeJS.ErrnoException;
    const [name, words] = getSystemErrorMap().get(errno ?? 0) ?? [];
    failed(words === undefined ? message : `${words} (${name})`, code);
  };
  try {
    const child = spawn();
    // Also emitted when a signal cannot be sent to a process that runs.
    return child.on('error', (error) => child.pid === undefined && report(error));
  } catch (error) {
    report(error);
    return undefined;
  }
}
