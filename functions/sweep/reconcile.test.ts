import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { poolKey } from '../../shared/adapters/seats/lua/keys.ts';
import { newLicenseId, shardOf } from '../../shared/domain/ids.ts';
import { entitlementOf, type LicenseChange, withLicenseChange } from '../../shared/domain/license.ts';
import { Unavailable } from '../../shared/errors.ts';
import {
  LICENSES,
  RECONCILE_PASSES,
  RETENTION_PASSES,
  SESSION_HISTORIES,
} from '../../shared/ports/collections.ts';
import { auditOf, historiesOf, storyOf } from '../../shared/testing/read-records.ts';
import { verifyChain } from '../../shared/use-cases/verify-chain.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';

const HOUR_MS = 3_600_000;
const TTL_MS = 360_000;

let clocked: ClockedSuite;
let suite: TestSuite;
beforeEach(async () => {
  clocked = await openClockedSuite();
  suite = clocked.suite;
  // The first sweep compares. The next comparison is due an hour later.
  await suite.sweep();
});
afterEach(() => clocked.close());

const moveClock = (ms: number): void => clocked.moveClock(ms);
const seat: ClockedSuite['seat'] = (license, machine) => clocked.seat(license, machine);

/** Runs the sweep that compares, an hour after the previous one. */
async function sweepAnHourLater(): Promise<Reply> {
  moveClock(HOUR_MS);
  const reply = await suite.sweep();
  expect(reply.status, reply.text).toBe(200);
  expect(reply.body.reconciled).not.toBeNull();
  await suite.settle();
  return reply;
}

/** Changes a license only in the records, as a function that crashes before it updates the seat store. */
async function changeRecordOnly(licenseId: string, change: LicenseChange): Promise<void> {
  await suite.deps.records.transact(async (transaction) => {
    const license = await transaction.get(LICENSES, licenseId);
    if (!license) throw new Error('no such license');
    transaction.set(LICENSES, licenseId, withLicenseChange(license, change, clocked.nowMs()));
  });
}

test('compares everything exactly once an hour', async () => {
  const { licenseId } = await suite.createLicense();
  await seat({ ...(await suite.createLicense()) }, 'machine');
  moveClock(HOUR_MS - 1);
  expect((await suite.sweep()).body.reconciled).toBeNull();
  moveClock(1);
  const { body } = await suite.sweep();
  expect(body.reconciled).toMatchObject({ copies: 2, copies_repaired: 0, copies_removed: 0 });
  expect((await suite.sweep()).body.reconciled).toBeNull();
  expect((await suite.operate('GET', `/api/v1/licenses/${licenseId}`)).status).toBe(200);
});

test('compares all other sessions if the history of one was written by another release, and reports that', async () => {
  const license = await suite.createLicense({ borrow: { max_days: 1 } });
  await license.acquire('machine', { borrow_days: 1 });
  await suite.settle();
  const { records } = suite.deps;
  const [history] = await historiesOf(records, license.licenseId);
  if (!history) throw new Error('no history');
  const newer = { ...SESSION_HISTORIES, versions: [2] as const };
  await records.create(newer, 'ses_newer', { ...history, sessionId: 'ses_newer', isOpen: true });
  const from = suite.logged.length;
  expect((await sweepAnHourLater()).body).toMatchObject({ complete: true, reconciled: { sessions: 1 } });
  const because = expect.stringContaining('session-histories/ses_newer has version 2');
  expect(suite.logged.slice(from)).toContainEqual(
    expect.objectContaining({ severity: 'ERROR', unreadable: 1, because }),
  );
});

test('finishes passes that another release began, whose cursors this one cannot read', async () => {
  await seat(await suite.createLicense(), 'machine');
  await suite.settle();
  const { records } = suite.deps;
  const startedAtMs = clocked.nowMs();
  const begun = { startedAtMs, finishedAtMs: null, after: 'a cursor of another release' };
  await records.transact(async (transaction) => {
    transaction.set(RECONCILE_PASSES, 'reconcile', { ...begun, step: 'sessions', shard: 99 });
    transaction.set(RETENTION_PASSES, 'retention', { ...begun, step: 'events', cutoffMs: 0, sinceMs: 0 });
  });
  expect((await suite.sweep()).body).toMatchObject({ complete: true, reconciled: { sessions: 1 } });
  expect(await records.get(RETENTION_PASSES, 'retention')).toMatchObject({
    finishedAtMs: expect.any(Number),
  });
});

describe('an entitlement copy', () => {
  test('that another release wrote in another format, or that was lost, is restored from the records', async () => {
    const [one, two] = [await suite.createLicense(), await suite.createLicense()];
    await clocked.redis.command(['HSET', poolKey('license', one.licenseId), 'v', '2']);
    await clocked.redis.command(['DEL', poolKey('license', two.licenseId)]);
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ copies: 2, copies_repaired: 2 });
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ copies: 2, copies_repaired: 0 });
  });

  test('that missed a change is updated, and the change is published', async () => {
    const license = await suite.createLicense({ max: 5 });
    await changeRecordOnly(license.licenseId, { max: 1 });
    await seat(license, 'a');
    expect((await license.acquire('b')).status).toBe(201);

    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ copies_repaired: 1 });
    expect((await license.acquire('a')).status).toBe(201);
    expect((await license.acquire('b')).body).toMatchObject({ code: 'SEATS_EXHAUSTED', max: 1 });
    const types = (await auditOf(suite.deps.records, license.licenseId)).map(({ type }) => type);
    expect(types).toContain('license.updated');
  });

  test('that a crashed function left outdated is repaired, and the change is recorded only once', async () => {
    const license = await suite.createLicense({ max: 5 });
    const { licenseId, tenantId } = license;
    moveClock(1);
    vi.spyOn(suite.deps.seats, 'putLicense').mockRejectedValueOnce(
      new Unavailable('seats', 'unavailable in this test'),
    );
    expect((await suite.operate('PATCH', `/api/v1/licenses/${licenseId}`, { max: 1 })).status).toBe(503);
    await suite.settle();
    const recordedTypes = async (): Promise<string[]> =>
      (await auditOf(suite.deps.records, licenseId)).map(({ type }) => type);
    expect(await recordedTypes()).toEqual(['license.created', 'license.updated']);

    const publish = vi.spyOn(suite.deps.events, 'publish');
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ copies_repaired: 1 });
    const published = publish.mock.calls.flatMap(([events]) => events.map(({ type }) => type));
    expect(published).toEqual(['license.updated']);
    expect(await recordedTypes()).toEqual(['license.created', 'license.updated']);
    expect(await verifyChain(suite.deps.records, tenantId)).toMatchObject({ sealed: 2, problems: [] });
  });

  test.each([
    ['with a newer version, as after a restore of the records,', { version: '9', max: '50' }],
    ['that was changed by hand', { max: '50' }],
  ])('%s is replaced by the terms in the records', async (_, fields) => {
    const license = await suite.createLicense({ max: 1 });
    const key = poolKey('license', license.licenseId);
    await clocked.redis.command(['HSET', key, ...Object.entries(fields).flat()]);
    await seat(license, 'a');
    expect((await license.acquire('b')).status).toBe(201);

    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ copies_repaired: 1 });
    await seat(license, 'a');
    expect((await license.acquire('b')).body).toMatchObject({ code: 'SEATS_EXHAUSTED', max: 1 });
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ copies_repaired: 0 });
    // A later change is not mistaken for an older one.
    const path = `/api/v1/licenses/${license.licenseId}`;
    expect((await suite.operate('PATCH', path, { max: 3 })).status).toBe(200);
    expect((await license.acquire('b')).status).toBe(201);
  });

  test('is overruled in the records even if the function crashes before it updates the seat store', async () => {
    const { licenseId } = await suite.createLicense({ max: 1 });
    await clocked.redis.command(['HSET', poolKey('license', licenseId), 'max', '50']);
    moveClock(3_600_000);
    vi.spyOn(suite.deps.seats, 'putLicense').mockRejectedValueOnce(
      new Unavailable('seats', 'unavailable in this test'),
    );
    expect((await suite.sweep()).status).toBe(503);
    const types = (await auditOf(suite.deps.records, licenseId)).map(({ type }) => type);
    expect(types).toContain('license.updated');
  });

  test('of an unknown license grants no more seats, and is removed after the last one has ended', async () => {
    const known = await suite.createLicense({ max: 2, ttl_seconds: 7_200 });
    const licenseId = newLicenseId(known.tenantId);
    const license = await suite.deps.records.get(LICENSES, known.licenseId);
    if (!license) throw new Error('no license');
    await suite.deps.seats.putLicense({ ...entitlementOf(license), licenseId });
    const acquireAs = (holder: string) =>
      suite.deps.seats.acquire({
        licenseId,
        proof: { kind: 'trusted' },
        proposedSessionId: `ses_${licenseId.slice(4)}_${holder.padStart(16, '0')}`,
        holders: { machine: holder },
        facts: { fingerprint: holder },
      });
    expect(await acquireAs('a')).toMatchObject({ verdict: 'GRANTED' });

    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ copies: 2, copies_repaired: 1 });
    expect(await acquireAs('b')).toEqual({ verdict: 'SUSPENDED' });
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ copies: 2, copies_removed: 1 });
    expect(await acquireAs('b')).toEqual({ verdict: 'UNKNOWN_LICENSE' });
    expect(await storyOf(suite.deps.records, licenseId)).toMatchObject([
      expect.stringContaining('session.acquired'),
      expect.stringContaining('session.expired'),
    ]);
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ copies: 1, copies_removed: 0 });
  });

  test('is compared among many, and a pass that runs out of time continues in the next sweep', async () => {
    const { tenantId, licenseId } = await suite.createLicense({ max: 1 });
    const license = await suite.deps.records.get(LICENSES, licenseId);
    if (!license) throw new Error('no license');
    for (let n = 0; n < 220; n += 1) {
      const another = { ...license, licenseId: newLicenseId(tenantId) };
      await suite.deps.records.create(LICENSES, another.licenseId, another);
      await suite.deps.seats.putLicense({ ...entitlementOf(another), max: n === 219 ? 9 : 1 });
    }
    moveClock(HOUR_MS);
    const { listCopies } = suite.deps.seatMaintenance;
    let pages = 0;
    vi.spyOn(suite.deps.seatMaintenance, 'listCopies').mockImplementation((shard, page) => {
      if (shard === shardOf(tenantId)) pages += 1;
      // The time is up after the first full page.
      if (pages === 1) moveClock(120_000);
      return listCopies(shard, page);
    });
    const interrupted = await suite.sweep();
    expect(interrupted.body).toMatchObject({ complete: false, unavailable: [] });
    expect(interrupted.body.reconciled.copies).toBeGreaterThanOrEqual(100);
    expect(interrupted.body.reconciled.copies).toBeLessThan(221);
    const rest = await suite.sweep();
    expect(rest.body.complete).toBe(true);
    expect(interrupted.body.reconciled.copies + rest.body.reconciled.copies).toBe(221);
    expect(interrupted.body.reconciled.copies_repaired + rest.body.reconciled.copies_repaired).toBe(1);
  });
});

describe('a session', () => {
  test('that Redis lost and no client revived is closed once', async () => {
    const license = await suite.createLicense();
    const { id } = await seat(license, 'machine');
    await suite.settle();
    await clocked.redis.command(['FLUSHALL']);

    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ sessions: 1, sessions_missing: 1 });
    const missingSinceMs = clocked.nowMs();
    expect(await historiesOf(suite.deps.records, license.licenseId)).toMatchObject([
      { isOpen: true, missingSinceMs },
    ]);
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ sessions: 1, sessions_closed: 1 });
    expect(await historiesOf(suite.deps.records, license.licenseId)).toMatchObject([
      { isOpen: false, endedAtMs: missingSinceMs, endReason: 'lost' },
    ]);
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ sessions: 0 });
    const story = [`session.acquired ${id}`, `session.expired ${id}`];
    expect(await storyOf(suite.deps.records, license.licenseId)).toEqual(story);
  });

  test('that its client revived in the meantime continues', async () => {
    const license = await suite.createLicense({ ttl_seconds: 7_200 });
    const { id, token } = await seat(license, 'machine');
    await suite.settle();
    await clocked.redis.command(['FLUSHALL']);
    await sweepAnHourLater();
    const beat = await license.heartbeat({ session_id: id, session_token: token });
    expect(beat.body).toMatchObject({ revived: true });
    await suite.settle();
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ sessions: 1, sessions_closed: 0 });
    expect(await historiesOf(suite.deps.records, license.licenseId)).toMatchObject([
      { isOpen: true, missingSinceMs: null, revivals: 0 },
    ]);
  });

  test('that was missing once but holds its seat is no longer marked as missing', async () => {
    const license = await suite.createLicense({ ttl_seconds: 7_200 });
    const { id } = await seat(license, 'machine');
    await suite.settle();
    const whichSeated = vi.spyOn(suite.deps.seatMaintenance, 'whichSeated').mockResolvedValue(new Set());
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ sessions_missing: 1 });
    whichSeated.mockRestore();
    expect((await license.heartbeat({ session_id: id })).body).not.toHaveProperty('revived');
    await sweepAnHourLater();
    expect(await historiesOf(suite.deps.records, license.licenseId)).toMatchObject([
      { isOpen: true, missingSinceMs: null },
    ]);
  });

  test('whose end is not recorded yet gets no second end', async () => {
    const license = await suite.createLicense();
    const { id } = await seat(license, 'machine');
    await suite.settle();
    const publish = vi.spyOn(suite.deps.events, 'publish').mockImplementation(async () => {
      throw new Unavailable('events', 'unavailable in this test');
    });
    await license.release(id);
    moveClock(HOUR_MS);
    expect((await suite.sweep()).body.reconciled).toMatchObject({ sessions: 1, sessions_missing: 1 });
    publish.mockRestore();
    await sweepAnHourLater();
    await sweepAnHourLater();
    const story = [`session.acquired ${id}`, `session.released ${id}`];
    expect(await storyOf(suite.deps.records, license.licenseId)).toEqual(story);
    expect(await historiesOf(suite.deps.records, license.licenseId)).toMatchObject([
      { isOpen: false, endReason: 'released', missingSinceMs: null },
    ]);
  });

  test('with a borrowed seat that Redis lost is seated again until the end of its loan, while its client is offline', async () => {
    const license = await suite.createLicense({ max: 1, borrow: { max_days: 7 } });
    const lent = (await license.acquire('field-laptop', { borrow_days: 7 })).body;
    await suite.settle();
    await clocked.redis.command(['FLUSHALL']);
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({
      sessions_reseated: 1,
      sessions_missing: 0,
    });

    const refused = await license.acquire('other');
    expect(refused.body).toMatchObject({ code: 'SEATS_EXHAUSTED', active: 1 });
    const [held] = (await suite.operate('GET', `/api/v1/sessions?license_id=${license.licenseId}`)).body
      .sessions;
    expect(held).toMatchObject({
      session_id: lent.session_id,
      acquired_at: expect.any(String),
      expires_at: lent.borrowed_until,
      borrowed_until: lent.borrowed_until,
    });
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ sessions_reseated: 0 });
    expect(await historiesOf(suite.deps.records, license.licenseId)).toMatchObject([
      { isOpen: true, missingSinceMs: null },
    ]);

    // The records do not contain the machine: nothing is signed until it acquires again.
    const { session_id } = lent;
    expect((await license.sign({ session_id })).body.code).toBe('SESSION_NOT_FOUND');
    const again = await license.acquire('field-laptop');
    expect(again.body).toMatchObject({ session_id, borrowed_until: lent.borrowed_until });
    expect((await license.sign({ session_id })).body.license_data.offline_until).toBe(lent.borrowed_until);
  });

  test('with a borrowed seat of a suspended license is reported lost like any other', async () => {
    const license = await suite.createLicense({ borrow: { max_days: 7 } });
    await license.acquire('field-laptop', { borrow_days: 7 });
    await suite.settle();
    await clocked.redis.command(['FLUSHALL']);
    await suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'suspended' });
    const { body } = await sweepAnHourLater();
    expect(body.reconciled).toMatchObject({ sessions_reseated: 0, sessions_missing: 1 });
  });

  test('with a released borrowed seat is not seated again', async () => {
    const license = await suite.createLicense({ max: 1, borrow: { max_days: 7 } });
    const { session_id } = (await license.acquire('field-laptop', { borrow_days: 7 })).body;
    await suite.settle();
    await license.release(session_id);
    // Its end is not recorded yet when everything is compared.
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ sessions_reseated: 0 });
    expect((await license.acquire('other')).status).toBe(201);
  });

  test('with a borrowed seat is reported lost if all seats are taken', async () => {
    const license = await suite.createLicense({ max: 1, borrow: { max_days: 7 } });
    await license.acquire('field-laptop', { borrow_days: 7 });
    await suite.settle();
    await clocked.redis.command(['FLUSHALL']);
    const { session_id } = (await license.acquire('other', {})).body;
    moveClock(HOUR_MS - TTL_MS);
    await license.heartbeat({ session_id });
    moveClock(TTL_MS - 1);
    await license.heartbeat({ session_id });
    moveClock(1);
    const { body } = await suite.sweep();
    expect(body.reconciled).toMatchObject({ sessions_reseated: 0, sessions_missing: 1 });
  });

  test('that always holds its seat is never marked as missing', async () => {
    const license = await suite.createLicense();
    const { id } = await seat(license, 'machine');
    await suite.settle();
    let compared = 0;
    for (let beats = 0; beats < 24; beats += 1) {
      moveClock(TTL_MS - 1);
      expect((await license.heartbeat({ session_id: id })).status).toBe(200);
      const { reconciled } = (await suite.sweep()).body;
      if (reconciled === null) continue;
      compared += 1;
      expect(reconciled).toMatchObject({ sessions: 1, sessions_missing: 0, sessions_closed: 0 });
    }
    expect(compared).toBe(2);
  });
});
