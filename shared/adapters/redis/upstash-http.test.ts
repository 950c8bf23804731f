import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Unavailable } from '../../errors.ts';
import { startEmbeddedRedis } from '../../local/redis/embedded-redis.ts';
import { startUpstashServer } from '../../local/redis/upstash-server.ts';
import { countingProxy } from '../../testing/servers/counting-proxy.ts';
import { answering, opened, serving, TOKEN } from '../../testing/servers/redis-over-http.ts';
import { prepareScript } from './script.ts';
import type { HttpRequesterOptions } from './upstash-http.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

describe('a request', () => {
  test('sends one command, always on the same connection', async () => {
    const { redis, proxy } = await redisBehindProxy();
    for (let n = 0; n < 20; n += 1) await redis.set('k', `${n}`);
    expect(proxy.commands).toHaveLength(20);
    expect(proxy.connectionCount()).toBe(1);
  });

  test('opens at most maxSockets connections for concurrent requests', async () => {
    const { redis, proxy } = await redisBehindProxy({ maxSockets: 3 });
    const values = await Promise.all([...Array(50).keys()].map(() => redis.incr('n')));
    expect(values.map(Number).toSorted((a, b) => a - b)).toEqual([...Array(50).keys()].map((n) => n + 1));
    expect(proxy.connectionCount()).toBe(3);
  });

  test('runs a known script as exactly one EVALSHA, and an unknown one as EVALSHA and EVAL', async () => {
    const { redis, proxy } = await redisBehindProxy();
    const script = prepareScript(redis, 'return ARGV[1]');
    expect(await script([], ['first'])).toBe('first');
    expect(proxy.commands.map(([verb]) => verb)).toEqual(['EVALSHA', 'EVAL']);
    proxy.reset();
    expect(await script([], ['second'])).toBe('second');
    expect(proxy.commands.map(([verb]) => verb)).toEqual(['EVALSHA']);
  });

  test("returns Upstash's sync token, so that a reader sees its own writes", async () => {
    const received: unknown[] = [];
    const url = await serving((response, request) => {
      received.push(request.headers['upstash-sync-token']);
      response.setHeader('upstash-sync-token', `after-${received.length}`).end('{"result":null}');
    });
    const redis = opened(url);
    await redis.get('k');
    await redis.get('k');
    expect(received).toEqual(['', 'after-1']);
  });

  test('supports a URL with a path', async () => {
    const paths: unknown[] = [];
    const url = await serving((response, { url: path }) => {
      paths.push(path);
      response.end('{"result":1}');
    });
    const redis = opened(`${url}/tenant/`);
    await redis.get('k');
    expect(paths).toEqual(['/tenant']);
  });

  test('lets the process end while its connections are idle', async () => {
    const { proxy } = await redisBehindProxy();
    const requester = fileURLToPath(new URL('./upstash-http.ts', import.meta.url));
    const program = `
      const { httpRequester } = await import(${JSON.stringify(requester)});
      const requester = httpRequester({ url: process.env.URL, token: process.env.TOKEN });
      process.stdout.write(await requester.command(['PING']));`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      env: { ...process.env, URL: proxy.url, TOKEN },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 10_000,
    });
    const output: unknown[] = [];
    child.stdout.on('data', (text) => output.push(`${text}`));
    const [code] = await once(child, 'exit');
    expect({ code, output }).toEqual({ code: 0, output: ['PONG'] });
  });
});

describe('a lost connection', () => {
  test('is handled by one retry', async () => {
    const { redis, proxy } = await redisBehindProxy();
    await redis.set('k', 'kept');
    proxy.reset();
    proxy.dropNextAnswers(1);
    expect(await redis.get('k')).toBe('kept');
    expect(proxy.commands).toEqual([
      ['GET', 'k'],
      ['GET', 'k'],
    ]);
  });

  test('never causes a third attempt', async () => {
    const { redis, proxy } = await redisBehindProxy();
    proxy.dropNextAnswers(5);
    await expect(redis.incr('n')).rejects.toThrow(Unavailable);
    expect(proxy.commands).toHaveLength(2);
    proxy.dropNextAnswers(0);
    expect(await redis.get('n')).toBe('2');
  });

  test('costs only one retry, even if every idle connection is lost too', async () => {
    const { redis, proxy } = await redisBehindProxy();
    await Promise.all([...Array(10).keys()].map(() => redis.incr('n')));
    expect(proxy.connectionCount()).toBeGreaterThan(1);
    proxy.reset();
    proxy.dropNextAnswers(1);
    expect(await redis.get('n')).toBe('10');
    expect(proxy.commands).toHaveLength(2);
    // A new connection, not another idle one.
    expect(proxy.connectionCount()).toBe(1);
  });

  test('in the middle of a response is handled in the same way', async () => {
    let requests = 0;
    const url = await serving((response) => {
      requests += 1;
      response.writeHead(200, { 'content-length': 100 }).write('{"result":');
      setTimeout(() => response.destroy(), 20);
    });
    await expect(opened(url).get('k')).rejects.toThrow(Unavailable);
    expect(requests).toBe(2);
  });

  test('to a server that is down is Unavailable at once, and the client works again once it is up', async () => {
    const { redis, proxy } = await redisBehindProxy();
    await redis.set('k', 'kept');
    proxy.reset();
    proxy.down(true);
    await expect(redis.get('k')).rejects.toThrow(Unavailable);
    proxy.reset();
    await expect(redis.get('k')).rejects.toThrow(Unavailable);
    expect(proxy.connectionCount()).toBe(2);
    expect(proxy.commands).toEqual([]);
    proxy.down(false);
    expect(await redis.get('k')).toBe('kept');
  });

  test('to an address without a server is Unavailable long before the deadline', async () => {
    const { proxy } = await redisBehindProxy();
    await proxy.close();
    const startedAtMs = performance.now();
    await expect(opened(proxy.url, { timeoutMs: 20_000 }).get('k')).rejects.toThrow(/ECONNREFUSED/);
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  });
});

describe('a server that does not answer', () => {
  test('is Unavailable at the deadline, without a retry', async () => {
    const { redis, proxy } = await redisBehindProxy({ timeoutMs: 200 });
    proxy.hang(true);
    const startedAtMs = performance.now();
    await expect(redis.get('k')).rejects.toThrow(/no answer within 200 ms/);
    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
    expect(proxy.commands).toHaveLength(1);
    proxy.hang(false);
    // A busy machine may need more than 200 ms.
    await vi.waitFor(async () => expect(await redis.get('k')).toBeNull(), 10_000);
  });

  test('gets no new deadline for a retry', async () => {
    let requests = 0;
    const url = await serving((response) => {
      requests += 1;
      if (requests === 1) setTimeout(() => response.destroy(), 600);
    });
    const startedAtMs = performance.now();
    await expect(opened(url, { timeoutMs: 1_000 }).get('k')).rejects.toThrow(/no answer within/);
    expect(requests).toBe(2);
    expect(performance.now() - startedAtMs).toBeLessThan(1_500);
  });

  test('is Unavailable also if the response has begun, or if no connection is free', async () => {
    const url = await serving((response) => response.writeHead(200).write('{"result":'));
    const redis = opened(url, { timeoutMs: 200, maxSockets: 1 });
    const outcomes = await Promise.allSettled([redis.get('a'), redis.get('b')]);
    expect(outcomes).toEqual(Array(2).fill({ status: 'rejected', reason: expect.any(Unavailable) }));
  });
});

test("no error contains the token or the command's arguments", async () => {
  const { redis, proxy } = await redisBehindProxy({ timeoutMs: 200 });
  const causes = [
    () => proxy.dropNextAnswers(2),
    () => proxy.hang(true),
    () => {
      proxy.hang(false);
      proxy.down(true);
    },
  ];
  const errors: unknown[] = [await failureOf(() => prepareScript(redis, 'return no.such')([], ['SECRET']))];
  for (const cause of causes) {
    cause();
    errors.push(await failureOf(() => redis.set('k', 'SECRET')));
  }
  const quoting = "ERR unknown command 'NOPE', with args beginning with: 'SECRET' 'SECRET'";
  for (const url of [
    await answering(400, { error: quoting }),
    await serving((response) => response.end('SECRET')),
    await serving((response) => response.writeHead(500).end(TOKEN)),
  ]) {
    errors.push(await failureOf(() => opened(url).get('SECRET')));
  }
  for (const error of errors) {
    expect(error).toBeInstanceOf(Error);
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      expect(`${cause.message} ${cause.stack}`).not.toMatch(/SECRET|a-secret-token/);
    }
  }
});

async function redisBehindProxy(options: Partial<HttpRequesterOptions> = {}) {
  const backend = await startEmbeddedRedis();
  const front = await startUpstashServer({ backend, token: TOKEN });
  const proxy = await countingProxy(front.url);
  closers.push(
    () => backend.close(),
    () => front.close(),
    () => proxy.close(),
  );
  return { redis: opened(proxy.url, options), proxy };
}

async function failureOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    return error;
  }
}
