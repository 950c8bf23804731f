import { afterEach, describe, expect, test, vi } from 'vitest';
import { startEmbeddedRedis } from '../shared/local/redis/embedded-redis.ts';
import { respClient } from '../shared/local/redis/resp-client.ts';
import { startUpstashServer, type UpstashServer } from '../shared/local/redis/upstash-server.ts';
import type { Deps } from '../shared/ports/deps.ts';
import { LICENSES_OF_TENANT } from '../shared/ports/queries.ts';
import { describeReal } from '../shared/testing/real-parts.ts';
import { type CountingProxy, countingProxy } from '../shared/testing/servers/counting-proxy.ts';
import { startRedisServer } from '../shared/testing/servers/redis-server.ts';
import { breakDisk } from './testing/break-disk.ts';
import { openTestSuite, type Reply, type TestLicense, type TestSuite } from './testing/suite.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closers.splice(0).reverse()) await close();
});

/** A suite that waits for Redis no longer than a deployed function. */
async function openSuite(
  environment: Record<string, string> = {},
  wrap: (deps: Deps) => Deps = (deps) => deps,
): Promise<TestSuite> {
  const suite = await openTestSuite(environment, wrap, { redisWithinMs: undefined });
  closers.push(() => suite.close());
  return suite;
}

async function suiteBehindProxy(): Promise<{
  suite: TestSuite;
  proxy: CountingProxy;
  front: UpstashServer;
  forgetScripts(): Promise<void>;
}> {
  const redis = await startEmbeddedRedis();
  closers.push(() => redis.close());
  const client = respClient(redis);
  closers.push(() => client.close());
  const front = await startUpstashServer({ backend: redis, token: 'token' });
  closers.push(() => front.close());
  const proxy = await countingProxy(front.url);
  closers.push(() => proxy.close());
  const suite = await openSuite({
    UPSTASH_REDIS_REST_URL: proxy.url,
    UPSTASH_REDIS_REST_TOKEN: front.token,
  });
  return {
    suite,
    proxy,
    front,
    async forgetScripts() {
      expect(await client.command(['SCRIPT', 'FLUSH'])).toBe('OK');
    },
  };
}

/** Sends all requests that need the seat store, concurrently. */
async function sendSeatRequests(license: TestLicense, sessionId: string): Promise<Reply[]> {
  return Promise.all([
    license.acquire('newcomer'),
    license.heartbeat({ session_id: sessionId }),
    license.release(sessionId),
  ]);
}

async function expectSeatsUnavailable(sendAll: () => Promise<Reply[]>): Promise<void> {
  const startedMs = performance.now();
  const replies = await sendAll();
  expect(performance.now() - startedMs).toBeLessThan(2000);
  for (const reply of replies) {
    expect(reply.status, reply.text).toBe(503);
    expect(reply.headers.get('content-type')).toBe('application/problem+json');
    expect(reply.headers.get('retry-after')).toBe('2');
    expect(Object.keys(reply.body)).toEqual(['type', 'title', 'status', 'code', 'request_id']);
    expect(reply.body.code).toBe('SEATS_UNAVAILABLE');
  }
}

async function activeSeats(suite: TestSuite, license: TestLicense): Promise<number> {
  return (await suite.operate('GET', `/api/v1/licenses/${license.licenseId}`)).body.seats.active;
}

test.each(['down', 'hang'] as const)(
  'grants no seat while Redis is unavailable (%s), answers within 2 seconds, and recovers on its own',
  async (how) => {
    const { suite, proxy, forgetScripts } = await suiteBehindProxy();
    const license = await suite.createLicense({ max: 2 });
    const { session_id } = (await license.acquire('machine')).body;

    proxy[how](true);
    await expectSeatsUnavailable(() => sendSeatRequests(license, session_id));
    expect((await suite.call('GET', '/health')).status).toBe(200);
    const lines = suite.logged.filter(({ code }) => code === 'SEATS_UNAVAILABLE');
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      expect(line).toMatchObject({ severity: 'ERROR', because: expect.stringContaining('seats: ') });
    }

    proxy[how](false);
    await forgetScripts();
    expect(await activeSeats(suite, license)).toBe(1);
    expect((await license.heartbeat({ session_id })).body).not.toHaveProperty('revived');
    expect((await license.acquire('newcomer')).status).toBe(201);
    expect((await license.release(session_id)).status).toBe(204);
  },
);

test.each(['commands', 'memory', 'bandwidth'] as const)(
  'grants no seat while Redis is at its limit of %s, names the limit in the log, and recovers on its own',
  async (limit) => {
    const { suite, front } = await suiteBehindProxy();
    const license = await suite.createLicense({ max: 2 });
    const { session_id } = (await license.acquire('machine')).body;

    front.reach(limit);
    await expectSeatsUnavailable(() => sendSeatRequests(license, session_id));
    const lines = suite.logged.filter(({ code }) => code === 'SEATS_UNAVAILABLE');
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatchObject({ severity: 'ERROR', redis_limit: limit });
    expect((await suite.sweep()).status).toBe(503);
    expect(suite.logged.at(-1)).toMatchObject({ function: 'sweep', severity: 'ERROR', redis_limit: limit });
    // Sign-in works without limits: the caller is not counted, which an operator must know.
    expect((await suite.call('GET', '/auth/authorize')).status).toBe(400);
    expect(suite.logged.at(-1)).toMatchObject({
      function: 'authorize',
      severity: 'ERROR',
      redis_limit: limit,
      uncounted: expect.stringContaining('Redis is unavailable'),
    });

    front.reach(undefined);
    expect(await activeSeats(suite, license)).toBe(1);
    expect((await license.acquire('newcomer')).status).toBe(201);
    expect(suite.logged.at(-1)).not.toHaveProperty('redis_limit');
  },
);

test('creates and changes no license and rotates no key while Redis is unavailable, as the key would be lost', async () => {
  const { suite, proxy } = await suiteBehindProxy();
  const { licenseId, tenantId } = await suite.createLicense({ max: 2 });
  const records = () => suite.deps.records.query(LICENSES_OF_TENANT, { tenantId }, { limit: 100 });
  const before = await records();

  proxy.down(true);
  await expectSeatsUnavailable(() =>
    Promise.all([
      suite.operate('POST', '/api/v1/licenses', { tenant_id: tenantId, max: 1 }),
      suite.operate('PATCH', `/api/v1/licenses/${licenseId}`, { max: 9 }),
      suite.operate('POST', `/api/v1/licenses/${licenseId}/rotate-key`),
    ]),
  );
  expect(await records()).toEqual(before);
});

test('creates and changes no license and rotates no key while Redis can be read but not written', async () => {
  const { suite, front } = await suiteBehindProxy();
  const { licenseId, tenantId } = await suite.createLicense({ max: 2 });
  const records = () => suite.deps.records.query(LICENSES_OF_TENANT, { tenantId }, { limit: 100 });
  const before = await records();

  front.reach('memory');
  await expectSeatsUnavailable(() =>
    Promise.all([
      suite.operate('POST', '/api/v1/licenses', { tenant_id: tenantId, max: 1 }),
      suite.operate('PATCH', `/api/v1/licenses/${licenseId}`, { max: 9 }),
      suite.operate('POST', `/api/v1/licenses/${licenseId}/rotate-key`),
    ]),
  );
  expect(await records()).toEqual(before);
});

test('retries when an answer of Redis is lost, and takes one seat', async () => {
  const { suite, proxy } = await suiteBehindProxy();
  const license = await suite.createLicense({ max: 2 });
  await license.acquire('first');
  proxy.dropNextAnswers(1);
  const reply = await license.acquire('second');
  // The first try has taken the seat, so the second finds it.
  expect(reply.status, reply.text).toBe(200);
  expect(reply.body.seats).toEqual({ active: 2, max: 2 });
});

describeReal('redis-server', 'a Redis that is killed and restarts empty', () => {
  test('causes 503s while it is unavailable; then tokens revive sessions, and no seats beyond max are granted', async () => {
    const first = await startRedisServer();
    closers.push(() => first.stop());
    const suite = await openSuite({ REDIS_URL: `redis://${first.host}:${first.port}` });
    const license = await suite.createLicense({ max: 2 });
    const sessions: { session_id: string; session_token: string }[] = [];
    for (const machine of ['a', 'b']) {
      const { session_id, session_token } = (await license.acquire(machine)).body;
      sessions.push({ session_id, session_token });
    }

    await first.kill('SIGKILL');
    await expectSeatsUnavailable(() => sendSeatRequests(license, sessions[0]?.session_id ?? ''));
    await expectSeatsUnavailable(() =>
      Promise.all([...Array(20).keys()].map((n) => license.acquire(`m-${n}`))),
    );

    const second = await startRedisServer({ port: first.port });
    closers.push(() => second.stop());
    expect((await license.acquire('newcomer')).status).toBe(201);
    const beat = await license.heartbeat({ sessions });
    expect(beat.status, beat.text).toBe(200);
    expect(beat.body.results.map((result: { revived?: true }) => result.revived)).toEqual([true, undefined]);
    expect(await activeSeats(suite, license)).toBe(2);
  });
});

describe('while the records are unavailable', () => {
  test('licenses cannot be managed, and can be again once the records are available', async () => {
    const suite = await openSuite();
    const { licenseId } = await suite.createLicense();
    const repair = breakDisk();
    const replies = [
      await suite.operate('POST', '/api/v1/licenses', { max: 1 }),
      await suite.operate('GET', '/api/v1/licenses'),
      await suite.operate('GET', `/api/v1/licenses/${licenseId}`),
      await suite.operate('PATCH', `/api/v1/licenses/${licenseId}`, { max: 9 }),
      await suite.operate('POST', `/api/v1/licenses/${licenseId}/rotate-key`),
    ];
    for (const reply of replies) {
      expect([reply.status, reply.body.code], reply.text).toEqual([503, 'RECORDS_UNAVAILABLE']);
      expect(reply.headers.get('retry-after')).toBe('2');
      expect(reply.text).not.toContain('disk');
    }
    repair();
    const { licenses } = (await suite.operate('GET', '/api/v1/licenses')).body;
    expect(licenses).toMatchObject([{ license_id: licenseId, max: 3 }]);
  });

  test('clients still acquire, keep and release seats', async () => {
    const suite = await openSuite();
    const license = await suite.createLicense();
    breakDisk();
    const seat = await license.acquire('machine');
    expect(seat.status).toBe(201);
    const { session_id } = seat.body;
    expect((await license.heartbeat({ session_id })).status).toBe(200);
    expect((await license.release(session_id)).status).toBe(204);
  });

  test('a license that Redis has lost too is not reported as unknown', async () => {
    const redis = await startEmbeddedRedis();
    closers.push(() => redis.close());
    const suite = await openSuite({ REDIS_URL: `redis://${redis.host}:${redis.port}` });
    const license = await suite.createLicense();
    const client = respClient(redis);
    await client.command(['FLUSHALL']);
    client.close();
    const repair = breakDisk();
    const reply = await license.acquire('machine');
    expect([reply.status, reply.body.code]).toEqual([503, 'RECORDS_UNAVAILABLE']);
    repair();
    expect((await license.acquire('machine')).status).toBe(201);
  });
});

test.each([
  ['an error', new Error('password=hunter2 in a query')],
  ['a thrown string', 'hunter2'],
  ['a thrown undefined', undefined],
])(
  'an unexpected fault (%s) returns 500 without details, is logged in full, and does not stop the server',
  async (_, fault) => {
    let isFaulty = true;
    const suite = await openSuite({}, (deps) => ({
      ...deps,
      seats: {
        ...deps.seats,
        acquire: async (request) => {
          if (isFaulty) throw fault;
          return deps.seats.acquire(request);
        },
      },
    }));
    const license = await suite.createLicense();
    const reply = await license.acquire('machine');
    expect(reply.status).toBe(500);
    expect(reply.headers.get('content-type')).toBe('application/problem+json');
    expect(reply.body).toEqual({
      type: 'urn:seatlease:problem:internal',
      title: 'Something went wrong on our side.',
      status: 500,
      code: 'INTERNAL',
      request_id: reply.headers.get('x-request-id'),
    });
    expect(suite.logged.at(-1)).toMatchObject({
      severity: 'ERROR',
      code: 'INTERNAL',
      request_id: reply.body.request_id,
      because: String(fault),
      stack_trace: fault instanceof Error ? fault.stack : String(fault),
    });
    isFaulty = false;
    expect((await license.acquire('machine')).status).toBe(201);
  },
);
