import net, { type Socket } from 'node:net';

const HOST = '127.0.0.1';

/**
 * A Redis inside this process, empty at start and gone at `close`: for development and tests on a machine with
 * nothing installed. It answers as Redis 6.2 does, the version Upstash documents, so that a newer command fails
 * here first. Fit for hundreds of sessions per license, not for load.
 */
export async function startEmbeddedRedis(): Promise<{
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}> {
  // Imported here because production never needs it. Its own server binds every interface, without a password;
  // this one binds loopback and hands over the connections.
  const redis = await import('js-redis-server/core');
  const compatibility = redis.resolveCompatibilityProfile('redis-6.2');
  const state = new redis.RedisServerState({ databaseCount: 16, compatibility });
  const executor = redis.createRedisCommandExecutor({ compatibility });
  const sockets = new Set<Socket>();
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    redis.attachSession(new redis.SocketConnectionTransport(socket), { state, executor });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, HOST, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');

  return {
    host: HOST,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
        state.close();
      }),
  };
}
