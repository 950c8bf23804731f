import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { shardKey } from '../../shared/adapters/seats/lua/keys.ts';
import { unsealed } from '../../shared/domain/audit-chain.ts';
import { shardOf } from '../../shared/domain/ids.ts';
import { eventOfLicense, LicenseSchema } from '../../shared/domain/license.ts';
import { type Part, Unavailable } from '../../shared/errors.ts';
import { AUDIT, LICENSES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { BY } from '../../shared/testing/by.ts';
import { historiesOf, storyOf } from '../../shared/testing/read-records.ts';
import { verifyChain } from '../../shared/use-cases/verify-chain.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { OPERATOR_KEY, type TestLicense, type TestSuite } from '../testing/suite.ts';

const TTL_MS = 360_000;

let clocked: ClockedSuite;
let suite: TestSuite;
/** Dependencies that are unavailable now. */
const down = new Set<Part>();

/** The port. All its calls throw while its dependency is in `down`. */
function breakable<T extends object>(part: Part, port: T): T {
  return new Proxy(port, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        if (down.has(part) && name !== 'close')
          return Promise.reject(new Unavailable(part, 'unavailable in this test'));
        return Reflect.apply(member, target, args);
      };
    },
  });
}

beforeEach(async () => {
  const withFaults = (deps: Deps): Deps => ({
    ...deps,
    seats: breakable('seats', deps.seats),
    seatMaintenance: breakable('seats', deps.seatMaintenance),
    records: breakable('records', deps.records),
    events: breakable('events', deps.events),
  });
  // Several sweeps at once, as while Cloud Run replaces a revision.
  clocked = await openClockedSuite(withFaults, {}, { edge: { capacityOf: () => 10 } });
  suite = clocked.suite;
});
afterEach(async () => {
  down.clear();
  await clocked.close();
});

const moveClock = (ms: number): void => clocked.moveClock(ms);

async function seat(license: TestLicense, machine: string): Promise<string> {
  return (await clocked.seat(license, machine)).id;
}

async function outboxLength(license: TestLicense): Promise<number> {
  return Number(await clocked.redis.command(['XLEN', shardKey('outbox', shardOf(license.licenseId))]));
}

test('publishes and records the expired session of a crashed client, with start, end and reason', async () => {
  const license = await suite.createLicense({ max: 1 });
  const session = await seat(license, 'machine');
  const startMs = clocked.nowMs();
  moveClock(TTL_MS + 20_000);
  await suite.settle();
  expect(await storyOf(suite.deps.records, license.licenseId)).toEqual([
    `session.acquired ${session}`,
    `session.expired ${session}`,
  ]);
  expect(await historiesOf(suite.deps.records, license.licenseId)).toMatchObject([
    {
      sessionId: session,
      acquiredAtMs: startMs,
      endedAtMs: startMs + TTL_MS,
      endReason: 'expired',
      seatedMs: TTL_MS,
      isOpen: false,
    },
  ]);
  const { tenantId } = license;
  expect(await verifyChain(suite.deps.records, tenantId)).toMatchObject({
    sealed: 4,
    unsealed: 0,
    problems: [],
  });
});

test('reports what it has done and how many events are pending', async () => {
  const license = await suite.createLicense({ max: 3 });
  for (const machine of ['a', 'b', 'c']) await seat(license, machine);
  moveClock(TTL_MS);
  const first = await suite.sweep();
  expect(first.status, first.text).toBe(200);
  expect(first.body).toEqual({
    billing_events: 0,
    billing_events_failed: 0,
    billing_events_set_aside: 0,
    subscriptions: 0,
    usage_counted: 0,
    usage_over_cap: 0,
    usage_sent: 0,
    usage_without_price: 0,
    usage_late: 0,
    usage_refused: 0,
    usage_uncertain: 0,
    usage_canceled: 0,
    usage_credit_notes: 0,
    erased: 0,
    deleted: 0,
    expired: 3,
    loans_without_room: 0,
    published: 7,
    pending: 0,
    oldest_age_seconds: null,
    sealed: expect.any(Number),
    reconciled: expect.objectContaining({ copies: 1, copies_repaired: 0 }),
    complete: true,
    unavailable: [],
  });
  await suite.settle();
  const idle = await suite.sweep();
  expect(idle.body).toMatchObject({ expired: 0, published: 0, pending: 0, sealed: 0, reconciled: null });
});

describe('a caller other than Cloud Scheduler, if Cloud Run did not refuse it,', () => {
  test.each([
    ['no token', () => undefined, 401, 'AUTHENTICATION_REQUIRED'],
    ['an invalid token', () => 'Bearer let-me-in', 401, 'CREDENTIALS_INVALID'],
    [
      'a token for another audience',
      () => `Bearer ${suite.serviceToken('scheduler', { aud: 'https://elsewhere.example' })}`,
      401,
      'CREDENTIALS_INVALID',
    ],
    [
      'an expired token',
      () => `Bearer ${suite.serviceToken('scheduler', { exp: Math.floor(clocked.nowMs() / 1000) - 3600 })}`,
      401,
      'CREDENTIALS_INVALID',
    ],
    [
      'a token with an unverified e-mail address',
      () => `Bearer ${suite.serviceToken('scheduler', { email_verified: false })}`,
      401,
      'CREDENTIALS_INVALID',
    ],
    ['the token of Pub/Sub', () => `Bearer ${suite.serviceToken('pubsub')}`, 403, 'FORBIDDEN'],
    [
      'the token of another account',
      () => `Bearer ${suite.serviceToken('eve@seatlease.local')}`,
      403,
      'FORBIDDEN',
    ],
  ])('with %s is refused, and nothing is done', async (_, authorizationOf, status, code) => {
    const license = await suite.createLicense();
    await seat(license, 'machine');
    moveClock(TTL_MS);
    const authorization = authorizationOf();
    const credentials = authorization ? { authorization } : {};
    const reply = await suite.call('POST', '/internal/sweep', { ...credentials, door: 'unguarded' });
    expect([reply.status, reply.body.code]).toEqual([status, code]);
    expect(await outboxLength(license)).toBe(2);
    expect(await storyOf(suite.deps.records, license.licenseId)).toEqual([]);
  });

  test('with a license key or the operator key is refused', async () => {
    const license = await suite.createLicense();
    for (const authorization of [`License ${license.key}`, `Operator ${OPERATOR_KEY}`]) {
      const reply = await suite.call('POST', '/internal/sweep', { authorization, door: 'unguarded' });
      expect(reply.body.code).toBe('FORBIDDEN');
    }
  });
});

describe('while a dependency is unavailable, the rest is done and nothing is lost:', () => {
  test('events wait in the outbox until the topic is available again', async () => {
    const license = await suite.createLicense();
    const session = await seat(license, 'machine');
    await suite.settle();
    moveClock(TTL_MS);
    down.add('events');
    await suite.sweep();
    moveClock(90_000);
    const { status, body } = await suite.sweep();
    expect(status).toBe(503);
    expect(body).toMatchObject({ published: 0, pending: 1, oldest_age_seconds: 90 });
    expect(body).toMatchObject({ complete: false, unavailable: ['events'] });
    expect(suite.logged.at(-1)).toMatchObject({
      severity: 'ERROR',
      because: expect.stringContaining('events'),
    });

    down.clear();
    await suite.settle();
    expect(await storyOf(suite.deps.records, license.licenseId)).toEqual([
      `session.acquired ${session}`,
      `session.expired ${session}`,
    ]);
  });

  test('without records, expired leases are still published', async () => {
    const license = await suite.createLicense();
    const session = await seat(license, 'machine');
    moveClock(TTL_MS);
    down.add('records');
    const { status, body } = await suite.sweep();
    expect(status).toBe(503);
    expect(body).toMatchObject({ expired: 1, published: 3, pending: 0, sealed: 0, unavailable: ['records'] });
    down.clear();
    await suite.settle();
    expect(await storyOf(suite.deps.records, license.licenseId)).toHaveLength(2);
    expect(await historiesOf(suite.deps.records, license.licenseId)).toMatchObject([
      { sessionId: session, isOpen: false },
    ]);
  });

  test('without seats, recorded events are sealed, and no session counts as lost', async () => {
    const license = await suite.createLicense();
    await seat(license, 'machine');
    await suite.sweep();
    down.add('seats');
    moveClock(3_600_000);
    const { status, body } = await suite.sweep();
    expect(status).toBe(503);
    expect(body).toMatchObject({ expired: 0, published: 0, unavailable: ['seats'] });
    expect(body.reconciled).toMatchObject({ sessions_missing: 0, sessions_closed: 0 });
    expect(await historiesOf(suite.deps.records, license.licenseId)).toMatchObject([
      { isOpen: true, missingSinceMs: null },
    ]);
  });
});

test('reports a fault in one shard after everything else is done', async () => {
  const [stuck, other] = [await suite.createLicense(), await suite.createLicense()];
  const sessions = [await seat(stuck, 'machine'), await seat(other, 'machine')];
  const { events } = suite.deps;
  const { publish } = events;
  const refusing = vi.spyOn(events, 'publish').mockImplementation(async (batch) => {
    if (batch.some(({ licenseId }) => licenseId === stuck.licenseId))
      throw new Error('the topic rejects this');
    return publish(batch);
  });
  const reply = await suite.sweep();
  expect([reply.status, reply.body.code]).toEqual([500, 'INTERNAL']);
  expect(suite.logged.findLast((line) => line.function === 'sweep')).toMatchObject({
    severity: 'ERROR',
    because: expect.stringContaining('the topic rejects this'),
  });
  await suite.delivered();
  const { records } = suite.deps;
  if (shardOf(stuck.licenseId) !== shardOf(other.licenseId)) {
    expect(await storyOf(records, other.licenseId)).toEqual([`session.acquired ${sessions[1]}`]);
  }
  refusing.mockRestore();
  await suite.settle();
  expect(await storyOf(records, stuck.licenseId)).toEqual([`session.acquired ${sessions[0]}`]);
});

test('seals the other events if one was written by another release, and logs that one', async () => {
  const [theirs, ours] = [await suite.createLicense(), await suite.createLicense()];
  const { records } = suite.deps;
  const event = eventOfLicense(z.parse(LicenseSchema, await records.get(LICENSES, theirs.licenseId)), BY);
  await records.transact(async (transaction) => {
    transaction.set({ ...AUDIT, versions: [7] }, event.eventId, unsealed(event, clocked.nowMs()));
  });
  const reply = await suite.sweep();
  expect([reply.status, reply.body.sealed]).toEqual([200, 3]);
  expect(await verifyChain(records, ours.tenantId)).toMatchObject({ sealed: 2, unsealed: 0 });
  expect(suite.logged.findLast((line) => line.function === 'sweep')).toMatchObject({
    severity: 'ERROR',
    unreadable: 1,
    because: expect.stringContaining(`audit/${event.eventId} has version 7`),
  });
});

test('publishes, records and seals everything once when three sweeps run at once', async () => {
  const licenses = [await suite.createLicense({ max: 40 }), await suite.createLicense({ max: 40 })];
  for (const license of licenses) for (let n = 0; n < 40; n += 1) await seat(license, `machine-${n}`);
  moveClock(TTL_MS);
  const replies = await Promise.all([suite.sweep(), suite.sweep(), suite.sweep()]);
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(replies.reduce((sum, { body }) => sum + body.expired, 0)).toBe(80);
  await suite.delivered();
  // Three sweeps seal the recorded events concurrently.
  await Promise.all([suite.sweep(), suite.sweep(), suite.sweep()]);
  for (const { licenseId, tenantId } of licenses) {
    const story = await storyOf(suite.deps.records, licenseId);
    expect(story).toHaveLength(80);
    expect(new Set(story).size).toBe(80);
    const { records } = suite.deps;
    expect(await verifyChain(records, tenantId)).toMatchObject({ sealed: 82, unsealed: 0, problems: [] });
  }
});

test('keeps the position of an event that another sweep has sealed in the meantime', async () => {
  const license = await suite.createLicense();
  await seat(license, 'machine');
  const { records, seatMaintenance, events } = suite.deps;
  const entries = await seatMaintenance.readOutbox(shardOf(license.licenseId), { limit: 100 });
  await events.publish(entries.flatMap(({ event }) => event ?? []));
  await suite.delivered();
  const { query } = records;
  vi.spyOn(records, 'query').mockImplementationOnce(async (...args) => {
    const listed = await query(...args);
    expect((await suite.sweep()).body.sealed).toBeGreaterThan(0);
    return listed;
  });
  expect((await suite.sweep()).body.sealed).toBe(0);
  const { tenantId } = license;
  expect(await verifyChain(records, tenantId)).toMatchObject({ sealed: 3, unsealed: 0, problems: [] });
});

test('keeps and reports an unreadable outbox entry, and publishes the others', async () => {
  const license = await suite.createLicense();
  const outbox = shardKey('outbox', shardOf(license.licenseId));
  await clocked.redis.command(['XADD', outbox, '*', 'type', 'session.cloned']);
  const session = await seat(license, 'machine');
  const { status, body } = await suite.sweep();
  expect(status).toBe(200);
  expect(body).toMatchObject({ published: 2, pending: 1 });
  expect(suite.logged.findLast((line) => line.function === 'sweep')).toMatchObject({
    severity: 'ERROR',
    unreadable_events: 1,
  });
  await suite.settle();
  expect(await storyOf(suite.deps.records, license.licenseId)).toEqual([`session.acquired ${session}`]);
  expect(await outboxLength(license)).toBe(1);
});

test('publishes expired leases of a license whose terms Redis has lost', async () => {
  const license = await suite.createLicense();
  const session = await seat(license, 'machine');
  const { licenseId } = license;
  await clocked.redis.command(['DEL', `license:{s${shardOf(licenseId)}}:${licenseId}`]);
  moveClock(TTL_MS);
  expect((await suite.sweep()).body).toMatchObject({ expired: 1 });
  await suite.settle();
  expect(await storyOf(suite.deps.records, licenseId)).toContain(`session.expired ${session}`);
});

test('publishes the rest of a shard if the terms of a license are unavailable', async () => {
  const license = await suite.createLicense();
  const session = await seat(license, 'machine');
  const { licenseId } = license;
  await clocked.redis.command(['DEL', `license:{s${shardOf(licenseId)}}:${licenseId}`]);
  moveClock(TTL_MS);
  down.add('records');
  expect((await suite.sweep()).body).toMatchObject({ expired: 0, published: 2, unavailable: ['records'] });
  down.clear();
  // The sweep retries after an hour, unless a client calls before.
  moveClock(3_600_000);
  await suite.settle();
  expect(await storyOf(suite.deps.records, licenseId)).toEqual([
    `session.acquired ${session}`,
    `session.expired ${session}`,
  ]);
});

describe('a sweep that runs out of time', () => {
  test('stops cleanly, reports it, and leaves the rest to the next sweep', async () => {
    const license = await suite.createLicense({ max: 200 });
    for (let n = 0; n < 150; n += 1) await seat(license, `machine-${n}`);
    await suite.settle();
    moveClock(TTL_MS);
    // The first call moves the clock past the budget.
    const expire = vi.spyOn(suite.deps.seatMaintenance, 'expire');
    expire.mockImplementationOnce(async (shard, licenses) => {
      moveClock(120_000);
      expire.mockRestore();
      return suite.deps.seatMaintenance.expire(shard, licenses);
    });
    const interrupted = await suite.sweep();
    expect(interrupted.status).toBe(200);
    expect(interrupted.body).toMatchObject({ complete: false, unavailable: [] });
    expect(interrupted.body.expired).toBeLessThan(150);
    const next = await suite.sweep();
    expect(next.body).toMatchObject({ complete: true, expired: 150 - interrupted.body.expired });
    await suite.settle();
    expect(await storyOf(suite.deps.records, license.licenseId)).toHaveLength(300);
  });
});
