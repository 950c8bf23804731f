import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AuditEvent, emptyChain, sealEvents, unsealed } from '../../shared/domain/audit-chain.ts';
import { type EventType, eventOf } from '../../shared/domain/event.ts';
import { newLicenseId, newLicenseKey, newSessionId, newTenantId } from '../../shared/domain/ids.ts';
import { AUDIT } from '../../shared/ports/collections.ts';
import { BY } from '../../shared/testing/by.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';

const START_MS = Date.parse('2030-01-01T00:00:00Z');
const TYPES = ['session.acquired', 'session.released', 'seat.denied'] as const;

/** All ids are of one shard, so that an id alone does not show its tenant. */
const tenants = [newTenantId(1), newTenantId(1)];
const licenses = tenants.flatMap((tenantId) =>
  [1, 2].map(() => ({ tenantId, licenseId: newLicenseId(tenantId) })),
);
const sessions = licenses.flatMap(({ tenantId, licenseId }) =>
  [1, 2].map(() => ({ tenantId, licenseId, sessionId: newSessionId(licenseId) })),
);
const stored: AuditEvent[] = sessions.flatMap(({ tenantId, licenseId, sessionId }, s) =>
  TYPES.map((type, t) => {
    const fields = {
      type: type as EventType,
      tenantId,
      licenseId,
      sessionId: type === 'seat.denied' ? null : sessionId,
      // Some events share a millisecond.
      atMs: START_MS + Math.floor((s * 7 + t * 5) / 3) * 1000,
      position: `${START_MS}-${s * 10 + t}`,
      ...BY,
      detail: type === 'seat.denied' ? { count: s + 1, max: 2 } : { holder: `h${s}`, acquiredAtMs: START_MS },
    };
    return unsealed(eventOf(fields), START_MS + 60_000 + s);
  }),
);
const newestFirst = stored.toSorted((a, b) => b.atMs - a.atMs || (a.eventId < b.eventId ? 1 : -1));

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
  for (const event of stored) await suite.deps.records.create(AUDIT, event.eventId, event);
});
afterAll(() => suite.close());

type Filter = Partial<
  Record<'tenant_id' | 'license_id' | 'session_id' | 'type' | 'from' | 'to' | 'limit' | 'cursor', string>
>;

const list = (filter: Filter): Promise<Reply> =>
  suite.operate('GET', `/api/v1/audit?${new URLSearchParams({ limit: '100', ...filter })}`);

const idsOf = (page: Reply): string[] =>
  page.body.events.map(({ event_id }: { event_id: string }) => event_id);

function expectedIds({ tenant_id, license_id, session_id, type, from, to }: Filter): string[] {
  return newestFirst
    .filter((event) => tenant_id === undefined || event.tenantId === tenant_id)
    .filter((event) => license_id === undefined || event.licenseId === license_id)
    .filter((event) => session_id === undefined || event.sessionId === session_id)
    .filter((event) => type === undefined || event.type === type)
    .filter((event) => from === undefined || event.atMs >= Date.parse(from))
    .filter((event) => to === undefined || event.atMs < Date.parse(to))
    .map(({ eventId }) => eventId);
}

async function walk(filter: Filter): Promise<{ ids: string[]; sizes: number[] }> {
  const ids: string[] = [];
  const sizes: number[] = [];
  let cursor: string | null = '';
  while (cursor !== null && sizes.length < 100) {
    const page: Reply = await list(cursor === '' ? filter : { ...filter, cursor });
    expect(page.status, page.text).toBe(200);
    ids.push(...idsOf(page));
    sizes.push(page.body.events.length);
    cursor = page.body.next_cursor;
  }
  return { ids, sizes };
}

test('returns an event with all its fields, its recording time, and its position in the chain once it is sealed', async () => {
  const tenantId = newTenantId(2);
  const licenseId = newLicenseId(tenantId);
  const sessionId = newSessionId(licenseId);
  const event = eventOf({
    type: 'session.expired',
    tenantId,
    licenseId,
    sessionId,
    atMs: START_MS - 5000,
    position: '1-2',
    actor: { kind: 'user', id: 'usr_0123456789abcdef' },
    requestId: 'req_1',
    detail: { holder: 'h', acquiredAtMs: START_MS - 9000, active: 0, max: 3, reason: 'lease_ran_out' },
  });
  const open = unsealed(event, START_MS);
  await suite.deps.records.create(AUDIT, open.eventId, open);
  const expected = {
    event_id: event.eventId,
    type: 'session.expired',
    tenant_id: tenantId,
    license_id: licenseId,
    session_id: sessionId,
    at: '2029-12-31T23:59:55.000Z',
    position: '1-2',
    actor: { type: 'user', id: 'usr_0123456789abcdef' },
    request_id: 'req_1',
    subject: null,
    holder: 'h',
    acquired_at: '2029-12-31T23:59:51.000Z',
    active: 0,
    max: 3,
    reason: 'lease_ran_out',
    recorded_at: '2030-01-01T00:00:00.000Z',
  };
  const before = await list({ session_id: sessionId });
  expect(before.status, before.text).toBe(200);
  expect(before.body).toEqual({ events: [{ ...expected, seq: null }], next_cursor: null });

  const [sealed] = sealEvents(emptyChain(tenantId), [open]).events;
  if (!sealed) expect.fail('there is one');
  await suite.deps.records.transact(async (transaction) => transaction.set(AUDIT, sealed.eventId, sealed));
  expect((await list({ session_id: sessionId })).body.events).toEqual([{ ...expected, seq: 1 }]);
  await suite.deps.records.transact(async (transaction) => transaction.delete(AUDIT, sealed.eventId));
});

test('returns exactly the events that match all filters, newest first, each once', async () => {
  const or = <T>(values: readonly T[]) => fc.option(fc.constantFrom(...values), { nil: undefined, freq: 2 });
  const moments = stored.map(({ atMs }) => new Date(atMs).toISOString());
  const filters = fc
    .record({
      tenant_id: or(tenants),
      license_id: or(licenses.map(({ licenseId }) => licenseId)),
      session_id: or(sessions.map(({ sessionId }) => sessionId)),
      type: or(TYPES),
      from: or(moments),
      to: or(moments),
      limit: fc.constantFrom('1', '2', '5', '100'),
    })
    .map(
      (filter): Filter =>
        Object.fromEntries(Object.entries(filter).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]]))),
    )
    .filter(({ from = '', to = '~' }) => from < to);
  let found = 0;
  await fc.assert(
    fc.asyncProperty(filters, async (filter) => {
      const expected = expectedIds(filter);
      const { ids, sizes } = await walk(filter);
      expect(ids).toEqual(expected);
      expect(sizes).toHaveLength(Math.max(1, Math.ceil(expected.length / Number(filter.limit))));
      found += expected.length;
    }),
    { seed: 20261125, numRuns: 120 },
  );
  expect(found).toBeGreaterThan(100);
});

test('includes the start of a period and excludes its end', async () => {
  const [newest] = newestFirst;
  const oldest = newestFirst.at(-1);
  if (!newest || !oldest) expect.fail('there are events');
  const at = (ms: number) => new Date(ms).toISOString();
  const tenant_id = oldest.tenantId;
  expect(idsOf(await list({ tenant_id, to: at(oldest.atMs) }))).toEqual([]);
  expect(idsOf(await list({ tenant_id, to: at(oldest.atMs + 1) }))).toContain(oldest.eventId);
  expect(idsOf(await list({ from: at(newest.atMs) }))).toContain(newest.eventId);
  expect(idsOf(await list({ from: at(newest.atMs + 1) }))).toEqual([]);
  const elsewhere = at(newest.atMs).replace('Z', '+01:00').replace(/T00/, 'T01');
  expect(idsOf(await list({ from: elsewhere }))).toEqual(idsOf(await list({ from: at(newest.atMs) })));
});

test('returns nothing for ids that contradict each other, even if each alone matches events', async () => {
  const [mine, , other] = licenses;
  const [session] = sessions;
  if (!mine || !other || !session) expect.fail('there are licenses');
  const far = newTenantId(100);
  for (const filter of [
    { session_id: session.sessionId, license_id: other.licenseId },
    { session_id: session.sessionId, tenant_id: other.tenantId },
    { license_id: mine.licenseId, tenant_id: other.tenantId },
    { license_id: mine.licenseId, tenant_id: far },
    { license_id: mine.licenseId, tenant_id: other.tenantId, limit: '1' },
  ]) {
    expect((await list(filter)).body).toEqual({ events: [], next_cursor: null });
  }
  expect(idsOf(await list({ license_id: mine.licenseId, tenant_id: mine.tenantId }))).toHaveLength(6);
});

test('accepts a cursor only for the list that it was issued for', async () => {
  const [license, other] = licenses;
  if (!license || !other) expect.fail('there are licenses');
  const filter = { license_id: license.licenseId, limit: '1' };
  const { next_cursor: cursor } = (await list(filter)).body;
  expect(cursor).toEqual(expect.any(String));
  expect((await list({ ...filter, cursor })).status).toBe(200);
  for (const elsewhere of [
    { limit: '1', license_id: other.licenseId },
    { limit: '1', tenant_id: license.tenantId },
    { limit: '1' },
    { ...filter, type: 'seat.denied' },
    { ...filter, from: '2030-01-01T00:00:00Z' },
    { ...filter, to: '2031-01-01T00:00:00Z' },
  ]) {
    const refused = await list({ ...elsewhere, cursor });
    expect([refused.status, refused.body.code], JSON.stringify(elsewhere)).toEqual([400, 'INVALID_CURSOR']);
  }
  const rubbish = await list({ cursor: 'rubbish' });
  expect([rubbish.status, rubbish.body.code]).toEqual([400, 'INVALID_CURSOR']);
});

test.each([
  ['tenant_id', 'tenant_id=ten_1'],
  ['license_id', 'license_id=lic_1'],
  ['session_id', 'session_id='],
  ['type', 'type=session.born'],
  ['type', 'type=seat.denied&type=seat.denied'],
  ['from', 'from=yesterday'],
  ['from', 'from=2030-02-30T00:00:00Z'],
  ['to', 'to=1893456000000'],
  ['to', 'from=2030-01-02T00:00:00Z&to=2030-01-01T00:00:00Z'],
  ['to', 'from=2030-01-01T00:00:00Z&to=2030-01-01T01:00:00%2B01:00'],
  ['limit', 'limit=101'],
  ['', 'email=ada@example.com'],
])('refuses an invalid %s (?%s), and names the field', async (at, query) => {
  const refused = await suite.operate('GET', `/api/v1/audit?${query}`);
  expect([refused.status, refused.body.code], refused.text).toEqual([400, 'VALIDATION_FAILED']);
  expect(refused.body.errors.map((error: { at: string }) => error.at)).toEqual([at]);
});

test('refuses a license key and a request without credentials', async () => {
  const [license] = licenses;
  if (!license) expect.fail('there is one');
  const path = `/api/v1/audit?license_id=${license.licenseId}`;
  const authorization = `License ${newLicenseKey(license.licenseId)}`;
  const refused = await suite.call('GET', path, { authorization });
  expect([refused.status, refused.body.code]).toEqual([403, 'FORBIDDEN']);
  const anonymous = await suite.call('GET', path);
  expect([anonymous.status, anonymous.headers.get('www-authenticate')]).toEqual([
    401,
    'Operator realm="seatlease", Bearer realm="seatlease"',
  ]);
});
