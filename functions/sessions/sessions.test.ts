import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { sealCursor } from '../../shared/domain/cursor.ts';
import { newLicenseId, newSessionId, newTenantId } from '../../shared/domain/ids.ts';
import { bareAnswer } from '../testing/bare-answer.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());
afterEach(() => {
  vi.useRealTimers();
});

const list = (licenseId: string, more = ''): Promise<Reply> =>
  suite.operate('GET', `/api/v1/sessions?license_id=${licenseId}${more}`);

const idsOf = (page: Reply): string[] =>
  page.body.sessions.map((session: { session_id: string }) => session.session_id);

test('lists sessions with holder, start and expiry to operators', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2030-01-01T00:00:00Z') });
  const license = await suite.createLicense({ max: 2, overdraft: 1, unit: 'process' });
  const facts = {
    hostname: 'bench-7',
    user_id: 'ada@example.com',
    process_id: '42',
    app_version: '1.2 "beta"|🪑',
  };
  const { session_id } = (await license.acquire('machine-a', facts)).body;
  vi.setSystemTime(Date.now() + 1000);
  await license.acquire('machine-b', { process_id: '1' });

  const page = await list(license.licenseId);
  expect(page.status, page.text).toBe(200);
  expect(page.body.seats).toEqual({ active: 2, max: 2, overdraft: 1 });
  expect(page.body.next_cursor).toBeNull();
  expect(page.body.sessions[0]).toEqual({
    session_id,
    license_id: license.licenseId,
    kind: 'program',
    seat_expires_at: '2030-01-01T00:06:00.000Z',
    holder: expect.stringMatching(/^[\w-]{12}$/),
    fingerprint: 'machine-a',
    ...facts,
    acquired_at: '2030-01-01T00:00:00.000Z',
    expires_at: '2030-01-01T00:06:00.000Z',
    borrowed_until: null,
  });
  expect(page.body.sessions[1]).toMatchObject({ hostname: null, user_id: null, app_version: null });
});

test('lists seat by seat, with all sessions of each', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2030-01-01T00:00:00Z') });
  const license = await suite.createLicense({ max: 2, borrow: { max_days: 5 } });
  const acquire = async (machine: string, instance_id: string, more = {}): Promise<string> => {
    vi.setSystemTime(Date.now() + 1000);
    return (await license.acquire(machine, { instance_id, ...more })).body.session_id;
  };
  const editor = await acquire('desk', 'editor');
  const other = await acquire('other', 'editor');
  const viewer = await acquire('desk', 'viewer');
  const loan = await acquire('desk', 'editor', { borrow_days: 1 });

  const page = await list(license.licenseId);
  expect(page.body.seats.active).toBe(2);
  expect(idsOf(page)).toEqual([other, editor, viewer, loan]);
  const [, ...ofDesk] = page.body.sessions;
  const [{ holder }] = ofDesk;
  const seat = { holder, seat_expires_at: '2030-01-02T00:00:04.000Z' };
  expect(ofDesk).toMatchObject([
    { ...seat, kind: 'program', expires_at: '2030-01-01T00:06:01.000Z', borrowed_until: null },
    { ...seat, kind: 'program', expires_at: '2030-01-01T00:06:03.000Z', borrowed_until: null },
    { ...seat, kind: 'loan', borrowed_until: '2030-01-02T00:00:04.000Z' },
  ]);
  const first = await list(license.licenseId, '&limit=1');
  expect(idsOf(first)).toEqual([other]);
  const second = await list(license.licenseId, `&limit=1&cursor=${first.body.next_cursor}`);
  expect(idsOf(second)).toEqual([editor, viewer, loan]);
});

test('lists a borrowed seat with the end of its loan', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2030-01-01T00:00:00Z') });
  const license = await suite.createLicense({ max: 2, borrow: { max_days: 5 } });
  await license.acquire('field-laptop', { borrow_days: 5 });
  expect((await list(license.licenseId)).body.sessions).toMatchObject([
    {
      fingerprint: 'field-laptop',
      expires_at: '2030-01-06T00:00:00.000Z',
      borrowed_until: '2030-01-06T00:00:00.000Z',
    },
  ]);
});

test('lists each session once in pages, ordered by expiry', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  const license = await suite.createLicense({ max: 10 });
  const taken: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    taken.push((await license.acquire(`machine-${n}`)).body.session_id);
    if (n !== 2) vi.setSystemTime(Date.now() + 1);
  }
  const seen: string[] = [];
  let more = '&limit=2';
  for (let page = await list(license.licenseId, more); ; page = await list(license.licenseId, more)) {
    expect(page.body.seats.active).toBe(5);
    seen.push(...idsOf(page));
    if (page.body.next_cursor === null) break;
    more = `&limit=2&cursor=${page.body.next_cursor}`;
  }
  // Two of them expire in the same millisecond. Their order is not guaranteed.
  expect(seen.toSorted()).toEqual(taken.toSorted());
  expect(seen[0]).toBe(taken[0]);
  expect(seen[4]).toBe(taken[4]);
});

test('does not list expired, released and evicted sessions', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  const license = await suite.createLicense();
  await license.acquire('crashed');
  vi.setSystemTime(Date.now() + 360_000 - 1);
  expect((await list(license.licenseId)).body).toMatchObject({ seats: { active: 1 }, sessions: [{}] });
  vi.setSystemTime(Date.now() + 1);
  expect((await list(license.licenseId)).body).toMatchObject({ seats: { active: 0 }, sessions: [] });
  const released: string = (await license.acquire('done')).body.session_id;
  const evicted: string = (await license.acquire('hog')).body.session_id;
  const kept: string = (await license.acquire('busy')).body.session_id;
  await license.release(released);
  await suite.operate('DELETE', `/api/v1/licenses/sessions/${evicted}`);
  expect(idsOf(await list(license.licenseId))).toEqual([kept]);
});

test('does not extend the sessions that it lists', async () => {
  const license = await suite.createLicense();
  await license.acquire('machine');
  const first = await list(license.licenseId);
  expect(bareAnswer(await list(license.licenseId))).toEqual(bareAnswer(first));
});

test('lists the other sessions if one cannot be read, and logs which and what to do', async () => {
  const { licenseId } = await suite.createLicense();
  const [sessionId, from] = [newSessionId(licenseId), suite.logged.length];
  vi.spyOn(suite.deps.seats, 'listSeats').mockResolvedValueOnce({
    ...{ verdict: 'OK', active: 2, max: 2, overdraft: 0, lent: 0, seats: [] },
    unreadable: [sessionId],
    next: { holder: 'holder', expiresAtMs: 1 },
  });
  const page = await list(licenseId, '&limit=1');
  expect(page.body).toMatchObject({ seats: { active: 2 }, sessions: [] });
  expect((await list(licenseId, `&cursor=${page.body.next_cursor}`)).status).toBe(200);
  const because = expect.stringMatching(`${sessionId} .* cannot be read. It keeps its seat: evict it`);
  expect(suite.logged[from]).toMatchObject({ severity: 'ERROR', unreadable: 1, because });
});

test('returns the same 404 for all unknown licenses', async () => {
  const unknown = await list(newLicenseId(newTenantId(16)));
  expect([unknown.status, unknown.body.code]).toEqual([404, 'LICENSE_NOT_FOUND']);
  expect(bareAnswer(await list(newLicenseId(newTenantId(16))))).toEqual(bareAnswer(unknown));
});

test.each([
  'rubbish',
  'bnVsbA',
  sealCursor({ holder: 7, expiresAtMs: 1 }),
  sealCursor({ holder: 'x', expiresAtMs: 1.5 }),
  sealCursor({ holder: 'x', expiresAtMs: 1, more: 1 }),
])('refuses an invalid cursor (%s)', async (cursor) => {
  const { licenseId } = await suite.createLicense();
  const refused = await list(licenseId, `&cursor=${cursor}`);
  expect([refused.status, refused.body.code]).toEqual([400, 'INVALID_CURSOR']);
});

test('refuses a missing license_id and unknown parameters, and names them', async () => {
  const missing = await suite.operate('GET', '/api/v1/sessions');
  expect([missing.status, missing.body.code]).toEqual([400, 'VALIDATION_FAILED']);
  expect(missing.body.errors[0].at).toBe('license_id');
  const { licenseId } = await suite.createLicense();
  expect((await list(licenseId, '&sort=asc')).body.detail).toContain('"sort"');
});

test('refuses a license key and a request without credentials', async () => {
  const license = await suite.createLicense();
  const path = `/api/v1/sessions?license_id=${license.licenseId}`;
  const refused = await suite.call('GET', path, { authorization: `License ${license.key}` });
  expect([refused.status, refused.body.code]).toEqual([403, 'FORBIDDEN']);
  const anonymous = await suite.call('GET', path);
  expect(anonymous.status).toBe(401);
  expect(anonymous.headers.get('www-authenticate')).toBe(
    'Operator realm="seatlease", Bearer realm="seatlease"',
  );
});
