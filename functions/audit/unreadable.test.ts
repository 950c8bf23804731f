import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { type AuditEvent, unsealed } from '../../shared/domain/audit-chain.ts';
import { eventOf } from '../../shared/domain/event.ts';
import { membershipId } from '../../shared/domain/users.ts';
import { AUDIT, MEMBERSHIPS } from '../../shared/ports/collections.ts';
import { auditOf } from '../../shared/testing/read-records.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import type { Reply, TestLicense, TestSuite } from '../testing/suite.ts';
import { signIn, type TestUser } from '../testing/users.ts';

const HOUR_MS = 3_600_000;
const RETENTION_DAYS = 40;

let clocked: ClockedSuite;
let suite: TestSuite;
let ada: TestUser;
let shopId: string;
let license: TestLicense;
beforeEach(async () => {
  clocked = await openClockedSuite((deps) => ({ ...deps, retentionDays: RETENTION_DAYS }));
  suite = clocked.suite;
  ada = await signIn(suite, 'ada@example.com');
  const bob = await signIn(suite, 'bob@shop.example');
  [shopId = ''] = bob.tenants.keys();
  const membership = {
    tenantId: shopId,
    userId: ada.userId,
    role: 'admin',
    joinedAtMs: clocked.nowMs(),
  } as const;
  await suite.deps.records.create(MEMBERSHIPS, membershipId(shopId, ada.userId), membership);
  ada = await signIn(suite, 'ada@example.com');
  license = await suite.createLicense({ tenant_id: shopId, max: 9 });
});
afterEach(() => clocked.close());

/** Writes an event that `ada` caused, which this release cannot read: by its version, or because a field is wrong. */
async function writeUnreadable(kind: 'of another version' | 'that is damaged'): Promise<string> {
  const nowMs = clocked.nowMs();
  const event = eventOf({
    type: 'session.acquired',
    tenantId: shopId,
    licenseId: license.licenseId,
    sessionId: null,
    atMs: nowMs,
    position: `${nowMs}-0`,
    actor: { kind: 'user', id: ada.userId },
    detail: { holder: 'a-holder' },
  });
  const stored = unsealed(event, nowMs);
  await suite.deps.records.transact(async (transaction) => {
    if (kind === 'of another version') transaction.set({ ...AUDIT, versions: [7] }, event.eventId, stored);
    else transaction.set({ ...AUDIT, schema: z.any() }, event.eventId, { ...stored, position: 7 } as never);
  });
  return event.eventId;
}

const lastLine = (name: string) => suite.logged.findLast((line) => line.function === name);
const expectNamed = (name: string, eventId: string): void =>
  expect(lastLine(name)).toMatchObject({
    severity: 'ERROR',
    unreadable: 1,
    because: expect.stringContaining(`audit/${eventId}`),
  });

function readable(): Promise<AuditEvent[]> {
  const { records } = suite.deps;
  return auditOf(
    {
      ...records,
      query: (query, equals, page) => records.query(query, equals, { ...page, onUnreadable: () => {} }),
    } as typeof records,
    license.licenseId,
  );
}

describe.each(['of another version', 'that is damaged'] as const)('an audit event %s', (kind) => {
  let eventId: string;
  beforeEach(async () => {
    eventId = await writeUnreadable(kind);
    const { status, text } = await ada.call('POST', '/api/v1/licenses/acquire', {
      ...{ fingerprint: 'laptop', license_id: license.licenseId },
    });
    expect(status, text).toBe(201);
  });

  test('keeps no other event from being sealed', async () => {
    await suite.settle();
    expectNamed('sweep', eventId);
    expect((await readable()).map(({ type, sealed }) => [type, sealed])).toEqual([
      ['license.created', true],
      ['session.acquired', true],
    ]);
  });

  test('is left out of lists and of the check, which name it in the log', async () => {
    await suite.settle();
    const listed = await ada.call('GET', `/api/v1/audit?tenant_id=${shopId}`);
    expect(listed.status, listed.text).toBe(200);
    expect(listed.body.events.map(({ type }: { type: string }) => type)).toEqual(
      expect.arrayContaining(['session.acquired', 'license.created']),
    );
    expect(listed.body.events.map(({ event_id }: { event_id: string }) => event_id)).not.toContain(eventId);
    expectNamed('audit', eventId);
    const checked = await ada.call('GET', `/api/v1/audit/verify?tenant_id=${shopId}`);
    expect(checked.body.problems).toEqual([]);
  });

  test('makes an export incomplete, with everything else in it', async () => {
    await suite.settle();
    const mine = await ada.call('GET', '/api/v1/gdpr/export');
    expect(mine.status, mine.text).toBe(200);
    expect(mine.body.complete).toBe(false);
    expect(mine.body.audit_events.map(({ type }: { type: string }) => type)).toContain('session.acquired');
    expectNamed('gdpr-export', eventId);
    const whole = await suite.operate('GET', `/api/v1/gdpr/export/tenants/${shopId}`);
    expect([whole.status, whole.body.complete]).toEqual([200, false]);
    expect(whole.body.audit_events.map(({ type }: { type: string }) => type)).toContain('session.acquired');
  });

  test('keeps no erasure from ending, and the receipt and the log say that it was left', async () => {
    await suite.settle();
    const receipt = await erase({});
    expect(receipt.body).toMatchObject({
      unreadable: 1,
      completed_at: expect.any(String),
      erased: { users: 1 },
    });
    expectNamed('gdpr-delete', eventId);
    expect((await readable()).filter(({ actor }) => actor.id === ada.userId)).toEqual([]);
    await suite.sweep();
    clocked.moveClock(HOUR_MS + 1);
    expect((await suite.sweep()).body).toMatchObject({ erased: 1 });
    expect(lastLine('sweep')).toMatchObject({ severity: 'ERROR', because: expect.stringContaining(eventId) });
  });

  test('is erased by the second round if it can be read by then', async () => {
    expect((await erase({})).body.unreadable).toBe(1);
    await repair(eventId);
    await suite.settle();
    clocked.moveClock(HOUR_MS + 1);
    expect((await suite.sweep()).body).toMatchObject({ erased: 1 });
    expect(await suite.deps.records.get(AUDIT, eventId)).toMatchObject({ actor: { kind: 'user', id: null } });
  });

  test('keeps no erasure of its tenant from ending', async () => {
    await suite.settle();
    const receipt = await erase({ tenant_id: shopId }, suite.operate);
    expect(receipt.body).toMatchObject({
      unreadable: 1,
      completed_at: expect.any(String),
      erased: { tenants: 1 },
    });
    for (const { detail, actor } of await readable())
      expect([detail.holder, actor.kind === 'user' ? actor.id : null]).toEqual([undefined, null]);
  });

  test('keeps no other event from losing its holder after the retention period, and loses its own once it can be read', async () => {
    await suite.settle();
    clocked.moveClock((RETENTION_DAYS + 1) * 24 * HOUR_MS);
    await suite.settle();
    expectNamed('sweep', eventId);
    for (const { type, detail, actor } of await readable())
      if (type === 'session.acquired') expect([detail.holder, actor.id]).toEqual([undefined, null]);
    await repair(eventId);
    clocked.moveClock(25 * HOUR_MS);
    await suite.settle();
    expect((await suite.deps.records.get(AUDIT, eventId))?.detail.holder).toBeUndefined();
  });
});

/** As if a release was deployed that can read it. */
async function repair(eventId: string): Promise<void> {
  const { records } = suite.deps;
  const stored = await records.get({ ...AUDIT, schema: z.any(), isAsStored: true }, eventId);
  const { v: _, ...event } = stored as AuditEvent & { v: number };
  const readable = { ...event, position: `${event.atMs}-0` };
  await records.transact(async (transaction) => transaction.set(AUDIT, eventId, readable));
}

async function erase(
  body: object,
  call: (method: string, path: string, body?: unknown) => Promise<Reply> = ada.call,
): Promise<Reply> {
  const asked = await call('POST', '/api/v1/gdpr/delete', body);
  const token = { confirmation_token: asked.body.confirmation_token };
  const reply = await call('DELETE', '/api/v1/gdpr/delete', token);
  expect(reply.status, reply.text).toBe(200);
  return reply;
}
