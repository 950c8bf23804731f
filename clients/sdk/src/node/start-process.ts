import type { ChildProcess } from 'node:child_process';
import { platform } from 'node:os';
import { dirname } from 'node:path';
import { getSystemErrorMap } from 'node:util';

/** Options of a Node process that outlives this program, or its terminal: signals of the terminal do not reach it. */
export function detachedOptions() {
  return {
    // The current folder may be removed.
    cwd: platform() === 'win32' ? dirname(process.execPath) : '/',
    env: environmentOfHelpers(),
    detached: true,
    windowsHide: true,
  };
}

/** NODE_OPTIONS of the program may start a debugger, or load a tracer a second time. */
export function environmentOfHelpers(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...env } = process.env;
  return env;
}

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
