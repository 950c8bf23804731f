import { afterEach, beforeEach, expect, test } from 'vitest';
import { unsealed } from '../../shared/domain/audit-chain.ts';
import { eventOf } from '../../shared/domain/event.ts';
import { newSessionId } from '../../shared/domain/ids.ts';
import { beginSignIn } from '../../shared/domain/sign-in.ts';
import { membershipId } from '../../shared/domain/users.ts';
import {
  AUDIT,
  FORMER_MEMBERSHIPS,
  INVITATIONS,
  RETENTION_PASSES,
  SESSION_HISTORIES,
  SIGN_IN_CODES,
  SIGN_INS,
} from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import {
  DEVICE_SIGN_INS_BY_END,
  IDEMPOTENCY_KEYS_BY_END,
  INVITATION_LISTS_BY_END,
  OPERATOR_TOKENS_BY_END,
} from '../../shared/ports/queries.ts';
import { BY } from '../../shared/testing/by.ts';
import { auditOf, historiesOf } from '../../shared/testing/read-records.ts';
import { verifyChain } from '../../shared/use-cases/verify-chain.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { countOperations } from '../testing/count-operations.ts';
import { OPERATOR_KEY, type Reply, type TestLicense, type TestSuite } from '../testing/suite.ts';
import { CLIENT_ID } from '../testing/users.ts';

const DAY_MS = 24 * 3_600_000;
const RETENTION_DAYS = 40;

let clocked: ClockedSuite;
let suite: TestSuite;
/** Called on every operation of the records. */
let onOperation: (operation: string) => void = () => {};
beforeEach(async () => {
  onOperation = () => {};
  clocked = await openClockedSuite(
    (deps): Deps => ({
      ...deps,
      retentionDays: RETENTION_DAYS,
      records: countOperations(deps.records, (operation) => onOperation(operation)),
    }),
  );
  suite = clocked.suite;
});
afterEach(() => clocked.close());

async function sweep(): Promise<Reply['body']> {
  const { status, body, text } = await suite.sweep();
  expect(status, text).toBe(200);
  return body;
}

/** A seat that is acquired and released, recorded and sealed. */
async function visit(license: TestLicense, machine: string): Promise<string> {
  const { id } = await clocked.seat(license, machine);
  clocked.moveClock(60_000);
  await license.release(id);
  await suite.settle();
  return id;
}

async function countEventsWithHolder({ licenseId }: TestLicense): Promise<number> {
  const events = await auditOf(suite.deps.records, licenseId);
  return events.filter(({ detail }) => detail.holder !== undefined).length;
}

test('removes who held a seat exactly after the retention period', async () => {
  const license = await suite.createLicense({ max: 2 });
  const old = await visit(license, 'old');
  clocked.moveClock(DAY_MS * 2);
  const young = await visit(license, 'young');
  clocked.moveClock(DAY_MS * (RETENTION_DAYS - 2) - 180_000);
  await suite.settle();
  expect(
    (await historiesOf(suite.deps.records, license.licenseId)).map(({ sessionId }) => sessionId),
  ).toEqual([old, young]);
  expect(await countEventsWithHolder(license)).toBe(4);

  clocked.moveClock(DAY_MS);
  expect((await sweep()).deleted).toBe(3);
  expect(
    (await historiesOf(suite.deps.records, license.licenseId)).map(({ sessionId }) => sessionId),
  ).toEqual([young]);
  const events = await auditOf(suite.deps.records, license.licenseId);
  expect(events.filter(({ detail }) => detail.holder).map(({ sessionId }) => sessionId)).toEqual([
    young,
    young,
  ]);
  // The events remain, and the chain still verifies.
  expect(events).toHaveLength(5);
  const report = await verifyChain(suite.deps.records, license.tenantId);
  expect(report).toMatchObject({ sealed: 6, unsealed: 0, problems: [] });
});

test('keeps who holds a seat, however long ago it was acquired', async () => {
  const license = await suite.createLicense({ max: 2, ttl_seconds: 30 * 24 * 3600 });
  const { id, token } = await clocked.seat(license, 'machine');
  for (let days = 0; days < RETENTION_DAYS * 2; days += 20) {
    clocked.moveClock(20 * DAY_MS);
    expect((await license.heartbeat({ session_id: id, session_token: token })).status).toBe(200);
    await suite.settle();
  }
  const [history] = await historiesOf(suite.deps.records, license.licenseId);
  expect(history).toMatchObject({ sessionId: id, isOpen: true, holder: expect.any(String) });
  expect(await countEventsWithHolder(license)).toBe(0);
});

test.each([
  [
    'the list of invitations that have expired',
    INVITATION_LISTS_BY_END,
    async ({ tenantId }: TestLicense) => {
      const path = `/api/v1/tenants/${tenantId}/invitations`;
      await suite.operate('POST', path, { email: 'ada@example.com', role: 'member' });
    },
    2,
  ],
  [
    'a sign-in of a device that nobody finished',
    DEVICE_SIGN_INS_BY_END,
    async () => {
      await suite.call('POST', '/auth/device', { body: new URLSearchParams({ client_id: CLIENT_ID }) });
    },
    1,
  ],
  [
    'an operator token that has expired',
    OPERATOR_TOKENS_BY_END,
    async () => {
      await suite.operate('POST', '/api/v1/operator-tokens', {
        name: 'CI',
        scopes: ['all'],
        expires_in_days: 1,
      });
    },
    1,
  ],
  [
    'the outcome of a request with an Idempotency-Key',
    IDEMPOTENCY_KEYS_BY_END,
    async () => {
      await suite.call('POST', '/api/v1/tenants', {
        authorization: `Operator ${OPERATOR_KEY}`,
        headers: { 'idempotency-key': 'key' },
        body: { name: 'Acme' },
      });
    },
    1,
  ],
] as const)('deletes %s', async (_, query, make, count) => {
  const left = async () =>
    (await suite.deps.records.query<unknown>(query, {}, { limit: 9 })).documents.length;
  await make(await suite.createLicense());
  expect(await left()).toBe(count);
  clocked.moveClock(DAY_MS * (RETENTION_DAYS + 2));
  await sweep();
  expect(await left()).toBe(0);
});

test('forgets former memberships with the session histories of their time', async () => {
  const { records } = suite.deps;
  const tenantId = 'ten_00_0000000000000000';
  const fromMs = clocked.nowMs();
  for (const [userId, days] of [
    ['usr_1', 0],
    ['usr_2', 2],
  ] as const) {
    const former = { tenantId, userId, fromMs, untilMs: fromMs + days * DAY_MS };
    await records.create(FORMER_MEMBERSHIPS, membershipId(tenantId, userId), former);
  }
  clocked.moveClock(DAY_MS * RETENTION_DAYS + 1);
  expect((await sweep()).deleted).toBe(1);
  expect(await records.get(FORMER_MEMBERSHIPS, membershipId(tenantId, 'usr_1'))).toBeUndefined();
  expect(await records.get(FORMER_MEMBERSHIPS, membershipId(tenantId, 'usr_2'))).toBeDefined();
});

test('deletes invitations and codes when they expire, and sign-ins a day later', async () => {
  const { records } = suite.deps;
  const nowMs = clocked.nowMs();
  const tenantId = 'ten_00_0000000000000000';
  const until = (days: number) => nowMs + days * DAY_MS;
  for (const days of [1, 3]) {
    const invitation = {
      invitationId: `inv-${days}`,
      tenantId,
      email: 'a@b.example',
      role: 'member' as const,
      invitedBy: null,
    };
    await records.create(INVITATIONS, `inv-${days}`, {
      ...invitation,
      invitedAtMs: nowMs,
      expiresAtMs: until(days),
    });
    const code = {
      codeHash: `code-${days}`,
      userId: 'u',
      clientId: 'c',
      redirectUri: 'r',
      challenge: 'c',
      usedFor: null,
    };
    await records.create(SIGN_IN_CODES, `code-${days}`, { ...code, expiresAtMs: until(days) });
    const signIn = { ...beginSignIn(`sin-${days}`, 'u', 'c', nowMs), expiresAtMs: until(days) };
    await records.create(SIGN_INS, signIn.signInId, signIn);
  }
  const readAll = async () => ({
    invitations: await Promise.all([1, 3].map((days) => records.get(INVITATIONS, `inv-${days}`))),
    codes: await Promise.all([1, 3].map((days) => records.get(SIGN_IN_CODES, `code-${days}`))),
    signIns: await Promise.all([1, 3].map((days) => records.get(SIGN_INS, `sin-${days}`))),
  });
  const exist = (lists: Awaited<ReturnType<typeof readAll>>) =>
    Object.values(lists).map((list) => list.map((document) => document !== undefined));
  clocked.moveClock(1.5 * DAY_MS);
  expect((await sweep()).deleted).toBe(2);
  expect(exist(await readAll())).toEqual([
    [false, true],
    [false, true],
    [true, true],
  ]);
  clocked.moveClock(DAY_MS);
  expect((await sweep()).deleted).toBe(1);
  expect(exist(await readAll())).toEqual([
    [false, true],
    [false, true],
    [false, true],
  ]);
});

test('looks for old data once a day', async () => {
  const license = await suite.createLicense({ max: 2 });
  await visit(license, 'machine');
  clocked.moveClock((RETENTION_DAYS + 1) * DAY_MS);
  await sweep();
  const first = await suite.deps.records.get(RETENTION_PASSES, 'retention');
  expect(first?.finishedAtMs).toBe(clocked.nowMs());
  clocked.moveClock(DAY_MS - 1);
  await sweep();
  expect(await suite.deps.records.get(RETENTION_PASSES, 'retention')).toEqual(first);
  clocked.moveClock(3_600_000);
  await sweep();
  expect((await suite.deps.records.get(RETENTION_PASSES, 'retention'))?.startedAtMs).toBe(clocked.nowMs());
});

test('continues where time ran out, until everything is processed', async () => {
  const license = await suite.createLicense({ max: 2 });
  await visit(license, 'machine');
  const { records } = suite.deps;
  const [history] = await historiesOf(records, license.licenseId);
  if (!history) throw new Error('no history');
  await records.transact(async (transaction) => {
    for (let n = 0; n < 230; n += 1) {
      const sessionId = `${history.sessionId}-${n}`;
      transaction.set(SESSION_HISTORIES, sessionId, { ...history, sessionId });
    }
  });
  clocked.moveClock((RETENTION_DAYS + 1) * DAY_MS);
  let pages = 0;
  onOperation = (operation) => {
    if (operation === 'query sessions-by-end') pages += 1;
    if (pages === 2) clocked.moveClock(61_000);
  };
  expect(await sweep()).toMatchObject({ deleted: 200, complete: false });
  onOperation = () => {};
  clocked.moveClock(3_600_000);
  // The remaining histories, and the two events of the one session that has events.
  expect(await sweep()).toMatchObject({ deleted: 31 + 2, complete: true });
  expect(await historiesOf(records, license.licenseId)).toEqual([]);
  expect(await countEventsWithHolder(license)).toBe(0);
});

test('processes each of more events than fit into one batch', async () => {
  const license = await suite.createLicense({ max: 2 });
  const { licenseId, tenantId } = license;
  const nowMs = clocked.nowMs();
  await suite.deps.records.transact(async (transaction) => {
    for (let n = 0; n < 230; n += 1) {
      const sessionId = newSessionId(licenseId);
      const detail = { holder: `holder-${n}` };
      const position = `${nowMs}-${n}`;
      const fields = { type: 'session.acquired' as const, tenantId, licenseId, sessionId, atMs: nowMs };
      const event = eventOf({ ...fields, position, ...BY, detail });
      transaction.set(AUDIT, event.eventId, unsealed(event, nowMs));
    }
  });
  clocked.moveClock((RETENTION_DAYS + 1) * DAY_MS);
  expect((await sweep()).deleted).toBe(230);
  expect(await countEventsWithHolder(license)).toBe(0);
});
