import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** An echo server, and what it has received. */
let server: net.Server;
let received: string[];
let proxy: TcpProxy;

beforeEach(async () => {
  received = [];
  server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (piece) => {
      received.push(piece.toString());
      server.emit('received');
      socket.write(piece);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');
  proxy = await startTcpProxy(address.port);
});
afterEach(async () => {
  await proxy.close();
  server.close();
});

async function connected(): Promise<Socket> {
  const socket = net.connect({ host: '127.0.0.1', port: proxy.port, noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

async function echo(socket: Socket, piece: string): Promise<string> {
  const answered = once(socket, 'data');
  socket.write(piece);
  const [answer] = await answered;
  return String(answer);
}

const closed = (socket: Socket): Promise<unknown> =>
  socket.closed ? Promise.resolve() : once(socket, 'close');

describe('the TCP proxy', () => {
  test('passes data on by default', async () => {
    const socket = await connected();
    expect(await echo(socket, 'one')).toBe('one');
    expect(await echo(socket, 'two')).toBe('two');
    expect(proxy.harm).toEqual({ connectionsCut: 0, answersLost: 0, piecesDelayed: 0 });
    socket.destroy();
  });

  test('cuts open connections, and accepts new ones', async () => {
    const sockets = [await connected(), await connected()];
    await Promise.all(sockets.map((socket) => echo(socket, 'here')));
    proxy.cut();
    await Promise.all(sockets.map(closed));
    expect(proxy.harm.connectionsCut).toBe(2);
    const socket = await connected();
    expect(await echo(socket, 'again')).toBe('again');
    socket.destroy();
  });

  test('drops a response after the server handled the request', async () => {
    const socket = await connected();
    proxy.loseAnswers(true);
    socket.write('lost');
    await closed(socket);
    expect(received).toEqual(['lost']);
    expect(proxy.harm.answersLost).toBe(1);
    proxy.loseAnswers(false);
    const next = await connected();
    expect(await echo(next, 'found')).toBe('found');
    next.destroy();
  });

  test('delivers delayed data in order, even after the delay ends and the sender closes', async () => {
    const socket = await connected();
    expect(await echo(socket, 'early')).toBe('early');
    proxy.delay(60);
    const answers: string[] = [];
    socket.on('data', (piece) => answers.push(piece.toString()));
    socket.write('late');
    await expect.poll(() => proxy.harm.piecesDelayed).toBe(1);
    expect(received).toEqual(['early']);
    proxy.delay(0);
    socket.end(' and later');
    await expect.poll(() => received.join('')).toBe('earlylate and later');
    expect(proxy.harm.piecesDelayed).toBe(1);
  });

  test('refuses connections while it is shut', async () => {
    const open = await connected();
    await echo(open, 'here');
    proxy.shut(true);
    await closed(open);
    await closed(await connected());
    proxy.shut(false);
    const socket = await connected();
    expect(await echo(socket, 'again')).toBe('again');
    socket.destroy();
  });

  test('closes connections while the server is down', async () => {
    server.close();
    await closed(await connected());
  });
});
