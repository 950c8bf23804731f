import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { unsealed } from '../../shared/domain/audit-chain.ts';
import { identityOf } from '../../shared/domain/holder.ts';
import {
  allShards,
  newLicenseId,
  newLicenseKey,
  newPersonalId,
  newTenantId,
} from '../../shared/domain/ids.ts';
import { draftLicense, entitlementOf } from '../../shared/domain/license.ts';
import { addToHistory } from '../../shared/domain/session-history.ts';
import { beginSignIn } from '../../shared/domain/sign-in.ts';
import { membershipId, newTenant } from '../../shared/domain/users.ts';
import { openSqliteRecords } from '../../shared/local/sqlite-records.ts';
import {
  ACCOUNTS,
  AUDIT,
  BILLING_ACCOUNTS,
  INVITATIONS,
  LICENSES,
  MEMBERSHIPS,
  SESSION_HISTORIES,
  SIGN_INS,
  SUBSCRIPTIONS,
  TENANTS,
  USERS,
} from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { LICENSES_OF_TENANT } from '../../shared/ports/queries.ts';
import type { Records } from '../../shared/ports/records.ts';
import { BY } from '../../shared/testing/by.ts';
import { syncSubscription } from '../../shared/use-cases/subscriptions.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { readRedisValues } from '../testing/inspectable-suite.ts';
import { beginPurchase } from '../testing/purchases.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';

/**
 * Crashes an erasure before every call that changes records, seats or Stripe. Reads in between change nothing, so this
 * covers every state that a crash can leave.
 */

const PORTS = ['seats', 'seatMaintenance', 'records', 'billing'] as const;
const READS: readonly PropertyKey[] = ['get', 'query', 'readFacts', 'readSubscription'];

class Crash extends Error {}

/** The change to crash at, counted from 0. After the crash, the erasure makes no further changes or reads. */
let crashAt: number | undefined;
let calls: string[] = [];

function withCrashes<T extends object>(part: string, port: T | undefined): T {
  if (!port) throw new Error(`${part} is not configured`);
  return new Proxy(port, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member !== 'function' || name === 'close') return member;
      return async (...args: unknown[]) => {
        const isRead = READS.includes(name);
        const number = isRead ? calls.length : calls.push(`${part}.${String(name)}`) - 1;
        if (crashAt !== undefined && number >= (isRead ? crashAt + 1 : crashAt)) throw new Crash();
        return Reflect.apply(member, target, args);
      };
    },
  });
}

/** Every id that was ever written to. */
const written = new Set<string>();

/** The records. Every write adds its id to `written`. */
function trackWrites(records: Records): Records {
  return {
    get: (...args) => records.get(...args),
    query: (...args) => records.query(...args),
    create(collection, id, document) {
      written.add(`${collection.name}/${id}`);
      return records.create(collection, id, document);
    },
    transact: (work) =>
      records.transact((transaction) =>
        work({
          get: (...args) => transaction.get(...args),
          set(collection, id, document) {
            written.add(`${collection.name}/${id}`);
            transaction.set(collection, id, document);
          },
          delete: (...args) => transaction.delete(...args),
        }),
      ),
    ping: () => records.ping(),
    close: () => records.close(),
  };
}

let clocked: ClockedSuite;
let suite: TestSuite;
let records: Records;
let shop: { tenantId: string; licenseId: string };
beforeAll(async () => {
  clocked = await openClockedSuite((deps): Deps => {
    records = trackWrites(openSqliteRecords(':memory:'));
    const ports = PORTS.map((name) => [name, withCrashes(name, { ...deps, records }[name])] as const);
    return { ...deps, ...Object.fromEntries(ports) };
  });
  suite = clocked.suite;
  // Webhooks would make calls besides the erasure.
  suite.stripe.sendEventsTo(undefined);
  shop = await suite.createLicense({ max: 1000, ...LASTING });
});
afterAll(() => clocked.close());

/** Keeps leases from expiring while others are erased. */
const LASTING = { ttl_seconds: 86_400 };

interface Person {
  readonly number: number;
  readonly userId: string;
  readonly labId: string;
  readonly subscriptionId: string;
  readonly signInId: string;
}

let people = 0;
const preparedPeople: Person[] = [];

/** The next prepared user. They are created in batches, which is faster. */
async function nextPerson(): Promise<Person> {
  if (preparedPeople.length === 0) {
    for (let n = 0; n < 15; n += 1) preparedPeople.push(await createPerson());
    for (const shard of allShards(suite.deps.shards)) await recordEvents(shard);
  }
  const person = preparedPeople.shift();
  if (!person) throw new Error('no user is prepared');
  return person;
}

/** Records the events of a shard as a sweep and its subscriber do, without HTTP. */
async function recordEvents(shard: string): Promise<void> {
  const { seatMaintenance } = suite.deps;
  const entries = await seatMaintenance.readOutbox(shard, { limit: 100 });
  await records.transact(async (transaction) => {
    for (const { event } of entries) {
      const history = event && addToHistory(undefined, event);
      if (event) transaction.set(AUDIT, event.eventId, unsealed(event, clocked.nowMs()));
      if (history) transaction.set(SESSION_HISTORIES, history.sessionId, history);
    }
  });
  const positions = entries.map(({ position }) => position);
  await seatMaintenance.trimOutbox(shard, positions);
}

/** A user with a tenant of their own that has bought seats, a membership in the shop, and a seat in each. */
async function createPerson(): Promise<Person> {
  people += 1;
  const nowMs = clocked.nowMs();
  const email = `person${people}@example.com`;
  const userId = newPersonalId('usr');
  const labId = newTenantId(suite.deps.shards);
  const accountId = `account-of-${userId}`;
  const signIn = beginSignIn(newPersonalId('sin'), userId, 'seatlease-sdk', nowMs);
  const addresses = [{ email, fromMs: nowMs, untilMs: null }];
  const user = { userId, email, addresses, name: `Person ${people}`, hostedDomain: null, accountId };
  const invitationId = newPersonalId('inv');
  const licenseId = newLicenseId(labId);
  const terms = { max: 5, ttlSeconds: LASTING.ttl_seconds };
  const license = draftLicense({ tenantId: labId, licenseId }, newLicenseKey(licenseId), terms, nowMs);
  await records.transact(async (transaction) => {
    transaction.set(USERS, userId, {
      ...user,
      createdAtMs: nowMs,
      lastSignInAtMs: nowMs,
      erasureId: null,
      tenantIds: [labId, shop.tenantId],
    });
    transaction.set(ACCOUNTS, accountId, { userId });
    transaction.set(SIGN_INS, signIn.signInId, signIn);
    transaction.set(TENANTS, labId, newTenant(labId, `Lab of person ${people}`, userId, nowMs));
    transaction.set(LICENSES, licenseId, license);
    for (const [tenantId, role] of [[labId, 'owner'] as const, [shop.tenantId, 'member'] as const]) {
      const membership = { tenantId, userId, role, joinedAtMs: nowMs };
      transaction.set(MEMBERSHIPS, membershipId(tenantId, userId), membership);
    }
    const times = { invitedAtMs: nowMs, expiresAtMs: nowMs + 9e9 };
    const invitation = {
      invitationId,
      tenantId: shop.tenantId,
      email,
      role: 'admin',
      invitedBy: null,
      ...times,
    } as const;
    transaction.set(INVITATIONS, invitationId, invitation);
  });
  await suite.deps.seats.restore({ entitlement: entitlementOf(license), loans: [], bars: [] });
  for (const id of [shop.licenseId, licenseId]) await seat(id, email);
  const subscriptionId = await buy(labId);
  return { number: people, userId, labId, subscriptionId, signInId: signIn.signInId };
}

async function buy(tenantId: string): Promise<string> {
  const { billing } = suite.deps;
  if (!billing) throw new Error('billing is not configured');
  const subscriptionId = await (await beginPurchase(suite, { tenantId })).pay();
  await syncSubscription(subscriptionId, {}, billing, suite.deps);
  return subscriptionId;
}

async function seat(licenseId: string, email: string): Promise<void> {
  const facts = { fingerprint: `machine of person ${people}`, userId: email.toUpperCase() };
  const program = { facts, isSignedIn: false };
  const { verdict } = await suite.deps.seats.acquire({
    licenseId,
    proof: { kind: 'trusted' },
    by: BY,
    facts,
    ...identityOf(program, licenseId, suite.deps.pseudonyms),
  });
  if (verdict !== 'GRANTED') throw new Error(`no seat: ${verdict}`);
}

async function ask({ userId, signInId, labId }: Person): Promise<() => Promise<Reply>> {
  const tenants = { [labId]: 'owner', [shop.tenantId]: 'member' } as const;
  const token = await suite.deps.accessTokenIssuer.issue({ userId, signInId, tenants }, clocked.nowMs());
  const authorization = `Bearer ${token}`;
  const { body, text } = await suite.call('POST', '/api/v1/gdpr/delete', { authorization, body: {} });
  const { confirmation_token } = body;
  if (confirmation_token === undefined) throw new Error(`no confirmation token: ${text}`);
  return () => suite.call('DELETE', '/api/v1/gdpr/delete', { authorization, body: { confirmation_token } });
}

/** Where users can still be found, by number: in the records, in Redis, or as a license that grants seats. */
async function findTraces(): Promise<Map<number, string[]>> {
  const documents = await Promise.all(
    [...written].map(async (place): Promise<[string, string]> => {
      const [name = '', ...id] = place.split('/');
      const document = await records.get({ name, schema: z.unknown() }, id.join('/'));
      return [place, JSON.stringify(document) ?? ''];
    }),
  );
  const found = new Map<number, string[]>();
  for (const [place, text] of [...documents, ...(await readRedisValues(clocked.redis))]) {
    for (const [, number] of text.matchAll(/person ?(\d+)\b/gi)) {
      found.set(Number(number), [...(found.get(Number(number)) ?? []), place]);
    }
  }
  return found;
}

async function licensesOf({ labId: tenantId }: Person): Promise<string[]> {
  const { documents } = await records.query(LICENSES_OF_TENANT, { tenantId }, { limit: 9 });
  return documents.map(({ status }) => status);
}

/** Asserts that these users are no longer found, and that all prepared users still are. */
async function expectErased(people: readonly { readonly person: Person; readonly crashedAt: string }[]) {
  const found = await findTraces();
  for (const { person, crashedAt } of people) {
    expect(found.get(person.number), crashedAt).toBeUndefined();
    expect(await licensesOf(person), crashedAt).toEqual(['suspended', 'suspended']);
    expect(suite.stripe.subscription(person.subscriptionId)?.status, crashedAt).toBe('canceled');
    expect((await records.get(SUBSCRIPTIONS, person.subscriptionId))?.status, crashedAt).toBe('canceled');
    expect(await records.get(BILLING_ACCOUNTS, person.labId), crashedAt).toBeUndefined();
  }
  for (const { number } of preparedPeople) expect(new Set(found.get(number)).size).toBe(5);
}

/** The receipt, without the fields that differ each time. */
function countsOf({ status, body, text }: Reply): unknown {
  expect(status, text).toBe(200);
  expect(body.completed_at).not.toBeNull();
  return body.erased;
}

async function crashAtStep(at: number, confirm: () => Promise<Reply>): Promise<string | undefined> {
  calls = [];
  crashAt = at;
  const { status } = await confirm();
  const reached = calls[at];
  crashAt = undefined;
  expect(status).toBe(reached === undefined ? 200 : 500);
  return reached;
}

const WHOLE = {
  sessions: 2,
  session_histories: 2,
  audit_events: 7,
  memberships: 2,
  invitations: 1,
  sign_ins: 1,
  tenants: 1,
  users: 1,
};

test('completes an erasure that crashed at any step when the request is repeated, with the same receipt', {
  timeout: 120_000,
}, async () => {
  const completed: { person: Person; crashedAt: string }[] = [];
  for (let reached: string | undefined = '-'; reached !== undefined; ) {
    const person = await nextPerson();
    const confirm = await ask(person);
    reached = await crashAtStep(completed.length, confirm);
    completed.push({ person, crashedAt: `at ${reached}` });
    expect(countsOf(await confirm()), `crashed at ${reached}`).toEqual(WHOLE);
  }
  await expectErased(completed);
  const crashedAt = completed.map((one) => one.crashedAt);
  for (const step of [
    'seatMaintenance.bar',
    'seatMaintenance.forgetSessions',
    'seats.putLicense',
    'billing.deleteCustomer',
  ])
    expect(crashedAt).toContain(`at ${step}`);
  expect(crashedAt.filter((step) => step === 'at records.transact').length).toBeGreaterThan(20);
});

test('completes an erasure that crashed at any step in the sweep a minute later', {
  timeout: 120_000,
}, async () => {
  const completed: { person: Person; crashedAt: string }[] = [];
  // Step 0 stores the erasure: before it, nothing is erased.
  for (let at = 1, reached: string | undefined = '-'; reached !== undefined; ) {
    const confirming: (() => Promise<Reply>)[] = [];
    for (; confirming.length < 8 && reached !== undefined; at += 1) {
      const person = await nextPerson();
      const confirm = await ask(person);
      reached = await crashAtStep(at, confirm);
      completed.push({ person, crashedAt: `at ${reached}` });
      confirming.push(confirm);
    }
    clocked.moveClock(60_001);
    await suite.sweep();
    await suite.delivered();
    calls = [];
    for (const confirm of confirming) {
      // These vary: the sweep may have published events in between, whose holder the second round erases too.
      const varying = { audit_events: expect.any(Number), session_histories: expect.any(Number) };
      expect(countsOf(await confirm())).toEqual({ ...WHOLE, ...varying });
    }
    expect(calls, `before ${at}`).toEqual([]);
  }
  await expectErased(completed);
  expect(completed.length).toBeGreaterThan(25);
});
