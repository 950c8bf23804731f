import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import * as z from 'zod/mini';
import { bodyOf, forward } from './forward.ts';

const command = z.array(z.pipe(z.union([z.string(), z.number(), z.boolean()]), z.transform(String)));
const batch = z.array(command);

export interface CountingProxy {
  readonly url: string;
  /** Every command in order of arrival, also unanswered ones. The commands of a batch are listed one by one. */
  readonly commands: readonly (readonly string[])[];
  /** Number of TCP connections that clients opened since the start or the last `reset`, also while down. */
  connectionCount(): number;
  /** Clears `commands` and `connectionCount`, but not the faults. */
  reset(): void;
  /** Passes the next `count` requests on to the server, but closes the client's connection instead of answering. */
  dropNextAnswers(count: number): void;
  /** While down, closes every connection, also open ones. */
  down(isDown: boolean): void;
  /** While hung, accepts requests but neither passes them on nor answers. */
  hang(isHung: boolean): void;
  close(): Promise<void>;
}

/** A proxy on loopback in front of an Upstash server. It records Redis commands and can drop answers. */
export async function countingProxy(targetUrl: string): Promise<CountingProxy> {
  const agent = new http.Agent({ keepAlive: true });
  const sockets = new Set<Socket>();
  const commands: string[][] = [];
  let connectionCount = 0;
  let answersToDrop = 0;
  let isDown = false;
  let isHung = false;

  async function relay(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    commands.push(...commandsIn(incoming.url, body));
    if (isHung) return;
    const isDropped = answersToDrop > 0;
    if (isDropped) answersToDrop -= 1;
    const answer = await forward(agent, targetUrl, incoming, body);
    const answerBody = await bodyOf(answer);
    if (isDropped) {
      incoming.socket.destroy();
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, connection: 'keep-alive' });
    outgoing.end(answerBody);
  }

  const server = http.createServer({ keepAliveTimeout: 60_000, noDelay: true }, (incoming, outgoing) => {
    relay(incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  server.on('connection', (socket) => {
    connectionCount += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    if (isDown) socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');
  const closeAll = () => {
    for (const socket of sockets) socket.destroy();
  };

  return {
    url: `http://127.0.0.1:${address.port}`,
    commands,
    connectionCount: () => connectionCount,
    reset() {
      commands.length = 0;
      connectionCount = 0;
    },
    dropNextAnswers(count) {
      answersToDrop = count;
    },
    down(value) {
      isDown = value;
      if (value) closeAll();
    },
    hang(value) {
      isHung = value;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        closeAll();
        agent.destroy();
      }),
  };
}

function commandsIn(path: string | undefined, body: Buffer): string[][] {
  const json: unknown = JSON.parse(body.toString('utf8'));
  return path === '/' ? [command.parse(json)] : batch.parse(json);
}
