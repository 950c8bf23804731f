import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Unavailable } from '../../shared/errors.ts';
import { startEmbeddedRedis } from '../../shared/local/redis/embedded-redis.ts';
import { startUpstashServer } from '../../shared/local/redis/upstash-server.ts';
import { HEALTH_PROBES } from '../../shared/ports/collections.ts';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { realBackend } from '../../shared/testing/seats/backend.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { OPERATOR_KEY, openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';

const ALL_OK = { seats: 'ok', records: 'ok', events: 'ok', signing: 'ok', billing: 'ok' };
const MINUTE_MS = 60_000;
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

let redis: Awaited<ReturnType<typeof startEmbeddedRedis>>;
let suite: TestSuite;
beforeEach(async () => {
  redis = await startEmbeddedRedis();
  suite = await openTestSuite({ REDIS_URL: `redis://${redis.host}:${redis.port}`, SHARDS: '4' });
});
afterEach(() => suite.close());
afterAll(() => redis.close());

const checkDeep = (of: TestSuite = suite): Promise<Reply> => of.operate('GET', '/health?deep=1');

test('answers anyone without calling any dependency', async () => {
  await redis.close();
  await suite.deps.records.close();
  const reply = await suite.call('GET', '/health');
  expect([reply.status, reply.body]).toEqual([200, { status: 'ok' }]);
  expect(reply.headers.get('cache-control')).toBe('private, no-store');
});

test('answers HEAD without a body', async () => {
  const head = await suite.call('HEAD', '/health');
  expect([head.status, head.text]).toEqual([200, '']);
  expect(head.headers.get('content-length')).toBe(String('{"status":"ok"}\n'.length));
});

test('checks each dependency for operators, and reports sweep, backlog and release', async () => {
  const startedMs = Date.now();
  await suite.sweep();
  const deep = await checkDeep();
  expect([deep.status, deep.body]).toEqual([
    200,
    {
      status: 'ok',
      dependencies: ALL_OK,
      sweep: { status: 'ok', succeeded_at: expect.any(String) },
      backlog: { status: 'ok', events: 0, oldest_age_seconds: null },
      version,
      commit: null,
    },
  ]);
  expect(Date.parse(deep.body.sweep.succeeded_at)).toBeGreaterThanOrEqual(startedMs);
});

test('checks no dependency for other callers', async () => {
  const refused = await suite.call('GET', '/health?deep=1');
  expect([refused.status, refused.body.code]).toEqual([401, 'AUTHENTICATION_REQUIRED']);
  expect(refused.headers.get('www-authenticate')).toBe(
    'Operator realm="seatlease", Bearer realm="seatlease"',
  );
  const wrong = await suite.call('GET', '/health', { authorization: `Operator ${OPERATOR_KEY}x` });
  expect([wrong.status, wrong.body.code]).toEqual([401, 'CREDENTIALS_INVALID']);
  const license = await suite.createLicense();
  const key = await suite.call('GET', '/health?deep=1', { authorization: `License ${license.key}` });
  expect([key.status, key.body.code]).toEqual([403, 'FORBIDDEN']);
});

test('names an unavailable dependency to operators, and the reason only in the log', async () => {
  await suite.sweep();
  await redis.close();
  const withoutRedis = await checkDeep();
  expect([withoutRedis.status, withoutRedis.body]).toMatchObject([
    503,
    {
      status: 'unavailable',
      dependencies: { ...ALL_OK, seats: 'unavailable' },
      sweep: { status: 'ok' },
      backlog: { status: 'unknown', events: null, oldest_age_seconds: null },
      version,
    },
  ]);
  expect(suite.logged.at(-1)).toMatchObject({
    severity: 'ERROR',
    because: expect.stringMatching(/^seats: /),
  });

  await suite.deps.records.close();
  expect((await checkDeep()).body).toMatchObject({
    dependencies: { ...ALL_OK, seats: 'unavailable', records: 'unavailable' },
    sweep: { status: 'unknown', succeeded_at: null },
  });

  await suite.deps.events.close();
  expect((await checkDeep()).body.dependencies.events).toBe('unavailable');
});

test('names signing if its key cannot be reached', async () => {
  const withoutKey = await openTestSuite({ SIGNING_KEY_VERSION: '7' });
  const deep = await checkDeep(withoutKey);
  await withoutKey.close();
  expect([deep.status, deep.body.dependencies]).toEqual([503, { ...ALL_OK, signing: 'unavailable' }]);
});

test('is degraded, and still answers 200, if only Stripe is down, as seats do not depend on it', async () => {
  await suite.sweep();
  suite.stripe.breakApi('status 500');
  const deep = await checkDeep();
  expect([deep.status, deep.body]).toMatchObject([
    200,
    { status: 'degraded', dependencies: { ...ALL_OK, billing: 'unavailable' } },
  ]);
  expect(suite.logged.at(-1)).toMatchObject({
    severity: 'ERROR',
    because: 'billing: prices.list: StripeAPIError 500',
  });
  await redis.close();
  expect(await checkDeep()).toMatchObject({
    status: 503,
    body: { status: 'unavailable', dependencies: { seats: 'unavailable', billing: 'unavailable' } },
  });
});

test('asks Stripe once in 30 seconds, however often it is asked', async () => {
  for (let n = 0; n < 5; n += 1) await checkDeep();
  expect(suite.stripe.calls).toEqual(['GET /v1/prices']);
});

test('waits no longer than a few seconds for Stripe', { timeout: 15_000 }, async () => {
  await suite.sweep();
  suite.stripe.breakApi('hang');
  const startedMs = performance.now();
  expect((await checkDeep()).body).toMatchObject({ status: 'degraded' });
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

test('is ok without payments', async () => {
  const unpaid = await openTestSuite({}, (deps) => ({ ...deps, billing: undefined }));
  await unpaid.sweep();
  const deep = await checkDeep(unpaid);
  await unpaid.close();
  expect(deep.body).toMatchObject({ status: 'ok', dependencies: { ...ALL_OK, billing: 'off' } });
});

test.each(['commands', 'memory', 'bandwidth'] as const)(
  'names the limit if Redis is at its limit of %s, also if it can be read',
  async (limit) => {
    const front = await startUpstashServer({ backend: redis, token: 'token' });
    const settings = { UPSTASH_REDIS_REST_URL: front.url, UPSTASH_REDIS_REST_TOKEN: front.token };
    const limited = await openTestSuite(settings);
    front.reach(limit);
    const deep = await checkDeep(limited);
    const line = limited.logged.at(-1);
    await limited.close();
    await front.close();
    expect([deep.status, deep.body.dependencies.seats, deep.body.backlog.status]).toEqual([
      503,
      limit,
      'unknown',
    ]);
    expect(line).toMatchObject({ severity: 'ERROR', redis_limit: limit });
  },
);

describeReal('redis-server', 'on Redis', () => {
  test.each([
    ['memory', ['CONFIG', 'SET', 'maxmemory', '1']],
    ['read-only', ['REPLICAOF', '127.0.0.1', '1']],
  ])('is not ok if it refuses writes (%s), though it answers', async (reason, refuse) => {
    const backend = await realBackend();
    const onReal = await openTestSuite({ REDIS_URL: `redis://${backend.host}:${backend.port}` });
    await onReal.sweep();
    expect((await checkDeep(onReal)).status).toBe(200);
    await backend.redis.command(refuse);
    const deep = await checkDeep(onReal);
    expect(await backend.redis.command(['PING'])).toBe('PONG');
    await onReal.close();
    await backend.close();
    expect([deep.status, deep.body.dependencies]).toEqual([503, { ...ALL_OK, seats: reason }]);
  });
});

test('is not ok if the records can be read but not written', async () => {
  await suite.sweep();
  const { transact } = suite.deps.records;
  vi.spyOn(suite.deps.records, 'transact').mockImplementation(
    (work) =>
      transact.call(suite.deps.records, async (transaction) => {
        const refuse = (): never => {
          throw new Unavailable('records', 'no writes in this test');
        };
        return work({ get: (...args) => transaction.get(...args), set: refuse, delete: refuse });
      }) as never,
  );
  const deep = await checkDeep();
  vi.restoreAllMocks();
  expect([deep.status, deep.body.dependencies]).toEqual([503, { ...ALL_OK, records: 'unavailable' }]);
});

test('leaves one document, however often it checks', async () => {
  await checkDeep();
  const first = await suite.deps.records.get(HEALTH_PROBES, 'health');
  await checkDeep();
  const second = await suite.deps.records.get(HEALTH_PROBES, 'health');
  expect(second?.atMs).toBeGreaterThanOrEqual(Number(first?.atMs));
});

describe('over time', () => {
  let clocked: ClockedSuite;
  beforeEach(async () => {
    clocked = await openClockedSuite();
  });
  afterEach(() => clocked.close());
  const deepBody = async () => (await checkDeep(clocked.suite)).body;

  test('is not ok before the first sweep, or when no sweep has succeeded for 10 minutes', async () => {
    expect(await deepBody()).toMatchObject({
      status: 'unavailable',
      dependencies: ALL_OK,
      sweep: { status: 'late', succeeded_at: null },
    });
    await clocked.suite.sweep();
    const succeeded_at = new Date(clocked.nowMs()).toISOString();
    clocked.moveClock(10 * MINUTE_MS - 1);
    expect(await deepBody()).toMatchObject({ status: 'ok', sweep: { status: 'ok', succeeded_at } });
    clocked.moveClock(1);
    expect(await deepBody()).toMatchObject({
      status: 'unavailable',
      sweep: { status: 'late', succeeded_at },
    });

    const stop = vi.spyOn(clocked.suite.deps.events, 'publish').mockImplementation(async () => {
      throw new Unavailable('events', 'unavailable in this test');
    });
    await clocked.suite.createLicense();
    expect((await clocked.suite.sweep()).status).toBe(503);
    expect(await deepBody()).toMatchObject({ sweep: { status: 'late', succeeded_at } });
    stop.mockRestore();
    await clocked.suite.sweep();
    expect(await deepBody()).toMatchObject({ status: 'ok' });
  });

  test('counts the events that wait in all shards, and is not ok when one has waited for 5 minutes', async () => {
    await clocked.suite.sweep();
    await clocked.suite.createLicense();
    clocked.moveClock(2 * MINUTE_MS);
    await clocked.suite.createLicense();
    clocked.moveClock(3 * MINUTE_MS - 1000);
    expect(await deepBody()).toMatchObject({
      status: 'ok',
      backlog: { status: 'ok', events: 2, oldest_age_seconds: 299 },
    });
    clocked.moveClock(1000);
    expect(await deepBody()).toMatchObject({
      status: 'unavailable',
      backlog: { status: 'late', events: 2, oldest_age_seconds: 300 },
    });
    await clocked.suite.sweep();
    expect(await deepBody()).toMatchObject({
      status: 'ok',
      backlog: { events: 0, oldest_age_seconds: null },
    });
  });
});

test.each(['deep=0', 'deep=', 'deep=1&deep=1', 'verbose=1'])(
  'refuses ?%s, and names the parameter',
  async (query) => {
    const refused = await suite.operate('GET', `/health?${query}`);
    expect([refused.status, refused.body.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(refused.body.detail).toContain(query.split('=')[0]);
  },
);
