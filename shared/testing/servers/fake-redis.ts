import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import RespParser from 'redis-parser';
import { onTestFinished } from 'vitest';

export interface FakeRedis {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /**
   * Every command in order of arrival, its name in capitals, with the number of its connection, from 1. Without the INFO
   * and CLIENT SETNAME by which iovalkey opens a connection: they are accepted.
   */
  readonly commands: readonly { readonly connection: number; readonly words: readonly string[] }[];
  connectionCount(): number;
  /** Connections that are open now. */
  openCount(): number;
  close(): Promise<void>;
}

/** The bytes of a reply, such as `+OK\r\n`; `undefined` to send none. It can also do something to the connection. */
type Respond = (words: readonly string[], socket: Socket) => string | undefined;

/** A server on loopback that speaks the Redis protocol and answers with `respond`. It is closed when the test ends. */
export async function fakeRedis(respond: Respond, atPort = 0): Promise<FakeRedis> {
  const sockets = new Set<Socket>();
  const commands: { connection: number; words: string[] }[] = [];
  let connections = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    const connection = connections;
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    const parser = new RespParser({
      returnReply([name = '', ...args]: string[]) {
        const words = [name.toUpperCase(), ...args];
        if (words[0] === 'INFO') return void socket.write('$0\r\n\r\n');
        if (words[0] === 'CLIENT') return void socket.write('+OK\r\n');
        commands.push({ connection, words });
        const bytes = respond(words, socket);
        if (bytes !== undefined) socket.write(bytes);
      },
      returnError: () => socket.destroy(),
    });
    socket.on('data', (bytes) => parser.execute(bytes));
  });
  server.listen(atPort, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  onTestFinished(close);
  return {
    host: '127.0.0.1',
    port: address.port,
    url: `redis://127.0.0.1:${address.port}`,
    commands,
    connectionCount: () => connections,
    openCount: () => sockets.size,
    close,
  };
}
