import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** For tests: a temporary folder. */
export async function temporaryFolder(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'seatlease-sdk-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

export interface TestServer {
  readonly url: string;
  /** Request bodies, in order of arrival. */
  readonly bodies: readonly string[];
  close(): void;
}

/** For tests: a server that records requests and answers by `answer`. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<TestServer> {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    bodies.push(body);
    answer(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodies,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** For tests: a server that accepts every connection and never answers. */
export async function serveNothing(): Promise<TestServer> {
  const sockets = new Set<Socket>();
  const bodies: string[] = [];
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('data', (data) => bodies.push(String(data))).on('error', () => {});
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodies,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

export interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves once it has printed `text`. */
  says(text: string): Promise<void>;
}

/** For tests: collects output. */
export class Output {
  text = '';
  readonly #listeners = new Set<() => void>();

  add(data: unknown): void {
    this.text += String(data);
    for (const listener of this.#listeners) listener();
  }

  /** Resolves once the output contains `text`; rejects if the program ends before that. */
  contains(text: string, ended: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!this.text.includes(text)) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
      look();
      void ended.then(() => reject(new Error(`ended without printing ${text}: ${this.text}`)), reject);
    });
  }
}

/** Far longer than a program takes to end, far shorter than a request may take. */
const WATCHDOG_MS = 15_000;

/** For tests: runs a command without a terminal. The watchdog kills a program that hangs: it ends with SIGKILL. */
export function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd = '.',
  watchdogMs = WATCHDOG_MS,
): Program {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    cwd,
  });
  const output = new Output();
  child.stdout.on('data', (data) => output.add(data));
  child.stderr.on('data', (data) => output.add(data));
  // The whole process group: a child of the program would run on.
  const watchdog = setTimeout(() => child.pid && process.kill(-child.pid, 'SIGKILL'), watchdogMs);
  const ended = new Promise<Ended>((done, failed) => {
    child.on('error', failed);
    // Not "close": a process that the program leaves behind may keep the output open.
    child.on('exit', (code, signal) => {
      clearTimeout(watchdog);
      setImmediate(() => done({ code, signal, output: output.text }));
    });
  });
  return {
    child,
    ended,
    says: (text) => output.contains(text, ended),
  };
}

/** For tests: runs the source text of a module as a program of its own. */
export function runModule(code: string, env: NodeJS.ProcessEnv = {}, watchdogMs?: number): Program {
  return run(process.execPath, ['--input-type=module', '-e', code], env, '.', watchdogMs);
}
