import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { newLicenseId, newLicenseKey, newTenantId } from '../shared/domain/ids.ts';
import { Unavailable } from '../shared/errors.ts';
import type { EndpointContract, FunctionContract, LimitContract } from '../shared/http/contract.ts';
import { startEmbeddedRedis } from '../shared/local/redis/embedded-redis.ts';
import { type RespClient, respClient } from '../shared/local/redis/resp-client.ts';
import type { Deps } from '../shared/ports/deps.ts';
import type { BucketSize, Limits } from '../shared/ports/limits.ts';
import { MANIFEST } from './manifest.ts';
import { OPERATOR_KEY, openTestSuite, type Reply, type TestSuite } from './testing/suite.ts';
import { signIn } from './testing/users.ts';

const CLIENTS = 64;
/** Fewer than `CLIENTS`: on a busy machine, embedded Redis does not answer more acquires in time. */
const ACQUIRING_CLIENTS = 24;
const FUNCTIONS: readonly FunctionContract[] = MANIFEST;

const ENDPOINTS = FUNCTIONS.flatMap(({ name, endpoints }) =>
  Object.entries(endpoints).map(([key, endpoint]) => ({ name: `${name}.${key}`, endpoint })),
);
interface Limited {
  readonly name: string;
  readonly endpoint: EndpointContract;
  readonly limit: LimitContract;
}
const LIMITED = ENDPOINTS.flatMap(({ name, endpoint }): Limited[] =>
  endpoint.limit ? [{ name, endpoint, limit: endpoint.limit }] : [],
);

/**
 * Behind Hosting, all callers of one Google front end count as one address. So the limits by address let 30,000 users
 * sign in within 10 minutes, and 90,000 signed-in users refresh their access token every 15 minutes. They bound what a
 * client in a loop costs: at most 100 requests a second, which one or two instances serve. They need not stop guessing:
 * codes and tokens are too long for that.
 *
 * `uncounted`: whether a request is served or refused if rate limits are unavailable. */
const EXPECTED: Readonly<Record<string, LimitContract>> = {
  'audit.verify': { requests: 600, windowSeconds: 3600, by: 'caller', uncounted: 'refuse' },
  'callback.callback': { requests: 3_000, windowSeconds: 60, by: 'address', uncounted: 'serve' },
  'cancel.cancel': { requests: 20, windowSeconds: 60, by: 'caller', uncounted: 'serve' },
  'cancel.undo': { requests: 20, windowSeconds: 60, by: 'caller', uncounted: 'serve' },
  'cancel.pause': { requests: 20, windowSeconds: 60, by: 'caller', uncounted: 'serve' },
  'cancel.resume': { requests: 20, windowSeconds: 60, by: 'caller', uncounted: 'serve' },
  'checkout.create': { requests: 20, windowSeconds: 60, by: 'caller', uncounted: 'refuse' },
  'checkout.portal': { requests: 20, windowSeconds: 60, by: 'caller', uncounted: 'refuse' },
  'gdpr-delete.ask': { requests: 60, windowSeconds: 3600, by: 'caller', uncounted: 'serve' },
  'gdpr-export.person': { requests: 30, windowSeconds: 3600, by: 'caller', uncounted: 'serve' },
  'gdpr-export.tenant': { requests: 30, windowSeconds: 3600, by: 'caller', uncounted: 'serve' },
  'revocations.revoke': { requests: 20, windowSeconds: 60, by: 'caller', uncounted: 'serve' },
  'revocations.undo': { requests: 20, windowSeconds: 60, by: 'caller', uncounted: 'serve' },
  'device.start': { requests: 600, windowSeconds: 60, by: 'address', uncounted: 'refuse' },
  'device.page': { requests: 3_000, windowSeconds: 60, by: 'address', uncounted: 'serve' },
  'device.decide': { requests: 3_000, windowSeconds: 60, by: 'address', uncounted: 'serve' },
  'authorize.authorize': { requests: 3_000, windowSeconds: 60, by: 'address', uncounted: 'serve' },
  'subscriptions.lift': { requests: 20, windowSeconds: 60, by: 'caller', uncounted: 'serve' },
  'subscriptions.sync': { requests: 20, windowSeconds: 60, by: 'caller', uncounted: 'serve' },
  'subscriptions.preview': { requests: 20, windowSeconds: 60, by: 'caller', uncounted: 'serve' },
  'subscriptions.change': { requests: 20, windowSeconds: 60, by: 'caller', uncounted: 'serve' },
  'sign.sign': { requests: 1_200, windowSeconds: 60, by: 'caller', uncounted: 'refuse' },
  'tenants.accept': { requests: 60, windowSeconds: 60, by: 'caller', uncounted: 'serve' },
  'tenants.acceptTransfer': { requests: 60, windowSeconds: 60, by: 'caller', uncounted: 'serve' },
  'tenants.create': { requests: 60, windowSeconds: 3600, by: 'caller', uncounted: 'serve' },
  'tenants.decline': { requests: 60, windowSeconds: 60, by: 'caller', uncounted: 'serve' },
  'tenants.declineTransfer': { requests: 60, windowSeconds: 60, by: 'caller', uncounted: 'serve' },
  'tenants.invite': { requests: 1_000, windowSeconds: 3600, by: 'caller', uncounted: 'serve' },
  'tenants.verifyDomain': { requests: 20, windowSeconds: 60, by: 'caller', uncounted: 'refuse' },
  'token.token': { requests: 6_000, windowSeconds: 60, by: 'address', uncounted: 'serve' },
  'token.revoke': { requests: 6_000, windowSeconds: 60, by: 'address', uncounted: 'serve' },
  'trial.activate': { requests: 10, windowSeconds: 3600, by: 'caller', uncounted: 'refuse' },
  'usage.record': { requests: 6_000, windowSeconds: 60, by: 'caller', uncounted: 'serve' },
};

test('these endpoints are limited, and no others', () => {
  expect(Object.fromEntries(LIMITED.map(({ name, limit }) => [name, limit]))).toEqual(EXPECTED);
});

/** Credentials that are counted. Whether the endpoint accepts them does not matter here. */
async function credentialsFor(
  { auth }: EndpointContract,
  suite: TestSuite,
): Promise<{ authorization?: string }> {
  if (auth.includes('anyone')) return {};
  if (auth.includes('operator')) return { authorization: `Operator ${OPERATOR_KEY}` };
  if (auth.includes('license'))
    return { authorization: `License ${newLicenseKey(newLicenseId(newTenantId(16)))}` };
  const { authorization } = await signIn(suite, 'user@example.com');
  return { authorization };
}

/** A call without the required fields: it is counted before it is validated. */
async function callerOf({ endpoint }: Limited, suite: TestSuite, door: 'hosting' | 'run.app' = 'hosting') {
  const credentials = await credentialsFor(endpoint, suite);
  const path = endpoint.path.replace(/\{\w+\}/g, 'x');
  const body = endpoint.body ? { body: {} } : {};
  return (headers: Record<string, string> = {}): Promise<Reply> =>
    suite.call(endpoint.method, path, { ...credentials, ...body, headers, door });
}

/** One concurrent call per client. */
function callAtOnce(call: () => Promise<Reply>): Promise<Reply[]> {
  return Promise.all(Array.from({ length: CLIENTS }, call));
}

/** Endpoints of OAuth clients and browsers refuse in their own form. */
function expectLimited(reply: Reply, { name, limit, endpoint }: Limited): void {
  const { requests, windowSeconds } = limit;
  const retrySeconds = Math.ceil(windowSeconds / requests);
  expect(reply.status, reply.text).toBe(429);
  expect(reply.headers.get('retry-after')).toBe(String(retrySeconds));
  expect(reply.headers.get('ratelimit')).toBe(`"${name}";r=0;t=${retrySeconds}`);
  expect(reply.headers.get('ratelimit-policy')).toBe(`"${name}";q=${requests};w=${windowSeconds}`);
  if (typeof endpoint.refusals === 'object') {
    expect(reply.text).toContain('Too many requests.');
    return;
  }
  expect(reply.body).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
  if (endpoint.refusals === 'oauth') expect(reply.body.error).toBe('slow_down');
  else expect(reply.headers.get('content-type')).toBe('application/problem+json');
}

test('every limited endpoint has RATE_LIMITED in its contract', () => {
  expect(LIMITED.length).toBeGreaterThan(0);
  for (const { name, endpoint, limit } of LIMITED) {
    expect(endpoint.problems, name).toContain('RATE_LIMITED');
    for (const size of [limit.requests, limit.windowSeconds]) {
      expect(Number.isInteger(size) && size >= 1, name).toBe(true);
    }
  }
});

test('acquire, heartbeat and release have no limit in their contract, as they cost only one Redis command', () => {
  const limited = LIMITED.map(({ name }) => name);
  for (const action of ['acquire.acquire', 'heartbeat.heartbeat', 'release.release']) {
    expect(ENDPOINTS.map(({ name }) => name)).toContain(action);
    expect(limited).not.toContain(action);
  }
});

describe('with 64 clients calling at once', () => {
  /** Calls that the limit still allows when the clients start. At least two calls were made before. */
  const leftOf = ({ requests }: LimitContract): number => Math.max(0, Math.min(24, requests - 2));
  let server: Awaited<ReturnType<typeof startEmbeddedRedis>>;
  let redis: RespClient;
  let suite: TestSuite;
  let limits: Limits;
  let takes: { bucket: string; size: BucketSize }[] = [];
  let callerAddress = '203.0.113.7';
  beforeAll(async () => {
    server = await startEmbeddedRedis();
    redis = respClient(server);
    const environment = { REDIS_URL: `redis://${server.host}:${server.port}` };
    const watched = (deps: Deps): Deps => {
      limits = deps.limits;
      const take: Limits['take'] = (bucket, size) => {
        takes.push({ bucket, size });
        return limits.take(bucket, size);
      };
      return { ...deps, limits: { take } };
    };
    suite = await openTestSuite(environment, watched, { edge: { addressOf: () => callerAddress } });
  });
  afterAll(async () => {
    await suite.close();
    redis.close();
    await server.close();
  });
  // The limit refills over time. With a fixed clock it does not, however slow the machine is.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    takes = [];
    callerAddress = '203.0.113.7';
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /**
   * Uses up the caller's limit except for `leftOf`. Writes the bucket in Redis directly, as thousands of calls would
   * take too long. The last line fails if the rate-limit library stores buckets in another way.
   */
  async function useUp(call: () => Promise<Reply>, limit: LimitContract): Promise<void> {
    await call();
    const { bucket = '', size = { requests: 0, windowSeconds: 0 } } = takes.at(-1) ?? {};
    const { remaining } = await limits.take(bucket, size);
    expect(remaining).toBe(Math.max(0, limit.requests - 2));
    if (remaining === leftOf(limit)) return;
    await redis.command(['HSET', `limit:${bucket}`, 'tokens', String(leftOf(limit) + 1)]);
    expect((await limits.take(bucket, size)).remaining).toBe(leftOf(limit));
  }

  test.each(LIMITED.map((limited) => [limited.name, limited] as const))(
    '%s serves the calls that its contract allows, refuses others, and accepts them again later',
    async (_, limited) => {
      const { limit } = limited;
      const call = await callerOf(limited, suite);
      await useUp(call, limit);
      const replies = await callAtOnce(call);
      const refused = replies.filter(({ status }) => status === 429);
      expect(refused).toHaveLength(CLIENTS - leftOf(limit));
      for (const reply of refused) expectLimited(reply, limited);
      expect(replies.filter(({ status }) => status >= 500)).toEqual([]);

      vi.setSystemTime(Date.now() + Number(refused[0]?.headers.get('retry-after')) * 1_000);
      expect((await call()).status).not.toBe(429);
    },
  );

  const addressLimited = (): Limited => {
    const found = LIMITED.find(({ limit }) => limit.by === 'address');
    if (!found) throw new Error('no endpoint is limited by address');
    return found;
  };

  test('limits by address cannot be evaded by X-Forwarded-For, and do not affect other addresses', async () => {
    const byAddress = addressLimited();
    const call = await callerOf(byAddress, suite, 'run.app');
    let n = 0;
    const spoof = (): Promise<Reply> => call({ 'x-forwarded-for': `10.0.0.${++n}` });
    await useUp(spoof, byAddress.limit);
    const replies = await callAtOnce(spoof);
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(CLIENTS - leftOf(byAddress.limit));
    callerAddress = '203.0.113.8';
    expect((await call({ 'x-forwarded-for': '203.0.113.7' })).status).not.toBe(429);
  });

  test('a caller of run.app with 1,000 forged addresses counts as one', async () => {
    const call = await callerOf(addressLimited(), suite, 'run.app');
    for (let n = 0; n < 1_000; n += CLIENTS) {
      const forged = Array.from({ length: CLIENTS }, (_, k) => ({
        'x-forwarded-for': `10.0.${n >> 6}.${k}`,
        'fastly-client-ip': `10.0.${n >> 6}.${k}`,
      }));
      await Promise.all(forged.map(call));
    }
    expect(takes.length).toBeGreaterThanOrEqual(1_000);
    expect(new Set(takes.map(({ bucket }) => bucket)).size).toBe(1);
  });
});

describe('while rate limits are unavailable', () => {
  let suite: TestSuite;
  let areLimitsDown = true;
  let takeCalls = 0;
  beforeAll(async () => {
    suite = await openTestSuite({}, (deps) => ({
      ...deps,
      limits: {
        async take(bucket, size) {
          takeCalls += 1;
          if (areLimitsDown) throw new Unavailable('limits', 'Redis is unreachable');
          return deps.limits.take(bucket, size);
        },
      },
    }));
  });
  beforeEach(() => {
    areLimitsDown = true;
    takeCalls = 0;
  });
  afterAll(() => suite.close());

  test('seats are still acquired, kept and released, and never more than max', async () => {
    // The first script of a Redis process takes long, and many calls wait for it.
    await (await suite.createLicense()).acquire('machine');
    const license = await suite.createLicense({ max: 10 });
    const replies = await Promise.all(
      Array.from({ length: ACQUIRING_CLIENTS }, (_, n) => license.acquire(`machine-${n}`)),
    );
    const granted = replies.filter(({ status }) => status === 201);
    expect(granted).toHaveLength(10);
    expect(replies.filter(({ status }) => status === 409)).toHaveLength(ACQUIRING_CLIENTS - 10);
    const [first = '', ...others] = granted.map(({ body }): string => body.session_id);
    for (const session_id of others) expect((await license.heartbeat({ session_id })).status).toBe(200);
    expect((await license.release(first)).status).toBe(204);
    expect((await license.acquire('newcomer')).status).toBe(201);
    expect((await license.acquire('one-too-many')).status).toBe(409);
    expect(takeCalls).toBe(0);
  });

  test.each(LIMITED.map((limited) => [limited.name, limited] as const))(
    '%s serves or refuses as its contract says',
    async (name, limited) => {
      areLimitsDown = false;
      const call = await callerOf(limited, suite);
      const counted = await call();
      areLimitsDown = true;
      takeCalls = 0;
      const reply = await call();
      expect(takeCalls).toBe(1);
      const rateLimitHeaders = [...reply.headers.keys()].filter((header) => header.startsWith('ratelimit'));
      expect(rateLimitHeaders).toEqual([]);
      const line = suite.logged.findLast(({ function: of }) => of === name.split('.')[0]);
      if (limited.limit.uncounted === 'serve') {
        expect(reply.status, reply.text).toBe(counted.status);
        expect(line).toMatchObject({ severity: 'WARNING', uncounted: 'limits: Redis is unreachable' });
      } else {
        expect([reply.status, reply.body.code]).toEqual([503, 'LIMITS_UNAVAILABLE']);
        expect(reply.headers.get('retry-after')).toBe('2');
        expect(line).toMatchObject({ severity: 'ERROR', code: 'LIMITS_UNAVAILABLE' });
      }
    },
  );
});
