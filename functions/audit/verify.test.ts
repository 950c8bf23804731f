import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { type AuditEvent, emptyChain, sealEvents, unsealed } from '../../shared/domain/audit-chain.ts';
import { eventOf } from '../../shared/domain/event.ts';
import { newLicenseId, newTenantId } from '../../shared/domain/ids.ts';
import { newTenant } from '../../shared/domain/users.ts';
import { AUDIT, CHAIN_HEADS, TENANTS } from '../../shared/ports/collections.ts';
import { BY } from '../../shared/testing/by.ts';
import { runs } from '../../shared/testing/runs.ts';
import {
  type ChainPart,
  type ChainPosition,
  ChainPositionSchema,
  verifyChain,
  verifyChainPart,
} from '../../shared/use-cases/verify-chain.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';
import { signIn } from '../testing/users.ts';
import { EVENTS_A_PART } from './contract.ts';

const NOT_MISPLACED = Symbol('not misplaced');
const START_MS = Date.parse('2030-01-01T00:00:00Z');

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

function denials(tenantId: string, count: number): AuditEvent[] {
  const licenseId = newLicenseId(tenantId);
  return Array.from({ length: count }, (_, n) =>
    unsealed(
      eventOf({
        type: 'seat.denied',
        tenantId,
        licenseId,
        sessionId: null,
        atMs: START_MS + n,
        position: `${START_MS + n}-0`,
        ...BY,
        detail: { count: n + 1, max: 1 },
      }),
      START_MS + 60_000,
    ),
  );
}

/** A tenant with that many sealed and unsealed events, after `tamper` has changed them. */
async function tenantWith(
  sealed: number,
  waiting: number,
  tamper: (events: AuditEvent[]) => AuditEvent[] = (events) => events,
): Promise<string> {
  const { records } = suite.deps;
  // Written to the records: creating a tenant is an event, too.
  const tenantId = newTenantId(16);
  await records.create(TENANTS, tenantId, newTenant(tenantId, 'Acme', null, START_MS));
  const all = denials(tenantId, sealed + waiting);
  const chain = sealEvents(emptyChain(tenantId), all.slice(0, sealed));
  for (const event of [...tamper(chain.events), ...all.slice(sealed)])
    await records.create(AUDIT, event.eventId, event);
  if (sealed > 0) await records.create(CHAIN_HEADS, tenantId, chain.head);
  return tenantId;
}

const verify = (query: Record<string, string>): Promise<Reply> =>
  suite.operate('GET', `/api/v1/audit/verify?${new URLSearchParams(query)}`);

/** Requests all parts one after the other, as a client does. */
async function partsOf(tenantId: string): Promise<Reply['body'][]> {
  const parts: Reply['body'][] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const { status, body, text } = await verify({ tenant_id: tenantId, ...(cursor && { cursor }) });
    expect(status, text).toBe(200);
    parts.push(body);
    cursor = body.next_cursor;
  }
  return parts;
}

/** Verifies all parts without HTTP, so that parts can be small. */
async function inPartsOf(most: number, tenantId: string): Promise<ChainPart[]> {
  const parts: ChainPart[] = [];
  let position: ChainPosition | undefined;
  do {
    const part = await verifyChainPart(suite.deps.records, tenantId, position, most);
    parts.push(part);
    position = part.next && z.parse(ChainPositionSchema, part.next);
  } while (position !== undefined && parts.length < 100);
  return parts;
}
const problemsOf = (parts: Reply['body'][]) => parts.flatMap(({ problems }) => problems);

/** Adds an event with a position that no chain has. */
async function misplace(tenantId: string, seq: unknown, sealed = true): Promise<string> {
  const [event] = sealEvents(emptyChain(tenantId), denials(tenantId, 1)).events;
  if (!event) throw new Error('no event is sealed');
  const stored = { ...event, sealed, link: { ...event.link, seq } };
  await suite.deps.records.create({ name: AUDIT.name, schema: z.unknown() }, event.eventId, stored);
  return event.eventId;
}

/** Adds an event with a later id that claims the position of the event at `index`. */
function doubled(events: AuditEvent[], index: number): AuditEvent[] {
  const at = events[index] as AuditEvent;
  return [...events, { ...at, eventId: at.eventId.replace(/.{6}$/, 'zzzzzz') }];
}

describe('verifying an audit log part by part', () => {
  test('finds no problem in an untouched log, and returns its head', async () => {
    const tenantId = await tenantWith(EVENTS_A_PART + 30, 2);
    const parts = await partsOf(tenantId);
    expect(problemsOf(parts)).toEqual([]);
    expect(parts.map(({ sealed, unsealed }) => [sealed, unsealed])).toEqual([
      [EVENTS_A_PART, 0],
      [30, 0],
      [0, expect.any(Number)],
      [0, expect.any(Number)],
    ]);
    expect(parts.reduce((sum, { unsealed }) => sum + unsealed, 0)).toBe(2);
    const head = await suite.deps.records.get(CHAIN_HEADS, tenantId);
    expect(parts.map((part) => part.head)).toEqual([null, { seq: head?.seq, hash: head?.hash }, null, null]);
  });

  test.each<[string, (events: AuditEvent[]) => AuditEvent[], object]>([
    [
      'changed',
      (events) => events.map((e, i) => (i === EVENTS_A_PART ? { ...e, atMs: 1 } : e)),
      { kind: 'CHANGED', seq: EVENTS_A_PART + 1 },
    ],
    [
      'removed',
      (events) => events.filter((_, i) => i !== EVENTS_A_PART),
      { kind: 'REMOVED', seq: EVENTS_A_PART + 1 },
    ],
    [
      'inserted twice',
      (events) => doubled(events, EVENTS_A_PART - 1),
      { kind: 'INSERTED', seq: EVENTS_A_PART },
    ],
    [
      'inserted twice in the next part',
      (events) => doubled(events, EVENTS_A_PART),
      { kind: 'INSERTED', seq: EVENTS_A_PART + 1 },
    ],
  ])('finds an event that was %s where two parts meet', async (_, tamper, problem) => {
    const parts = await partsOf(await tenantWith(EVENTS_A_PART + 3, 0, tamper));
    expect(problemsOf(parts)).toEqual([expect.objectContaining(problem)]);
  });

  test.each(['2', 0, -1, 1.5, 1e300, true, null, undefined])(
    'reports only the events that claim position %j',
    async (seq) => {
      const tenantId = await tenantWith(5, 1);
      const added = [await misplace(tenantId, seq), await misplace(tenantId, seq, false)];
      const parts = await inPartsOf(2, tenantId);
      const reportedIds = parts.flatMap(({ problems }) => problems.map(({ eventId }) => eventId));
      expect(reportedIds.toSorted()).toEqual(added.toSorted());
      expect(parts.reduce((sum, part) => sum + part.unsealed, 0)).toBe(1);
      expect(problemsOf(await partsOf(tenantId))).toHaveLength(2);
    },
  );

  test('reaches the end of the chain although events claim fractional positions after it', async () => {
    const tenantId = await tenantWith(5, 0);
    const added = [await misplace(tenantId, 5.5), await misplace(tenantId, 6.5)];
    const parts = await inPartsOf(2, tenantId);
    const reportedIds = parts.flatMap(({ problems }) => problems.map(({ eventId }) => eventId));
    expect(reportedIds).toEqual(added);
  });

  test('finds the same problems in parts of every size, whatever was tampered with', async () => {
    const tampering = fc.record({
      events: fc.integer({ min: 0, max: 6 }),
      waiting: fc.integer({ min: 0, max: 2 }),
      removed: fc.option(fc.nat(5), { nil: undefined }),
      changed: fc.option(fc.nat(5), { nil: undefined }),
      doubled: fc.option(fc.nat(5), { nil: undefined }),
      misplaced: fc.option(fc.constantFrom<unknown>('2', 0, 1.5, 1e300, null, undefined), {
        nil: NOT_MISPLACED,
      }),
      most: fc.integer({ min: 1, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(tampering, async ({ events, waiting, removed, changed, most, ...more }) => {
        const tenantId = await tenantWith(events, waiting, (all) => {
          const left = all
            .map((event, i) => (i === changed ? { ...event, atMs: 1 } : event))
            .filter((_, i) => i !== removed);
          return more.doubled !== undefined && more.doubled < left.length
            ? doubled(left, more.doubled)
            : left;
        });
        const { records } = suite.deps;
        if (more.misplaced !== NOT_MISPLACED) await misplace(tenantId, more.misplaced);
        const whole = await verifyChain(records, tenantId);
        const parts = await inPartsOf(most, tenantId);
        expect(parts.flatMap(({ problems }) => problems)).toEqual(whole?.problems);
        expect(parts.reduce((sum, { sealed }) => sum + sealed, 0)).toBe(whole?.sealed);
        expect(parts.reduce((sum, part) => sum + part.unsealed, 0)).toBe(whole?.unsealed);
      }),
      { numRuns: runs(15, 40) },
    );
  });
});

test('finds no problem in an empty log', async () => {
  const tenantId = (await suite.operate('POST', '/api/v1/tenants', { name: 'New' })).body.tenant_id;
  expect(problemsOf(await partsOf(tenantId))).toEqual([]);
});

test('verifies the log of an admin without tenant_id, and hides the logs of other tenants', async () => {
  const ada = await signIn(suite, 'ada@example.com');
  const own = await ada.call('GET', '/api/v1/audit/verify');
  expect(own).toMatchObject({ status: 200, body: { tenant_id: [...ada.tenants.keys()][0], problems: [] } });
  const [otherId, unknownId] = [await tenantWith(1, 0), newTenantId(16)];
  const answers = await Promise.all(
    [otherId, unknownId].map((id) => ada.call('GET', `/api/v1/audit/verify?tenant_id=${id}`)),
  );
  for (const { status, body } of answers) expect([status, body.code]).toEqual([404, 'TENANT_NOT_FOUND']);
  expect((await verify({ tenant_id: unknownId })).body.code).toBe('TENANT_NOT_FOUND');
  expect(await suite.deps.records.get(TENANTS, unknownId)).toBeUndefined();
});

test('refuses a cursor of another log and an invalid cursor', async () => {
  const [one, other] = [await tenantWith(1, 0), await tenantWith(1, 0)];
  const { next_cursor } = (await verify({ tenant_id: one })).body;
  expect((await verify({ tenant_id: one, cursor: next_cursor })).status).toBe(200);
  for (const cursor of [next_cursor.slice(1), 'e30', 'nonsense'])
    expect((await verify({ tenant_id: one, cursor })).body.code).toBe('INVALID_CURSOR');
  expect((await verify({ tenant_id: other, cursor: next_cursor })).body.code).toBe('INVALID_CURSOR');
  const list = Buffer.from(
    JSON.stringify({ tenantId: one, position: { in: 'unlinked', cursor: 'nonsense' } }),
  ).toString('base64url');
  expect((await verify({ tenant_id: one, cursor: list })).body.code).toBe('INVALID_CURSOR');
});
