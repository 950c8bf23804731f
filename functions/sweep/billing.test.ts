import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { shardOf } from '../../shared/domain/ids.ts';
import { startEmbeddedRedis } from '../../shared/local/redis/embedded-redis.ts';
import { startUpstashFront, type UpstashFront } from '../../shared/local/redis/upstash-server.ts';
import { type CountingProxy, countingProxy } from '../../shared/testing/servers/counting-proxy.ts';
import { type Billed, billable } from '../testing/count-operations.ts';
import { openTestSuite, type TestLicense, type TestSuite } from '../testing/suite.ts';

/** What history costs, in what the cloud bills: Redis commands, and documents read and written. */

const SHARDS = 16;
const TTL_MS = 360_000;

const billed: Billed = { reads: 0, writes: 0 };
let redis: Awaited<ReturnType<typeof startEmbeddedRedis>>;
let front: UpstashFront;
let proxy: CountingProxy;
let suite: TestSuite;
let nowMs = Date.now();
let license: TestLicense;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  redis = await startEmbeddedRedis();
  front = await startUpstashFront({ backend: redis, token: 'token' });
  proxy = await countingProxy(front.url);
  const environment = { UPSTASH_REDIS_REST_URL: proxy.url, UPSTASH_REDIS_REST_TOKEN: front.token };
  suite = await openTestSuite({ ...environment, SHARDS: String(SHARDS) }, (deps) => ({
    ...deps,
    records: billable(deps.records, billed),
  }));
  license = await suite.createLicense({ max: 10 });
  await suite.settle();
  reset();
});
afterEach(async () => {
  await suite.close();
  await proxy.close();
  await front.close();
  await redis.close();
  vi.useRealTimers();
});

function reset(): void {
  proxy.reset();
  Object.assign(billed, { reads: 0, writes: 0 });
}

function commands(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [command = ''] of proxy.commands) {
    const name = command.toUpperCase();
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

test('a sweep that finds nothing to do costs one command a shard and six reads', async () => {
  await suite.sweep();
  expect(commands()).toEqual({ EVALSHA: SHARDS });
  // Whether an event is unsealed, an event of Stripe's undone, a subscription to be looked at, use to be counted,
  // an erasure due, and the hour over.
  expect(billed).toEqual({ reads: 6, writes: 0 });
});

test('publishing costs a read and a trim of the outbox for up to a hundred events', async () => {
  for (let n = 0; n < 10; n += 1) await license.acquire(`machine-${n}`);
  reset();
  const { body } = await suite.sweep();
  expect(body.published).toBe(10);
  expect(commands()).toEqual({ EVALSHA: SHARDS, XRANGE: 1, XDEL: 1 });
});

test('making known that ten leases of a license ran out costs one command more', async () => {
  for (let n = 0; n < 10; n += 1) await license.acquire(`machine-${n}`);
  await suite.settle();
  nowMs += TTL_MS;
  vi.setSystemTime(nowMs);
  reset();
  const { body } = await suite.sweep();
  expect(body.expired).toBe(10);
  expect(commands()).toEqual({ EVALSHA: SHARDS + 1, XRANGE: 1, XDEL: 1 });
});

test('recording an event of a session costs three reads and three writes, and no Redis', async () => {
  await license.acquire('machine');
  const { seatMaintenance, events } = suite.deps;
  const told = await seatMaintenance.readOutbox(shardOf(license.licenseId), { limit: 100 });
  reset();
  await events.publish(told.flatMap(({ event }) => event ?? []));
  await suite.delivered();
  expect(billed).toEqual({ reads: 3, writes: 3 });
  expect(commands()).toEqual({});
  await events.publish(told.flatMap(({ event }) => event ?? []));
  await suite.delivered();
  expect(billed).toEqual({ reads: 6, writes: 3 });
});

test('sealing costs two reads and a write an event, and one of each a tenant', async () => {
  for (let n = 0; n < 10; n += 1) await license.acquire(`machine-${n}`);
  const { seatMaintenance, events } = suite.deps;
  const told = await seatMaintenance.readOutbox(shardOf(license.licenseId), { limit: 100 });
  await events.publish(told.flatMap(({ event }) => event ?? []));
  await suite.delivered();
  reset();
  const { body } = await suite.sweep();
  expect(body.sealed).toBe(10);
  await suite.delivered();
  const again = { reads: 3 * 10, writes: 0 };
  // Listed, read again in the transaction, and the head; then what there is to do for payments and use, whether an erasure is due,
  // and when the sweep last compared.
  expect(billed).toEqual({ reads: 10 + 10 + 1 + 3 + 1 + 1 + again.reads, writes: 10 + 1 });
});

test('comparing costs a read a license and session, and two commands for up to a hundred of a shard', async () => {
  for (let n = 1; n < 5; n += 1) {
    await suite.operate('POST', '/api/v1/licenses', { tenant_id: license.tenantId, max: 1 });
  }
  const { body: seat } = await license.acquire('machine');
  await suite.settle();
  nowMs += 3_600_000;
  vi.setSystemTime(nowMs);
  const { session_id, session_token } = seat;
  await license.heartbeat({ session_id, session_token });
  await suite.settle();
  nowMs += 3_600_000;
  vi.setSystemTime(nowMs);
  await license.heartbeat({ session_id, session_token });
  await suite.deps.seatMaintenance.trimOutbox(
    shardOf(license.licenseId),
    (await suite.deps.seatMaintenance.readOutbox(shardOf(license.licenseId), { limit: 100 })).map(
      ({ position }) => position,
    ),
  );
  reset();
  const { body } = await suite.sweep();
  expect(body.reconciled).toMatchObject({ copies: 5, copies_repaired: 0, sessions: 1, sessions_missing: 0 });
  // A look and a list for each shard, the copies of the one that has any, and whether its session holds a seat.
  expect(commands()).toEqual({ EVALSHA: SHARDS + 2, ZRANGEBYLEX: SHARDS });
  // Five licenses, one session, what is unsealed, what there is to do for payments and use, whether an erasure is due, how far the last comparison came, which is
  // written after each step, and whether it is a day since what is old was forgotten.
  expect(billed).toEqual({ reads: 5 + 1 + 1 + 3 + 1 + 1 + 1, writes: SHARDS + 2 });
});
