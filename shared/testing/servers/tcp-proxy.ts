import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  /** `host:port`. */
  readonly host: string;
  /** While down, closes every connection, also open ones. */
  down(isDown: boolean): void;
  close(): Promise<void>;
}

/** A proxy on loopback in front of a server that all test files share, so that a test can make it unreachable. */
export async function tcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(`http://${target}`);
  const sockets = new Set<Socket>();
  let isDown = false;

  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((incoming) => {
    keep(incoming);
    if (isDown) {
      incoming.destroy();
      return;
    }
    const outgoing = keep(connect(Number(port), hostname));
    incoming.pipe(outgoing).pipe(incoming);
    incoming.on('close', () => outgoing.destroy());
    outgoing.on('close', () => incoming.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');
  const closeAll = () => {
    for (const socket of sockets) socket.destroy();
  };

  return {
    host: `127.0.0.1:${address.port}`,
    down(value) {
      isDown = value;
      if (value) closeAll();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        closeAll();
      }),
  };
}
