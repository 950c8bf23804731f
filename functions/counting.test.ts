import { execFile } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { newLicenseId, newLicenseKey, newTenantId } from '../shared/domain/ids.ts';
import { startEmbeddedRedis } from '../shared/local/redis/embedded-redis.ts';
import { type RespClient, respClient } from '../shared/local/redis/resp-client.ts';
import { startUpstashFront, type UpstashFront } from '../shared/local/redis/upstash-server.ts';
import { type CountingProxy, countingProxy } from '../shared/testing/servers/counting-proxy.ts';
import { openTestSuite, type TestLicense, type TestSuite } from './testing/suite.ts';
import { watchedSigner } from './testing/watched-signer.ts';

/**
 * What a call costs, counted where it cannot be missed: Redis commands on the wire, and every statement that anything
 * in this process gives to SQLite, which is what the records are here.
 */
const prepare = vi.spyOn(DatabaseSync.prototype, 'prepare');
const exec = vi.spyOn(DatabaseSync.prototype, 'exec');

let redis: Awaited<ReturnType<typeof startEmbeddedRedis>>;
let client: RespClient;
let front: UpstashFront;
let proxy: CountingProxy;
let suite: TestSuite;
/** Signatures made: each is a billable operation of Cloud KMS. */
let signatures = 0;
beforeAll(async () => {
  redis = await startEmbeddedRedis();
  client = respClient(redis);
  front = await startUpstashFront({ backend: redis, token: 'token' });
  proxy = await countingProxy(front.url);
  const upstash = { UPSTASH_REDIS_REST_URL: proxy.url, UPSTASH_REDIS_REST_TOKEN: front.token };
  suite = await openTestSuite(upstash, (deps) => ({
    ...deps,
    signer: watchedSigner(deps.signer, () => {
      signatures += 1;
      return undefined;
    }),
  }));
  // Each script is sent once in the life of a Redis; what follows is the steady state.
  const warm = await suite.createLicense();
  const { session_id } = (await warm.acquire('machine')).body;
  await warm.heartbeat({ session_id });
  await warm.sign({ session_id });
  await warm.release(session_id);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await suite.close();
  await proxy.close();
  await front.close();
  client.close();
  await redis.close();
});

let license: TestLicense;
beforeEach(async () => {
  license = await suite.createLicense({ max: 200 });
});

/** Redis commands by name, how often the records were asked, and what was signed, while `work` ran. */
async function costOf<R>(
  work: () => Promise<R>,
): Promise<{ result: R; redis: string[]; records: number; signatures: number }> {
  proxy.reset();
  prepare.mockClear();
  exec.mockClear();
  signatures = 0;
  const result = await work();
  return {
    result,
    redis: proxy.commands.map(([name]) => String(name).toUpperCase()),
    records: prepare.mock.calls.length + exec.mock.calls.length,
    signatures,
  };
}

describe('in the steady state, authentication included, one round trip to Redis and none to the records', () => {
  test('to take a seat, and to take it again', async () => {
    const granted = await costOf(() => license.acquire('machine'));
    expect(granted).toMatchObject({
      result: { status: 201 },
      redis: ['EVALSHA'],
      records: 0,
      signatures: 0,
    });
    const renewed = await costOf(() => license.acquire('machine'));
    expect(renewed).toMatchObject({ result: { status: 200 }, redis: ['EVALSHA'], records: 0 });
  });

  test('to be refused one', async () => {
    const full = await suite.createLicense({ max: 0 });
    const denied = await costOf(() => full.acquire('machine'));
    expect(denied).toMatchObject({ result: { status: 409 }, redis: ['EVALSHA'], records: 0 });
    const wrongKey = {
      authorization: `License ${newLicenseKey(license.licenseId)}`,
      body: { fingerprint: 'm' },
    };
    const intruder = await costOf(() => suite.call('POST', '/api/v1/licenses/acquire', wrongKey));
    expect(intruder).toMatchObject({ result: { status: 401 }, redis: ['EVALSHA'], records: 0 });
  });

  test('to keep a seat, or a hundred', async () => {
    const sessions: { session_id: string; session_token: string }[] = [];
    for (let n = 0; n < 100; n += 1) {
      const { session_id, session_token } = (await license.acquire(`machine-${n}`)).body;
      sessions.push({ session_id, session_token });
    }
    const one = await costOf(() => license.heartbeat({ ...sessions[0] }));
    expect(one).toMatchObject({ result: { status: 200 }, redis: ['EVALSHA'], records: 0 });
    const hundred = await costOf(() => license.heartbeat({ sessions }));
    expect(hundred).toMatchObject({ result: { status: 200 }, redis: ['EVALSHA'], records: 0 });
    expect(hundred.result.body.results).toHaveLength(100);
  });

  test('to give a seat back, twice', async () => {
    const { session_id } = (await license.acquire('machine')).body;
    const first = await costOf(() => license.release(session_id));
    expect(first).toMatchObject({ result: { status: 204 }, redis: ['EVALSHA'], records: 0 });
    const second = await costOf(() => license.release(session_id));
    expect(second).toMatchObject({ result: { status: 204 }, redis: ['EVALSHA'], records: 0 });
  });
});

test('to borrow a seat costs what taking one does: nothing is signed until it is asked for', async () => {
  const lending = await suite.createLicense({ borrow: { max_days: 7 } });
  for (const status of [201, 200]) {
    const lent = await costOf(() => lending.acquire('machine', { borrow_days: 7 }));
    expect(lent).toMatchObject({ result: { status }, redis: ['EVALSHA'], records: 0, signatures: 0 });
  }
});

test('a license is signed twice over, once; asked for again it costs two round trips to Redis, one of them to count it', async () => {
  const { session_id } = (await license.acquire('machine')).body;
  const first = await costOf(() => license.sign({ session_id }));
  expect(first).toMatchObject({
    result: { status: 200 },
    // The third counts how often this key asks.
    redis: ['EVALSHA', 'EVALSHA', 'EVALSHA'],
    records: 1,
    signatures: 2,
  });
  const again = await costOf(() => license.sign({ session_id }));
  expect(again).toMatchObject({
    result: { status: 200 },
    redis: ['EVALSHA', 'EVALSHA'],
    records: 0,
    signatures: 0,
  });
  expect(again.result.text).toBe(first.result.text);
});

test('a call that is refused before its work costs nothing at all', async () => {
  const invalid = await costOf(() => license.acquire(''));
  expect(invalid).toMatchObject({ result: { status: 400 }, redis: [], records: 0 });
  const nobody = await costOf(() => suite.call('POST', '/api/v1/licenses/acquire', { body: {} }));
  expect(nobody).toMatchObject({ result: { status: 401 }, redis: [], records: 0 });
});

test('a license that Redis does not have is read from the records once, and then never again', async () => {
  await client.command(['FLUSHALL']);
  const cold = await costOf(() => license.acquire('machine'));
  expect(cold).toMatchObject({
    result: { status: 201 },
    redis: ['EVALSHA', 'EVALSHA', 'EVALSHA'],
    records: 1,
  });
  const warm = await costOf(() => license.acquire('machine'));
  expect(warm).toMatchObject({ result: { status: 200 }, redis: ['EVALSHA'], records: 0 });
});

test('a key of no license is looked up once a call, and leaves nothing in Redis', async () => {
  const before = await client.command(['DBSIZE']);
  const key = newLicenseKey(newLicenseId(newTenantId(16)));
  const stranger = await costOf(() =>
    suite.call('POST', '/api/v1/licenses/acquire', {
      authorization: `License ${key}`,
      body: { fingerprint: 'm' },
    }),
  );
  expect(stranger).toMatchObject({ result: { status: 401 }, redis: ['EVALSHA'], records: 1 });
  expect(await client.command(['DBSIZE'])).toBe(before);
});

test('the counters count: reading a license asks the records and Redis once each', async () => {
  const read = await costOf(() => suite.operate('GET', `/api/v1/licenses/${license.licenseId}`));
  expect(read.records).toBe(1);
  expect(read.redis[0]).toBe('EVALSHA');
});

test("an acquire loads no other function's handler and no heavy SDK, Firestore set up or not", async () => {
  const script = fileURLToPath(new URL('./testing/modules-of-acquire.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script], { maxBuffer: 1024 * 1024 });
  const { status, forAcquire, withSdks } = JSON.parse(stdout);
  expect(status).toBe(201);
  const heavy = /node_modules\/(@google-cloud|stripe|google-auth-library|googleapis|@grpc|google-gax)\//;
  expect(forAcquire.filter((file: string) => heavy.test(file))).toEqual([]);
  const handlers = forAcquire.filter((file: string) => file.endsWith('/handler.ts'));
  expect(handlers).toEqual([expect.stringMatching(/\/acquire\/handler\.ts$/)]);
  for (const sdk of ['/stripe/', '/google-auth-library/']) {
    expect(withSdks.some((file: string) => heavy.test(file) && file.includes(sdk))).toBe(true);
  }
});
