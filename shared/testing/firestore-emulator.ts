import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface FirestoreEmulator {
  /** `host:port`. */
  readonly host: string;
  readonly projectId: string;
  /** Ends the emulator and everything it started; harmless when repeated. */
  stop(): Promise<void>;
}

const startTimeoutMs = 25_000;
const pollIntervalMs = 50;

/**
 * Starts an empty Firestore emulator on a free port and resolves once it answers. Throws with what the emulator
 * printed when it ends by itself or has not answered within 25 seconds; it is then no longer running.
 */
export async function startFirestoreEmulator(): Promise<FirestoreEmulator> {
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const [command, ...args] = emulatorCommand(port);
  // Both commands are shell scripts around a JVM: in a group of their own, one signal ends them all.
  const child = spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = collectOutput(child);
  const exited = endOf(child);
  const killGroup = () => kill(child);
  process.once('exit', killGroup);
  const stop = async () => {
    killGroup();
    await exited;
    process.removeListener('exit', killGroup);
  };

  const waiting = new AbortController();
  const reason = await Promise.race([untilAnswering(host, waiting.signal), exited]);
  waiting.abort();
  if (reason !== 'ANSWERING') {
    await stop();
    throw new Error(`The Firestore emulator did not start (${reason}). It printed:\n${printed()}`);
  }
  return { host, projectId: `demo-${randomUUID().slice(0, 8)}`, stop };
}

function emulatorCommand(port: number): [string, ...string[]] {
  const direct = emulatorBinary();
  return direct === undefined
    ? ['gcloud', 'emulators', 'firestore', 'start', `--host-port=127.0.0.1:${port}`]
    : [direct, 'start', '--host=127.0.0.1', `--port=${port}`];
}

/** The emulator inside the installation that `gcloud` belongs to: it starts 2 seconds faster without gcloud. */
function emulatorBinary(): string | undefined {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const gcloud = folders.map((folder) => path.join(folder, 'gcloud')).find(isExecutable);
  if (gcloud === undefined) {
    return undefined;
  }
  const root = path.dirname(path.dirname(realpathSync(gcloud)));
  const binary = path.join(root, 'platform', 'cloud-firestore-emulator', 'cloud_firestore_emulator');
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

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') {
    throw new Error('The system gave no free port.');
  }
  return address.port;
}

function collectOutput(child: ChildProcess): () => string {
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      chunks.push(chunk.toString());
    });
  }
  return () => chunks.join('').slice(-4_000);
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`it ended with ${code ?? signal}`));
  });
}

function kill(child: ChildProcess): void {
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
