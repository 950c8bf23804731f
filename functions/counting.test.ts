import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  newLicenseId,
  newLicenseKey,
  newOperatorToken,
  newPersonalId,
  newTenantId,
  shardOf,
} from '../shared/domain/ids.ts';
import { entitlementOf } from '../shared/domain/license.ts';
import { type UsageHour, usageHourId } from '../shared/domain/usage.ts';
import { WRONG_KEYS } from '../shared/http/operator-key.ts';
import { LICENSES, SESSION_HISTORIES, USAGE_HOURS } from '../shared/ports/collections.ts';
import { historiesOf } from '../shared/testing/read-records.ts';
import {
  type CountedSuite,
  DAY_MS,
  HOUR_MS,
  openCountedSuite,
  RETENTION_DAYS,
} from './testing/counted-suite.ts';
import {
  BORROWING,
  DEEP_HEALTH,
  type OperationCounts,
  SESSION_LIST,
  SHARDS,
  totalOf,
} from './testing/operation-counts.ts';
import { OPERATOR_KEY, type Reply, type TestLicense } from './testing/suite.ts';
import { signIn } from './testing/users.ts';

/**
 * The cost of calls and sweeps: every operation that Google Cloud and Redis bill, counted where none can be missed.
 * Operations are asserted only here. `npm run cost` multiplies the same figures, those of `operation-counts.ts`.
 */
let counted: CountedSuite;
let license: TestLicense;

async function open(): Promise<void> {
  counted = await openCountedSuite();
  license = counted.license;
}

function times(name: string, count: number): string[] {
  return Array.from({ length: count }, () => name);
}

/** A sweep's figures include a read for each query without results. Subtracts one for each query with results. */
function withoutEmptyReads(sum: OperationCounts, queriesWithResults: number): OperationCounts {
  return { ...sum, documentReads: sum.documentReads - queriesWithResults };
}

/** A seat is acquired, a license signed, and the seat released. */
const EVENTS_OF_A_VISIT = 3;

/** Acquires a seat, uses it and releases it. */
async function visit({ acquire, heartbeat, sign, release }: TestLicense): Promise<void> {
  const { session_id } = (await acquire('machine')).body;
  await heartbeat({ session_id });
  await sign({ session_id });
  await release(session_id);
}

const sweep = (): Promise<Reply> => counted.suite.sweep();

describe('a call', () => {
  const ONE_ROUND_TRIP = { redis: ['EVALSHA'], statements: 0, kms: [] };
  const NOTHING = { redis: [], statements: 0, kms: [] };

  beforeAll(open);
  afterAll(() => counted.close());
  beforeEach(async () => {
    license = await counted.suite.createLicense({ max: 200, borrow: { max_days: 7 } });
  });

  /** Acquires with the key of another license. */
  const acquireWith = (key: string): Promise<Reply> =>
    counted.suite.call('POST', '/api/v1/licenses/acquire', {
      authorization: `License ${key}`,
      body: { fingerprint: 'm' },
    });

  describe('in the steady state costs one round trip to Redis, which also authenticates, and no read of the records', () => {
    test('to acquire a seat, and to acquire it again', async () => {
      const granted = await counted.costOf(() => license.acquire('machine'));
      expect(granted).toMatchObject({ result: { status: 201 }, ...ONE_ROUND_TRIP });
      expect(granted.operations).toEqual(totalOf({ acquire: 1 }));
      const renewed = await counted.costOf(() => license.acquire('machine'));
      expect(renewed).toMatchObject({ result: { status: 200 }, ...ONE_ROUND_TRIP });
    });

    test('to be denied a seat', async () => {
      const full = await counted.suite.createLicense({ max: 0 });
      const denied = await counted.costOf(() => full.acquire('machine'));
      expect(denied).toMatchObject({ result: { status: 409 }, ...ONE_ROUND_TRIP });
      const intruder = await counted.costOf(() => acquireWith(newLicenseKey(license.licenseId)));
      expect(intruder).toMatchObject({ result: { status: 401 }, ...ONE_ROUND_TRIP });
    });

    test('to send a heartbeat for one session, or for a hundred', async () => {
      const sessions: { session_id: string; session_token: string }[] = [];
      for (let n = 0; n < 100; n += 1) {
        const { session_id, session_token } = (await license.acquire(`machine-${n}`)).body;
        sessions.push({ session_id, session_token });
      }
      const one = await counted.costOf(() => license.heartbeat({ ...sessions[0] }));
      expect(one).toMatchObject({ result: { status: 200 }, ...ONE_ROUND_TRIP });
      expect(one.operations).toEqual(totalOf({ heartbeat: 1 }));
      const hundred = await counted.costOf(() => license.heartbeat({ sessions }));
      expect(hundred).toMatchObject({ result: { status: 200 }, ...ONE_ROUND_TRIP });
      expect(hundred.result.body.results).toHaveLength(100);
    });

    test('to release a seat, and to release it again', async () => {
      const { session_id } = (await license.acquire('machine')).body;
      const first = await counted.costOf(() => license.release(session_id));
      expect(first).toMatchObject({ result: { status: 204 }, ...ONE_ROUND_TRIP });
      expect(first.operations).toEqual(totalOf({ release: 1 }));
      const second = await counted.costOf(() => license.release(session_id));
      expect(second).toMatchObject({ result: { status: 204 }, ...ONE_ROUND_TRIP });
    });
  });

  test('to borrow a seat costs one round trip, and a record of the loan, without a signature', async () => {
    // Loads the script.
    await license.acquire('another machine', { borrow_days: 7 });
    const lent = await counted.costOf(() => license.acquire('machine', { borrow_days: 7 }));
    expect(lent).toMatchObject({ result: { status: 201 }, redis: ['EVALSHA'], kms: [] });
    expect(lent.operations).toEqual({ ...totalOf({}), ...BORROWING });
    const again = await counted.costOf(() => license.acquire('machine', { borrow_days: 7 }));
    expect(again).toMatchObject({ result: { status: 200 }, redis: ['EVALSHA'], records: ['get loans'] });
  });

  describe('to sign', () => {
    test('costs four round trips, two reads at once and two signatures; a repeat costs two round trips, through heartbeats too', async () => {
      const { session_id } = (await license.acquire('machine')).body;
      const first = await counted.costOf(() => license.sign({ session_id }));
      expect(first).toMatchObject({
        result: { status: 200 },
        // The second reserves the signature, and the third counts the requests of this key against its limit.
        redis: ['EVALSHA', 'EVALSHA', 'EVALSHA', 'EVALSHA'],
        // An instance reads the list of what is revoked once a minute.
        records: ['get licenses', 'get revocations'],
        statements: 2,
        kms: ['AsymmetricSign', 'AsymmetricSign'],
      });
      expect(first.operations).toEqual(totalOf({ sign: 1 }));
      counted.moveClock(300_000);
      await license.heartbeat({ session_id });
      for (const _ of [1, 2, 3]) {
        const again = await counted.costOf(() => license.sign({ session_id }));
        expect(again).toMatchObject({
          result: { status: 200, text: first.result.text },
          redis: ['EVALSHA', 'EVALSHA'],
          statements: 0,
          kms: [],
        });
      }
    });

    test('costs a signed-in user three reads more than a license key: of the user, the sign-in and the memberships', async () => {
      const ada = await signIn(counted.suite, 'ada@example.com');
      const own = await counted.suite.createLicense({ tenant_id: [...ada.tenants.keys()][0] });
      const acquiring = { fingerprint: 'machine', license_id: own.licenseId };
      const { session_id } = (await ada.call('POST', '/api/v1/licenses/acquire', acquiring)).body;
      const first = await counted.costOf(() => ada.call('POST', '/api/v1/licenses/sign', { session_id }));
      expect(first).toMatchObject({
        result: { status: 200 },
        records: [
          'get users',
          'get sign-ins',
          'query memberships-of-user',
          'get licenses',
          'get revocations',
        ],
      });
      expect(first.operations.documentReads).toBe(totalOf({ sign: 1 }).documentReads + 3);
    });

    test('costs one more KMS operation for the first signature of a new instance, and none for a license that another instance signed', async () => {
      const [one, other] = [await license.acquire('machine'), await license.acquire('other')];
      const { session_id } = one.body;
      const signed = await license.sign({ session_id });
      await counted.renewSigner();
      const again = await counted.costOf(() => license.sign({ session_id }));
      expect(again).toMatchObject({ result: { status: 200, text: signed.text }, kms: [] });
      const first = await counted.costOf(() => license.sign({ session_id: other.body.session_id }));
      expect(first).toMatchObject({
        result: { status: 200 },
        kms: ['GetPublicKey', 'AsymmetricSign', 'AsymmetricSign'],
      });
    });
  });

  test('that is refused early costs nothing', async () => {
    const invalid = await counted.costOf(() => license.acquire(''));
    expect(invalid).toMatchObject({ result: { status: 400 }, ...NOTHING });
    const anonymous = await counted.costOf(() =>
      counted.suite.call('POST', '/api/v1/licenses/acquire', { body: {} }),
    );
    expect(anonymous).toMatchObject({ result: { status: 401 }, ...NOTHING });
  });

  test('for health costs nothing', async () => {
    const health = await counted.costOf(() => counted.suite.call('GET', '/health'));
    expect(health).toMatchObject({ result: { status: 200 }, ...NOTHING });
    expect(health.operations).toEqual(totalOf({ health: 1 }));
  });

  test('for deep health costs a probe of each shard, a read and a write, and no signature', async () => {
    await counted.suite.sweep();
    const deep = await counted.costOf(() => counted.suite.operate('GET', '/health?deep=1'));
    expect(deep.result.status, deep.result.text).toBe(200);
    expect(deep.operations).toEqual({ ...totalOf({}), ...DEEP_HEALTH });
    expect(deep.redis).toEqual(times('EVALSHA', SHARDS));
  });

  test('of a license that Redis does not have reads it, its loans and its bars from the records only once', async () => {
    await counted.redis.command(['FLUSHALL']);
    const cold = await counted.costOf(() => license.acquire('machine'));
    expect(cold).toMatchObject({
      result: { status: 201 },
      redis: ['EVALSHA', 'EVALSHA', 'EVALSHA'],
      statements: 3,
    });
    const warm = await counted.costOf(() => license.acquire('machine'));
    expect(warm).toMatchObject({ result: { status: 200 }, ...ONE_ROUND_TRIP });
  });

  test('with the key of an unknown license costs one read, and leaves nothing in Redis', async () => {
    const before = await counted.redis.command(['DBSIZE']);
    const key = newLicenseKey(newLicenseId(newTenantId(16)));
    const stranger = await counted.costOf(() => acquireWith(key));
    expect(stranger).toMatchObject({ result: { status: 401 }, redis: ['EVALSHA'], statements: 1 });
    expect(await counted.redis.command(['DBSIZE'])).toBe(before);
  });

  test('that reads a license costs one document and at least one Redis command: the counters work', async () => {
    const read = await counted.costOf(() =>
      counted.suite.operate('GET', `/api/v1/licenses/${license.licenseId}`),
    );
    expect(read).toMatchObject({ records: ['get licenses'], statements: 1 });
    expect(read.redis[0]).toBe('EVALSHA');
  });

  describe('of an operator', () => {
    const PATH = '/api/v1/operator-tokens';
    const listTokens = (credential: string) =>
      counted.costOf(() => counted.suite.call('GET', PATH, { authorization: `Operator ${credential}` }));

    test('costs one read with a token, and one read and one write more in the first call of an hour', async () => {
      const { body } = await counted.suite.operate('POST', PATH, { name: 'CI', scopes: ['all'] });
      const first = await listTokens(body.operator_token);
      const [looked, recorded] = ['get operator-tokens', 'set operator-tokens'];
      const listed = 'query all-operator-tokens';
      expect(first).toMatchObject({ result: { status: 200 }, redis: [] });
      expect(first.records).toEqual([looked, looked, recorded, listed]);
      const second = await listTokens(body.operator_token);
      expect(second).toMatchObject({ redis: [], records: [looked, listed] });
      counted.moveClock(HOUR_MS);
      expect((await listTokens(body.operator_token)).records).toEqual([looked, looked, recorded, listed]);
    });

    test('costs nothing to authenticate with the operator key', async () => {
      const right = await listTokens(OPERATOR_KEY);
      expect(right).toMatchObject({ redis: [], records: ['query all-operator-tokens'] });
    });

    test('costs one read with an unknown token, none with a mistyped one, and a command with a wrong key', async () => {
      const token = newOperatorToken(newPersonalId('opt'));
      const unknown = await listTokens(token);
      expect(unknown).toMatchObject({ result: { status: 401 }, redis: [], records: ['get operator-tokens'] });
      for (const wrong of ['wrong', `${token}x`]) {
        const refused = await listTokens(wrong);
        expect(refused).toMatchObject({ result: { status: 401 }, redis: ['EVALSHA'], records: [] });
      }
    });

    test('costs nothing after too many wrong keys', async () => {
      let refused = await listTokens('wrong');
      for (let n = 0; n < WRONG_KEYS.requests && refused.result.status === 401; n += 1)
        refused = await listTokens('wrong');
      for (const key of ['wrong', OPERATOR_KEY])
        expect(await listTokens(key)).toMatchObject({ result: { status: 429 }, ...NOTHING });
      counted.moveClock(60_000);
      expect((await listTokens(OPERATOR_KEY)).result.status).toBe(200);
    });
  });

  test('that lists the sessions of a license costs the same however many there are', async () => {
    const admin = await signIn(counted.suite, 'ada@example.com');
    const held = await counted.suite.createLicense({ tenant_id: [...admin.tenants.keys()][0] });
    const list = () => admin.call('GET', `/api/v1/sessions?license_id=${held.licenseId}`);
    await list();
    for (const machine of ['a', 'b', 'c']) {
      await held.acquire(machine);
      const listed = await counted.costOf(list);
      expect(listed).toMatchObject({ result: { status: 200 } });
      expect(listed.operations).toEqual({ ...totalOf({}), ...SESSION_LIST });
    }
  });

  describe('for the usage of a license', () => {
    const read = (licenseId: string, query = '') =>
      counted.costOf(() => counted.suite.operate('GET', `/api/v1/licenses/${licenseId}/usage${query}`));

    /** Stores an hour of usage, that many hours before the current one. */
    async function storeHour(hoursAgo: number): Promise<void> {
      const { licenseId, tenantId } = license;
      const hourMs = counted.nowMs() - (counted.nowMs() % HOUR_MS) - hoursAgo * HOUR_MS;
      const closing = { position: `${hourMs}-0`, active: 1 };
      const hour: UsageHour = { licenseId, tenantId, hourMs, peak: 1, denials: 0, closing };
      await counted.suite.deps.records.create(USAGE_HOURS, usageHourId(licenseId, hourMs), hour);
    }

    test('costs three reads without usage, and one without a license', async () => {
      const none = await read(license.licenseId);
      expect(none.records).toEqual(['get licenses', 'query usage-of-license', 'query usage-of-license']);
      const unknown = await read(newLicenseId(newTenantId(16)));
      expect(unknown).toMatchObject({ result: { status: 404 }, records: ['get licenses'] });
    });

    test('of 31 days costs a read for each stored hour, and a few for the hours before', async () => {
      for (let n = 0; n < 31 * 24; n += 3) await storeHour(n);
      for (let n = 1; n < 9; n += 1) await storeHour(31 * 24 + n);
      const from = new Date(counted.nowMs() - (counted.nowMs() % HOUR_MS) + HOUR_MS - 31 * DAY_MS);
      const month = await read(license.licenseId, `?from=${from.toISOString()}`);
      expect(month.result.status, month.result.text).toBe(200);
      expect(month.records.toSorted()).toEqual(['get licenses', ...times('query usage-of-license', 4)]);
      // Three queries read one more document to find out that there is another page.
      expect(month.operations.documentReads).toBe(1 + 248 + 3 + 3);
    });
  });
});

describe('a sweep', () => {
  beforeAll(open);
  afterAll(() => counted.close());
  beforeEach(async () => {
    license = await newLicense();
  });

  /** A license without unpublished events, whose leases outlast every test here. */
  async function newLicense(terms = { ttl_seconds: 7_200 }): Promise<TestLicense> {
    const created = await counted.suite.createLicense({ max: 20, ...terms });
    await counted.suite.settle();
    return created;
  }

  async function acquireTen(): Promise<void> {
    for (let n = 0; n < 10; n += 1) await license.acquire(`machine-${n}`);
  }

  test('without work costs one command per shard, seven reads and a write', async () => {
    const idle = await counted.costOf(sweep);
    expect(idle.operations).toEqual(totalOf({ idleSweep: 1 }));
    expect(idle.redis).toEqual(times('EVALSHA', SHARDS));
    // The reads look for bars, unsealed events, unprocessed Stripe events, due subscriptions, uncounted usage, due
    // erasures, and the end of the hour.
    expect(idle.records).toHaveLength(8);
    expect(idle.records.at(-1)).toBe('set maintenance');
  });

  test('that publishes up to a hundred events of a shard costs one read and one trim of its outbox', async () => {
    await acquireTen();
    let events: readonly unknown[] = [];
    const publishing = await counted.costOf(async () => {
      events = await counted.withhold(sweep);
    });
    expect(events).toHaveLength(10);
    expect(publishing.operations).toEqual(totalOf({ idleSweep: 1, publishedBatch: 1 }));
    expect(publishing.redis.toSorted()).toEqual([...times('EVALSHA', SHARDS), 'XDEL', 'XRANGE']);
  });

  test('that expires ten leases of a license costs one command more than publishing their events', async () => {
    license = await newLicense({ ttl_seconds: 360 });
    await acquireTen();
    await counted.suite.settle();
    counted.moveClock(360_000);
    const expiring = await counted.costOf(sweep);
    expect(expiring.result.body.expired).toBe(10);
    expect(expiring.redis.toSorted()).toEqual([...times('EVALSHA', SHARDS + 1), 'XDEL', 'XRANGE']);
  });

  test('costs three reads, three writes and a message per recorded event, and three reads per duplicate', async () => {
    const { session_id } = (await license.acquire('machine')).body;
    const acquired = await counted.withhold(sweep);
    await license.release(session_id);
    const released = await counted.withhold(sweep);
    for (const events of [acquired, released]) {
      expect(events).toHaveLength(1);
      const recording = await counted.costOf(() => counted.publish(events));
      expect(recording.operations).toEqual(totalOf({ recordedEvent: 1 }));
      const duplicate = await counted.costOf(() => counted.publish(events));
      expect(duplicate.operations).toEqual({ ...totalOf({ recordedEvent: 1 }), documentWrites: 0 });
    }
  });

  test('that seals events costs two reads and one write per event, and one of each per tenant', async () => {
    const other = await newLicense();
    await acquireTen();
    await counted.publish(await counted.withhold(sweep));
    const ten = await counted.costOf(sweep);
    expect(ten.result.body.sealed).toBe(10);
    expect(ten.operations).toEqual(
      withoutEmptyReads(totalOf({ idleSweep: 1, sealedEvent: 10, sealedChain: 1 }), 1),
    );
    for (const each of [license, other]) await visit(each);
    await counted.publish(await counted.withhold(sweep));
    const both = await counted.costOf(sweep);
    expect(both.operations).toEqual(
      withoutEmptyReads(totalOf({ idleSweep: 1, sealedEvent: 2 * EVENTS_OF_A_VISIT, sealedChain: 2 }), 1),
    );
  });
});

describe('a sweep that compares or deletes', () => {
  beforeEach(open);
  afterEach(() => counted.close());

  /** The cost of the sweep that compares, an hour after the previous one. Every seat in `open` is kept. */
  async function compare(open: readonly Reply[] = []): Promise<OperationCounts> {
    counted.moveClock(HOUR_MS);
    for (const { body } of open) {
      const { session_id, session_token } = body;
      expect((await license.heartbeat({ session_id, session_token })).status).toBe(200);
    }
    const compared = await counted.costOf(sweep);
    expect(compared.result.body.reconciled).toMatchObject({ copies_repaired: 0, sessions_missing: 0 });
    return compared.operations;
  }

  /** More than one page of compared items. */
  const MANY = 110;

  test('costs one read per license, and two commands and one write per further hundred of a shard', async () => {
    const { records, seats } = counted.suite.deps;
    const first = await records.get(LICENSES, license.licenseId);
    if (!first) throw new Error('no license');
    const addLicenses = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 1) {
        const another = { ...first, licenseId: newLicenseId(license.tenantId) };
        expect(shardOf(another.licenseId)).toBe(shardOf(first.licenseId));
        await records.create(LICENSES, another.licenseId, another);
        await seats.restore({ entitlement: entitlementOf(another), loans: [], bars: [] });
      }
    };
    const hourly = { idleSweep: 1, comparison: 1 };
    // Until nothing of the session that ended is remembered any more.
    for (let hours = 0; hours < 4; hours += 1) await compare();
    expect(await compare()).toEqual(totalOf({ ...hourly, comparedLicense: 1 }));
    await addLicenses(1);
    expect(await compare()).toEqual(totalOf({ ...hourly, comparedLicense: 2 }));
    await addLicenses(MANY);
    expect(await compare()).toEqual(
      totalOf({ ...hourly, comparedLicense: 2 + MANY, comparedLicensePage: 1 }),
    );
  });

  test('costs one read per open session, one command per license with sessions, and three operations per further hundred', async () => {
    const { records } = counted.suite.deps;
    const open: Reply[] = [];
    const seat = async (machine: string): Promise<void> => {
      open.push(await license.acquire(machine));
      await counted.suite.settle();
    };
    const costOfSessions = (count: number, pages: number): OperationCounts => {
      const of = { comparedLicense: 1, comparedPool: 1, comparedSession: count, comparedSessionPage: pages };
      return withoutEmptyReads(totalOf({ idleSweep: 1, comparison: 1, checkedLicenses: 1, ...of }), 1);
    };
    await seat('first');
    expect(await compare(open)).toEqual(costOfSessions(1, 0));
    await seat('second');
    expect(await compare(open)).toEqual(costOfSessions(2, 0));
    const [history] = await historiesOf(records, license.licenseId);
    if (!history) throw new Error('no session history');
    await records.transact(async (transaction) => {
      for (let n = 0; n < MANY; n += 1) {
        const sessionId = `${history.sessionId}${n}`;
        const missingSinceMs = counted.nowMs() + 2 * HOUR_MS;
        transaction.set(SESSION_HISTORIES, sessionId, {
          ...history,
          sessionId,
          isOpen: true,
          missingSinceMs,
        });
      }
    });
    expect(await compare(open)).toEqual(costOfSessions(2 + MANY, 1));
  });

  test('costs nineteen reads and nineteen writes a day to delete old data, and eleven operations per session that is old enough', async () => {
    /** The sweep that deletes, once everything is past its retention period. */
    const forget = async (): Promise<OperationCounts> => {
      counted.moveClock((RETENTION_DAYS + 1) * DAY_MS);
      return (await counted.costOf(sweep)).operations;
    };
    const hourly = { idleSweep: 1, comparison: 1, comparedLicense: 1 };
    await forget();
    expect(await compare()).toEqual(totalOf(hourly));
    expect(await forget()).toEqual(totalOf({ ...hourly, forgetting: 1 }));
    for (const sessions of [1, 2]) {
      for (let n = 0; n < sessions; n += 1) await visit(license);
      await counted.suite.settle();
      // Two queries have results: histories and events.
      expect(await forget()).toEqual(
        withoutEmptyReads(
          totalOf({ ...hourly, checkedLicenses: 1, forgetting: 1, forgottenSession: sessions }),
          2,
        ),
      );
    }
  });
});

test('a seat-hour costs exactly the sum of its calls, sweeps and events', async () => {
  await open();
  // The creation of the tenant is an event, too.
  await counted.suite.settle();
  try {
    let sweeps = 0;
    const sweepOnce = async (): Promise<void> => {
      await counted.suite.sweep();
      await counted.suite.delivered();
      sweeps += 1;
    };
    // An event may be recorded before or after the sweep that published it seals: the second one seals the rest.
    const andSweep = async (reply: Reply): Promise<Reply> => {
      await sweepOnce();
      await sweepOnce();
      return reply;
    };
    const { operations } = await counted.costOf(async () => {
      const { session_id, session_token } = (await andSweep(await license.acquire('machine'))).body;
      for (let beats = 0; beats < 12; beats += 1) {
        counted.moveClock(5 * 60_000 - 1);
        await andSweep(await license.heartbeat({ session_id, session_token }));
      }
      await andSweep(await license.sign({ session_id }));
      await andSweep(await license.release(session_id));
    });
    // Each event of the session is in another sweep. Each of these sweeps publishes a batch and extends a chain.
    const sweepsWithEvents = EVENTS_OF_A_VISIT;
    const sum = totalOf({
      acquire: 1,
      heartbeat: 12,
      sign: 1,
      release: 1,
      idleSweep: sweeps,
      publishedBatch: sweepsWithEvents,
      recordedEvent: EVENTS_OF_A_VISIT,
      sealedEvent: EVENTS_OF_A_VISIT,
      sealedChain: sweepsWithEvents,
    });
    expect(operations).toEqual(withoutEmptyReads(sum, sweepsWithEvents));
  } finally {
    await counted.close();
  }
});

test.each([
  ['upstash', /\/redis\/upstash-http\.ts$/, /\/redis\/redis-protocol\.ts$|\/iovalkey\//],
  ['redis', /\/redis\/redis-protocol\.ts$/, /\/upstash-http\.ts$|\/@upstash\//],
])(
  'an acquire on %s loads no handler of another function, no heavy SDK, no rate limits and nothing of another Redis',
  async (redis, own, foreign) => {
    const script = fileURLToPath(new URL('./testing/modules-of-acquire.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script, redis], {
      maxBuffer: 1024 * 1024,
    });
    const { status, forAcquire, withSdks } = JSON.parse(stdout);
    expect(status).toBe(201);
    const heavy = /node_modules\/(@google-cloud|stripe|google-auth-library|googleapis|@grpc|google-gax)\//;
    expect(forAcquire.filter((file: string) => heavy.test(file))).toEqual([]);
    expect(forAcquire.filter((file: string) => own.test(file))).not.toEqual([]);
    expect(forAcquire.filter((file: string) => foreign.test(file))).toEqual([]);
    const limits = /\/@upstash\/(ratelimit|core-analytics)\//;
    expect(forAcquire.filter((file: string) => limits.test(file))).toEqual([]);
    const handlers = forAcquire.filter((file: string) => file.endsWith('/handler.ts'));
    expect(handlers).toEqual([expect.stringMatching(/\/acquire\/handler\.ts$/)]);
    for (const sdk of ['/stripe/', '/google-auth-library/']) {
      expect(withSdks.some((file: string) => heavy.test(file) && file.includes(sdk))).toBe(true);
    }
  },
);
