import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

export interface SilentServer extends AsyncDisposable {
  /** `host:port`. */
  readonly host: string;
  readonly port: number;
}

/** Accepts connections on loopback and sends nothing. */
export async function silentServer(): Promise<SilentServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');
  return {
    host: `127.0.0.1:${address.port}`,
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
