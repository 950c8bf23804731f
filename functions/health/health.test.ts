import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { startEmbeddedRedis } from '../../shared/local/redis/embedded-redis.ts';
import { OPERATOR_KEY, openTestSuite, type TestSuite } from '../testing/suite.ts';

let redis: Awaited<ReturnType<typeof startEmbeddedRedis>>;
let suite: TestSuite;
beforeEach(async () => {
  redis = await startEmbeddedRedis();
  suite = await openTestSuite({ REDIS_URL: `redis://${redis.host}:${redis.port}` });
});
afterEach(() => suite.close());
afterAll(() => redis.close());

test('answers anyone without calling any dependency', async () => {
  await redis.close();
  await suite.deps.records.close();
  const reply = await suite.call('GET', '/health');
  expect([reply.status, reply.body]).toEqual([200, { status: 'ok' }]);
  expect(reply.headers.get('cache-control')).toBe('no-store');
});

test('answers HEAD without a body', async () => {
  const head = await suite.call('HEAD', '/health');
  expect([head.status, head.text]).toEqual([200, '']);
  expect(head.headers.get('content-length')).toBe(String('{"status":"ok"}\n'.length));
});

test('checks each dependency for operators', async () => {
  const deep = await suite.operate('GET', '/health?deep=1');
  const parts = { seats: 'ok', records: 'ok', events: 'ok', signing: 'ok' };
  expect([deep.status, deep.body]).toEqual([200, { status: 'ok', parts }]);
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
  await redis.close();
  const withoutRedis = await suite.operate('GET', '/health?deep=1');
  expect([withoutRedis.status, withoutRedis.body]).toEqual([
    503,
    { status: 'unavailable', parts: { seats: 'unavailable', records: 'ok', events: 'ok', signing: 'ok' } },
  ]);
  expect(suite.logged.at(-1)).toMatchObject({
    severity: 'ERROR',
    because: expect.stringMatching(/^seats: /),
  });

  await suite.deps.records.close();
  const withoutRecords = await suite.operate('GET', '/health?deep=1');
  expect(withoutRecords.body.parts).toMatchObject({
    seats: 'unavailable',
    records: 'unavailable',
    events: 'ok',
  });

  await suite.deps.events.close();
  const withoutEvents = await suite.operate('GET', '/health?deep=1');
  expect(withoutEvents.body.parts.events).toBe('unavailable');
});

test('names signing if its key cannot be reached', async () => {
  const withoutKey = await openTestSuite({ SIGNING_KEY_VERSION: '7' });
  const deep = await withoutKey.operate('GET', '/health?deep=1');
  await withoutKey.close();
  expect([deep.status, deep.body.parts]).toEqual([
    503,
    { seats: 'ok', records: 'ok', events: 'ok', signing: 'unavailable' },
  ]);
});

test.each(['deep=0', 'deep=', 'deep=1&deep=1', 'verbose=1'])(
  'refuses ?%s, and names the parameter',
  async (query) => {
    const refused = await suite.operate('GET', `/health?${query}`);
    expect([refused.status, refused.body.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(refused.body.detail).toContain(query.split('=')[0]);
  },
);
