import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { newLicenseId, newTenantId } from '../../shared/domain/ids.ts';
import { LICENSES as COLLECTION } from '../../shared/ports/collections.ts';
import { bareAnswer } from '../testing/bare-answer.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';

const LICENSES = '/api/v1/licenses';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());
afterEach(() => {
  vi.useRealTimers();
});

const create = (terms: Record<string, unknown>): Promise<Reply> => suite.operate('POST', LICENSES, terms);
const read = (licenseId: string): Promise<Reply> => suite.operate('GET', `${LICENSES}/${licenseId}`);
const change = (licenseId: string, terms: unknown): Promise<Reply> =>
  suite.operate('PATCH', `${LICENSES}/${licenseId}`, terms);
const rotate = (licenseId: string, body?: unknown): Promise<Reply> =>
  suite.operate('POST', `${LICENSES}/${licenseId}/rotate-key`, body);

function acquireWith(key: string, fingerprint: string): Promise<Reply> {
  return suite.call('POST', `${LICENSES}/acquire`, {
    authorization: `License ${key}`,
    body: { fingerprint },
  });
}

test('creates a license with default terms, a new tenant and a working key from max alone', async () => {
  const created = await create({ max: 5 });
  expect(created.status, created.text).toBe(201);
  const { license_key, ...license } = created.body;
  expect(license).toMatchObject({
    max: 5,
    overdraft: 0,
    plan: 'pro',
    overrides: [],
    ttl_seconds: 360,
    heartbeat_seconds: 300,
    unit: 'machine',
    status: 'active',
    valid_until: null,
    offline_grace_days: 7,
    borrow: { max_days: 14, low_water: 0 },
    signed_limit: 50,
    requests_per_minute: 1_260,
    created_at: license.updated_at,
  });
  expect(license.license_id.slice(4, 6)).toBe(license.tenant_id.slice(4, 6));
  expect((await acquireWith(license_key, 'machine')).status).toBe(201);
  expect((await read(license.license_id)).body).toEqual({ ...license, seats: { active: 1, max: 5 } });
});

test('applies every term that is set at creation', async () => {
  const terms = {
    max: 1,
    overdraft: 2,
    ttl_seconds: 60,
    heartbeat_seconds: 20,
    unit: 'user',
    plan: 'enterprise',
    features: ['export', 'größe'],
    limits: { projects: 2 ** 53 - 1, größe: 0 },
    max_sessions: 4,
    offline_grace_days: 9,
    offline_start_days: 9,
    signed_limit: 7,
    borrow: { max_days: 14, low_water: 1 },
    requests_per_minute: 90,
    valid_until: '2999-12-31T23:00:00.000Z',
  };
  const { body } = await create(terms);
  expect(body).toMatchObject(terms);
  expect((await read(body.license_id)).body).toMatchObject(terms);
  const seat = await suite.call('POST', `${LICENSES}/acquire`, {
    authorization: `License ${body.license_key}`,
    body: { fingerprint: 'm', user_id: 'ada' },
  });
  expect(seat.body).toMatchObject({ ttl: 60, heartbeat_interval: 20, offline_grace_days: 9 });
});

test('applies requests_per_minute at once, and derives it from the size again after null', async () => {
  const { license_id, license_key } = (await create({ max: 1, requests_per_minute: 2 })).body;
  // However small the license: each holder has 30 requests in a burst.
  const burst = [];
  for (let n = 0; n < 30; n += 1) burst.push((await acquireWith(license_key, 'machine')).status);
  expect(burst).toEqual([201, ...Array(29).fill(200)]);
  await expect.poll(async () => (await acquireWith(license_key, 'machine')).status).toBe(429);
  const refused = await acquireWith(license_key, 'machine');
  expect(refused.body.code).toBe('RATE_LIMITED');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);

  const bySize = await change(license_id, { requests_per_minute: null });
  expect(bySize.body).toMatchObject({ max: 1, requests_per_minute: 1_212 });
  // A full bucket has room again after 0.4 s: an eighth of 1,212 requests are allowed a minute. It was 2 s before.
  await expect.poll(async () => (await acquireWith(license_key, 'machine')).status).toBe(200);
  expect((await change(license_id, { max: 10 })).body.requests_per_minute).toBe(1_320);
  for (const requests_per_minute of [0, -1, 1.5, 1_000_001, '60']) {
    expect((await change(license_id, { requests_per_minute })).status).toBe(400);
  }
  expect((await change(license_id, { requests_per_minute: 1_000_000 })).body.requests_per_minute).toBe(
    1_000_000,
  );
});

test('requires an existing tenant for a further license', async () => {
  const first = (await create({ max: 1 })).body;
  const second = await create({ max: 1, tenant_id: first.tenant_id });
  expect(second.status).toBe(201);
  expect(second.body.tenant_id).toBe(first.tenant_id);
  const refused = await create({ max: 1, tenant_id: newTenantId(16) });
  expect([refused.status, refused.body.code]).toEqual([404, 'TENANT_NOT_FOUND']);
});

test('returns the key only at creation and rotation', async () => {
  const { license_id, license_key, tenant_id } = (await create({ max: 1 })).body;
  const others = [
    await read(license_id),
    await change(license_id, { max: 2 }),
    await suite.operate('GET', `${LICENSES}?tenant_id=${tenant_id}`),
  ];
  for (const { status, text } of others) {
    expect(status).toBe(200);
    expect(text).not.toContain(license_key);
    expect(text).not.toMatch(/slk_|hash/i);
  }
});

test('lists the licenses of a tenant in pages, newest first, each once', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  const first = (await create({ max: 1 })).body;
  const created: string[] = [first.license_id];
  for (let n = 1; n < 5; n += 1) {
    vi.setSystemTime(Date.now() + 1);
    await create({ max: 1 });
    created.unshift((await create({ max: 1, tenant_id: first.tenant_id })).body.license_id);
  }
  const listed: string[] = [];
  const sizes: number[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const from: string = cursor ? `&cursor=${cursor}` : '';
    const page = await suite.operate('GET', `${LICENSES}?tenant_id=${first.tenant_id}&limit=2${from}`);
    expect(page.status, page.text).toBe(200);
    listed.push(...page.body.licenses.map((license: { license_id: string }) => license.license_id));
    sizes.push(page.body.licenses.length);
    cursor = page.body.next_cursor;
  }
  expect(listed).toEqual(created);
  expect(sizes).toEqual([2, 2, 1]);

  const all = await suite.operate('GET', `${LICENSES}?limit=100`);
  expect(all.body.licenses.length).toBeGreaterThanOrEqual(9);
  const unknown = await suite.operate('GET', `${LICENSES}?tenant_id=${newTenantId(16)}`);
  expect(unknown.body).toEqual({ licenses: [], next_cursor: null });
});

test('refuses a cursor of another list and an invalid cursor', async () => {
  const { tenant_id } = (await create({ max: 1 })).body;
  await create({ max: 1, tenant_id });
  const { next_cursor } = (await suite.operate('GET', `${LICENSES}?limit=1`)).body;
  expect(next_cursor).toEqual(expect.any(String));
  for (const query of [`tenant_id=${tenant_id}&cursor=${next_cursor}`, 'cursor=rubbish', 'cursor=W10']) {
    const refused = await suite.operate('GET', `${LICENSES}?${query}`);
    expect([refused.status, refused.body.code], query).toEqual([400, 'INVALID_CURSOR']);
  }
});

test.each(['limit=0', 'limit=101', 'limit=1e1', 'limit=1&limit=2', 'page=2', 'tenant_id=x'])(
  'refuses a list with ?%s, and names the parameter',
  async (query) => {
    const refused = await suite.operate('GET', `${LICENSES}?${query}`);
    expect([refused.status, refused.body.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(refused.body.detail).toContain(query.split('=')[0]);
  },
);

test('grants more seats at once after the pool is enlarged', async () => {
  const license = await suite.createLicense({ max: 1 });
  await license.acquire('a');
  expect((await license.acquire('b')).status).toBe(409);
  expect((await change(license.licenseId, { max: 2 })).body.max).toBe(2);
  expect((await license.acquire('b')).status).toBe(201);
});

test('ends the seats beyond the pool when it is shrunk, and grants none until there is room', async () => {
  const license = await suite.createLicense({ max: 3 });
  const ids: string[] = [];
  for (const machine of ['a', 'b', 'c']) ids.push((await license.acquire(machine)).body.session_id);
  await change(license.licenseId, { max: 1 });
  const beats = await Promise.all(ids.map((session_id) => license.heartbeat({ session_id })));
  // Those of one millisecond have no order.
  expect(beats.map(({ status }) => status).toSorted()).toEqual([200, 404, 404]);
  expect((await read(license.licenseId)).body.seats).toEqual({ active: 1, max: 1 });
  expect((await license.acquire('d')).status).toBe(409);
  const kept = ids[beats.findIndex(({ status }) => status === 200)];
  await license.release(kept ?? '');
  expect((await license.acquire('d')).status).toBe(201);
});

test('keeps the terms and sessions of a suspended license for when it is reinstated', async () => {
  const license = await suite.createLicense({ max: 1 });
  const { session_id } = (await license.acquire('machine')).body;
  expect((await change(license.licenseId, { status: 'suspended' })).body.status).toBe('suspended');
  expect((await license.heartbeat({ session_id })).body.code).toBe('LICENSE_SUSPENDED');
  expect((await change(license.licenseId, { status: 'active' })).body).toMatchObject({
    status: 'active',
    max: 1,
  });
  expect((await license.heartbeat({ session_id })).status).toBe(200);
});

test('changes only the given terms, and sets and removes valid_until', async () => {
  const { licenseId } = await suite.createLicense({ max: 2, features: ['a'], plan: 'team' });
  const ended = await change(licenseId, { valid_until: '2999-01-01T00:00:00+02:00' });
  expect(ended.body).toMatchObject({ max: 2, features: ['a'], plan: 'team' });
  expect(ended.body.valid_until).toBe('2998-12-31T22:00:00.000Z');
  expect((await change(licenseId, { features: [] })).body.valid_until).toBe('2998-12-31T22:00:00.000Z');
  expect((await change(licenseId, { valid_until: null })).body.valid_until).toBeNull();
});

test('derives the heartbeat interval from the TTL, unless one is set', async () => {
  const { licenseId } = await suite.createLicense();
  expect((await change(licenseId, { ttl_seconds: 60 })).body.heartbeat_seconds).toBe(50);
  const both = await change(licenseId, { ttl_seconds: 600, heartbeat_seconds: 30 });
  expect(both.body).toMatchObject({ ttl_seconds: 600, heartbeat_seconds: 30 });
  expect((await change(licenseId, { ttl_seconds: 1_200 })).body.heartbeat_seconds).toBe(30);
  expect((await change(licenseId, { heartbeat_seconds: null })).body.heartbeat_seconds).toBe(1_000);
});

test('refuses a heartbeat interval as long as the TTL, at creation and later', async () => {
  const created = await create({ max: 1, ttl_seconds: 60, heartbeat_seconds: 60 });
  expect([created.status, created.body.code]).toEqual([400, 'VALIDATION_FAILED']);
  expect(created.body.errors).toEqual([
    { at: '/heartbeat_seconds', detail: 'must be less than ttl_seconds' },
  ]);
  const { licenseId } = await suite.createLicense({ ttl_seconds: 60 });
  expect((await change(licenseId, { heartbeat_seconds: 61 })).body.errors[0].at).toBe('/heartbeat_seconds');
  expect((await read(licenseId)).body.heartbeat_seconds).toBe(50);
});

test('allows offline_grace_days only with the enterprise plan', async () => {
  const refused = await create({ max: 1, plan: 'pro', offline_grace_days: 30 });
  expect(refused.body.errors).toEqual([{ at: '/offline_grace_days', detail: 'is set by the pro plan' }]);
  const { license_id } = (await create({ max: 1, plan: 'enterprise', offline_grace_days: 30 })).body;
  expect((await read(license_id)).body.offline_grace_days).toBe(30);
  const cheaper = await change(license_id, { plan: 'free' });
  expect(cheaper.body.errors).toEqual([{ at: '/offline_grace_days', detail: 'is set by the free plan' }]);
  const byPlan = await change(license_id, { plan: 'free', offline_grace_days: null });
  expect(byPlan.body).toMatchObject({ plan: 'free', offline_grace_days: 0 });
});

describe('the plan of a license', () => {
  /** What `GET /api/v1/plans` and a license have in common. */
  const TERMS = [
    ...['ttl_seconds', 'max_sessions', 'offline_grace_days', 'offline_start_days'],
    ...['borrow', 'features', 'limits'],
  ];

  async function termsListed(plan: string): Promise<Record<string, unknown>> {
    const { plans } = (await suite.call('GET', '/api/v1/plans')).body;
    return pick(plans.find((each: { plan: string }) => each.plan === plan));
  }

  const pick = (of: Record<string, unknown>) => Object.fromEntries(TERMS.map((term) => [term, of[term]]));

  test.each(['pro', 'team', 'enterprise'])('%s gives it the terms that are listed', async (plan) => {
    const listed = await termsListed(plan);
    expect(Object.values(listed)).not.toContain(undefined);
    const created = await create({ max: 5, plan });
    expect(pick(created.body)).toEqual(listed);
    const { license_id } = (await create({ max: 5, plan: 'free' })).body;
    const changed = await change(license_id, { plan });
    expect(pick(changed.body)).toEqual(listed);
    expect([created.body.overrides, changed.body.overrides]).toEqual([[], []]);
  });

  test('lends its seats and is in its signed license', async () => {
    const license = await suite.createLicense({ max: 5, plan: 'team' });
    const { session_id, borrowed_until } = (await license.acquire('machine', { borrow_days: 30 })).body;
    expect(borrowed_until).toEqual(expect.any(String));
    const refused = await license.acquire('other', { borrow_days: 31 });
    expect(refused.body).toMatchObject({ code: 'BORROW_NOT_ALLOWED', max_days: 30 });
    const { license_data } = (await license.sign({ session_id })).body;
    expect(license_data).toMatchObject({ plan: 'team', features: ['export', 'shared-settings'] });
  });

  test('changes no term that is set for it, until null gives the term back', async () => {
    const set = {
      ...{ features: ['beta'], max_sessions: 2, ttl_seconds: 120, offline_start_days: 3, signed_limit: 1 },
      borrow: { max_days: 1, low_water: 0 },
    };
    const { license_id, overrides } = (await create({ max: 5, plan: 'pro', ...set })).body;
    expect(new Set(overrides)).toEqual(new Set(Object.keys(set)));
    const changed = await change(license_id, { plan: 'team' });
    expect(changed.body).toMatchObject({ ...set, plan: 'team', offline_grace_days: 3, overrides });
    const nulls = Object.fromEntries(Object.keys(set).map((term) => [term, null]));
    const back = (await change(license_id, nulls)).body;
    expect(pick(back)).toEqual(await termsListed('team'));
    expect(back).toMatchObject({ signed_limit: 50, overrides: [] });
  });

  test('keeps its limits beside those that are set, and loses only those with the same name', async () => {
    const { license_id, limits } = (await create({ max: 1, plan: 'pro', limits: { users: 4 } })).body;
    expect(limits).toEqual({ projects: 20, users: 4 });
    const raised = await change(license_id, { limits: { projects: 30 } });
    expect(raised.body.limits).toEqual({ projects: 30 });
    expect((await change(license_id, { limits: {} })).body.limits).toEqual({ projects: 20 });
  });

  test('bounds offline_start_days by the offline grace in effect', async () => {
    const tooLong = await create({ max: 1, plan: 'pro', offline_start_days: 8 });
    const at = [{ at: '/offline_start_days', detail: 'must not exceed offline_grace_days' }];
    expect([tooLong.status, tooLong.body.errors]).toEqual([400, at]);
    const { license_id } = (await create({ max: 1, plan: 'pro', offline_start_days: 7 })).body;
    expect((await change(license_id, { plan: 'team' })).body.errors).toEqual(at);
    const both = await change(license_id, { plan: 'team', offline_start_days: 3 });
    expect(both.body).toMatchObject({ offline_grace_days: 3, offline_start_days: 3 });
  });
});

test('refuses a term that an edited plan no longer allows only when it is set again', async () => {
  const { licenseId } = await suite.createLicense({ plan: 'pro' });
  await suite.deps.records.transact(async (transaction) => {
    const license = await transaction.get(COLLECTION, licenseId);
    if (license) transaction.set(COLLECTION, licenseId, { ...license, offlineGraceDays: 30 });
  });
  const resized = await change(licenseId, { max: 2 });
  expect([resized.status, resized.body.offline_grace_days]).toEqual([200, 7]);
  expect((await change(licenseId, { offline_grace_days: 30 })).status).toBe(400);
});

test('changes whether and how long seats can be borrowed, and how many can only be used online', async () => {
  const { license_id } = (await create({ max: 3 })).body;
  const lending = await change(license_id, { borrow: { max_days: 7, low_water: 2 } });
  expect(lending.body.borrow).toEqual({ max_days: 7, low_water: 2 });
  expect((await change(license_id, { max: 4 })).body.borrow).toEqual({ max_days: 7, low_water: 2 });
  expect((await change(license_id, { borrow: { max_days: 3 } })).body.borrow).toEqual({
    max_days: 3,
    low_water: 0,
  });
  for (const borrow of [
    { max_days: 91 },
    { max_days: -1 },
    { low_water: 1 },
    { max_days: 1, low_water: -1 },
  ]) {
    expect((await change(license_id, { borrow })).body.code).toBe('VALIDATION_FAILED');
  }
});

test('refuses a change without fields', async () => {
  const { licenseId } = await suite.createLicense();
  const refused = await change(licenseId, {});
  expect([refused.status, refused.body.code]).toEqual([400, 'VALIDATION_FAILED']);
  expect(refused.body.detail).toContain('must contain at least one field to change');
  expect((await suite.operate('PATCH', `${LICENSES}/${licenseId}`)).status).toBe(400);
});

test.each([
  ['max', -1],
  ['max', 1.5],
  ['max', '5'],
  ['max', 1_000_001],
  ['overdraft', -1],
  ['ttl_seconds', 9],
  ['ttl_seconds', 30 * 24 * 3600 + 1],
  ['unit', 'seat'],
  ['plan', 'gold'],
  ['features', ['']],
  ['features', ['line\nbreak']],
  ['limits', { '': 1 }],
  ['limits', { 'line\nbreak': 1 }],
  ['limits', { ['x'.repeat(65)]: 1 }],
  ['limits', { __name__: 1 }],
  ['limits', { projects: -1 }],
  ['limits', { projects: 1.5 }],
  ['limits', { projects: 2 ** 53 }],
  ['limits', { projects: '20' }],
  ['limits', { projects: null }],
  ['limits', Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`limit ${n}`, n]))],
  ['limits', [20]],
  ['max_sessions', 0],
  ['max_sessions', 65],
  ['signed_limit', -1],
  ['signed_limit', 10_000_001],
  ['offline_start_days', -1],
  ['offline_start_days', 91],
  ['valid_until', 'tomorrow'],
  ['valid_until', '2030-02-30T00:00:00Z'],
  ['valid_until', '1969-12-31T23:59:59Z'],
  ['valid_until', '1970-01-01T00:00:00Z'],
  ['valid_until', '0000-01-01T00:00:00+23:00'],
  ['valid_until', '9999-12-31T23:59:59-23:00'],
  ['tenant_id', 'ten_00_x'],
])('refuses %s of %j, and names the field', async (field, value) => {
  const refused = await create({ max: 1, [field]: value });
  expect([refused.status, refused.body.code], refused.text).toEqual([400, 'VALIDATION_FAILED']);
  expect(refused.body.errors[0].at.split('/')[1]).toBe(field);
});

test('grants no seat of a license that is created with a past valid_until', async () => {
  const license = await suite.createLicense({ valid_until: '1970-01-01T00:00:01Z' });
  expect((await license.acquire('machine')).body.code).toBe('LICENSE_EXPIRED');
});

test('revokes the old key at once on rotation, and keeps running sessions', async () => {
  const license = await suite.createLicense({ max: 1 });
  const { session_id } = (await license.acquire('machine')).body;
  const rotated = await rotate(license.licenseId);
  expect(rotated.status, rotated.text).toBe(200);
  const newKey: string = rotated.body.license_key;
  expect(newKey).not.toBe(license.key);
  expect((await license.acquire('machine')).body.code).toBe('CREDENTIALS_INVALID');
  expect((await acquireWith(newKey, 'machine')).body.session_id).toBe(session_id);
});

test('accepts both keys exactly until the overlap ends', async () => {
  const nowMs = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  const license = await suite.createLicense();
  const newKey: string = (await rotate(license.licenseId, { overlap_seconds: 60 })).body.license_key;
  vi.setSystemTime(nowMs + 59_999);
  expect((await license.acquire('machine')).status).toBe(201);
  expect((await acquireWith(newKey, 'machine')).status).toBe(200);
  vi.setSystemTime(nowMs + 60_000);
  expect((await license.acquire('machine')).status).toBe(401);
  expect((await acquireWith(newKey, 'machine')).status).toBe(200);
});

test('loses no running seat on rotation: the old key extends it until the overlap ends, the new one at once', async () => {
  const startMs = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now: startMs });
  const license = await suite.createLicense({ max: 2 });
  const [old, moved] = [await license.acquire('old key'), await license.acquire('new key')];
  const newKey: string = (await rotate(license.licenseId, { overlap_seconds: 1_000 })).body.license_key;
  const beat = async (key: string, seat: Reply): Promise<unknown[]> => {
    const { status, body } = await suite.call('PUT', `${LICENSES}/heartbeat`, {
      authorization: `License ${key}`,
      body: { session_id: seat.body.session_id },
    });
    return [status, body.revived ?? body.code];
  };
  for (const afterMs of [0, 300_000, 600_000, 900_000, 999_999]) {
    vi.setSystemTime(startMs + afterMs);
    expect(await beat(license.key, old)).toEqual([200, undefined]);
    expect(await beat(newKey, moved)).toEqual([200, undefined]);
  }
  vi.setSystemTime(startMs + 1_000_000);
  expect(await beat(license.key, old)).toEqual([401, 'CREDENTIALS_INVALID']);
  // The seat is still there for a program that gets the new key.
  expect(await beat(newKey, old)).toEqual([200, undefined]);
  expect((await read(license.licenseId)).body.seats).toEqual({ active: 2, max: 2 });
});

test('revokes the oldest key on a second rotation, even during its overlap', async () => {
  const license = await suite.createLicense();
  const second: string = (await rotate(license.licenseId, { overlap_seconds: 600 })).body.license_key;
  const third: string = (await rotate(license.licenseId, { overlap_seconds: 600 })).body.license_key;
  const statuses = [];
  for (const key of [license.key, second, third]) statuses.push((await acquireWith(key, 'machine')).status);
  expect(statuses).toEqual([401, 201, 200]);
});

test('refuses an overlap of more than seven days, and names the field', async () => {
  const { licenseId } = await suite.createLicense();
  const refused = await rotate(licenseId, { overlap_seconds: 7 * 24 * 3600 + 1 });
  expect(refused.status).toBe(400);
  expect(refused.body.errors[0].at).toBe('/overlap_seconds');
});

test('returns 404 to operators for every request about an unknown license', async () => {
  const licenseId = newLicenseId(newTenantId(16));
  for (const reply of [await read(licenseId), await change(licenseId, { max: 1 }), await rotate(licenseId)]) {
    expect([reply.status, reply.body.code]).toEqual([404, 'LICENSE_NOT_FOUND']);
    expect(bareAnswer(reply)).toEqual(bareAnswer(await read(newLicenseId(newTenantId(16)))));
  }
  expect((await read('lic_1')).body.errors[0].at).toBe('license_id');
});

const OPERATORS = 'Operator realm="seatlease", Bearer realm="seatlease"';

test('refuses to manage licenses with a license key, even its own', async () => {
  const license = await suite.createLicense();
  const authorization = `License ${license.key}`;
  for (const [method, path] of [
    ['POST', LICENSES],
    ['GET', LICENSES],
    ['GET', `${LICENSES}/${license.licenseId}`],
    ['PATCH', `${LICENSES}/${license.licenseId}`],
    ['POST', `${LICENSES}/${license.licenseId}/rotate-key`],
  ] as const) {
    const refused = await suite.call(method, path, { authorization });
    expect([refused.status, refused.body.code]).toEqual([403, 'FORBIDDEN']);
    const anonymous = await suite.call(method, path);
    expect([anonymous.status, anonymous.body.code]).toEqual([401, 'AUTHENTICATION_REQUIRED']);
    expect(anonymous.headers.get('www-authenticate')).toBe(OPERATORS);
    const wrong = await suite.call(method, path, { authorization: 'Operator wrong' });
    expect(bareAnswer(wrong)).toMatchObject({ status: 401 });
    expect(wrong.body.code).toBe('CREDENTIALS_INVALID');
  }
});

test('lists the other licenses if one was written by another release, and logs which', async () => {
  const first = await suite.createLicense();
  const { tenantId } = first;
  const { records } = suite.deps;
  const stored = await records.get(COLLECTION, first.licenseId);
  if (!stored) throw new Error('no license');
  const licenseId = newLicenseId(tenantId);
  await records.create({ ...COLLECTION, versions: [2] }, licenseId, { ...stored, licenseId });
  const from = suite.logged.length;
  const { status, body } = await suite.operate('GET', `${LICENSES}?tenant_id=${tenantId}`);
  expect([status, body.licenses.map((each: { license_id: string }) => each.license_id)]).toEqual([
    200,
    [first.licenseId],
  ]);
  const because = expect.stringContaining(`licenses/${licenseId} has version 2`);
  expect(suite.logged[from]).toMatchObject({ severity: 'ERROR', unreadable: 1, because });
});
