import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { BILLING_ACCOUNTS, SUBSCRIPTIONS, TENANTS, USERS } from '../../shared/ports/collections.ts';
import { LICENSES_OF_TENANT } from '../../shared/ports/queries.ts';
import { eachKnownSession } from '../../shared/ports/seat-maintenance.ts';
import { verifyChain } from '../../shared/use-cases/verify-chain.ts';
import { type InspectableSuite, openInspectableSuite } from '../testing/inspectable-suite.ts';
import { ADA, findAda, makePersonalWorld, type PersonalWorld } from '../testing/personal-world.ts';
import type { Reply } from '../testing/suite.ts';
import { requestTokens } from '../testing/users.ts';

/** The tests build on each other: each continues where the previous one ended. */

const HOUR_MS = 3_600_000;

let inspectable: InspectableSuite;
let world: PersonalWorld;
let accountId: string;
let recordsBefore: ReadonlyMap<string, string>;
let othersBefore: string[];
beforeAll(async () => {
  inspectable = await openInspectableSuite();
  world = await makePersonalWorld(inspectable);
  accountId = (await inspectable.suite.deps.records.get(USERS, world.ada.userId))?.accountId ?? '';
  await writeUnknownPersonalData();
  recordsBefore = await inspectable.records();
  othersBefore = await othersSessions();
});
afterAll(() => inspectable.close());

/** As a newer release may have: in fields of documents from which this release only removes what it knows. */
async function writeUnknownPersonalData(): Promise<void> {
  for (const [place, text] of await inspectable.records()) {
    const [name = '', id = ''] = place.split('/');
    const { v: _, ...document } = JSON.parse(text);
    const isOfAda = world.holders.has(document.holder) || id === world.labId || document.given;
    if (!['session-histories', 'tenants', 'trial-claims'].includes(name) || !isOfAda) continue;
    const collection = { name, schema: z.record(z.string(), z.unknown()) };
    await inspectable.suite.deps.records.transact(async (transaction) =>
      transaction.set(collection, id, { ...document, nick_name: ADA.email }),
    );
  }
}

async function othersSessions(): Promise<string[]> {
  const sessions: string[] = [];
  for (const licenseId of world.licenseIds) {
    for await (const session of eachKnownSession(inspectable.suite.deps.seatMaintenance, licenseId)) {
      if (!session.facts.fingerprint.startsWith(ADA.fingerprint)) sessions.push(JSON.stringify(session));
    }
  }
  return sessions.toSorted();
}

function logLines(): [string, string][] {
  return inspectable.suite.logged.map((line, n) => [`log line ${n}`, JSON.stringify(line)]);
}

function publishedTexts(): [string, string][] {
  return inspectable.published.map((text, n) => [`event ${n}`, text]);
}

/** Places that contain one of the pseudonyms of Ada's seats. */
function findHolders(texts: Iterable<readonly [string, string]>): string[] {
  return [...texts]
    .filter(([, text]) => [...world.holders].some((holder) => text.includes(holder)))
    .map(([place]) => place);
}

const kindsOf = (found: readonly string[]): Set<string> =>
  new Set(found.map((line) => line.split(' ')[0] ?? ''));

let token: string;
let receipt: Reply;

test('before: the scan finds her data in records and in Redis', async () => {
  const inRecords = kindsOf(findAda(recordsBefore, accountId));
  expect(inRecords).toEqual(new Set(['email', 'name', 'accountId']));
  const inRedis = kindsOf(findAda(await inspectable.redisValues(), accountId));
  expect(inRedis).toEqual(new Set(['email', 'hostname', 'fingerprint']));
  expect(findHolders(recordsBefore).length).toBeGreaterThan(8);
  expect(findHolders(await inspectable.redisValues()).length).toBeGreaterThan(4);
  expect(othersBefore).toHaveLength(3);
});

test('before: her IP address and her account at the provider are stored nowhere', async () => {
  const everywhere = [
    ...recordsBefore,
    ...(await inspectable.redisValues()),
    ...publishedTexts(),
    ...logLines(),
  ];
  expect(kindsOf(findAda(everywhere, accountId))).not.toContain('address');
  expect(kindsOf(findAda(everywhere, accountId))).not.toContain('subject');
});

test('the request lists the tenant whose only member she is, and erases nothing', async () => {
  const plan = await world.ada.call('POST', '/api/v1/gdpr/delete', {});
  expect(plan.status, plan.text).toBe(200);
  expect(plan.body).toEqual({
    confirmation_token: expect.any(String),
    expires_at: new Date(inspectable.nowMs() + 600_000).toISOString(),
    user_id: world.ada.userId,
    tenants_that_go: [world.labId],
  });
  token = plan.body.confirmation_token;
  const after = [...(await inspectable.records())];
  const added = after.filter(([place]) => !recordsBefore.has(place));
  expect(after.filter((one) => !added.includes(one))).toEqual([...recordsBefore]);
  const requested = { type: 'erasure.requested', actor: { kind: 'user', id: world.ada.userId } };
  const subject = expect.stringMatching(/^era_/);
  expect(added.map(([, text]) => JSON.parse(text))).toEqual(
    expect.arrayContaining(
      ['vendor', world.labId].map((tenantId) => expect.objectContaining({ ...requested, tenantId, subject })),
    ),
  );
  expect(added).toHaveLength(2);
});

test('the confirmation returns a receipt with counts and without personal data', async () => {
  receipt = await world.ada.call('DELETE', '/api/v1/gdpr/delete', { confirmation_token: token });
  expect(receipt.status, receipt.text).toBe(200);
  expect(receipt.body).toEqual({
    erasure_id: expect.stringMatching(/^era_/),
    requested_at: new Date(inspectable.nowMs()).toISOString(),
    completed_at: new Date(inspectable.nowMs()).toISOString(),
    erased: {
      sessions: 6,
      // All her seats but that of machine 2, and the last, whose event has not arrived yet.
      session_histories: 7,
      audit_events: 27,
      memberships: 2,
      invitations: 1,
      sign_ins: 3,
      tenants: 1,
      users: 1,
    },
    unreadable: 0,
  });
  expect(findAda([['receipt', receipt.text]], accountId)).toEqual([]);
});

test('after: no record, Redis key, event or log line contains her data', async () => {
  expect(findAda(await inspectable.records(), accountId)).toEqual([]);
  expect(findAda(await inspectable.redisValues(), accountId)).toEqual([]);
  expect(findAda(publishedTexts(), accountId)).toEqual([]);
  expect(findAda(logLines(), accountId)).toEqual([]);
});

test('after: the subscription is ended, and her customer at Stripe is deleted', async () => {
  const { stripe, deps } = inspectable.suite;
  const { labId, subscriptionId } = world;
  expect(stripe.subscription(subscriptionId)?.status).toBe('canceled');
  const customerId = (await deps.records.get(SUBSCRIPTIONS, subscriptionId))?.customerId;
  expect(stripe.calls).toContain(`DELETE /v1/customers/${customerId}`);
  expect(await deps.records.get(SUBSCRIPTIONS, subscriptionId)).toMatchObject({ status: 'canceled' });
  expect(await deps.records.get(BILLING_ACCOUNTS, labId)).toBeUndefined();
});

test('after: her trial is known only by pseudonyms that lead to no license', async () => {
  const claims = [...(await inspectable.records())].filter(([place]) => place.startsWith('trial-claims/'));
  expect(claims.map(([place]) => place.split(/[/:]/)[1])).toEqual(['account', 'domain']);
  for (const [, text] of claims) expect(text).not.toMatch(/lic_|ten_|usr_/);
});

test('after: the data of all other users is unchanged', async () => {
  const { ada, labId, trialId, holders } = world;
  const adasWords = [ada.userId, ADA.email, accountId, labId, trialId, ...holders];
  const others = [...recordsBefore].filter(
    ([place, text]) => !adasWords.some((word) => `${place} ${text}`.includes(word)),
  );
  const after = await inspectable.records();
  expect(others.length).toBeGreaterThan(20);
  for (const [place, text] of others) expect([place, after.get(place)]).toEqual([place, text]);
  for (const email of ['bob@shop.example', 'carl@shop.example', 'dora@shop.example'])
    expect([...after.values()].join()).toContain(email);
  expect(await othersSessions()).toEqual(othersBefore);
});

test('after: her clients cannot restore her, neither by access token nor by session token', async () => {
  const { ada, licenseIds } = world;
  const again = await ada.call('POST', '/api/v1/licenses/acquire', {
    fingerprint: 'another-machine',
    license_id: licenseIds[1],
  });
  expect(again.status).toBeGreaterThanOrEqual(400);
  expect((await ada.call('GET', '/api/v1/users/me')).status).toBe(401);
  const refresh = { grant_type: 'refresh_token', refresh_token: ada.refreshToken };
  expect((await requestTokens(inspectable.suite, refresh)).status).toBe(400);
});

test('repeating the request with her access token returns the same receipt', async () => {
  inspectable.moveClock(14 * 60_000);
  const again = await world.ada.call('DELETE', '/api/v1/gdpr/delete', { confirmation_token: token });
  expect([again.status, again.body]).toEqual([200, receipt.body]);
});

test('late events bring back a pseudonym for at most an hour', async () => {
  await inspectable.suite.settle();
  expect(findHolders(await inspectable.records()).length).toBeGreaterThan(0);
  inspectable.moveClock(HOUR_MS);
  const { body } = await inspectable.suite.sweep();
  expect(body).toMatchObject({ erased: 1, complete: true });
  expect(findHolders(await inspectable.records())).toEqual([]);
  // How many signatures a seat had on this day is forgotten at midnight (UTC).
  const counts = /^signatures:/;
  expect(findHolders(await inspectable.redisValues()).filter((key) => !counts.test(key))).toEqual([]);
  expect(
    findAda([...(await inspectable.records()), ...(await inspectable.redisValues())], accountId),
  ).toEqual([]);
});

test('in the end, not even her id is stored', async () => {
  const texts = [...(await inspectable.records()), ...(await inspectable.redisValues())];
  expect(texts.filter(([place, text]) => `${place} ${text}`.includes(world.ada.userId))).toEqual([]);
});

test('the audit chains of both tenants are intact', async () => {
  for (const tenantId of [world.labId, world.shopId]) {
    const report = await verifyChain(inspectable.suite.deps.records, tenantId);
    expect(report).toMatchObject({ unsealed: 0, problems: [] });
    expect(report?.sealed).toBeGreaterThan(4);
  }
});

test('the erased tenant is closed without a name, and its licenses are suspended; the shop still works', async () => {
  const { records } = inspectable.suite.deps;
  const { labId, shopId, keys } = world;
  expect(await records.get(TENANTS, labId)).toMatchObject({
    name: labId,
    ownerId: null,
    closedAtMs: Date.parse(receipt.body.completed_at),
  });
  const { documents } = await records.query(LICENSES_OF_TENANT, { tenantId: labId }, { limit: 10 });
  expect(documents.map(({ status }) => status)).toEqual(['suspended', 'suspended', 'suspended']);
  const acquire = (key: string) =>
    inspectable.suite.call('POST', '/api/v1/licenses/acquire', {
      authorization: `License ${key}`,
      body: { fingerprint: 'a-new-machine' },
    });
  expect((await acquire(keys.lab)).body.code).toBe('LICENSE_SUSPENDED');
  expect((await acquire(keys.machines)).status).toBe(201);
  expect(await records.get(TENANTS, shopId)).toMatchObject({ name: 'The shop', closedAtMs: null });
});
