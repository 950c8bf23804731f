import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newLicenseId, newLicenseKey, newSessionId } from '../../shared/domain/ids.ts';
import { LOANS, SESSION_HISTORIES } from '../../shared/ports/collections.ts';
import { bareAnswer } from '../testing/bare-answer.ts';
import { openTestSuite, type Reply, type TestLicense, type TestSuite } from '../testing/suite.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

const end = (sessionId: string, key: string): Promise<Reply> =>
  suite.call('DELETE', `/api/v1/licenses/sessions/${sessionId}`, { authorization: `License ${key}` });

const evict = (sessionId: string, scope?: string): Promise<Reply> =>
  suite.operate('DELETE', `/api/v1/licenses/sessions/${sessionId}${scope ? `?scope=${scope}` : ''}`);

test('frees a released seat at once, and returns the same answer to a repeated release', async () => {
  const license = await suite.createLicense({ max: 1 });
  const { session_id } = (await license.acquire('done')).body;
  const first = await license.release(session_id);
  expect([first.status, first.text]).toEqual([204, '']);
  expect(bareAnswer(await license.release(session_id))).toEqual(bareAnswer(first));
  const next = await license.acquire('next');
  expect(next.status).toBe(201);
  expect(bareAnswer(await license.release(session_id))).toEqual(bareAnswer(first));
  expect((await license.heartbeat({ session_id: next.body.session_id })).status).toBe(200);
});

test('releases the seat on DELETE of the session with its license key', async () => {
  const license = await suite.createLicense({ max: 1 });
  const { session_id } = (await license.acquire('done')).body;
  expect((await end(session_id, license.key)).status).toBe(204);
  expect((await end(session_id, license.key)).status).toBe(204);
  expect((await license.acquire('next')).status).toBe(201);
});

test('gives a new session to a machine that acquires again after a release', async () => {
  const license = await suite.createLicense({ max: 1 });
  const first = (await license.acquire('machine')).body.session_id;
  await license.release(first);
  const second = await license.acquire('machine');
  expect(second.status).toBe(201);
  expect(second.body.session_id).not.toBe(first);
});

test('releases no session of another license, and does not reveal whether it exists', async () => {
  const license = await suite.createLicense();
  const neighbour = await suite.createLicense({ max: 1 });
  const foreignId: string = (await neighbour.acquire('neighbour')).body.session_id;
  const sessionIds = [foreignId, newSessionId(neighbour.licenseId), newSessionId(license.licenseId)];
  const replies = [
    ...(await Promise.all(sessionIds.map((sessionId) => license.release(sessionId)))),
    ...(await Promise.all(sessionIds.map((sessionId) => end(sessionId, license.key)))),
  ];
  for (const reply of replies) {
    expect(reply.status).toBe(204);
    expect(bareAnswer(reply)).toEqual(bareAnswer(replies[0] ?? reply));
  }
  expect((await neighbour.heartbeat({ session_id: foreignId })).body).not.toHaveProperty('revived');
});

test.each(['wrong', 'unknown', 'malformed'])(
  'returns 401 for a key that is %s, and releases nothing',
  async (kind) => {
    const license = await suite.createLicense({ max: 1 });
    const { session_id } = (await license.acquire('mine')).body;
    const key = {
      wrong: newLicenseKey(license.licenseId),
      unknown: newLicenseKey(newLicenseId(license.tenantId)),
      malformed: license.key.toUpperCase(),
    }[kind];
    const authorization = `License ${key}`;
    const posted = await suite.call('POST', '/api/v1/licenses/release', {
      authorization,
      body: { session_id },
    });
    expect([posted.status, posted.body.code]).toEqual([401, 'CREDENTIALS_INVALID']);
    expect(posted.headers.get('www-authenticate')).toBe(
      'License realm="seatlease", error="invalid_token", Bearer realm="seatlease"',
    );
    const deleted = await end(session_id, key ?? '');
    expect([deleted.status, deleted.body.code]).toEqual([401, 'CREDENTIALS_INVALID']);
    expect(deleted.headers.get('www-authenticate')).toBe(
      'License realm="seatlease", error="invalid_token", Operator realm="seatlease", Bearer realm="seatlease"',
    );
    expect((await license.acquire('rival')).status).toBe(409);
  },
);

test('releases seats of a suspended license', async () => {
  const license = await suite.createLicense();
  const { session_id } = (await license.acquire('machine')).body;
  await suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'suspended' });
  expect((await license.release(session_id)).status).toBe(204);
  const { seats } = (await suite.operate('GET', `/api/v1/licenses/${license.licenseId}`)).body;
  expect(seats.active).toBe(0);
});

test('returns a loan, which is then no longer on record', async () => {
  const license = await suite.createLicense({ max: 1, borrow: { max_days: 7 } });
  const { session_id } = (await license.acquire('field-laptop', { borrow_days: 7 })).body;
  expect(await suite.deps.records.get(LOANS, session_id)).toBeDefined();
  expect((await license.release(session_id)).status).toBe(204);
  expect(await suite.deps.records.get(LOANS, session_id)).toBeUndefined();
  expect((await license.acquire('next')).status).toBe(201);
});

describe('an operator', () => {
  const acquire = (license: TestLicense, instance_id: string, more = {}) =>
    license.acquire('machine', { instance_id, ...more });

  test('ends one program, and the other sessions keep the seat', async () => {
    const license = await suite.createLicense({ max: 1 });
    const ids: string[] = [];
    for (const n of ['1', '2']) ids.push((await acquire(license, n)).body.session_id);
    const [hung = '', fine = ''] = ids;
    expect((await evict(hung, 'program')).status).toBe(204);
    expect((await license.heartbeat({ session_id: fine })).status).toBe(200);
    expect((await license.heartbeat({ session_id: hung })).body.ended).toBe('evicted');
    expect((await license.acquire('rival')).body.code).toBe('SEATS_EXHAUSTED');
  });

  test('frees a seat with all its programs and loans, which is on record at once', async () => {
    const license = await suite.createLicense({ max: 1, borrow: { max_days: 7 } });
    const ids: string[] = [];
    for (const n of ['1', '2']) ids.push((await acquire(license, n)).body.session_id);
    ids.push((await acquire(license, '3', { borrow_days: 7 })).body.session_id);
    expect((await evict(ids[1] ?? '', 'seat')).status).toBe(204);
    for (const id of ids)
      expect(await suite.deps.records.get(SESSION_HISTORIES, id)).toMatchObject({ endReason: 'evicted' });
    expect(await suite.deps.records.get(LOANS, ids[2] ?? '')).toBeUndefined();
    expect((await license.acquire('next')).status).toBe(201);
  });

  test('gets a 400 for another scope', async () => {
    const refused = await evict(newSessionId('lic_00_0123456789abcdef'), 'machine');
    expect([refused.status, refused.body.errors?.[0].at]).toEqual([400, 'scope']);
  });
});

test('does not let a license key free a whole seat', async () => {
  const license = await suite.createLicense({ max: 1 });
  const { session_id } = (await license.acquire('machine')).body;
  const authorization = `License ${license.key}`;
  const path = `/api/v1/licenses/sessions/${session_id}`;
  const refused = await suite.call('DELETE', `${path}?scope=seat`, { authorization });
  expect([refused.status, refused.body.code]).toEqual([403, 'FORBIDDEN']);
  expect((await license.heartbeat({ session_id })).status).toBe(200);
  expect((await suite.call('DELETE', `${path}?scope=program`, { authorization })).status).toBe(204);
  expect((await license.acquire('next')).status).toBe(201);
});

test('keeps a user’s seat on the desktop when their program on the laptop ends', async () => {
  const license = await suite.createLicense({ max: 1, unit: 'user' });
  const start = async (machine: string) =>
    (await license.acquire(machine, { user_id: 'ada', instance_id: `start on ${machine}` })).body.session_id;
  const [desktop, laptop] = [await start('desktop'), await start('laptop')];
  expect((await license.release(laptop)).status).toBe(204);
  const beat = await license.heartbeat({ session_id: desktop });
  expect([beat.status, beat.body.status]).toEqual([200, 'heartbeat_acknowledged']);
  expect(beat.body).not.toHaveProperty('revived');
  expect((await license.acquire('rival', { user_id: 'grace' })).body.code).toBe('SEATS_EXHAUSTED');
  await license.release(desktop);
  expect((await license.acquire('rival', { user_id: 'grace' })).status).toBe(201);
});

test('lets an operator end any session permanently', async () => {
  const license = await suite.createLicense({ max: 1 });
  const { session_id, session_token } = (await license.acquire('hog')).body;
  const evicted = await evict(session_id);
  expect([evicted.status, evicted.text]).toEqual([204, '']);
  expect((await evict(session_id)).status).toBe(204);
  expect((await license.heartbeat({ session_id, session_token })).status).toBe(404);
  expect((await license.acquire('next')).status).toBe(201);
});

test('returns 404 to an operator who evicts an unknown session, of any license', async () => {
  const license = await suite.createLicense();
  const unknown = await evict(newSessionId(license.licenseId));
  expect([unknown.status, unknown.body.code]).toEqual([404, 'SESSION_NOT_FOUND']);
  expect(bareAnswer(await evict(newSessionId(newLicenseId(license.tenantId))))).toEqual(bareAnswer(unknown));
});

test('refuses a release by an operator', async () => {
  const session_id = newSessionId('lic_00_0123456789abcdef');
  const refused = await suite.operate('POST', '/api/v1/licenses/release', { session_id });
  expect([refused.status, refused.body.code]).toEqual([403, 'FORBIDDEN']);
});

test('names a malformed session id as the invalid field, in body and path', async () => {
  const license = await suite.createLicense();
  const posted = await license.release('ses_1');
  expect(posted.status).toBe(400);
  expect(posted.body.errors).toEqual([{ at: '/session_id', detail: 'is not a valid session id' }]);
  const deleted = await evict('ses_1%2F..');
  expect(deleted.status).toBe(400);
  expect(deleted.body.errors).toEqual([{ at: 'session_id', detail: 'is not a valid session id' }]);
});
