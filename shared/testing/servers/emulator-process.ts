import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endWithThisProcess } from './watchdog.ts';

export interface EmulatorProcess {
  /** Ends the emulator and its child processes at once, like a crash. Can be called repeatedly. */
  kill(): Promise<void>;
}

const startTimeoutMs = 25_000;
const pollIntervalMs = 50;

/**
 * Starts an emulator and resolves when it answers HTTP on `host` (`host:port`). Throws with the emulator's output if it
 * exits or does not answer within 25 seconds; then it no longer runs. The emulator always ends with this process,
 * however the process ends.
 */
export async function startEmulator(
  name: string,
  host: string,
  [command, ...args]: readonly [string, ...string[]],
): Promise<EmulatorProcess> {
  // Emulators are shell scripts around a JVM: in their own process group, one signal ends all of them.
  const child = spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = collectOutput(child);
  const exited = endOf(child);
  endWithThisProcess(child, 'group');
  const kill = async () => {
    killGroup(child);
    await exited;
  };

  const waiting = new AbortController();
  const reason = await Promise.race([untilAnswering(host, waiting.signal), exited]);
  waiting.abort();
  if (reason !== 'ANSWERING') {
    await kill();
    throw new Error(`The ${name} did not start (${reason}). It printed:\n${printed()}`);
  }
  return { kill };
}

/** The executable of an emulator in the installation of `gcloud`, if it is installed there. */
export function emulatorBinary(...pathOfBinary: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const gcloud = folders.map((folder) => path.join(folder, 'gcloud')).find(isExecutable);
  if (gcloud === undefined) {
    return undefined;
  }
  const root = path.dirname(path.dirname(realpathSync(gcloud)));
  const binary = path.join(root, 'platform', ...pathOfBinary);
  return isExecutable(binary) ? binary : undefined;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function untilAnswering(host: string, signal: AbortSignal): Promise<string> {
  const deadlineMs = Date.now() + startTimeoutMs;
  while (Date.now() < deadlineMs && !signal.aborted) {
    if (await answers(host)) {
      return 'ANSWERING';
    }
    await delay(pollIntervalMs);
  }
  return `no answer within ${startTimeoutMs} ms`;
}

async function answers(host: string): Promise<boolean> {
  try {
    const answer = await fetch(`http://${host}/`, { signal: AbortSignal.timeout(1_000) });
    return answer.ok;
  } catch {
    return false;
  }
}

function collectOutput(child: ChildProcess): () => string {
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      printed = `${printed}${chunk}`.slice(-4_000);
    });
  }
  return () => printed;
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    // Not `exit`, because more output can follow it.
    child.once('close', (code, signal) => resolve(`it ended with ${code ?? signal}`));
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) {
    return;
  }
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) {
      throw error;
    }
  }
}
