import { type ChildProcess, spawn } from 'node:child_process';
import { startProcess } from '../node/start-process.ts';
import { exitCodeOfSignal, type ForwardedSignals } from './signals.ts';

const CANNOT_START = 126;
const NOT_FOUND = 127;

export type Spawn = (program: string, args: readonly string[]) => ChildProcess;

export const spawnOnTerminal: Spawn = (program, args) => spawn(program, args, { stdio: 'inherit' });

export interface RunningProgram {
  /** `undefined` if it cannot be started. */
  readonly pid: number | undefined;
  readonly exitCode: Promise<number>;
  /** Sends SIGTERM, and SIGKILL `graceSeconds` later if the program still runs. */
  end(graceSeconds: number): void;
  /** Sends no SIGKILL. Returns whether the program has got SIGTERM since it was last spared. */
  spare(): boolean;
}

/** Starts the program and forwards signals to it. */
export function runProgram(
  program: string,
  args: readonly string[],
  signals: ForwardedSignals,
  host: { readonly spawn: Spawn; failed(problem: string): void },
): RunningProgram {
  let timer: NodeJS.Timeout | undefined;
  let ended: (exitCode: number) => void = () => {};
  const exitCode = new Promise<number>((resolve) => {
    ended = resolve;
  });
  const child = startProcess(
    () => host.spawn(program, args),
    (reason, code) => {
      host.failed(`cannot start ${program}: ${reason}.`);
      ended(code === 'ENOENT' ? NOT_FOUND : CANNOT_START);
    },
  );
  child?.on('exit', (code, signal) => {
    clearTimeout(timer);
    ended(signal === null ? (code ?? CANNOT_START) : exitCodeOfSignal(signal));
  });
  signals.to((signal) => child?.kill(signal));
  return {
    pid: child?.pid,
    exitCode,
    end(graceSeconds) {
      child?.kill('SIGTERM');
      timer ??= setTimeout(() => child?.kill('SIGKILL'), graceSeconds * 1000);
    },
    spare() {
      const wasEnding = timer !== undefined;
      clearTimeout(timer);
      timer = undefined;
      return wasEnding;
    },
  };
}
