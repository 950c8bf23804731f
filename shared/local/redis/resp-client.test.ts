import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ErrorReply, SimpleError } from '@redis/client';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { describeReal } from '../../testing/real-parts.ts';
import { runs } from '../../testing/runs.ts';
import { startRedisServer } from '../../testing/servers/redis-server.ts';
import { startEmbeddedRedis } from './embedded-redis.ts';
import { ConnectionLost, type RespReply, respClient } from './resp-client.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

describe('the client reads', () => {
  const everyKind: RespReply[] = [
    'OK',
    '',
    'a\r\nb',
    'çé 雪🎟',
    '00123',
    -42,
    0,
    1_800_000_000_000_000,
    null,
    [],
    new SimpleError('NOSCRIPT No matching script.'),
    [[1, null, 'x'], new SimpleError('WRONGTYPE no'), [[[]], [['deep']]], ''],
    'x'.repeat(300_000),
  ];

  test('every kind of reply', async () => {
    const wire = Buffer.concat(everyKind.map(encoded));
    expect(await read([wire], everyKind.length)).toEqual(everyKind);
  });

  test('replies without a time limit', async () => {
    const timeout = vi.spyOn(AbortSignal, 'timeout');
    expect(await read([encoded('OK')], 1)).toEqual(['OK']);
    expect(timeout).not.toHaveBeenCalled();
    timeout.mockRestore();
  });

  test('the same replies one byte at a time', async () => {
    const short = everyKind.slice(0, -1);
    const wire = Buffer.concat(short.map(encoded));
    expect(
      await read(
        [...wire].map((byte) => Buffer.of(byte)),
        short.length,
      ),
    ).toEqual(short);
  });

  test('any replies, however the network splits them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyReply, { minLength: 1 }), fc.array(fc.nat()), async (replies, cuts) => {
        const pieces = split(Buffer.concat(replies.map(encoded)), cuts);
        expect(await read(pieces, replies.length)).toEqual(replies);
      }),
      { numRuns: runs(20, 500) },
    );
  });

  test('a null list and a null string as null, and simple strings as strings', async () => {
    expect(await read([Buffer.from('*-1\r\n$-1\r\n+PONG\r\n:+7\r\n')], 4)).toEqual([null, null, 'PONG', 7]);
  });

  /** The replies to `count` commands, from a server that sends them in these pieces. */
  async function read(pieces: readonly Buffer[], count: number): Promise<RespReply[]> {
    const server = await fakeServer((socket) => {
      socket.setNoDelay(true);
      socket.once('data', async () => {
        for (const piece of pieces) {
          socket.write(piece);
          await nextTurn();
        }
      });
    });
    const client = opened(server.port);
    const replies = await client.pipeline(Array.from({ length: count }, () => ['ASK']));
    client.close();
    await server.close();
    return replies;
  }
});

describe('the client of a server that misbehaves', () => {
  test('keeps replies in the order of the commands when many are in flight', async () => {
    const { port } = await fakeServer((socket) => socket.write(':1\r\n:2\r\n:3\r\n'));
    const client = opened(port);
    expect(await Promise.all([client.command(['A']), client.command(['B']), client.command(['C'])])).toEqual([
      1, 2, 3,
    ]);
  });

  test('rejects commands in flight when the connection is lost, and never resends them', async () => {
    let connections = 0;
    const received: string[] = [];
    const { port } = await fakeServer((socket) => {
      connections += 1;
      socket.on('data', (bytes) => {
        received.push(bytes.toString());
        if (connections === 1) socket.destroy();
        else socket.write('+OK\r\n');
      });
    });
    const client = opened(port);
    await expect(client.command(['LOST'])).rejects.toThrow(ConnectionLost);
    expect(await client.command(['NEXT'])).toBe('OK');
    expect(connections).toBe(2);
    expect(received).toEqual(['*1\r\n$4\r\nLOST\r\n', '*1\r\n$4\r\nNEXT\r\n']);
  });

  test.each(['HTTP/1.1 400 Bad Request\r\n', '?what\r\n'])(
    'closes a connection that sends bytes that are not RESP: %j',
    async (bytes) => {
      const { port } = await fakeServer((socket) => socket.write(bytes));
      await expect(opened(port).command(['PING'])).rejects.toThrow(ConnectionLost);
    },
  );

  test('closes a connection that sends more replies than there were commands', async () => {
    let connections = 0;
    const { port } = await fakeServer((socket) => {
      connections += 1;
      socket.on('data', () => socket.write('+MINE\r\n+FOREIGN\r\n'));
    });
    const client = opened(port);
    expect(await client.command(['PING'])).toBe('MINE');
    expect(await client.command(['PING'])).toBe('MINE');
    expect(connections).toBe(2);
  });

  test('reports a refused connection, and connects when a server is up', async () => {
    const first = await fakeServer(() => {});
    await first.close();
    const client = opened(first.port);
    await expect(client.command(['PING'])).rejects.toThrow(ConnectionLost);
    await fakeServer((socket) => socket.on('data', () => socket.write('+PONG\r\n')), first.port);
    expect(await client.command(['PING'])).toBe('PONG');
  });

  test('sends no command before the server has accepted the password and the database', async () => {
    const received: string[] = [];
    const { port } = await fakeServer((socket) => {
      socket.on('data', (bytes) => {
        received.push(bytes.toString());
        socket.write('+OK\r\n-ERR DB index is out of range\r\n');
      });
    });
    const client = opened(port, { password: 'secret', db: 99 });
    await expect(client.command(['SET', 'k', 'v'])).rejects.toThrow(/DB index is out of range/);
    expect(received.join('')).not.toContain('SET\r\n');
  });

  test('rejects commands in flight and all later ones once it is closed', async () => {
    const { port } = await fakeServer(() => {});
    const client = opened(port);
    const waiting = client.command(['PING']);
    const rejected = expect(waiting).rejects.toThrow(ConnectionLost);
    client.close();
    await rejected;
    await expect(client.command(['PING'])).rejects.toThrow(ConnectionLost);
  });
});

describe('the client of embedded Redis', () => {
  suite(async () => {
    const server = await startEmbeddedRedis();
    closers.push(() => server.close());
    return server;
  });
});

describeReal('redis-server', 'the client of Redis', () => {
  suite(async () => {
    const server = await startRedisServer();
    closers.push(() => server.stop());
    return server;
  });

  test('authenticates by password, with or without a user name, and uses the configured database', async () => {
    const server = await startRedisServer();
    closers.push(() => server.stop());
    const admin = opened(server.port);
    expect(await admin.command(['CONFIG', 'SET', 'requirepass', 'sesame'])).toBe('OK');

    await expect(opened(server.port, { password: 'wrong' }).command(['PING'])).rejects.toThrow(/WRONGPASS/);
    const inDb3 = opened(server.port, { username: 'default', password: 'sesame', db: 3 });
    expect(await inDb3.command(['SET', 'k', 'three'])).toBe('OK');
    expect(await opened(server.port, { password: 'sesame' }).command(['GET', 'k'])).toBeNull();
    expect(await opened(server.port, { password: 'sesame', db: 3 }).command(['GET', 'k'])).toBe('three');
  });

  test('reconnects by itself after the server was killed and restarted with its data', async () => {
    const persistent = ['--appendonly', 'yes', '--appendfsync', 'always'];
    const first = await startRedisServer({ args: persistent });
    closers.push(() => first.stop());
    const client = opened(first.port);
    expect(await client.command(['SET', 'k', 'kept'])).toBe('OK');
    await first.kill('SIGKILL');
    await expect(client.command(['GET', 'k'])).rejects.toThrow(ConnectionLost);

    const second = await startRedisServer({ port: first.port, dir: first.dir, args: persistent });
    closers.push(() => second.stop());
    expect(await client.command(['GET', 'k'])).toBe('kept');
  });

  test('reports why a server did not start', async () => {
    await expect(startRedisServer({ args: ['--no-such-setting', '1'] })).rejects.toThrow(/no-such-setting/);
  });
});

function suite(start: () => Promise<{ port: number }>): void {
  test('stores and reads text of any length and script unchanged', async () => {
    const client = opened((await start()).port);
    const long = '雪🎟\r\n'.repeat(200_000);
    expect(await client.command(['SET', 'k', long])).toBe('OK');
    expect(await client.command(['GET', 'k'])).toBe(long);
  });

  test('returns an error reply as a value, also in the middle of a pipeline', async () => {
    const client = opened((await start()).port);
    const replies = await client.pipeline([
      ['SET', 'k', 'text'],
      ['LPUSH', 'k', 'x'],
      ['GET', 'k'],
    ]);
    expect(replies).toEqual(['OK', expect.any(ErrorReply), 'text']);
    expect(replies[1]).toMatchObject({ message: expect.stringMatching(/^WRONGTYPE /) });
  });

  test('reads nested lists, numbers and nulls that a script returns', async () => {
    const client = opened((await start()).port);
    expect(await client.command(['EVAL', "return {1, 'two', {false, {}}, 4}", '0'])).toEqual([
      1,
      'two',
      [null, []],
      4,
    ]);
  });
}

function opened(port: number, more: { username?: string; password?: string; db?: number } = {}) {
  const client = respClient({ host: '127.0.0.1', port, ...more });
  closers.push(() => client.close());
  return client;
}

async function fakeServer(serve: (socket: Socket) => void, port = 0) {
  const sockets = new Set<Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    if (!server.listening) return;
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  };
  closers.push(close);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');
  return { port: address.port, close };
}

const anyReply: fc.Arbitrary<RespReply> = fc.letrec<{ reply: RespReply }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('\r\n', '$3\r\n', ''),
    // 6.3.1 reads the last 48 integers below 2^53 one too small or too large.
    fc.integer({ min: -9e15, max: 9e15 }),
    fc.constant(null),
    fc.constantFrom('ERR no', 'NOSCRIPT x').map((message) => new SimpleError(message)),
    fc.array(tie('reply'), { maxLength: 5 }),
  ),
})).reply;

function encoded(reply: RespReply): Buffer {
  if (reply === null) return Buffer.from('$-1\r\n');
  if (reply instanceof ErrorReply) return Buffer.from(`-${reply.message}\r\n`);
  if (typeof reply === 'number') return Buffer.from(`:${reply}\r\n`);
  if (typeof reply === 'string') return Buffer.from(`$${Buffer.byteLength(reply)}\r\n${reply}\r\n`);
  return Buffer.concat([Buffer.from(`*${reply.length}\r\n`), ...reply.map(encoded)]);
}

function split(bytes: Buffer, cuts: number[]): Buffer[] {
  const points = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  return [...points, bytes.length].map((end, index) => bytes.subarray(points[index - 1] ?? 0, end));
}
