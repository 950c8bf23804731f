import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Unavailable } from '../../errors.ts';
import { startEmbeddedRedis } from '../../local/redis/embedded-redis.ts';
import { ABOUT_THE_COMMAND, CANNOT_SERVE } from '../../testing/contracts/redis-errors.ts';
import { describeReal } from '../../testing/real-parts.ts';
import { type FakeRedis, fakeRedis } from '../../testing/servers/fake-redis.ts';
import { withMethods } from '../../testing/servers/redis-over-http.ts';
import { RedisError } from './engine.ts';
import { type RedisProtocolOptions, redisEngine } from './redis-protocol.ts';
import { prepareScript } from './script.ts';

function opened(url: string, options: Partial<RedisProtocolOptions> = {}) {
  return withMethods(redisEngine({ url, ...options }));
}

async function embedded(): Promise<string> {
  const server = await startEmbeddedRedis();
  onTestFinished(() => server.close());
  return `redis://${server.host}:${server.port}`;
}

const wordsOf = ({ commands }: FakeRedis): string[] => commands.map(({ words }) => words.join(' '));

describe('a command', () => {
  test('shares one connection with all others, and gets its own reply', async () => {
    const server = await fakeRedis(() => `:${server.commands.length}\r\n`);
    const redis = opened(server.url);
    const replies = await Promise.all([...Array(50).keys()].map(() => redis.incr('n')));
    expect(replies).toEqual([...Array(50).keys()].map((i) => i + 1));
    expect(server.connectionCount()).toBe(1);
  });

  test.each(['123', '007', 'true', 'null', '', 'OK', 'çé 雪🎟\r\n"\\', '18446744073709551616'])(
    'stores and returns %j as unchanged text',
    async (text) => {
      const redis = opened(await embedded());
      expect(await redis.set('k', text)).toBe('OK');
      expect(await redis.get('k')).toBe(text);
      expect(await prepareScript(redis, 'return {ARGV[1], {1, false}}')([], [text])).toEqual([
        text,
        [1, null],
      ]);
    },
  );

  test.each(CANNOT_SERVE)('answered by %j is Unavailable', async (error) => {
    const server = await fakeRedis(() => `-${error}\r\n`);
    await expect(opened(server.url).get('k')).rejects.toThrow(Unavailable);
    expect(server.commands).toHaveLength(1);
  });

  test.each(ABOUT_THE_COMMAND)('answered by %j is an error about the command', async (error) => {
    const server = await fakeRedis(() => `-${error}\r\n`);
    await expect(opened(server.url).get('k')).rejects.toThrow(new RedisError(error));
  });

  test.each(['HTTP/1.1 400 Bad Request\r\n', '?what\r\n', '+MINE\r\n+FOREIGN\r\n'])(
    'answered by the bytes %j costs the connection, not the reply to another command',
    async (bytes) => {
      const server = await fakeRedis((words) => (words[1] === 'bad' ? bytes : '+GOOD\r\n'));
      const redis = opened(server.url);
      await redis.get('bad').catch((error: unknown) => expect(error).toBeInstanceOf(Unavailable));
      expect(await redis.get('k')).toBe('GOOD');
      expect(server.connectionCount()).toBe(2);
      await vi.waitUntil(() => server.openCount() === 1);
    },
  );

  test('lets the process end while its connection is idle', async () => {
    const engine = fileURLToPath(new URL('./redis-protocol.ts', import.meta.url));
    const program = `
      const { redisEngine } = await import(${JSON.stringify(engine)});
      process.stdout.write(await redisEngine({ url: process.env.URL }).command(['PING']));`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      env: { ...process.env, URL: await embedded() },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 10_000,
    });
    const output: unknown[] = [];
    child.stdout.on('data', (text) => output.push(`${text}`));
    const [code] = await once(child, 'exit');
    expect({ code, output }).toEqual({ code: 0, output: ['PONG'] });
  });

  test('after the engine is closed is Unavailable, and so are those in flight', async () => {
    const server = await fakeRedis(() => undefined);
    const redis = opened(server.url);
    const inFlight = redis.get('k').catch((error: unknown) => error);
    await vi.waitUntil(() => server.commands.length > 0);
    redis.close();
    expect(await inFlight).toBeInstanceOf(Unavailable);
    await expect(redis.get('k')).rejects.toThrow(Unavailable);
    await vi.waitUntil(() => server.openCount() === 0);
  });
});

describe('a script', () => {
  test('is one EVALSHA, and an EVAL after it where the server does not know it', async () => {
    const server = await fakeRedis(([name]) => (name === 'EVAL' ? '+RAN\r\n' : '-NOSCRIPT No\r\n'));
    const script = prepareScript(opened(server.url), 'return 1');
    expect(await script(['k'], ['a'])).toBe('RAN');
    expect(wordsOf(server)).toEqual([
      'EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 k a',
      'EVAL return 1 1 k a',
    ]);
  });

  test('has one deadline and one retry for both commands', async () => {
    const server = await fakeRedis(([name], socket) => {
      if (name === 'EVALSHA' && server.connectionCount() > 1) return '-NOSCRIPT No\r\n';
      socket.destroy();
      return undefined;
    });
    await expect(prepareScript(opened(server.url), 'return 1')([], [])).rejects.toThrow(Unavailable);
    expect(server.commands.map(({ words }) => words[0])).toEqual(['EVALSHA', 'EVALSHA', 'EVAL']);
  });
});

describe('a lost connection', () => {
  test('is handled by one retry on a new one', async () => {
    const server = await fakeRedis((_, socket) => {
      if (server.connectionCount() > 1) return '+KEPT\r\n';
      socket.destroy();
      return undefined;
    });
    expect(await opened(server.url).get('k')).toBe('KEPT');
    expect(wordsOf(server)).toEqual(['GET k', 'GET k']);
  });

  test('never causes a third attempt, for any of many commands', async () => {
    const server = await fakeRedis((_, socket) => void socket.destroy());
    const redis = opened(server.url);
    const outcomes = await Promise.allSettled([...Array(20).keys()].map((n) => redis.get(`k${n}`)));
    expect(outcomes).toEqual(Array(20).fill({ status: 'rejected', reason: expect.any(Unavailable) }));
    const times = Map.groupBy(wordsOf(server), (words) => words);
    expect(Math.max(...[...times.values()].map(({ length }) => length))).toBeLessThanOrEqual(2);
  });

  test('to a server that is down is Unavailable at once, and the client works again once it is up', async () => {
    const first = await fakeRedis(() => '+FIRST\r\n');
    const redis = opened(first.url, { timeoutMs: 20_000 });
    expect(await redis.get('k')).toBe('FIRST');
    await first.close();
    const startedAtMs = performance.now();
    await expect(redis.get('k')).rejects.toThrow(/ECONNREFUSED/);
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    await fakeRedis(() => '+SECOND\r\n', first.port);
    expect(await redis.get('k')).toBe('SECOND');
  });
});

describe('a server that does not answer', () => {
  test('is Unavailable at the deadline, without a retry', async () => {
    const server = await fakeRedis(() => undefined);
    const startedAtMs = performance.now();
    await expect(opened(server.url, { timeoutMs: 200 }).get('k')).rejects.toThrow(/no answer within 200 ms/);
    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
    expect(server.commands).toHaveLength(1);
  });

  test('gets no new deadline for a retry', async () => {
    const server = await fakeRedis((_, socket) => {
      if (server.connectionCount() === 1) setTimeout(() => socket.destroy(), 600);
      return undefined;
    });
    const startedAtMs = performance.now();
    await expect(opened(server.url, { timeoutMs: 1_000 }).get('k')).rejects.toThrow(/no answer within/);
    expect(server.commands).toHaveLength(2);
    expect(performance.now() - startedAtMs).toBeLessThan(1_500);
  });

  test('gets no further command on the connection, whose late replies belong to nobody', async () => {
    const held: net.Socket[] = [];
    const server = await fakeRedis((words, socket) => {
      if (server.connectionCount() > 1) return `+${words[1]}\r\n`;
      held.push(socket);
      return undefined;
    });
    const redis = opened(server.url, { timeoutMs: 300 });
    await expect(redis.get('late')).rejects.toThrow(Unavailable);
    held[0]?.write('+LATE\r\n');
    expect(await redis.get('second')).toBe('second');
    expect(await redis.get('third')).toBe('third');
    expect(server.commands.map(({ connection }) => connection)).toEqual([1, 2, 2]);
    await vi.waitUntil(() => server.openCount() === 1);
  });

  test('is Unavailable also if it accepts no connection', async () => {
    // It accepts none beyond its backlog.
    const server = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const redis = opened(`redis://:secret@127.0.0.1:${port}`, { timeoutMs: 200 });
    await expect(redis.get('k')).rejects.toThrow(/no answer within 200 ms/);
  });
});

describe('user, password and database of the URL', () => {
  const url = ({ port }: FakeRedis) => `redis://us%3Aer:p%40ss@127.0.0.1:${port}/3`;

  test('are sent before any command', async () => {
    const server = await fakeRedis(() => '+OK\r\n');
    await opened(url(server)).set('k', 'v');
    expect(server.commands.map(({ words }) => words)).toEqual([
      ['AUTH', 'us:er', 'p@ss'],
      ['SELECT', '3'],
      ['SET', 'k', 'v'],
    ]);
  });

  test.each([
    ['AUTH', '-WRONGPASS invalid username-password pair or user is disabled.', 'Redis answered WRONGPASS'],
    ['AUTH', '-ERR AUTH <password> called without any password', 'Redis refused AUTH'],
    ['SELECT', '-ERR DB index is out of range', 'Redis refused SELECT'],
  ])(
    'make every call Unavailable, and no command is sent, where %s is refused with %j',
    async (refused, reply, because) => {
      const server = await fakeRedis(([name]) => (name === refused ? `${reply}\r\n` : '+OK\r\n'));
      await expect(opened(url(server)).set('k', 'v')).rejects.toThrow(new Unavailable('seats', because));
      expect(wordsOf(server)).not.toContain('SET k v');
    },
  );

  test('are in no error, and neither are arguments', async () => {
    const quoting = "ERR unknown command 'NOPE', with args beginning with: 'SECRET' 'SECRET'";
    const servers = await Promise.all([
      fakeRedis((_, socket) => void socket.destroy()),
      fakeRedis(() => undefined),
      fakeRedis(([name]) => (name === 'AUTH' ? '-ERR wrong user SECRET\r\n' : '+OK\r\n')),
      fakeRedis(([name]) => (name === 'AUTH' ? '+OK\r\n' : `-${quoting}\r\n`)),
    ]);
    for (const { port } of servers) {
      const redis = opened(`redis://SECRET:SECRET@127.0.0.1:${port}`, { timeoutMs: 200 });
      const error = await redis.set('k', 'SECRET').catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(Error);
      for (let cause = error; cause instanceof Error; cause = cause.cause)
        expect(`${cause.message} ${cause.stack}`).not.toContain('SECRET');
    }
  });
});

test('a primary that became a replica is left, so that its name can lead to the new one', async () => {
  const server = await fakeRedis(() =>
    server.connectionCount() === 1 ? "-READONLY You can't write against a read only replica.\r\n" : '+OK\r\n',
  );
  const redis = opened(server.url);
  await expect(redis.set('k', 'v')).rejects.toMatchObject({ name: 'Unavailable', redisLimit: 'read-only' });
  expect(await redis.set('k', 'v')).toBe('OK');
});

describe('a cluster', () => {
  test('that is configured as a single server names the setting', async () => {
    const server = await fakeRedis(() => '-MOVED 866 127.0.0.1:1\r\n');
    await expect(opened(server.url).get('k')).rejects.toThrow(/REDIS_CLUSTER=true/);
  });

  /** A row of the same number of slots for each port. */
  const slotsAt = (...ports: number[]): string => {
    const rows = ports.map((port, n) => {
      const [first, end] = [n, n + 1].map((each) => (each * 16_384) / ports.length);
      return `*3\r\n:${first}\r\n:${Number(end) - 1}\r\n*2\r\n$9\r\n127.0.0.1\r\n:${port}\r\n`;
    });
    return `*${ports.length}\r\n${rows.join('')}`;
  };
  const SLOT_OF_K = 7_629;

  test('is asked once for its slots, then each command is sent to the primary of its slot', async () => {
    const primary = await fakeRedis(() => '+PRIMARY\r\n');
    const seed = await fakeRedis(() => slotsAt(primary.port));
    const redis = opened(seed.url, { isCluster: true });
    expect(await Promise.all([redis.get('a'), redis.get('b')])).toEqual(['PRIMARY', 'PRIMARY']);
    expect(wordsOf(seed)).toEqual(['CLUSTER SLOTS']);
    expect(wordsOf(primary)).toEqual(['GET a', 'GET b']);
  });

  test('gets a command again where it says that the slot is, and the next one there at once', async () => {
    const next = await fakeRedis(([name]) => (name === 'CLUSTER' ? slotsAt(next.port) : '+NEXT\r\n'));
    let owner: FakeRedis;
    const server = await fakeRedis(([name]) => {
      if (name === 'CLUSTER') return slotsAt(owner.port);
      owner = next;
      return `-MOVED ${SLOT_OF_K} 127.0.0.1:${next.port}\r\n`;
    });
    owner = server;
    const redis = opened(server.url, { isCluster: true });
    expect(await redis.get('k')).toBe('NEXT');
    expect(await redis.get('k')).toBe('NEXT');
    expect(wordsOf(server).filter((words) => words === 'GET k')).toHaveLength(1);
    expect(wordsOf(next).filter((words) => words === 'GET k')).toHaveLength(2);
  });

  test('gets ASKING with a command whose key is on its way to another node, for this command alone', async () => {
    const next = await fakeRedis(() => '+NEXT\r\n');
    let isMoving = true;
    const server = await fakeRedis(([name]) => {
      if (name === 'CLUSTER') return slotsAt(server.port);
      return isMoving ? `-ASK ${SLOT_OF_K} 127.0.0.1:${next.port}\r\n` : '+HERE\r\n';
    });
    const redis = opened(server.url, { isCluster: true });
    expect(await redis.get('k')).toBe('NEXT');
    isMoving = false;
    expect(await redis.get('k')).toBe('HERE');
    expect(wordsOf(next)).toEqual(['ASKING', 'GET k']);
  });

  test('whose nodes send a command in circles is Unavailable', async () => {
    const server = await fakeRedis(([name]) =>
      name === 'CLUSTER' ? slotsAt(server.port) : `-MOVED ${SLOT_OF_K} 127.0.0.1:${server.port}\r\n`,
    );
    await expect(opened(server.url, { isCluster: true }).get('k')).rejects.toThrow(Unavailable);
    expect(wordsOf(server).filter((words) => words === 'GET k')).toHaveLength(6);
  });

  test('whose nodes all hang is found again at the address of the URL, also under load', async () => {
    const hanging = new Set<FakeRedis>();
    const nodes: FakeRedis[] = [];
    for (const name of ['LOW', 'HIGH', 'NEXT']) {
      const node = await fakeRedis(() => (hanging.has(node) ? undefined : `+${name}\r\n`));
      nodes.push(node);
    }
    const [low, high, next] = nodes as [FakeRedis, FakeRedis, FakeRedis];
    const seed = await fakeRedis(() =>
      slotsAt(...(hanging.size === 0 ? [low.port, high.port] : [next.port])),
    );
    const redis = opened(seed.url, { isCluster: true, timeoutMs: 300 });
    expect(await Promise.all(['b', 'a'].map((key) => redis.get(key)))).toEqual(['LOW', 'HIGH']);

    const replies: unknown[] = [];
    const send = (key: string) => redis.get(key).then((reply) => replies.push(reply), String);
    const load = setInterval(() => Promise.all(['b', 'a'].map(send)), 20);
    onTestFinished(() => clearInterval(load));
    hanging.add(low);
    // So that there is always a connection to one of them.
    setTimeout(() => hanging.add(high), 150);
    await vi.waitUntil(() => replies.includes('NEXT'), 10_000);
  });

  test('that does not answer is Unavailable at the deadline', async () => {
    const server = await fakeRedis(() => undefined);
    const startedAtMs = performance.now();
    const redis = opened(server.url, { isCluster: true, timeoutMs: 300 });
    await expect(redis.get('k')).rejects.toThrow(Unavailable);
    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
  });

  test.each([
    '*0\r\n',
    '+OK\r\n',
    '*1\r\n*2\r\n:0\r\n:1\r\n',
    '-ERR This instance has cluster support disabled\r\n',
  ])('whose slots are answered by %j is an error, and no command is sent', async (reply) => {
    const server = await fakeRedis(() => reply);
    await expect(opened(server.url, { isCluster: true }).get('k')).rejects.toThrow(Unavailable);
    expect(wordsOf(server)).toEqual(['CLUSTER SLOTS']);
  });
});

describeReal('openssl', 'rediss://', () => {
  let folder: string;
  let redis: Awaited<ReturnType<typeof startEmbeddedRedis>>;
  let server: tls.Server;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'seatlease-tls-'));
    await Promise.all([makeAuthority('ca'), makeAuthority('other')]);
    await signServer('10.0.0.1');
    redis = await startEmbeddedRedis();
    const [key, cert] = await Promise.all([read('server.key'), read('server.pem')]);
    server = tls.createServer({ key, cert }, (incoming) => {
      const outgoing = net.connect(redis.port, redis.host);
      incoming.pipe(outgoing).pipe(incoming);
      incoming.on('error', () => {}).on('close', () => outgoing.destroy());
    });
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(async () => {
    server.close();
    await redis.close();
    await rm(folder, { recursive: true });
  });

  const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: folder });
  const makeAuthority = (name: string) =>
    openssl(
      ...`req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=${name} -keyout ${name}.key -out ${name}.pem`.split(
        ' ',
      ),
    );
  /** As Memorystore does: the name is an address, and not that of the server. */
  async function signServer(name: string): Promise<void> {
    await openssl(
      ...`req -newkey rsa:2048 -nodes -subj /CN=${name} -keyout server.key -out server.csr`.split(' '),
    );
    await openssl(
      ...'x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem'.split(
        ' ',
      ),
    );
  }
  function openedWith(caCertificate: string | undefined) {
    const { port } = server.address() as net.AddressInfo;
    return opened(`rediss://127.0.0.1:${port}`, { caCertificate, timeoutMs: 10_000 });
  }

  test('accepts a server that one of the given authorities has certified, whatever its name', async () => {
    const both = `${await read('other.pem')}${await read('ca.pem')}`;
    expect(await openedWith(both).set('k', 'v')).toBe('OK');
  });

  test('refuses a server that another authority has certified, also without a given one', async () => {
    await expect(openedWith(await read('other.pem')).get('k')).rejects.toThrow(Unavailable);
    await expect(openedWith(undefined).get('k')).rejects.toThrow(/UNABLE_TO_VERIFY_LEAF_SIGNATURE/);
  });
});
