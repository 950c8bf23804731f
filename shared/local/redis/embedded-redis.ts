import net, { type Socket } from 'node:net';
import type { RedisLuaRuntime } from 'js-redis-server/core';

const HOST = '127.0.0.1';

/**
 * Scripts leave nothing behind in Lua, so that all embedded Redis of a process share it: to compile and start it takes
 * longer than most tests.
 */
let lua: Promise<RedisLuaRuntime> | undefined;

/**
 * A Redis inside this process, for development and tests on a machine without Redis. It starts empty and loses its data
 * at `close`. It behaves like Redis 6.2, the version that Upstash documents, so that a newer command fails here first.
 * It is fast enough for hundreds of sessions per license, not for load tests.
 */
export async function startEmbeddedRedis(): Promise<{
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}> {
  // Imported here because production never needs it. The library's own server listens on every interface, without a
  // password; this one listens on loopback only and passes its connections on.
  const redis = await import('js-redis-server/core');
  const compatibility = redis.resolveCompatibilityProfile('redis-6.2');
  const state = new redis.RedisServerState({ databaseCount: 16, compatibility });
  state.getLuaRuntime = () => {
    lua ??= redis.createRedisLuaRuntime(compatibility);
    return lua;
  };
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
