import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AuditEvent } from '../../shared/domain/audit-chain.ts';
import type { SeatEvent } from '../../shared/domain/event.ts';
import { messageOf } from '../../shared/domain/event-message.ts';
import { licenseOfKey } from '../../shared/domain/ids.ts';
import { membershipId } from '../../shared/domain/users.ts';
import { ERASED_IDS, MEMBERSHIPS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { ERASED_IDS_BY_END } from '../../shared/ports/queries.ts';
import { auditOf, historiesOf } from '../../shared/testing/read-records.ts';
import { verifyChain } from '../../shared/use-cases/verify-chain.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';
import { signIn, type TestUser } from '../testing/users.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let clocked: ClockedSuite;
let suite: TestSuite;
/** Published, and not delivered until the test does. */
const held: SeatEvent[] = [];
let ada: TestUser;
let bob: TestUser;
let shopId: string;
let licenseId: string;
beforeEach(async () => {
  held.length = 0;
  clocked = await openClockedSuite((deps): Deps => {
    const publish: Deps['events']['publish'] = async (events) => void held.push(...events);
    return { ...deps, events: { ...deps.events, publish } };
  });
  suite = clocked.suite;
  [ada, bob] = [await signIn(suite, 'ada@example.com'), await signIn(suite, 'bob@shop.example')];
  [shopId = ''] = bob.tenants.keys();
  const { userId } = ada;
  const membership = { tenantId: shopId, userId, role: 'member', joinedAtMs: clocked.nowMs() } as const;
  await suite.deps.records.create(MEMBERSHIPS, membershipId(shopId, userId), membership);
  ada = await signIn(suite, 'ada@example.com');
  const created = await suite.operate('POST', '/api/v1/licenses', { tenant_id: shopId, max: 9 });
  licenseId = licenseOfKey(created.body.license_key) ?? '';
});
afterEach(() => clocked.close());

async function seat(person: TestUser): Promise<void> {
  const body = { fingerprint: `laptop of ${person.email}`, instance_id: 'one', license_id: licenseId };
  const reply = await person.call('POST', '/api/v1/licenses/acquire', body);
  expect(reply.status, reply.text).toBe(201);
}

async function erase(person: TestUser, body: object = {}): Promise<void> {
  const asked = await person.call('POST', '/api/v1/gdpr/delete', body);
  const token = { confirmation_token: asked.body.confirmation_token };
  const { status, text } = await person.call('DELETE', '/api/v1/gdpr/delete', token);
  expect(status, text).toBe(200);
}

/** To the end of the second round. */
async function passSecondRound(): Promise<void> {
  await suite.sweep();
  clocked.moveClock(HOUR_MS + 1);
  expect((await suite.sweep()).body).toMatchObject({ erased: 1, complete: true });
}

function deliver(event: SeatEvent): Promise<Reply> {
  const message = { data: messageOf(event).data.toString('base64'), messageId: event.eventId };
  return suite.call('POST', '/internal/events', {
    body: { message, subscription: 'projects/p/subscriptions/s' },
    authorization: `Bearer ${suite.serviceToken('pubsub')}`,
    door: 'internal',
  });
}

async function deliverAll(): Promise<AuditEvent[]> {
  for (const event of held) expect((await deliver(event)).status).toBe(204);
  const events = await auditOf(suite.deps.records, licenseId);
  return events.filter(({ sessionId }) => sessionId !== null);
}

test('an event that is delivered after the second round is recorded without an erased person, and with anyone else', async () => {
  await seat(ada);
  await seat(bob);
  await suite.sweep();
  await erase(ada);
  await passSecondRound();
  expect(held.some(({ actor }) => actor.id === ada.userId)).toBe(true);

  const events = await deliverAll();
  const acquired = events.filter(({ type }) => type === 'session.acquired');
  expect(acquired.map(({ actor, detail }) => [actor, detail.holder !== undefined])).toEqual([
    [{ kind: 'user', id: null }, false],
    [{ kind: 'user', id: bob.userId }, true],
  ]);
  const holders = (await historiesOf(suite.deps.records, licenseId)).map(({ holder }) => holder);
  expect(holders.filter((holder) => holder !== null)).toEqual([acquired[1]?.detail.holder]);
  await suite.sweep();
  expect(await verifyChain(suite.deps.records, shopId)).toMatchObject({ unsealed: 0, problems: [] });
});

test('a dead letter of an erased person that is published again after months is recorded without the person', async () => {
  await seat(ada);
  await suite.sweep();
  await erase(ada);
  await passSecondRound();
  clocked.moveClock(61 * DAY_MS);
  await suite.sweep();
  const [first, ...rest] = held.filter(({ actor }) => actor.id === ada.userId);
  if (!first) throw new Error('nothing was held back');
  await deliver(first);
  // By now what was erased is forgotten again, and nothing that old is recorded with a person.
  clocked.moveClock(3 * DAY_MS);
  await suite.sweep();
  expect(await Array.fromAsync(eachDocument(suite.deps.records, ERASED_IDS_BY_END, {}))).toEqual([]);
  for (const event of rest) await deliver(event);
  const later = held.find(({ type }) => type === 'session.evicted');
  if (later) await deliver(later);
  const events = (await auditOf(suite.deps.records, licenseId)).filter(({ sessionId }) => sessionId !== null);
  expect(events.length).toBeGreaterThan(1);
  for (const { actor, detail } of events)
    expect([actor.kind === 'user' ? actor.id : null, detail.holder]).toEqual([null, undefined]);
});

test('a session that the seat store has forgotten is found by its user, so that no later event of it names a holder', async () => {
  await seat(ada);
  await suite.sweep();
  for (const event of held.splice(0)) await deliver(event);
  // Its lease ends, and the seat store forgets it. That event is not delivered.
  clocked.moveClock(3 * HOUR_MS);
  await suite.sweep();
  expect(held.map(({ type }) => type)).toContain('session.expired');
  ada = await signIn(suite, 'ada@example.com');
  await erase(ada);
  await passSecondRound();
  for (const { actor, detail } of await deliverAll())
    expect([actor.kind === 'user' ? actor.id : null, detail.holder]).toEqual([null, undefined]);
  const holders = (await historiesOf(suite.deps.records, licenseId)).map(({ holder }) => holder);
  expect(holders).toEqual([null]);
});

test('an event of an erased tenant that is delivered late names no member and no holder', async () => {
  await seat(bob);
  await suite.sweep();
  await erase(bob, { tenant_id: shopId });
  await passSecondRound();
  for (const { actor, detail } of await deliverAll())
    expect([actor.kind === 'user' ? actor.id : null, detail.holder]).toEqual([null, undefined]);
  expect(held.some(({ actor }) => actor.id === bob.userId)).toBe(true);
});

test('an event in time costs no reads of what was erased', async () => {
  const reads: string[] = [];
  const { records } = suite.deps;
  const { transact } = records;
  records.transact = (work) =>
    transact.call(records, (transaction) =>
      work({
        ...transaction,
        get(collection, id) {
          reads.push(collection.name);
          return transaction.get(collection, id);
        },
      }),
    ) as ReturnType<typeof work>;
  await seat(bob);
  await suite.sweep();
  await deliverAll();
  expect(reads).not.toContain(ERASED_IDS.name);
  records.transact = transact;
});
