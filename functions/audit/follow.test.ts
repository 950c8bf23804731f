import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AuditEvent, unsealed } from '../../shared/domain/audit-chain.ts';
import { AUDIT_ONLY_TYPES, auditEventOf, VENDOR } from '../../shared/domain/audit-event.ts';
import { eventOf } from '../../shared/domain/event.ts';
import { newLicenseId, newTenantId } from '../../shared/domain/ids.ts';
import { newTenant } from '../../shared/domain/users.ts';
import { AUDIT, CHAIN_HEADS, TENANTS } from '../../shared/ports/collections.ts';
import { BY } from '../../shared/testing/by.ts';
import { runs } from '../../shared/testing/runs.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';
import { signIn } from '../testing/users.ts';

const START_MS = Date.UTC(2026, 10, 1);

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite({ SHARDS: '1' });
});
afterAll(() => suite.close());

const list = (filter: Record<string, string>): Promise<Reply> =>
  suite.operate('GET', `/api/v1/audit?${new URLSearchParams(filter)}`);
const follow = (tenant_id: string, more: Record<string, string> = {}) =>
  list({ tenant_id, order: 'recorded', ...more });
const idsOf = ({ body }: Reply): string[] =>
  body.events.map(({ event_id }: { event_id: string }) => event_id);

async function newChain(): Promise<string> {
  const tenantId = newTenantId(1);
  await suite.deps.records.create(TENANTS, tenantId, newTenant(tenantId, tenantId, null, START_MS));
  return tenantId;
}

/** An event as an instance records it whose clock differs: its time and its time of recording are any. */
function eventAt(tenantId: string, n: number, atMs: number, recordedAtMs: number): AuditEvent {
  const fields = {
    type: 'seat.denied',
    tenantId,
    licenseId: newLicenseId(tenantId),
    sessionId: null,
  } as const;
  return unsealed(
    eventOf({ ...fields, atMs, position: `${atMs}-${n}`, ...BY, detail: { count: n } }),
    recordedAtMs,
  );
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('record' as const),
        atMs: fc.nat(1000),
        skewMs: fc.integer({ min: -300_000, max: 300_000 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('seal' as const) }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('poll' as const), limit: fc.integer({ min: 1, max: 4 }) }),
    },
  ),
  { maxLength: 30 },
);

describe('a follower', () => {
  test('gets each event once, in the order of the chain, however late and with whatever clock it was recorded', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (life) => {
        const tenantId = await newChain();
        const written: string[] = [];
        const got: string[] = [];
        let cursor: string | undefined;
        const poll = async (limit: number): Promise<boolean> => {
          const page = await follow(tenantId, { limit: `${limit}`, ...(cursor !== undefined && { cursor }) });
          expect(page.status, page.text).toBe(200);
          got.push(...idsOf(page));
          const isNew = page.body.next_cursor !== cursor;
          cursor = page.body.next_cursor;
          return isNew;
        };
        for (const [n, step] of life.entries()) {
          if (step.do === 'poll') await poll(step.limit);
          else if (step.do === 'seal') await suite.sweep();
          else {
            const event = eventAt(tenantId, n, START_MS + step.atMs, START_MS + n + step.skewMs);
            await suite.deps.records.create(AUDIT, event.eventId, event);
            written.push(event.eventId);
          }
        }
        await suite.sweep();
        while (await poll(3));
        expect(got.toSorted()).toEqual(written.toSorted());
        const [whole, ...rest] = [await follow(tenantId, { limit: '100' })];
        expect(rest).toEqual([]);
        expect(got).toEqual(whole ? idsOf(whole) : []);
        expect(whole?.body.events.map(({ seq }: { seq: number }) => seq)).toEqual(got.map((_, i) => i + 1));
      }),
      { seed: 7, numRuns: runs(12, 200) },
    );
  });

  test('keeps a cursor when there is nothing new, and goes on with it when there is', async () => {
    const tenantId = await newChain();
    const empty = await follow(tenantId);
    expect(empty.body).toEqual({ events: [], next_cursor: expect.any(String) });
    const again = await follow(tenantId, { cursor: empty.body.next_cursor });
    expect(again.body).toEqual(empty.body);
    const event = eventAt(tenantId, 1, START_MS, START_MS);
    await suite.deps.records.create(AUDIT, event.eventId, event);
    // It is not in the chain yet.
    expect((await follow(tenantId, { cursor: empty.body.next_cursor })).body).toEqual(empty.body);
    await suite.sweep();
    const found = await follow(tenantId, { cursor: empty.body.next_cursor });
    expect(idsOf(found)).toEqual([event.eventId]);
  });

  test('goes past an event that cannot be read, even with pages of one event', async () => {
    const tenantId = await newChain();
    const events = [1, 2, 3].map((n) => eventAt(tenantId, n, START_MS + n, START_MS + n));
    for (const event of events) await suite.deps.records.create(AUDIT, event.eventId, event);
    await suite.sweep();
    const [, second] = await Promise.all(events.map(({ eventId }) => suite.deps.records.get(AUDIT, eventId)));
    if (!second) throw new Error('no event');
    await suite.deps.records.transact(async (transaction) =>
      transaction.set({ ...AUDIT, versions: [7] }, second.eventId, second),
    );
    const got: string[] = [];
    let cursor = '';
    for (let n = 0; n < 4; n += 1) {
      const page = await follow(tenantId, { limit: '1', ...(cursor && { cursor }) });
      got.push(...idsOf(page));
      cursor = page.body.next_cursor;
    }
    expect(got).toEqual([events[0]?.eventId, events[2]?.eventId]);
    expect(suite.logged.some(({ unreadable }) => unreadable === 1)).toBe(true);
  });

  test('is refused a cursor from before the records were restored from an older copy', async () => {
    const tenantId = await newChain();
    const { records } = suite.deps;
    const record = async (n: number) => {
      const event = eventAt(tenantId, n, n, START_MS);
      await records.create(AUDIT, event.eventId, event);
      await suite.sweep();
    };
    await record(1);
    const older = await records.get(CHAIN_HEADS, tenantId);
    if (!older) throw new Error('no head');
    await record(2);
    const { next_cursor: cursor } = (await follow(tenantId)).body;
    await records.transact(async (transaction) => transaction.set(CHAIN_HEADS, tenantId, older));
    const refused = await follow(tenantId, { cursor });
    expect([refused.status, refused.body.code]).toEqual([400, 'INVALID_CURSOR']);
  });

  test('needs one tenant and no other filter, and a cursor of that tenant', async () => {
    const [one, other] = [await newChain(), await newChain()];
    expect((await list({ order: 'recorded' })).body).toMatchObject({ code: 'VALIDATION_FAILED' });
    for (const filter of [
      { type: 'seat.denied' },
      { actor_id: 'bootstrap' },
      { from: '2026-01-01T00:00:00Z' },
    ])
      expect((await follow(one, filter)).body).toMatchObject({ code: 'VALIDATION_FAILED' });
    const { next_cursor: cursor } = (await follow(one)).body;
    expect((await follow(other, { cursor })).body.code).toBe('INVALID_CURSOR');
    expect((await list({ tenant_id: one, cursor })).body.code).toBe('INVALID_CURSOR');
    const newest = (await list({ tenant_id: one, limit: '1' })).body.next_cursor ?? 'x';
    expect((await follow(one, { cursor: newest })).body.code).toBe('INVALID_CURSOR');
  });

  test('follows the events of no tenant only as an operator, and can verify them', async () => {
    const note = { type: AUDIT_ONLY_TYPES[0], tenantId: VENDOR, by: BY };
    const event = unsealed(auditEventOf(note, START_MS), START_MS);
    await suite.deps.records.create(AUDIT, event.eventId, event);
    await suite.sweep();
    expect(idsOf(await follow(VENDOR))).toContain(event.eventId);
    const checked = await suite.operate('GET', `/api/v1/audit/verify?tenant_id=${VENDOR}`);
    expect(checked.body).toMatchObject({ tenant_id: VENDOR, problems: [] });
    const ada = await signIn(suite, 'ada@example.com');
    for (const path of ['/api/v1/audit?order=recorded&', '/api/v1/audit/verify?', '/api/v1/audit?'])
      expect((await ada.call('GET', `${path}tenant_id=${VENDOR}`)).body.code).toBe('TENANT_NOT_FOUND');
  });
});

test('lists what one actor did, everywhere or in one tenant', async () => {
  const ada = await signIn(suite, 'eve@example.com');
  const [tenantId = ''] = ada.tenants.keys();
  const license = await suite.createLicense({ tenant_id: tenantId });
  await ada.call('POST', `/api/v1/licenses/${license.licenseId}/rotate-key`, {});
  const types = async (filter: Record<string, string>) =>
    (await list(filter)).body.events.map(({ type, tenant_id }: Record<string, string>) => [type, tenant_id]);
  const rotated = ['license.key_rotated', tenantId];
  expect(await types({ actor_id: ada.userId })).toContainEqual(rotated);
  expect(await types({ actor_id: ada.userId, tenant_id: tenantId })).toContainEqual(rotated);
  expect(await types({ actor_id: 'bootstrap', tenant_id: tenantId })).toEqual([
    ['license.created', tenantId],
  ]);
  expect(await types({ actor_id: ada.userId, tenant_id: await newChain() })).toEqual([]);
  expect((await list({ actor_id: ada.userId, type: 'license.updated' })).body.code).toBe('VALIDATION_FAILED');
});
