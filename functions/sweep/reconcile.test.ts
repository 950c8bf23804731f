import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { poolKey } from '../../shared/adapters/seats/lua/keys.ts';
import type { Entitlement } from '../../shared/domain/entitlement.ts';
import { eventOf } from '../../shared/domain/event.ts';
import { newLicenseId, newSessionId, shardOf } from '../../shared/domain/ids.ts';
import { entitlementOf, type LicenseChange, withLicenseChange } from '../../shared/domain/license.ts';
import { Unavailable } from '../../shared/errors.ts';
import {
  LICENSES,
  LOANS,
  RECONCILE_PASSES,
  RETENTION_PASSES,
  SESSION_HISTORIES,
} from '../../shared/ports/collections.ts';
import { BY } from '../../shared/testing/by.ts';
import { auditOf, historiesOf, storyOf } from '../../shared/testing/read-records.ts';
import { recordLoan } from '../../shared/use-cases/loans.ts';
import { verifyChain } from '../../shared/use-cases/verify-chain.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import type { Reply, TestLicense, TestSuite } from '../testing/suite.ts';

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

/** Puts a copy into the seat store only. */
async function putCopy(entitlement: Entitlement): Promise<void> {
  await suite.deps.seats.restore({ entitlement, loans: [], bars: [] });
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
    transaction.set(RETENTION_PASSES, 'retention', {
      ...begun,
      step: 'events',
      cutoffMs: 0,
      sinceMs: 0,
      leftUnreadable: false,
    });
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
    expect(await verifyChain(suite.deps.records, tenantId)).toMatchObject({ sealed: 3, problems: [] });
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
    await putCopy({ ...entitlementOf(license), licenseId });
    const acquireAs = (holder: string) =>
      suite.deps.seats.acquire({
        licenseId,
        proof: { kind: 'trusted' },
        by: BY,
        kind: 'machine',
        sessionId: newSessionId(licenseId),
        holders: { machine: holder },
        machine: holder,
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
      await putCopy({ ...entitlementOf(another), max: n === 219 ? 9 : 1 });
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
    const whichLiving = vi.spyOn(suite.deps.seatMaintenance, 'whichLiving').mockResolvedValue(new Set());
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ sessions_missing: 1 });
    whichLiving.mockRestore();
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

describe('a loan', () => {
  /** A license of one seat, which is borrowed. */
  async function lend() {
    const license = await suite.createLicense({ max: 1, borrow: { max_days: 7 } });
    const reply = await license.acquire('field-laptop', { borrow_days: 7 });
    expect(reply.status, reply.text).toBe(201);
    await suite.settle();
    return { license, lent: reply.body };
  }

  /** A loan that only the records have, and for which its license has no free seat. */
  async function loseLoan(license: TestLicense) {
    const { licenseId, tenantId } = license;
    const sessionId = newSessionId(licenseId);
    const atMs = clocked.nowMs();
    const untilMs = atMs + 7 * 24 * HOUR_MS;
    const times = { acquiredAtMs: atMs, expiresAtMs: untilMs };
    const facts = { fingerprint: 'field-laptop' };
    const session = { sessionId, kind: 'loan', holder: 'h', machine: 'm', ...times, facts } as const;
    await recordLoan(session, suite.deps);
    const detail = { holder: 'h', acquiredAtMs: atMs, borrowedUntilMs: untilMs };
    const fields = { type: 'session.borrowed', tenantId, licenseId, sessionId, atMs } as const;
    await suite.deps.events.publish([eventOf({ ...fields, position: `${atMs}-0`, ...BY, detail })]);
    await suite.delivered();
    return sessionId;
  }

  const listed = async ({ licenseId }: TestLicense) =>
    (await suite.operate('GET', `/api/v1/sessions?license_id=${licenseId}`)).body;

  test('that Redis lost is seated again until its end, while its client is offline', async () => {
    const { license, lent } = await lend();
    await clocked.redis.command(['FLUSHALL']);
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({
      ...{ loans: 1, loans_restored: 1, sessions: 1, sessions_missing: 0 },
    });
    expect((await listed(license)).sessions).toMatchObject([
      { session_id: lent.session_id, kind: 'loan', borrowed_until: lent.borrowed_until },
    ]);
    expect((await license.acquire('other')).body).toMatchObject({ code: 'SEATS_EXHAUSTED', active: 1 });
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ loans: 1, loans_restored: 0 });
    expect(await historiesOf(suite.deps.records, license.licenseId)).toMatchObject([
      { isOpen: true, missingSinceMs: null },
    ]);
  });

  test('that Redis lost can be signed again once its client has sent its session token', async () => {
    const { license, lent } = await lend();
    await clocked.redis.command(['FLUSHALL']);
    await sweepAnHourLater();
    const { session_id, session_token, borrowed_until } = lent;
    expect((await license.sign({ session_id })).status).toBeGreaterThanOrEqual(400);
    expect((await license.heartbeat({ session_id, session_token })).status).toBe(200);
    const { license_data } = (await license.sign({ session_id })).body;
    expect(license_data).toMatchObject({ offline_until: borrowed_until });
  });

  test('of a suspended license is restored: its client may be offline', async () => {
    const { license } = await lend();
    await clocked.redis.command(['FLUSHALL']);
    await suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'suspended' });
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ sessions_missing: 0 });
    expect((await listed(license)).sessions).toHaveLength(1);
  });

  test('that was returned is not restored, and its document is deleted even if a crash left it', async () => {
    const { license, lent } = await lend();
    const { records } = suite.deps;
    const left = await records.get(LOANS, lent.session_id);
    await license.release(lent.session_id);
    expect(await records.get(LOANS, lent.session_id)).toBeUndefined();
    if (left) await records.create(LOANS, lent.session_id, left);
    await suite.settle();
    await clocked.redis.command(['FLUSHALL']);
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ loans: 1, loans_restored: 0 });
    expect(await records.get(LOANS, lent.session_id)).toBeUndefined();
    expect((await license.acquire('other')).status).toBe(201);
  });

  test('for which there is no room is logged with its license, stays recorded, and is restored when a seat is free', async () => {
    const license = await suite.createLicense({ max: 1, ttl_seconds: 7_200 });
    const { id } = await seat(license, 'other');
    const sessionId = await loseLoan(license);
    const from = suite.logged.length;
    const { body } = await sweepAnHourLater();
    expect(body).toMatchObject({
      loans_without_room: 1,
      reconciled: { loans_restored: 0, sessions_missing: 0 },
    });
    expect(suite.logged.slice(from)).toContainEqual(
      expect.objectContaining({
        ...{ function: 'sweep', severity: 'ERROR', loans_without_room: 1 },
        licenses_without_room: [license.licenseId],
      }),
    );
    await license.release(id);
    expect((await sweepAnHourLater()).body).toMatchObject({
      ...{ loans_without_room: 0, reconciled: { loans_restored: 1 } },
    });
    expect((await listed(license)).sessions).toMatchObject([{ session_id: sessionId }]);
    const histories = await historiesOf(suite.deps.records, license.licenseId);
    expect(histories.find((history) => history.sessionId === sessionId)).toMatchObject({ isOpen: true });
  });

  test('whose document is deleted counts as lost like any other session', async () => {
    const license = await suite.createLicense({ max: 1, ttl_seconds: 10_800 });
    await seat(license, 'other');
    const sessionId = await loseLoan(license);
    await suite.deps.records.transact(async (transaction) => transaction.delete(LOANS, sessionId));
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ loans: 0, sessions_missing: 1 });
    expect((await sweepAnHourLater()).body.reconciled).toMatchObject({ sessions_closed: 1 });
  });
});
