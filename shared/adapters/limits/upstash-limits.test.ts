import { afterEach, describe, expect, test, vi } from 'vitest';
import { Unavailable } from '../../errors.ts';
import { startUpstashServer } from '../../local/redis/upstash-server.ts';
import type { BucketSize, Limits } from '../../ports/limits.ts';
import { limitsContract } from '../../testing/contracts/limits/suite.ts';
import { describeReal } from '../../testing/real-parts.ts';
import {
  CLOCK_KEY,
  embeddedBackend,
  listOf,
  realBackend,
  type SeatsBackend,
  upstashBackend,
} from '../../testing/seats/backend.ts';
import { type CountingProxy, countingProxy } from '../../testing/servers/counting-proxy.ts';
import { answering } from '../../testing/servers/redis-over-http.ts';
import { httpRequester } from '../redis/upstash-http.ts';
import { openLimits } from './upstash-limits.ts';

const TOKEN = 'a-token';
const TEN_A_MINUTE: BucketSize = { requests: 10, windowSeconds: 60 };

const closers: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closers.splice(0).reverse()) await close();
});

async function underTest(backend: SeatsBackend) {
  const [here, there] = [backend.openEngine(), backend.openEngine()];
  return {
    limits: openLimits(here),
    elsewhere: openLimits(there),
    async close() {
      here.close();
      there.close();
      await backend.close();
    },
  };
}

interface BehindProxy {
  readonly limits: Limits;
  readonly proxy: CountingProxy;
  readonly redis: SeatsBackend['redis'];
}

async function behindProxy(backend: SeatsBackend, timeoutMs = 10_000): Promise<BehindProxy> {
  closers.push(() => backend.close());
  const front = await startUpstashServer({ backend, token: TOKEN });
  closers.push(() => front.close());
  const proxy = await countingProxy(front.url);
  closers.push(() => proxy.close());
  return { limits: openLimitsAt(proxy.url, timeoutMs), proxy, redis: backend.redis };
}

function openLimitsAt(url: string, timeoutMs = 10_000): Limits {
  const requester = httpRequester({ url, token: TOKEN, timeoutMs });
  closers.push(() => requester.close());
  return openLimits(requester);
}

/** A real Redis expires keys by its own clock, but these tests take much less time than that. */
function redisSuite(open: () => Promise<SeatsBackend>): void {
  test('a take is one command after the first, also after Redis lost its scripts', async () => {
    const { limits, proxy, redis } = await behindProxy(await open());
    const names = async () => {
      proxy.reset();
      expect(await limits.take('b', TEN_A_MINUTE)).toMatchObject({ verdict: 'ALLOWED' });
      return proxy.commands.map(([name]) => String(name).toUpperCase());
    };
    expect(await names()).toEqual(['EVALSHA', 'EVAL']);
    expect(await names()).toEqual(['EVALSHA']);
    await redis.command(['SCRIPT', 'FLUSH']);
    expect(await names()).toEqual(['EVALSHA', 'EVAL']);
    expect(await names()).toEqual(['EVALSHA']);
  });

  test("a bucket's key expires when the bucket would be full again", async () => {
    const { limits, redis } = await behindProxy(await open());
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    await Promise.all([
      limits.take('one', TEN_A_MINUTE),
      ...Array.from({ length: 12 }, () => limits.take('all', TEN_A_MINUTE)),
    ]);
    const keys = listOf(await redis.command(['KEYS', '*'])).map(String);
    const ours = keys.filter((key) => !key.startsWith(CLOCK_KEY));
    expect(ours.toSorted()).toEqual(['limit:all', 'limit:one']);
    const ttlsMs = await Promise.all(
      ['one', 'all'].map(async (bucket) => Number(await redis.command(['PTTL', `limit:${bucket}`]))),
    );
    for (const [n, fullMs] of [6_000, 60_000].entries()) {
      expect(ttlsMs[n]).toBeGreaterThan(0);
      expect(ttlsMs[n]).toBeLessThanOrEqual(fullMs);
    }
    expect(ttlsMs[1]).toBeGreaterThan(6_000);
  });

  test('another type of value in a bucket’s key is an error and allows no request', async () => {
    const { limits, redis } = await behindProxy(await open());
    await redis.command(['SET', 'limit:b', 'text']);
    const fault = await limits.take('b', TEN_A_MINUTE).catch((caught: unknown) => caught);
    expect(fault).toBeInstanceOf(Error);
    expect(fault).not.toBeInstanceOf(Unavailable);
  });
}

describeReal('redis-server', 'limits on Redis behind the REST API of Upstash', () => {
  limitsContract(async () => underTest(await upstashBackend()));
});

describe('limits on embedded Redis', () => {
  limitsContract(async () => underTest(await embeddedBackend()));
  redisSuite(embeddedBackend);
});

describeReal('redis-server', 'limits on Redis', () => {
  limitsContract(async () => underTest(await realBackend()));
  redisSuite(realBackend);

  test.each([
    ['memory', ['CONFIG', 'SET', 'maxmemory', '1']],
    ['read-only', ['REPLICAOF', '127.0.0.1', '1']],
  ])('without memory or on a replica (%s) no request is counted or allowed', async (redisLimit, refuse) => {
    const { limits, redis } = await behindProxy(await realBackend());
    await redis.command(refuse);
    await expect(limits.take('b', TEN_A_MINUTE)).rejects.toMatchObject({
      name: 'Unavailable',
      part: 'limits',
      redisLimit,
    });
  });
});

describe('without Redis no request is counted or allowed', () => {
  test.each(['down', 'hang'] as const)('%s', async (how) => {
    const { limits, proxy } = await behindProxy(await embeddedBackend());
    await limits.take('b', TEN_A_MINUTE);
    proxy[how](true);
    const fault = await openLimitsAt(proxy.url, 100)
      .take('b', TEN_A_MINUTE)
      .catch((caught: unknown) => caught);
    expect(fault).toBeInstanceOf(Unavailable);
    expect(fault).toMatchObject({ part: 'limits', cause: { part: 'seats' } });
    proxy[how](false);
    expect(await limits.take('b', TEN_A_MINUTE)).toMatchObject({ verdict: 'ALLOWED' });
  });

  test.each([
    ['HTTP 500', 500, {}],
    ['an unreadable response', 200, 'text'],
    ['a Redis that is loading', 200, { error: 'LOADING Redis is loading the dataset in memory' }],
    ['an exceeded quota', 400, { error: 'ERR max daily request limit exceeded' }, 'commands'],
  ])('%s', async (_, status, body, redisLimit = undefined) => {
    const limits = openLimitsAt(await answering(status, body));
    await expect(limits.take('b', TEN_A_MINUTE)).rejects.toMatchObject({
      name: 'Unavailable',
      part: 'limits',
      redisLimit,
    });
  });

  test("even if it takes longer than the library's own timeout", async () => {
    const { limits, proxy } = await behindProxy(await embeddedBackend(), 60_000);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    proxy.hang(true);
    const taken = limits.take('b', TEN_A_MINUTE).catch((caught: unknown) => caught);
    await vi.waitUntil(() => proxy.commands.length > 0);
    // After its own timeout the library would allow every request.
    await vi.advanceTimersByTimeAsync(59_000);
    expect(await Promise.race([taken, 'still waiting'])).toBe('still waiting');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await taken).toBeInstanceOf(Unavailable);
  });
});

test.each([
  ['nothing', null],
  ['too little', [9]],
  ['text', ['9', 'soon', '10']],
  ['fractions', [9.5, 1, 10]],
])('an unknown reply (%s) allows no request', async (_, result) => {
  const limits = openLimitsAt(await answering(200, { result }));
  await expect(limits.take('b', TEN_A_MINUTE)).rejects.toThrow('unknown reply');
});

test('a take whose response is lost is retried and still counted', async () => {
  const { limits, proxy } = await behindProxy(await embeddedBackend());
  await limits.take('b', TEN_A_MINUTE);
  proxy.dropNextAnswers(1);
  const { verdict, remaining } = await limits.take('b', TEN_A_MINUTE);
  expect(verdict).toBe('ALLOWED');
  expect(remaining).toBe(7);
});

test('a late response asks to wait at least one second', async () => {
  const longAgoMs = Date.now() - 60_000;
  const limits = openLimitsAt(await answering(200, { result: [-1, longAgoMs, 10] }));
  expect(await limits.take('b', TEN_A_MINUTE)).toEqual({ verdict: 'LIMITED', remaining: 0, resetSeconds: 1 });
});
