import { type ChildProcess, spawn } from 'node:child_process';
import { exitCodeOfSignal, type ForwardedSignals } from './signals.ts';

const CANNOT_START = 126;
const NOT_FOUND = 127;

export type Spawn = (program: string, args: readonly string[]) => ChildProcess;

export const spawnOnTerminal: Spawn = (program, args) => spawn(program, args, { stdio: 'inherit' });

export interface RunningProgram {
  readonly exitCode: Promise<number>;
  /** Sends SIGTERM, and SIGKILL `graceSeconds` later if the program still runs. */
  end(graceSeconds: number): void;
}

/** Starts the program and forwards signals to it. */
export function runProgram(
  program: string,
  args: readonly string[],
  signals: ForwardedSignals,
  host: { readonly spawn: Spawn; printError(text: string): void },
): RunningProgram {
  const child = host.spawn(program, args);
  let timer: NodeJS.Timeout | undefined;
  signals.to((signal) => child.kill(signal));
  const exitCode = new Promise<number>((ended) => {
    child.on('error', (error) => {
      // Also emitted when a signal cannot be sent; the program still runs then.
      if (child.pid !== undefined) return;
      host.printError(`seatlease: cannot start ${program}: ${error.message}\n`);
      ended('code' in error && error.code === 'ENOENT' ? NOT_FOUND : CANNOT_START);
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      ended(signal === null ? (code ?? CANNOT_START) : exitCodeOfSignal(signal));
    });
  });
  return {
    exitCode,
    end(graceSeconds) {
      child.kill('SIGTERM');
      timer ??= setTimeout(() => child.kill('SIGKILL'), graceSeconds * 1000);
    },
  };
}
