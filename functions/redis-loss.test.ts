import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { membershipId } from '../shared/domain/users.ts';
import { LOANS, MEMBERSHIPS } from '../shared/ports/collections.ts';
import { eachDocument } from '../shared/ports/each-document.ts';
import { BARS_BY_END } from '../shared/ports/queries.ts';
import { type ClockedSuite, openClockedSuite } from './testing/clocked-suite.ts';
import type { TestLicense, TestSuite } from './testing/suite.ts';
import { signIn, type TestUser } from './testing/users.ts';

/** What a complete loss of Redis must not undo: loans and bars. Both are in the records. */

let clocked: ClockedSuite;
let suite: TestSuite;
beforeEach(async () => {
  clocked = await openClockedSuite();
  suite = clocked.suite;
});
afterEach(() => clocked.close());

const loseRedis = () => clocked.redis.command(['FLUSHALL']);

describe('a loan', () => {
  async function lend(license: TestLicense, machine: string) {
    const reply = await license.acquire(machine, { borrow_days: 7 });
    expect(reply.status, reply.text).toBe(201);
    return reply.body;
  }
  const listed = async ({ licenseId }: TestLicense) =>
    (await suite.operate('GET', `/api/v1/sessions?license_id=${licenseId}`)).body.sessions;

  test('keeps its seat from the first call on, before its event was recorded and without a sweep', async () => {
    const license = await suite.createLicense({ max: 2, borrow: { max_days: 7 } });
    const lent = [await lend(license, 'one'), await lend(license, 'two')];
    await loseRedis();
    expect((await license.acquire('other')).body).toMatchObject({ code: 'SEATS_EXHAUSTED', active: 2 });
    const sessions: { session_id: string; borrowed_until: string }[] = await listed(license);
    expect(sessions.map(({ session_id, borrowed_until }) => [session_id, borrowed_until]).toSorted()).toEqual(
      lent.map(({ session_id, borrowed_until }) => [session_id, borrowed_until]).toSorted(),
    );
  });

  test('keeps its seat when the license is changed first', async () => {
    const license = await suite.createLicense({ max: 2, borrow: { max_days: 7 } });
    await lend(license, 'one');
    await loseRedis();
    await suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { max: 1 });
    expect((await license.acquire('other')).body).toMatchObject({
      code: 'SEATS_EXHAUSTED',
      active: 1,
      max: 1,
    });
  });

  test('keeps its seat if its client tries again after Redis was lost, and is extended', async () => {
    const license = await suite.createLicense({ max: 1, borrow: { max_days: 7 } });
    const { session_id } = await lend(license, 'one');
    clocked.moveClock(3_600_000);
    await loseRedis();
    const again = await license.acquire('one', { borrow_days: 7 });
    expect([again.status, again.body.session_id]).toEqual([200, session_id]);
    expect(await suite.deps.records.get(LOANS, session_id)).toMatchObject({
      untilMs: clocked.nowMs() + 7 * 86_400_000,
    });
  });

  test('frees its seat for good when it is returned or evicted, also if Redis is lost before that is recorded', async () => {
    const license = await suite.createLicense({ max: 2, borrow: { max_days: 7 } });
    const [one, two] = [await lend(license, 'one'), await lend(license, 'two')];
    await suite.settle();
    await license.release(one.session_id);
    await suite.operate('DELETE', `/api/v1/licenses/sessions/${two.session_id}`);
    await loseRedis();
    expect((await license.acquire('other')).body).toMatchObject({ seats: { active: 1 } });
  });

  test('ends at its time, and its document is deleted', async () => {
    const license = await suite.createLicense({ max: 1, borrow: { max_days: 7 } });
    const { session_id } = await lend(license, 'one');
    await suite.settle();
    await loseRedis();
    clocked.moveClock(7 * 86_400_000);
    expect((await license.acquire('other')).status).toBe(201);
    clocked.moveClock(1);
    await suite.settle();
    expect(await suite.deps.records.get(LOANS, session_id)).toBeUndefined();
  });
});

describe('the access token of a user who was removed from a tenant', () => {
  /** A member with a valid access token who is no longer a member, and a license of the tenant. */
  async function remove(): Promise<{ member: TestUser; owner: TestUser; license: TestLicense }> {
    const [owner, invited] = [
      await signIn(suite, 'olivia@shop.example'),
      await signIn(suite, 'max@shop.example'),
    ];
    const [tenantId = ''] = [...owner.tenants.keys()];
    const { userId } = invited;
    const membership = { tenantId, userId, role: 'member' as const, joinedAtMs: clocked.nowMs() };
    await suite.deps.records.create(MEMBERSHIPS, membershipId(tenantId, userId), membership);
    const member = await signIn(suite, invited.email);
    const license = await suite.createLicense({ tenant_id: tenantId });
    expect((await acquire(member, license)).status).toBe(201);
    const removed = await owner.call('DELETE', `/api/v1/tenants/${tenantId}/members/${userId}`);
    expect(removed.status, removed.text).toBe(204);
    return { member, owner, license };
  }
  const acquire = (person: TestUser, { licenseId: license_id }: TestLicense) =>
    person.call('POST', '/api/v1/licenses/acquire', { fingerprint: 'laptop', license_id });

  test('gets no seat after Redis was lost, neither before nor after the next sweep', async () => {
    const { member, owner, license } = await remove();
    await loseRedis();
    expect((await acquire(member, license)).body.code).toBe('LICENSE_NOT_FOUND');
    await loseRedis();
    await suite.sweep();
    expect((await acquire(member, license)).body.code).toBe('LICENSE_NOT_FOUND');
    expect((await acquire(owner, license)).status).toBe(201);
  });

  test('is barred only until it has expired, and the bar is deleted within a day', async () => {
    await remove();
    const readBars = () => Array.fromAsync(eachDocument(suite.deps.records, BARS_BY_END, {}));
    expect(await readBars()).toHaveLength(1);
    clocked.moveClock(86_400_000);
    await suite.settle();
    expect(await readBars()).toEqual([]);
  });

  test('is rejected after only the bars were lost, from the next sweep on', async () => {
    const { member, license } = await remove();
    const keys = await clocked.redis.command(['KEYS', 'barred*']);
    expect(keys).toHaveLength(1);
    if (Array.isArray(keys)) await clocked.redis.command(['DEL', ...keys.map(String)]);
    await suite.sweep();
    expect((await acquire(member, license)).body.code).toBe('LICENSE_NOT_FOUND');
  });
});
