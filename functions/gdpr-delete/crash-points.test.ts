import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { unsealed } from '../../shared/domain/audit-chain.ts';
import {
  allShards,
  newLicenseId,
  newLicenseKey,
  newPersonalId,
  newSessionId,
  newTenantId,
} from '../../shared/domain/ids.ts';
import { draftLicense, entitlementOf } from '../../shared/domain/license.ts';
import { membershipId, newTenant } from '../../shared/domain/people.ts';
import { addToHistory } from '../../shared/domain/session-history.ts';
import { beginSignIn } from '../../shared/domain/sign-in.ts';
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
import { lookAtSubscription } from '../../shared/use-cases/subscriptions.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { readRedisValues } from '../testing/inspectable-suite.ts';
import { beginPurchase } from '../testing/purchases.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';

/**
 * Kills an erasure before every call that changes records, seats or Stripe. Reads in between change nothing, so this
 * covers every state in which it can die.
 */

const PORTS = ['seats', 'seatMaintenance', 'records', 'billing'] as const;
const READS: readonly PropertyKey[] = ['get', 'query', 'readFacts', 'readSubscription'];

class Died extends Error {}

/** The change to die at, counted from 0. A dead erasure makes no further changes or reads. */
let diesAt: number | undefined;
let calls: string[] = [];

function mortal<T extends object>(part: string, port: T | undefined): T {
  if (!port) throw new Error(`there is no ${part}`);
  return new Proxy(port, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member !== 'function' || name === 'close') return member;
      return async (...args: unknown[]) => {
        const isRead = READS.includes(name);
        const number = isRead ? calls.length : calls.push(`${part}.${String(name)}`) - 1;
        if (diesAt !== undefined && number >= (isRead ? diesAt + 1 : diesAt)) throw new Died();
        return Reflect.apply(member, target, args);
      };
    },
  });
}

/** Every id that was ever written to. */
const written = new Set<string>();

/** Records in memory, as no test here is about disks, with every written id noted. */
function noted(records: Records): Records {
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
    records = noted(openSqliteRecords(':memory:'));
    const ports = PORTS.map((name) => [name, mortal(name, { ...deps, records }[name])] as const);
    return { ...deps, ...Object.fromEntries(ports) };
  });
  suite = clocked.suite;
  // Only the erasure makes calls.
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
const waiting: Person[] = [];

/** The next prepared user. They are created in batches, which is faster. */
async function nextPerson(): Promise<Person> {
  if (waiting.length === 0) {
    for (let n = 0; n < 15; n += 1) waiting.push(await somebody());
    for (const shard of allShards(suite.deps.shards)) await recordAll(shard);
  }
  const person = waiting.shift();
  if (!person) throw new Error('no user is prepared');
  return person;
}

/** Records the events of a shard as a sweep and its subscriber do, without HTTP. */
async function recordAll(shard: string): Promise<void> {
  const { seatMaintenance } = suite.deps;
  const told = await seatMaintenance.readOutbox(shard, { limit: 100 });
  await records.transact(async (transaction) => {
    for (const { event } of told) {
      const history = event && addToHistory(undefined, event);
      if (event) transaction.set(AUDIT, event.eventId, unsealed(event, clocked.nowMs()));
      if (history) transaction.set(SESSION_HISTORIES, history.sessionId, history);
    }
  });
  const positions = told.map(({ position }) => position);
  await seatMaintenance.trimOutbox(shard, positions);
}

/** A user with a tenant of their own that has bought seats, a membership in the shop, and a seat in each. */
async function somebody(): Promise<Person> {
  people += 1;
  const nowMs = clocked.nowMs();
  const email = `person${people}@example.com`;
  const userId = newPersonalId('usr');
  const labId = newTenantId(suite.deps.shards);
  const accountId = `account-of-${userId}`;
  const signIn = beginSignIn(newPersonalId('sin'), userId, nowMs);
  const user = { userId, email, name: `Person ${people}`, hostedDomain: null, accountId };
  const invitationId = newPersonalId('inv');
  const licenseId = newLicenseId(labId);
  const terms = { max: 5, ttlSeconds: LASTING.ttl_seconds };
  const license = draftLicense({ tenantId: labId, licenseId }, newLicenseKey(licenseId), terms, nowMs);
  await records.transact(async (transaction) => {
    transaction.set(USERS, userId, { ...user, createdAtMs: nowMs, lastSignInAtMs: nowMs });
    transaction.set(ACCOUNTS, accountId, { userId });
    transaction.set(SIGN_INS, signIn.signInId, signIn);
    transaction.set(TENANTS, labId, newTenant(labId, `Lab of person ${people}`, userId, nowMs));
    transaction.set(LICENSES, licenseId, license);
    for (const [tenantId, role] of [[labId, 'owner'] as const, [shop.tenantId, 'member'] as const]) {
      const membership = { tenantId, userId, role, joinedAtMs: nowMs };
      transaction.set(MEMBERSHIPS, membershipId(tenantId, userId), membership);
    }
    const times = { invitedAtMs: nowMs, expiresAtMs: nowMs + 9e9 };
    const invitation = { invitationId, tenantId: shop.tenantId, email, role: 'admin', ...times } as const;
    transaction.set(INVITATIONS, invitationId, invitation);
  });
  await suite.deps.seats.putLicense(entitlementOf(license));
  for (const id of [shop.licenseId, licenseId]) await seat(id, email);
  const subscriptionId = await buy(labId);
  return { number: people, userId, labId, subscriptionId, signInId: signIn.signInId };
}

async function buy(tenantId: string): Promise<string> {
  const { billing } = suite.deps;
  if (!billing) throw new Error('billing is not configured');
  const subscriptionId = await (await beginPurchase(suite, { tenantId })).pay();
  await lookAtSubscription(subscriptionId, {}, billing, suite.deps);
  return subscriptionId;
}

async function seat(licenseId: string, email: string): Promise<void> {
  const fingerprint = `machine of person ${people}`;
  const { verdict } = await suite.deps.seats.acquire({
    licenseId,
    proof: { kind: 'trusted' },
    proposedSessionId: newSessionId(licenseId),
    holders: { machine: suite.deps.pseudonyms(licenseId, 'machine', fingerprint) },
    facts: { fingerprint, userId: email.toUpperCase() },
  });
  if (verdict !== 'GRANTED') throw new Error(`no seat: ${verdict}`);
}

async function ask({ userId, signInId, labId }: Person): Promise<() => Promise<Reply>> {
  const tenants = { [labId]: 'owner', [shop.tenantId]: 'member' } as const;
  const token = await suite.deps.accessTokens.issue({ userId, signInId, tenants }, clocked.nowMs());
  const authorization = `Bearer ${token}`;
  const { body, text } = await suite.call('POST', '/api/v1/gdpr/delete', { authorization, body: {} });
  const { confirmation_token } = body;
  if (confirmation_token === undefined) throw new Error(`no confirmation token: ${text}`);
  return () => suite.call('DELETE', '/api/v1/gdpr/delete', { authorization, body: { confirmation_token } });
}

/** Where users can still be found, by number: in the records, in Redis, or as a license that grants seats. */
async function findPeople(): Promise<Map<number, string[]>> {
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

/** Asserts that none of these users is found any more, and that all waiting ones are. */
async function expectGone(people: readonly { readonly person: Person; readonly diedAt: string }[]) {
  const found = await findPeople();
  for (const { person, diedAt } of people) {
    expect(found.get(person.number), diedAt).toBeUndefined();
    expect(await licensesOf(person), diedAt).toEqual(['suspended', 'suspended']);
    expect(suite.stripe.subscription(person.subscriptionId)?.status, diedAt).toBe('canceled');
    expect((await records.get(SUBSCRIPTIONS, person.subscriptionId))?.status, diedAt).toBe('canceled');
    expect(await records.get(BILLING_ACCOUNTS, person.labId), diedAt).toBeUndefined();
  }
  for (const { number } of waiting) expect(new Set(found.get(number)).size).toBe(5);
}

/** The receipt, without the fields that differ each time. */
function erasedBy({ status, body, text }: Reply): unknown {
  expect(status, text).toBe(200);
  expect(body.completed_at).not.toBeNull();
  return body.erased;
}

async function dyingAt(at: number, confirm: () => Promise<Reply>): Promise<string | undefined> {
  calls = [];
  diesAt = at;
  const { status } = await confirm();
  const reached = calls[at];
  diesAt = undefined;
  expect(status).toBe(reached === undefined ? 200 : 500);
  return reached;
}

const WHOLE = {
  sessions: 2,
  session_histories: 2,
  audit_events: 2,
  memberships: 2,
  invitations: 1,
  sign_ins: 1,
  tenants: 1,
  users: 1,
};

test('completes an erasure that died at any step when the request is repeated, with the same receipt', {
  timeout: 120_000,
}, async () => {
  const gone: { person: Person; diedAt: string }[] = [];
  for (let reached: string | undefined = '-'; reached !== undefined; ) {
    const person = await nextPerson();
    const confirm = await ask(person);
    reached = await dyingAt(gone.length, confirm);
    gone.push({ person, diedAt: `at ${reached}` });
    expect(erasedBy(await confirm()), `died at ${reached}`).toEqual(WHOLE);
  }
  await expectGone(gone);
  const diedAt = gone.map((one) => one.diedAt);
  for (const step of [
    'seatMaintenance.bar',
    'seatMaintenance.forgetSessions',
    'seats.putLicense',
    'records.create',
    'billing.deleteCustomer',
  ])
    expect(diedAt).toContain(`at ${step}`);
  expect(diedAt.filter((step) => step === 'at records.transact').length).toBeGreaterThan(20);
});

test('completes an erasure that died at any step in the sweep, a minute later', {
  timeout: 120_000,
}, async () => {
  const gone: { person: Person; diedAt: string }[] = [];
  // Before it is stored, nothing was erased.
  for (let at = 1, reached: string | undefined = '-'; reached !== undefined; ) {
    const confirming: (() => Promise<Reply>)[] = [];
    for (; confirming.length < 8 && reached !== undefined; at += 1) {
      const person = await nextPerson();
      const confirm = await ask(person);
      reached = await dyingAt(at, confirm);
      gone.push({ person, diedAt: `at ${reached}` });
      confirming.push(confirm);
    }
    clocked.moveClock(60_001);
    await suite.sweep();
    await suite.delivered();
    calls = [];
    for (const confirm of confirming) {
      // Events that the sweep had published before were recorded in time to be erased too.
      expect(erasedBy(await confirm())).toEqual({ ...WHOLE, audit_events: expect.any(Number) });
    }
    expect(calls, `before ${at}`).toEqual([]);
  }
  await expectGone(gone);
  expect(gone.length).toBeGreaterThan(25);
});
