import { afterEach, beforeEach, expect, test } from 'vitest';
import { beginErasure } from '../../shared/domain/erasure.ts';
import { newPersonalId } from '../../shared/domain/ids.ts';
import { beginSignIn } from '../../shared/domain/sign-in.ts';
import { membershipId } from '../../shared/domain/users.ts';
import { Unavailable } from '../../shared/errors.ts';
import { ERASURES, MEMBERSHIPS, SIGN_INS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { SESSIONS_OF_LICENSE, TRACES_OF_ERASURE } from '../../shared/ports/queries.ts';
import { auditOf } from '../../shared/testing/read-records.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import type { Reply, TestLicense, TestSuite } from '../testing/suite.ts';
import { signIn, type TestUser } from '../testing/users.ts';

const HOUR_MS = 3_600_000;

let clocked: ClockedSuite;
let suite: TestSuite;
/** Whether the topic is unavailable. */
let isTopicDown = false;
beforeEach(async () => {
  isTopicDown = false;
  clocked = await openClockedSuite(
    (deps): Deps => ({
      ...deps,
      events: {
        ...deps.events,
        ping: () => deps.events.ping(),
        close: () => deps.events.close(),
        async publish(events) {
          if (isTopicDown) throw new Unavailable('events', 'unavailable in this test');
          await deps.events.publish(events);
        },
      },
    }),
  );
  suite = clocked.suite;
});
afterEach(() => clocked.close());

/** A user with a seat in another user's tenant, whose events are recorded. */
async function userWithSeat(): Promise<{ person: TestUser; license: TestLicense }> {
  const license = await suite.createLicense({ max: 5 });
  const person = await signIn(suite, 'ada@example.com');
  const { tenantId } = license;
  const membership = {
    tenantId,
    userId: person.userId,
    role: 'member',
    joinedAtMs: clocked.nowMs(),
  } as const;
  await suite.deps.records.create(MEMBERSHIPS, membershipId(tenantId, person.userId), membership);
  const reply = await license.acquire('machine', { user_id: person.email });
  expect(reply.status).toBe(201);
  await suite.settle();
  return { person, license };
}

async function erase(person: TestUser): Promise<string> {
  const { confirmation_token } = (await person.call('POST', '/api/v1/gdpr/delete', {})).body;
  const { body, text } = await person.call('DELETE', '/api/v1/gdpr/delete', { confirmation_token });
  if (body.completed_at === null) throw new Error(`not erased: ${text}`);
  return body.erasure_id;
}

/** Number of events and histories of the license that still contain the holder. */
async function countHolders({ licenseId }: TestLicense): Promise<{ events: number; histories: number }> {
  const { records } = suite.deps;
  const events = (await auditOf(records, licenseId)).filter(({ detail }) => detail.holder !== undefined);
  const { documents } = await records.query(SESSIONS_OF_LICENSE, { licenseId }, { limit: 100 });
  return { events: events.length, histories: documents.filter(({ holder }) => holder !== null).length };
}

async function tracesOf(erasureId: string): Promise<number> {
  return (await suite.deps.records.query(TRACES_OF_ERASURE, { erasureId }, { limit: 100 })).documents.length;
}

async function runSweep(): Promise<Reply['body']> {
  const { status, body, text } = await suite.sweep();
  expect(status, text).toBeLessThan(504);
  return body;
}

test('removes the holder an hour later from events that were recorded after the erasure', async () => {
  const { person, license } = await userWithSeat();
  const erasureId = await erase(person);
  expect(await countHolders(license)).toEqual({ events: 0, histories: 0 });
  await suite.settle();
  expect(await countHolders(license)).toEqual({ events: 1, histories: 0 });
  clocked.moveClock(HOUR_MS - 1);
  expect((await runSweep()).erased).toBe(0);
  clocked.moveClock(2);
  expect((await runSweep()).erased).toBe(1);
  expect(await countHolders(license)).toEqual({ events: 0, histories: 0 });
  // The second round also deletes the list of pseudonyms.
  expect(await tracesOf(erasureId)).toBe(0);
  expect(await suite.deps.records.get(ERASURES, erasureId)).toMatchObject({ userId: null, todo: [] });
});

test('waits longer if the topic was unavailable: the hour starts when the last waiting event is published', async () => {
  const { person, license } = await userWithSeat();
  isTopicDown = true;
  const erasureId = await erase(person);
  clocked.moveClock(HOUR_MS + 1);
  expect(await runSweep()).toMatchObject({ erased: 0, pending: 1 });
  isTopicDown = false;
  clocked.moveClock(HOUR_MS + 1);
  expect(await runSweep()).toMatchObject({ erased: 0, pending: 0 });
  await suite.settle();
  expect(await countHolders(license)).toEqual({ events: 1, histories: 0 });
  expect(await tracesOf(erasureId)).toBeGreaterThan(0);
  clocked.moveClock(HOUR_MS + 1);
  expect((await runSweep()).erased).toBe(1);
  expect(await countHolders(license)).toEqual({ events: 0, histories: 0 });
});

test('erases an hour later what a sign-in or join during the erasure created', async () => {
  const { person, license } = await userWithSeat();
  await erase(person);
  const { userId } = person;
  const { records } = suite.deps;
  const late = beginSignIn(newPersonalId('sin'), userId, 'seatlease-sdk', clocked.nowMs());
  await records.create(SIGN_INS, late.signInId, late);
  const id = membershipId(license.tenantId, userId);
  await records.create(MEMBERSHIPS, id, {
    tenantId: license.tenantId,
    userId,
    role: 'member',
    joinedAtMs: 1,
  });
  await suite.settle();
  clocked.moveClock(HOUR_MS + 1);
  await runSweep();
  expect(await records.get(SIGN_INS, late.signInId)).toBeUndefined();
  expect(await records.get(MEMBERSHIPS, id)).toBeUndefined();
});

test('deletes the record of an erasure after the retention period', async () => {
  const { person } = await userWithSeat();
  const erasureId = await erase(person);
  await suite.settle();
  clocked.moveClock(HOUR_MS + 1);
  await runSweep();
  clocked.moveClock(365 * 24 * HOUR_MS - 1);
  await runSweep();
  expect(await suite.deps.records.get(ERASURES, erasureId)).toBeDefined();
  clocked.moveClock(2);
  await runSweep();
  expect(await suite.deps.records.get(ERASURES, erasureId)).toBeUndefined();
});

test('continues other erasures if one is stuck', async () => {
  const { person, license } = await userWithSeat();
  const { records } = suite.deps;
  const { userId } = person;
  const broken = beginErasure(newPersonalId('era'), { userId: null, searchedIds: [], goingIds: ['a/b'] }, 1);
  await records.create(ERASURES, broken.erasureId, broken);
  const sound = beginErasure(
    newPersonalId('era'),
    { userId, searchedIds: [license.tenantId], goingIds: [...person.tenants.keys()] },
    2,
  );
  await records.create(ERASURES, sound.erasureId, sound);
  expect((await suite.sweep()).status).toBe(500);
  expect((await records.get(ERASURES, sound.erasureId))?.completedAtMs).toBe(clocked.nowMs());
  expect((await records.get(ERASURES, broken.erasureId))?.completedAtMs).toBeNull();
});
