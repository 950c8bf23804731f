import { spawn } from 'node:child_process';
import { exitCodeOfSignal, type ForwardedSignals } from './signals.ts';

const CANNOT_START = 126;
const NOT_THERE = 127;

export interface RunningProgram {
  readonly exitCode: Promise<number>;
  /** Tells it to end, and ends it `graceSeconds` later if it has not. */
  end(graceSeconds: number): void;
}

/** Runs it on our own terminal, input and output, and hands signals on to it. */
export function runProgram(
  program: string,
  args: readonly string[],
  signals: ForwardedSignals,
): RunningProgram {
  const child = spawn(program, args, { stdio: 'inherit' });
  let timer: NodeJS.Timeout | undefined;
  signals.to((signal) => child.kill(signal));
  const exitCode = new Promise<number>((ended) => {
    child.on('error', (error) => {
      // Also comes where a signal could not be handed on, and then the program still runs.
      if (child.pid !== undefined) return;
      process.stderr.write(`seatlease: ${program} cannot be started: ${error.message}\n`);
      ended('code' in error && error.code === 'ENOENT' ? NOT_THERE : CANNOT_START);
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
