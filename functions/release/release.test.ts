import { afterAll, beforeAll, expect, test } from 'vitest';
import { newLicenseId, newLicenseKey, newSessionId } from '../../shared/domain/ids.ts';
import { bareAnswer } from '../testing/bare-answer.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

const end = (sessionId: string, key: string): Promise<Reply> =>
  suite.call('DELETE', `/api/v1/licenses/sessions/${sessionId}`, { authorization: `License ${key}` });

const evict = (sessionId: string): Promise<Reply> =>
  suite.operate('DELETE', `/api/v1/licenses/sessions/${sessionId}`);

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

test('ignores a delayed release that was sent before the seat was acquired again', async () => {
  const license = await suite.createLicense({ max: 1 });
  const { session_id, session_token } = (await license.acquire('machine')).body;
  await new Promise((resolve) => setTimeout(resolve, 5));
  const again = (await license.acquire('machine')).body;
  expect(again.session_id).toBe(session_id);
  const release = (body: Record<string, unknown>): Promise<Reply> =>
    suite.call('POST', '/api/v1/licenses/release', {
      authorization: `License ${license.key}`,
      body: { session_id, ...body },
    });
  expect((await release({ session_token, sent_after_ms: 0 })).status).toBe(204);
  expect((await license.heartbeat({ session_id })).status).toBe(200);
  expect((await release({ session_token: again.session_token, sent_after_ms: 0 })).status).toBe(204);
  expect((await license.heartbeat({ session_id })).status).toBe(404);
  for (const sent_after_ms of [-1, 0.5, 86_400_001, '0'])
    expect((await release({ sent_after_ms })).body.code).toBe('VALIDATION_FAILED');
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
      'License realm="seatlease", Bearer realm="seatlease"',
    );
    const deleted = await end(session_id, key ?? '');
    expect([deleted.status, deleted.body.code]).toEqual([401, 'CREDENTIALS_INVALID']);
    expect(deleted.headers.get('www-authenticate')).toBe(
      'License realm="seatlease", Operator realm="seatlease", Bearer realm="seatlease"',
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
