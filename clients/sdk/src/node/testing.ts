import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** For tests: a folder of its own, with what takes it away. */
export async function temporaryFolder(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'seatlease-sdk-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** For tests: a server that answers as told, and has the bodies that came. */
export interface TestServer {
  readonly url: string;
  readonly bodies: readonly string[];
  close(): void;
}

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

/** For tests: takes every connection and says nothing, ever. */
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

/** Something hangs that must not: far longer than any end may take, far shorter than a request may. */
const WATCHDOG_MS = 15_000;

/**
 * For tests: runs a command, without a terminal; one that does not end by itself is killed, and its end then shows
 * SIGKILL.
 */
export function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd = '.',
): Program {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    cwd,
  });
  let output = '';
  const waiting = new Set<() => void>();
  const heard = (data: unknown): void => {
    output += String(data);
    for (const look of waiting) look();
  };
  child.stdout.on('data', heard);
  child.stderr.on('data', heard);
  // With whatever it has started: that would go on for ever.
  const watchdog = setTimeout(() => child.pid && process.kill(-child.pid, 'SIGKILL'), WATCHDOG_MS);
  const ended = new Promise<Ended>((done, failed) => {
    child.on('error', failed);
    // Not "close": a process that the program leaves behind may hold its output open.
    child.on('exit', (code, signal) => {
      clearTimeout(watchdog);
      setImmediate(() => done({ code, signal, output }));
    });
  });
  return {
    child,
    ended,
    says: (text) =>
      new Promise((said, failed) => {
        const look = (): void => {
          if (!output.includes(text)) return;
          waiting.delete(look);
          said();
        };
        waiting.add(look);
        look();
        void ended.then(() => failed(new Error(`it ended without saying ${text}: ${output}`)));
      }),
  };
}

/** For tests: runs the text of a module, as a host program would be. */
export function runModule(code: string, env: NodeJS.ProcessEnv = {}): Program {
  return run(process.execPath, ['--input-type=module', '-e', code], env);
}
