import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { newSessionId } from '../../shared/domain/ids.ts';
import { PLANS } from '../../shared/domain/plans.ts';
import { sessionTokens } from '../../shared/domain/session-token.ts';
import { startEmbeddedRedis } from '../../shared/local/redis/embedded-redis.ts';
import { type RespClient, respClient } from '../../shared/local/redis/resp-client.ts';
import { bareAnswer } from '../testing/bare-answer.ts';
import { newMember } from '../testing/sample-world.ts';
import { openTestSuite, type Reply, type TestLicense, type TestSuite } from '../testing/suite.ts';

const TTL_MS = 360_000;

let redis: Awaited<ReturnType<typeof startEmbeddedRedis>>;
let client: RespClient;
let suite: TestSuite;
beforeAll(async () => {
  redis = await startEmbeddedRedis();
  client = respClient(redis);
  suite = await openTestSuite({ REDIS_URL: `redis://${redis.host}:${redis.port}` });
});
afterAll(async () => {
  await suite.close();
  client.close();
  await redis.close();
});
afterEach(() => {
  vi.useRealTimers();
});

function freezeClock(): number {
  const nowMs = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  return nowMs;
}

async function emptyRedis(): Promise<void> {
  expect(await client.command(['FLUSHALL'])).toBe('OK');
}

async function seated(license: TestLicense, machine: string): Promise<{ id: string; token: string }> {
  const { status, body, text } = await license.acquire(machine);
  expect(status, text).toBe(201);
  return { id: body.session_id, token: body.session_token };
}

async function seatedMember(license: TestLicense) {
  const user = await newMember(suite, license.tenantId);
  const body = { fingerprint: `machine of ${user.userId}`, license_id: license.licenseId };
  const seat = await user.call('POST', '/api/v1/licenses/acquire', body);
  expect(seat.status, seat.text).toBe(201);
  const { session_id, session_token } = seat.body;
  const beat = (more = {}): Promise<Reply> =>
    user.call('PUT', '/api/v1/licenses/heartbeat', { session_id, ...more });
  return { user, session_id, session_token, beat };
}

async function activeSeats(license: TestLicense): Promise<number> {
  return (await suite.operate('GET', `/api/v1/licenses/${license.licenseId}`)).body.seats.active;
}

test('extends the lease to one TTL from now, and returns when the next heartbeat is due', async () => {
  const nowMs = freezeClock();
  const license = await suite.createLicense();
  const { id } = await seated(license, 'machine');
  vi.setSystemTime(nowMs + 300_000);
  const beat = await license.heartbeat({ session_id: id });
  expect(beat.status, beat.text).toBe(200);
  expect(beat.body).toMatchObject({
    status: 'heartbeat_acknowledged',
    session_id: id,
    ttl_extended_to: 360,
    expires_at: new Date(nowMs + 300_000 + TTL_MS).toISOString(),
    next_heartbeat_due: new Date(nowMs + 600_000).toISOString(),
  });
  expect(beat.body).not.toHaveProperty('revived');
});

test('returns the entitlements only if they have changed since the token was issued', async () => {
  const license = await suite.createLicense({ features: ['export'] });
  const { id, token } = await seated(license, 'machine');
  const beat = async (session_token: string): Promise<Reply> =>
    license.heartbeat({ session_id: id, session_token });
  expect((await beat(token)).body).not.toHaveProperty('entitlements');

  await suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { features: ['print'] });
  const changed = await beat(token);
  expect(changed.body.entitlements).toEqual({
    plan: 'pro',
    features: ['print'],
    limits: PLANS.pro.limits,
    version: 2,
  });
  expect((await beat(changed.body.session_token)).body).not.toHaveProperty('entitlements');
  const sessions = [{ session_id: id, session_token: token }];
  const batch = await license.heartbeat({ sessions });
  expect(batch.body.entitlements).toMatchObject({ features: ['print'], version: 2 });
  const { session_token } = batch.body.results[0];
  const later = await license.heartbeat({ sessions: [{ session_id: id, session_token }] });
  expect(later.body).not.toHaveProperty('entitlements');
});

test('keeps the seat of a client as long as it sends heartbeats in time', async () => {
  let nowMs = freezeClock();
  const license = await suite.createLicense({ max: 1 });
  const { id } = await seated(license, 'machine');
  for (let beat = 0; beat < 20; beat += 1) {
    nowMs += 300_000;
    vi.setSystemTime(nowMs);
    expect((await license.heartbeat({ session_id: id })).body).not.toHaveProperty('revived');
    expect((await license.acquire('rival')).status).toBe(409);
  }
});

test('extends a hundred sessions in one call, in order, and refuses a hundred and one', async () => {
  const license = await suite.createLicense({ max: 200 });
  const sessions: string[] = [];
  for (let n = 0; n < 100; n += 1) sessions.push((await seated(license, `machine-${n}`)).id);
  const beats = sessions.toReversed().map((session_id) => ({ session_id }));
  const beat = await license.heartbeat({ sessions: beats });
  expect(beat.status).toBe(200);
  expect(beat.body.results.map((result: { session_id: string }) => result.session_id)).toEqual(
    sessions.toReversed(),
  );
  expect(new Set(beat.body.results.map((result: { status: string }) => result.status))).toEqual(
    new Set(['heartbeat_acknowledged']),
  );
  const tooMany = await license.heartbeat({ sessions: [...beats, { session_id: sessions[0] }] });
  expect(tooMany.status).toBe(400);
  expect(tooMany.body.code).toBe('VALIDATION_FAILED');
  expect(tooMany.body.detail).toContain('1 to 100');
});

test('reports an ended session and a foreign one alike in a batch, and extends the others', async () => {
  const license = await suite.createLicense();
  const stranger = await seated(await suite.createLicense(), 'theirs');
  const { id } = await seated(license, 'machine');
  const unknown = newSessionId(license.licenseId);
  const beats = [unknown, id, stranger.id, id].map((session_id) => ({ session_id }));
  const beat = await license.heartbeat({ sessions: beats });
  expect(beat.status).toBe(200);
  expect(beat.body.results).toEqual([
    { status: 'session_not_found', session_id: unknown, ended: 'unknown' },
    expect.objectContaining({ status: 'heartbeat_acknowledged', session_id: id }),
    { status: 'session_not_found', session_id: stranger.id, ended: 'unknown' },
    expect.objectContaining({ status: 'heartbeat_acknowledged', session_id: id }),
  ]);
});

test('returns the same bytes for a foreign and an unknown session, with and without token', async () => {
  const license = await suite.createLicense();
  const foreign = await seated(await suite.createLicense(), 'theirs');
  const bodies = [
    { session_id: foreign.id },
    { session_id: foreign.id, session_token: foreign.token },
    { session_id: newSessionId(license.licenseId) },
  ];
  const [first, ...others] = await Promise.all(bodies.map((body) => license.heartbeat(body)));
  expect(first?.status).toBe(404);
  expect(first?.body).toMatchObject({ code: 'SESSION_NOT_FOUND', ended: 'unknown' });
  for (const other of others) expect(bareAnswer(other)).toEqual(first && bareAnswer(first));
});

test('revives a session with a free seat on a late heartbeat, and reports it', async () => {
  const nowMs = freezeClock();
  const license = await suite.createLicense({ max: 1 });
  const { id, token } = await seated(license, 'sleeper');
  vi.setSystemTime(nowMs + TTL_MS);
  const beat = await license.heartbeat({ session_id: id, session_token: token });
  expect(beat.status).toBe(200);
  expect(beat.body).toMatchObject({ session_id: id, revived: true });
  expect((await license.acquire('other')).status).toBe(409);
});

test('does not revive a session without its token', async () => {
  const nowMs = freezeClock();
  const license = await suite.createLicense();
  const { id } = await seated(license, 'sleeper');
  vi.setSystemTime(nowMs + TTL_MS);
  const beat = await license.heartbeat({ session_id: id });
  expect([beat.status, beat.body]).toMatchObject([404, { code: 'SESSION_NOT_FOUND', ended: 'expired' }]);
});

test('does not revive a session whose seat is taken', async () => {
  const nowMs = freezeClock();
  const license = await suite.createLicense({ max: 1 });
  const { id, token } = await seated(license, 'sleeper');
  vi.setSystemTime(nowMs + TTL_MS);
  await seated(license, 'next in line');
  const beat = await license.heartbeat({ session_id: id, session_token: token });
  expect([beat.status, beat.body]).toMatchObject([404, { code: 'SESSION_NOT_FOUND', ended: 'expired' }]);
  expect(await activeSeats(license)).toBe(1);
});

test('revives a session of a machine that has a newer one on the same seat', async () => {
  const nowMs = freezeClock();
  const license = await suite.createLicense({ max: 1 });
  const old = await seated(license, 'machine');
  vi.setSystemTime(nowMs + TTL_MS);
  await seated(license, 'machine');
  const beat = await license.heartbeat({ session_id: old.id, session_token: old.token });
  expect([beat.status, beat.body]).toMatchObject([200, { session_id: old.id, revived: true }]);
  expect(await activeSeats(license)).toBe(1);
});

test('does not revive a session an hour after its lease expired, with or without token', async () => {
  const nowMs = freezeClock();
  const license = await suite.createLicense();
  const { id, token } = await seated(license, 'machine');
  vi.setSystemTime(nowMs + TTL_MS + 3_600_000);
  expect((await license.heartbeat({ session_id: id, session_token: token })).status).toBe(404);
});

test('revives a session by its token after Redis has lost everything', async () => {
  const license = await suite.createLicense({ max: 1 });
  const { id, token } = await seated(license, 'machine');
  await emptyRedis();
  const beat = await license.heartbeat({ session_id: id, session_token: token });
  expect(beat.status, beat.text).toBe(200);
  expect(beat.body).toMatchObject({ session_id: id, revived: true });
  expect((await license.acquire('machine')).body.session_id).toBe(id);
  expect((await license.acquire('rival')).status).toBe(409);
});

test('does not revive a session that was released by its token after Redis had lost everything', async () => {
  const license = await suite.createLicense({ max: 1 });
  const { id, token } = await seated(license, 'machine');
  await emptyRedis();
  const released = await suite.call('POST', '/api/v1/licenses/release', {
    authorization: `License ${license.key}`,
    body: { session_id: id, session_token: token },
  });
  expect(released.status).toBe(204);
  const beat = await license.heartbeat({ session_id: id, session_token: token });
  expect([beat.status, beat.body.ended]).toEqual([404, 'released']);
});

describe('after Redis has lost everything', () => {
  test('revives no session whose eviction was just answered, alone or in a batch', async () => {
    const license = await suite.createLicense();
    const { id, token } = await seated(license, 'hog');
    const honest = await seated(license, 'honest');
    await suite.operate('DELETE', `/api/v1/licenses/sessions/${id}`);
    await emptyRedis();
    const evicted = { session_id: id, session_token: token };
    const beat = await license.heartbeat(evicted);
    expect([beat.status, beat.body]).toMatchObject([404, { code: 'SESSION_NOT_FOUND', ended: 'evicted' }]);
    const other = { session_id: honest.id, session_token: honest.token };
    const batch = await license.heartbeat({ sessions: [evicted, other, evicted] });
    expect(batch.body.results).toMatchObject([
      { status: 'session_not_found', ended: 'evicted' },
      { status: 'heartbeat_acknowledged', session_id: honest.id, revived: true },
      { status: 'session_not_found', ended: 'evicted' },
    ]);
    expect(await activeSeats(license)).toBe(1);
  });

  test('revives no session whose release is on record', async () => {
    const license = await suite.createLicense();
    const { id, token } = await seated(license, 'machine');
    await license.release(id);
    await suite.settle();
    await emptyRedis();
    const beat = await license.heartbeat({ session_id: id, session_token: token });
    expect([beat.status, beat.body.ended]).toEqual([404, 'released']);
  });

  test('revives the session of a member, and none of a removed member', async () => {
    const license = await suite.createLicense({ max: 2, unit: 'user' });
    const [staying, leaving] = [await seatedMember(license), await seatedMember(license)];
    const path = `/api/v1/tenants/${license.tenantId}/members/${leaving.user.userId}`;
    expect((await suite.operate('DELETE', path)).status).toBe(204);
    await emptyRedis();
    const { session_token } = leaving;
    const refused = await leaving.beat({ session_token });
    expect([refused.status, refused.body.code]).toEqual([404, 'LICENSE_NOT_FOUND']);
    const beat = await staying.beat({ session_token: staying.session_token });
    expect(beat.body).toMatchObject({ session_id: staying.session_id, revived: true });
    expect(await activeSeats(license)).toBe(1);
  });
});

test('tells a signed-in user how a session ended only with its token', async () => {
  const license = await suite.createLicense({ unit: 'user' });
  const { session_id, session_token, beat } = await seatedMember(license);
  await suite.operate('DELETE', `/api/v1/licenses/sessions/${session_id}`);
  expect((await beat()).body).toMatchObject({ code: 'SESSION_NOT_FOUND', ended: 'unknown' });
  expect((await beat({ session_token })).body).toMatchObject({ ended: 'evicted' });
});

test('grants no more than the bought seats to tokens after Redis has lost everything', async () => {
  const license = await suite.createLicense({ max: 2 });
  const seats = [await seated(license, 'a'), await seated(license, 'b')];
  await emptyRedis();
  await seated(license, 'newcomer');
  const sessions = seats.map(({ id, token }) => ({ session_id: id, session_token: token }));
  const beat = await license.heartbeat({ sessions });
  expect(beat.body.results.map((result: { status: string }) => result.status)).toEqual([
    'heartbeat_acknowledged',
    'session_not_found',
  ]);
  expect(await activeSeats(license)).toBe(2);
});

test('ignores tokens that are forged or of another session', async () => {
  const license = await suite.createLicense();
  const mine = await seated(license, 'machine');
  const other = await seated(license, 'other');
  const foreign = await seated(await suite.createLicense(), 'theirs');
  const opened = suite.deps.sessionTokens.open(mine.id, mine.token);
  if (!opened) throw new Error('the token does not open');
  const forged = sessionTokens(['a-key-that-is-not-the-servers-0123456789']).seal(
    opened.session,
    opened.toldVersion,
  );
  const [version, payload, seal] = mine.token.split('.');
  await emptyRedis();
  const tokens = [
    other.token,
    foreign.token,
    forged,
    `${version}.${payload}.${seal?.slice(0, -1)}`,
    `${version}.${payload}`,
    `st9.${payload}.${seal}`,
    `${mine.token}.x`,
    'x',
    undefined,
  ];
  for (const session_token of tokens) {
    const beat = await license.heartbeat({ session_id: mine.id, session_token });
    expect(beat.status, session_token).toBe(404);
  }
  expect(await activeSeats(license)).toBe(0);
});

test('extends a live session despite an invalid token', async () => {
  const license = await suite.createLicense();
  const { id } = await seated(license, 'machine');
  expect((await license.heartbeat({ session_id: id, session_token: 'rubbish' })).status).toBe(200);
});

test.each(['released', 'evicted'])(
  'does not revive a session that was %s, whatever its token',
  async (how) => {
    const nowMs = freezeClock();
    const license = await suite.createLicense();
    const { id, token } = await seated(license, 'machine');
    if (how === 'released') await license.release(id);
    else await suite.operate('DELETE', `/api/v1/licenses/sessions/${id}`);
    for (const laterMs of [0, TTL_MS - 1, TTL_MS, 2 * TTL_MS - 1, 2 * TTL_MS]) {
      vi.setSystemTime(nowMs + laterMs);
      const beat = await license.heartbeat({ session_id: id, session_token: token });
      expect(beat.body, `${laterMs} ms later`).toMatchObject({ code: 'SESSION_NOT_FOUND', ended: how });
    }
  },
);

test('extends no session of a suspended or expired license', async () => {
  const nowMs = freezeClock();
  const license = await suite.createLicense({ valid_until: new Date(nowMs + 60_000).toISOString() });
  const { id } = await seated(license, 'machine');
  await suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'suspended' });
  const suspended = await license.heartbeat({ session_id: id });
  expect([suspended.status, suspended.body.code]).toEqual([403, 'LICENSE_SUSPENDED']);
  await suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'active' });
  vi.setSystemTime(nowMs + 60_000);
  const ended = await license.heartbeat({ session_id: id });
  expect([ended.status, ended.body.code]).toEqual([403, 'LICENSE_EXPIRED']);
});

test('extends nothing with a wrong key, even with the token of the session', async () => {
  const license = await suite.createLicense();
  const { id, token } = await seated(license, 'machine');
  const reply = await suite.call('PUT', '/api/v1/licenses/heartbeat', {
    authorization: `License ${license.key.slice(0, -1)}${license.key.endsWith('0') ? '1' : '0'}`,
    body: { session_id: id, session_token: token },
  });
  expect(reply.status).toBe(401);
  expect(reply.headers.get('www-authenticate')).toBe(
    'License realm="seatlease", error="invalid_token", Bearer realm="seatlease"',
  );
});

test.each([
  ['nothing', {}],
  ['no session', { sessions: [] }],
  ['one session and a list', { session_id: 'ses_00_x', sessions: [] }],
  ['a malformed session id', { session_id: 'ses_00_x' }],
  ['an empty token', { session_id: newSessionId('lic_00_0123456789abcdef'), session_token: '' }],
])('returns 400 and names the fields to send for %s', async (_, body) => {
  const license = await suite.createLicense();
  const reply = await license.heartbeat(body);
  expect(reply.status).toBe(400);
  expect(reply.body.code).toBe('VALIDATION_FAILED');
  expect(reply.body.detail).toMatch(/session_id|sessions|session_token/);
});
