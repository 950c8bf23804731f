import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { newLicenseId, newLicenseKey } from '../../shared/domain/ids.ts';
import { PLANS } from '../../shared/domain/plans.ts';
import { Unavailable } from '../../shared/errors.ts';
import { LOANS } from '../../shared/ports/collections.ts';
import { bareAnswer } from '../testing/bare-answer.ts';
import { newMember } from '../testing/sample-world.ts';
import { OPERATOR_KEY, openTestSuite, type TestSuite } from '../testing/suite.ts';
import type { TestUser } from '../testing/users.ts';

const PATH = '/api/v1/licenses/acquire';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());
afterEach(() => {
  vi.useRealTimers();
});

test('grants the bought seats, then refuses and reports when to retry', async () => {
  const license = await suite.createLicense({ max: 2 });
  const first = await license.acquire('machine-a');
  expect(first.status, first.text).toBe(201);
  expect(first.body).toMatchObject({
    license_id: license.licenseId,
    seats: { active: 1, max: 2 },
    ttl: 360,
    heartbeat_interval: 300,
    offline_grace_days: 7,
    offline_start_days: 0,
  });
  expect((await license.acquire('machine-b')).status).toBe(201);

  const refused = await license.acquire('machine-c');
  expect(refused.status).toBe(409);
  expect(refused.headers.get('content-type')).toBe('application/problem+json');
  expect(refused.body).toMatchObject({ code: 'SEATS_EXHAUSTED', active: 2, max: 2 });
  expect(refused.body.retry_after).toBeGreaterThan(0);
  expect(refused.body.retry_after).toBeLessThanOrEqual(360);
  expect(refused.headers.get('retry-after')).toBe(String(refused.body.retry_after));
});

test('returns the entitlements of the license with the seat', async () => {
  const license = await suite.createLicense({ plan: 'team', features: ['export', 'scan'] });
  const { entitlements } = (await license.acquire('machine')).body;
  expect(entitlements).toEqual({
    plan: 'team',
    features: ['export', 'scan'],
    limits: PLANS.team.limits,
    version: 1,
  });
  await suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { features: ['print'] });
  expect((await license.acquire('machine')).body.entitlements).toMatchObject({
    features: ['print'],
    version: 2,
  });
});

test('grants at most five seats of a five-seat pool when twenty machines acquire at once', async () => {
  const license = await suite.createLicense({ max: 5 });
  const machines = [...Array(20).keys()];
  const replies = await Promise.all(machines.map((n) => license.acquire(`machine-${n}`)));
  const statuses = replies.map(({ status }) => status).sort();
  expect(statuses).toEqual([...Array(5).fill(201), ...Array(15).fill(409)]);
});

test('returns the existing session when the same machine acquires again', async () => {
  const license = await suite.createLicense({ max: 1 });
  const first = await license.acquire('same-machine');
  const again = await license.acquire('same-machine');
  expect(again.status).toBe(200);
  expect(again.body.session_id).toBe(first.body.session_id);
  expect(again.body.seats).toEqual({ active: 1, max: 1 });
});

test('grants one seat and one session to a machine that acquires a hundred times at once', async () => {
  const license = await suite.createLicense({ max: 3 });
  const replies = await Promise.all([...Array(100).keys()].map(() => license.acquire('eager')));
  expect(new Set(replies.map(({ body }) => body.session_id)).size).toBe(1);
  expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(99);
});

test('returns one session with 200 however often a program repeats its request', async () => {
  const license = await suite.createLicense({ max: 2 });
  const replies = [];
  for (let n = 0; n < 5; n += 1) replies.push(await license.acquire('machine', { instance_id: 'start-1' }));
  expect(replies.map(({ status }) => status)).toEqual([201, 200, 200, 200, 200]);
  expect(new Set(replies.map(({ body }) => body.session_id)).size).toBe(1);
  expect(replies.at(-1)?.body.seats).toEqual({ active: 1, max: 2 });
});

test('gives each program of a machine a session of its own on one seat', async () => {
  const license = await suite.createLicense({ max: 1 });
  const editor = await license.acquire('machine', { instance_id: 'editor' });
  const viewer = await license.acquire('machine', { instance_id: 'viewer' });
  expect([editor.status, viewer.status]).toEqual([201, 200]);
  expect(viewer.body.session_id).not.toBe(editor.body.session_id);
  expect(viewer.body.seats).toEqual({ active: 1, max: 1 });
  await license.release(editor.body.session_id);
  expect((await license.acquire('rival')).body.code).toBe('SEATS_EXHAUSTED');
  await license.release(viewer.body.session_id);
  expect((await license.acquire('rival')).status).toBe(201);
});

test('refuses one more program on a seat that has the maximum', async () => {
  const license = await suite.createLicense({ max: 2 });
  const acquire = (n: number) => license.acquire('terminal-server', { instance_id: `start-${n}` });
  for (let n = 0; n < 64; n += 1) expect((await acquire(n)).status).toBe(n === 0 ? 201 : 200);
  const refused = await acquire(64);
  expect([refused.status, refused.body]).toMatchObject([
    409,
    { code: 'SESSIONS_EXHAUSTED', max_sessions: 64 },
  ]);
  expect((await acquire(63)).status).toBe(200);
  expect((await license.acquire('other')).body.seats).toEqual({ active: 2, max: 2 });
});

test.each(['released', 'evicted'])(
  'refuses an instance that was %s, and grants a new instance',
  async (ended) => {
    const license = await suite.createLicense();
    const { session_id } = (await license.acquire('machine', { instance_id: 'start-1' })).body;
    if (ended === 'released') await license.release(session_id);
    else await suite.operate('DELETE', `/api/v1/licenses/sessions/${session_id}`);
    const refused = await license.acquire('machine', { instance_id: 'start-1' });
    expect([refused.status, refused.body]).toMatchObject([409, { code: 'SESSION_ENDED', ended }]);
    expect((await license.acquire('machine', { instance_id: 'start-2' })).status).toBe(201);
  },
);

test('returns the same session to an instance that acquires again after its lease expired', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  const license = await suite.createLicense({ max: 1 });
  const acquire = () => license.acquire('sleeper', { instance_id: 'start-1' });
  const { session_id, expires_at } = (await acquire()).body;
  vi.setSystemTime(Date.parse(expires_at));
  const again = await acquire();
  expect([again.status, again.body.session_id]).toEqual([201, session_id]);
});

test.each(['', 'x'.repeat(65), 7])('refuses the instance_id %j', async (instance_id) => {
  const license = await suite.createLicense();
  const refused = await license.acquire('machine', { instance_id });
  expect(refused.body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ at: '/instance_id' }] });
});

test('writes when a program started offline to the audit log, whatever its clock says', async () => {
  const nowMs = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  const license = await suite.createLicense();
  const daysAgo = (days: number) => new Date(nowMs - days * 86_400_000).toISOString();
  const told: [unknown, string | undefined][] = [
    [daysAgo(2), daysAgo(2)],
    [daysAgo(2).replace('Z', '+00:00'), daysAgo(2)],
    [daysAgo(91), daysAgo(90)],
    ['0001-01-01T00:00:00Z', daysAgo(90)],
    ['9999-12-31T23:59:59.999999Z', daysAgo(0)],
    [undefined, undefined],
  ];
  for (const [i, [offline_since]] of told.entries()) {
    const asked = { instance_id: `instance-${i}`, offline_since };
    expect((await license.acquire(`machine-${i % 2}`, asked)).status).toBeLessThan(300);
    // A repeat is no second start.
    expect((await license.acquire(`machine-${i % 2}`, asked)).status).toBe(200);
    vi.setSystemTime(Date.now() + 1);
  }
  await suite.settle();
  const path = `/api/v1/audit?license_id=${license.licenseId}&type=session.acquired`;
  const { events } = (await suite.operate('GET', path)).body;
  const recorded = events.map((event: Record<string, string>) => event.offline_since).toReversed();
  expect(recorded.map((at?: string) => at && roundToSecond(at))).toEqual(
    told.map(([, at]) => at && roundToSecond(at)),
  );

  const malformed = await license.acquire('machine', { offline_since: 'yesterday' });
  expect([malformed.status, malformed.body.code]).toEqual([400, 'VALIDATION_FAILED']);
});

test('grants seats beyond max up to the overdraft, and marks them', async () => {
  const license = await suite.createLicense({ max: 1, overdraft: 1 });
  const bought = await license.acquire('machine-a');
  expect(bought.body).not.toHaveProperty('overdraft');
  const over = await license.acquire('machine-b');
  expect(over.status).toBe(201);
  expect(over.body).toMatchObject({ overdraft: true, seats: { active: 2, max: 1 } });
  expect((await license.acquire('machine-c')).body).toMatchObject({ code: 'SEATS_EXHAUSTED', active: 2 });
});

test('lends a seat for at most the days that the license allows', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  const license = await suite.createLicense({ max: 2, borrow: { max_days: 7 } });
  const inDays = (days: number): string => new Date(Date.now() + days * 24 * 3600 * 1000).toISOString();
  const refused = await license.acquire('field-laptop', { borrow_days: 8 });
  expect([refused.status, refused.body.code, refused.body.max_days]).toEqual([403, 'BORROW_NOT_ALLOWED', 7]);

  const lent = await license.acquire('field-laptop', { borrow_days: 7 });
  expect(lent.status, lent.text).toBe(201);
  expect(lent.body).toMatchObject({
    seats: { active: 1, max: 2 },
    ttl: 7 * 24 * 3600,
    expires_at: inDays(7),
    borrowed_until: inDays(7),
    next_heartbeat_due: inDays(7),
  });
  const { session_id } = lent.body;
  vi.setSystemTime(Date.now() + 6 * 24 * 3600 * 1000);
  const beat = await license.heartbeat({ session_id });
  expect(beat.body).toMatchObject({
    ttl_extended_to: 24 * 3600,
    expires_at: inDays(1),
    next_heartbeat_due: inDays(1),
  });
});

test('extends the one loan of a machine, whichever of its programs asks', async () => {
  const license = await suite.createLicense({ max: 2, borrow: { max_days: 7 } });
  const borrow = (instance_id: string, borrow_days: number) =>
    license.acquire('field-laptop', { instance_id, borrow_days });
  const lent = await borrow('start-1', 2);
  const longer = await borrow('start-2', 3);
  expect([lent.status, longer.status]).toEqual([201, 200]);
  expect(longer.body.session_id).toBe(lent.body.session_id);
  expect(Date.parse(longer.body.borrowed_until)).toBeGreaterThan(Date.parse(lent.body.borrowed_until));

  const online = await license.acquire('field-laptop', { instance_id: 'start-3' });
  expect(online.body).toMatchObject({ seats: { active: 1, max: 2 } });
  expect(online.body).not.toHaveProperty('borrowed_until');
  expect(online.body.session_id).not.toBe(lent.body.session_id);
});

test('records a loan before the answer, and lends nothing while it cannot be recorded', async () => {
  const license = await suite.createLicense({ borrow: { max_days: 7 } });
  const lent = await license.acquire('field-laptop', { borrow_days: 2 });
  expect(await suite.deps.records.get(LOANS, lent.body.session_id)).toBeDefined();
  const set = vi.spyOn(suite.deps.records, 'transact').mockRejectedValue(new Unavailable('records', 'down'));
  const create = vi.spyOn(suite.deps.records, 'create').mockRejectedValue(new Unavailable('records', 'down'));
  const refused = await license.acquire('second-laptop', { borrow_days: 2 });
  expect([refused.status, refused.body.code]).toEqual([503, 'RECORDS_UNAVAILABLE']);
  for (const spy of [set, create]) spy.mockRestore();
  const retried = await license.acquire('second-laptop', { borrow_days: 2 });
  expect(retried.status).toBe(200);
  expect(await suite.deps.records.get(LOANS, retried.body.session_id)).toBeDefined();
});

test('lends no seats unless the license allows borrowing', async () => {
  const license = await suite.createLicense({ plan: 'free' });
  const refused = await license.acquire('machine', { borrow_days: 1 });
  expect([refused.status, refused.body]).toMatchObject([
    403,
    { code: 'BORROW_NOT_ALLOWED', max_days: 0, detail: 'Seats of this license cannot be borrowed.' },
  ]);
  expect((await license.acquire('machine')).body).not.toHaveProperty('borrowed_until');
});

test('keeps low_water seats for online use', async () => {
  const license = await suite.createLicense({ max: 3, borrow: { max_days: 7, low_water: 2 } });
  expect((await license.acquire('a', { borrow_days: 7 })).status).toBe(201);
  const refused = await license.acquire('b', { borrow_days: 1 });
  expect([refused.status, refused.body]).toMatchObject([
    409,
    { code: 'BORROW_LIMIT_REACHED', borrowed: 1, borrowable: 1 },
  ]);
  for (const machine of ['b', 'c']) expect((await license.acquire(machine)).status).toBe(201);
  expect((await license.acquire('d')).body.code).toBe('SEATS_EXHAUSTED');
});

test.each([0, -1, 0.5, 91, '7'])('refuses borrow_days of %s', async (borrow_days) => {
  const license = await suite.createLicense({ borrow: { max_days: 90 } });
  const refused = await license.acquire('machine', { borrow_days });
  expect(refused.body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ at: '/borrow_days' }] });
});

test('refuses every machine if max is 0', async () => {
  const license = await suite.createLicense({ max: 0 });
  const refused = await license.acquire('machine');
  expect(refused.status).toBe(409);
  expect(refused.body).toMatchObject({ active: 0, max: 0, retry_after: 360 });
});

test('counts one seat for a user on two machines and two for two users on one machine, if seats are counted by user', async () => {
  const license = await suite.createLicense({ max: 2, unit: 'user' });
  const desk = await license.acquire('desk', { user_id: 'ada' });
  const laptop = await license.acquire('laptop', { user_id: 'ada' });
  expect([desk.status, laptop.status]).toEqual([201, 200]);
  expect(laptop.body.session_id).not.toBe(desk.body.session_id);
  expect(laptop.body.seats.active).toBe(1);
  expect((await license.acquire('desk', { user_id: 'grace' })).body.seats.active).toBe(2);
});

test('never mixes up two members who send the same fingerprint', async () => {
  const license = await suite.createLicense({ max: 2 });
  const [ada, bob] = [
    await newMember(suite, license.tenantId),
    await newMember(suite, license.tenantId),
  ] as const;
  const acquire = async (user: TestUser) => {
    const body = { fingerprint: 'workstation of bob', license_id: license.licenseId, instance_id: 'start-1' };
    const seat = await user.call('POST', '/api/v1/licenses/acquire', body);
    expect(seat.status, seat.text).toBe(201);
    return { session_id: seat.body.session_id, session_token: seat.body.session_token };
  };
  const beat = (user: TestUser, body: object) => user.call('PUT', '/api/v1/licenses/heartbeat', body);
  const ofBob = await acquire(bob);
  const ofAda = await acquire(ada);
  expect(ofAda.session_id).not.toBe(ofBob.session_id);
  expect((await beat(ada, ofBob)).body).toMatchObject({ code: 'SESSION_NOT_FOUND', ended: 'unknown' });
  expect((await ada.call('POST', '/api/v1/licenses/release', ofBob)).status).toBe(204);

  const erase = '/api/v1/gdpr/delete';
  const { confirmation_token } = (await ada.call('POST', erase, {})).body;
  const erased = await ada.call('DELETE', erase, { confirmation_token });
  expect(erased.status, erased.text).toBe(200);
  const { sessions } = (await suite.operate('GET', `/api/v1/sessions?license_id=${license.licenseId}`)).body;
  expect(sessions).toMatchObject([{ session_id: ofBob.session_id, user_id: bob.userId }]);
  expect((await beat(bob, ofBob)).body).toMatchObject({ session_id: ofBob.session_id });
});

test('counts one seat for each process of a machine, if seats are counted by process', async () => {
  const license = await suite.createLicense({ max: 2, unit: 'process' });
  expect((await license.acquire('machine', { process_id: '1' })).status).toBe(201);
  expect((await license.acquire('machine', { process_id: '2' })).status).toBe(201);
  expect((await license.acquire('machine', { process_id: '1' })).status).toBe(200);
  expect((await license.acquire('other', { process_id: '1' })).status).toBe(409);
});

test('counts each instance as a process if seats are counted by process and no process_id is sent', async () => {
  const license = await suite.createLicense({ max: 2, unit: 'process' });
  for (const instance_id of ['a', 'b'])
    expect((await license.acquire('machine', { instance_id })).status).toBe(201);
  expect((await license.acquire('machine', { instance_id: 'a' })).status).toBe(200);
  expect((await license.acquire('machine', { instance_id: 'c' })).status).toBe(409);
});

test.each([
  ['user', 'user_id', { instance_id: 'start-1' }],
  ['process', 'process_id or instance_id', {}],
])('requires the matching id if the license counts seats by %s', async (unit, ids, more) => {
  const license = await suite.createLicense({ unit });
  const refused = await license.acquire('machine', more);
  expect(refused.status).toBe(400);
  expect(refused.body.code).toBe('HOLDER_REQUIRED');
  expect(refused.body.detail).toContain(`send ${ids}.`);
});

test('refuses a key for another license, and does not reveal whether that license exists', async () => {
  const mine = await suite.createLicense();
  const other = await suite.createLicense();
  expect((await mine.acquire('machine', { license_id: mine.licenseId })).status).toBe(201);
  const refused = await mine.acquire('machine', { license_id: other.licenseId });
  expect(refused.status).toBe(404);
  expect(refused.body.code).toBe('LICENSE_NOT_FOUND');
  const unknown = await mine.acquire('machine', { license_id: newLicenseId(other.tenantId) });
  expect(bareAnswer(unknown)).toEqual(bareAnswer(refused));
});

test('grants no seat of a suspended license until it is reinstated', async () => {
  const license = await suite.createLicense();
  await suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'suspended' });
  const refused = await license.acquire('machine');
  expect(refused.status).toBe(403);
  expect(refused.body.code).toBe('LICENSE_SUSPENDED');
  await suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'active' });
  expect((await license.acquire('machine')).status).toBe(201);
});

test('ends the license and all its leases exactly at valid_until', async () => {
  const startMs = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now: startMs });
  const endMs = startMs + 60_000;
  const validUntil = new Date(endMs).toISOString();
  const license = await suite.createLicense({ valid_until: validUntil });
  const seat = await license.acquire('machine');
  expect(seat.body).toMatchObject({ ttl: 60, expires_at: validUntil, next_heartbeat_due: validUntil });

  vi.setSystemTime(endMs - 1);
  expect((await license.acquire('machine-b')).status).toBe(201);
  vi.setSystemTime(endMs);
  const refused = await license.acquire('machine-c');
  expect(refused.status).toBe(403);
  expect(refused.body.code).toBe('LICENSE_EXPIRED');
});

test('frees the seat in the millisecond in which its lease expires, not earlier', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  const license = await suite.createLicense({ max: 1 });
  const endMs = Date.parse((await license.acquire('crashed')).body.expires_at);
  vi.setSystemTime(endMs - 1);
  expect((await license.acquire('waiting')).body).toMatchObject({ code: 'SEATS_EXHAUSTED', retry_after: 1 });
  vi.setSystemTime(endMs);
  expect((await license.acquire('waiting')).status).toBe(201);
});

test('returns the same 401 for a wrong, an unknown and a malformed key', async () => {
  const { licenseId, tenantId, key } = await suite.createLicense();
  const keys = [
    newLicenseKey(licenseId),
    newLicenseKey(newLicenseId(tenantId)),
    key.slice(1),
    `${key}0`,
    'x',
  ];
  const replies = await Promise.all(
    keys.map((wrong) =>
      suite.call('POST', PATH, { authorization: `License ${wrong}`, body: { fingerprint: 'm' } }),
    ),
  );
  for (const reply of replies) {
    expect(reply.status).toBe(401);
    expect(reply.body.code).toBe('CREDENTIALS_INVALID');
    expect(reply.headers.get('www-authenticate')).toBe(
      'License realm="seatlease", error="invalid_token", Bearer realm="seatlease"',
    );
    expect(bareAnswer(reply)).toEqual(bareAnswer(replies[0] ?? reply));
  }
});

test.each([
  ['no credentials', undefined],
  ['another scheme', 'Basic dXNlcjpwYXNz'],
  ['a scheme without a key', 'License'],
  ['two keys', 'License a b'],
])('returns 401 with the scheme to use for %s', async (_, authorization) => {
  const reply = await suite.call('POST', PATH, {
    ...(authorization ? { authorization } : {}),
    body: { fingerprint: 'm' },
  });
  expect(reply.status).toBe(401);
  expect(reply.body.code).toBe('AUTHENTICATION_REQUIRED');
  expect(reply.headers.get('www-authenticate')).toBe('License realm="seatlease", Bearer realm="seatlease"');
});

test('refuses operators', async () => {
  const refused = await suite.call('POST', PATH, {
    authorization: `Operator ${OPERATOR_KEY}`,
    body: { fingerprint: 'm' },
  });
  expect(refused.status).toBe(403);
  expect(refused.body).toMatchObject({
    code: 'FORBIDDEN',
    detail: 'This endpoint accepts "License <key>" or "Bearer <token>".',
  });
});

test('names the invalid fields', async () => {
  const license = await suite.createLicense();
  const refused = await license.acquire('', { hostname: 7 });
  expect(refused.status).toBe(400);
  expect(refused.body.code).toBe('VALIDATION_FAILED');
  const places = refused.body.errors.map(({ at }: { at: string }) => at);
  expect(places).toEqual(expect.arrayContaining(['/fingerprint', '/hostname']));
  const bodiless = await suite.call('POST', PATH, { authorization: `License ${license.key}` });
  expect(bodiless.body).toMatchObject({
    code: 'VALIDATION_FAILED',
    detail: 'The request needs a JSON body.',
  });
});

function roundToSecond(at: string): number {
  return Math.round(Date.parse(at) / 1000);
}
