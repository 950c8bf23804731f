import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { poolKey } from '../../shared/adapters/seats/lua/keys.ts';
import { unsealed } from '../../shared/domain/audit-chain.ts';
import { eventOf } from '../../shared/domain/event.ts';
import { licenseOfKey, newSessionId } from '../../shared/domain/ids.ts';
import { addToHistory } from '../../shared/domain/session-history.ts';
import { membershipId } from '../../shared/domain/users.ts';
import {
  AUDIT,
  DOMAIN_CLAIMS,
  ERASURES,
  MEMBERSHIPS,
  SESSION_HISTORIES,
  USERS,
} from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { ALL_LOANS } from '../../shared/ports/queries.ts';
import type { FactsPage } from '../../shared/ports/seat-maintenance.ts';
import { eachKnownSession } from '../../shared/ports/seat-maintenance.ts';
import { BY } from '../../shared/testing/by.ts';
import { auditOf } from '../../shared/testing/read-records.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { readRedisValues } from '../testing/inspectable-suite.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';
import { acceptInvitations, signIn, type TestUser } from '../testing/users.ts';
import contract from './contract.ts';

const ERASE = '/api/v1/gdpr/delete';
const ACQUIRE = '/api/v1/licenses/acquire';

let clocked: ClockedSuite;
let suite: TestSuite;
/** Called on every call of `seatMaintenance`. */
let onMaintenance: (name: string) => void = () => {};
/** Changes a page of sessions before it is returned. */
let onFacts: (page: FactsPage) => FactsPage = (page) => page;
beforeAll(async () => {
  clocked = await openClockedSuite(
    (deps): Deps => ({
      ...deps,
      operators: { emails: ['olga@vendor.example'] },
      seatMaintenance: new Proxy(deps.seatMaintenance, {
        get(target, name) {
          onMaintenance(String(name));
          if (name !== 'readFacts') return Reflect.get(target, name);
          return async (...args: Parameters<typeof target.readFacts>) =>
            onFacts(await target.readFacts(...args));
        },
      }),
    }),
  );
  suite = clocked.suite;
});
afterEach(() => {
  onMaintenance = () => {};
  onFacts = (page) => page;
});
afterAll(() => clocked.close());

let people = 0;
let ada: TestUser;
let bob: TestUser;
let labId: string;
let shopId: string;
beforeEach(async () => {
  people += 1;
  [ada, bob] = [
    await signIn(suite, `ada${people}@example.com`),
    await signIn(suite, `bob${people}@shop.example`),
  ];
  [labId = '', shopId = ''] = [ada, bob].map(({ tenants }) => [...tenants.keys()][0]);
});

const ask = (person: TestUser, body: object = {}): Promise<Reply> => person.call('POST', ERASE, body);
const confirm = (person: TestUser, asked: Reply): Promise<Reply> =>
  person.call('DELETE', ERASE, { confirmation_token: asked.body.confirmation_token });
const operate = (method: string, body: object): Promise<Reply> => suite.operate(method, ERASE, body);

/** Makes a user a member of a tenant, and returns them signed in again. */
async function join(person: TestUser, tenantId: string, role: 'member' | 'admin'): Promise<TestUser> {
  const { userId } = person;
  const membership = { tenantId, userId, role, joinedAtMs: clocked.nowMs() };
  await suite.deps.records.create(MEMBERSHIPS, membershipId(tenantId, userId), membership);
  return signIn(suite, person.email);
}

async function licenseKey(tenantId: string, terms: object = { max: 50 }): Promise<string> {
  return (await suite.operate('POST', '/api/v1/licenses', { tenant_id: tenantId, ...terms })).body
    .license_key;
}

async function seat(key: string, body: object): Promise<Reply> {
  const authorization = `License ${key}`;
  const reply = await suite.call('POST', '/api/v1/licenses/acquire', { authorization, body });
  if (reply.status !== 201) throw new Error(`no seat: ${reply.text}`);
  return reply;
}

async function factsIn(key: string): Promise<string[]> {
  const sessions = await Array.fromAsync(
    eachKnownSession(suite.deps.seatMaintenance, licenseOfKey(key) ?? ''),
  );
  return sessions.map(({ facts }) => facts.userId ?? '-');
}

describe('a request for erasure', () => {
  test('is allowed to users for themselves, also by id, and for no other user', async () => {
    expect((await ask(ada)).body.user_id).toBe(ada.userId);
    expect((await ask(ada, { user_id: ada.userId })).body.user_id).toBe(ada.userId);
    for (const other of [bob.userId, 'usr_0000000000000000'])
      expect((await ask(ada, { user_id: other })).body.code).toBe('FORBIDDEN');
  });

  test('is allowed to operators for any existing user', async () => {
    const asked = await operate('POST', { user_id: ada.userId });
    expect(asked.body).toMatchObject({ user_id: ada.userId, tenants_that_go: [labId] });
    const done = await operate('DELETE', { confirmation_token: asked.body.confirmation_token });
    expect(done.body.erased).toMatchObject({ users: 1, tenants: 1 });
    expect(await suite.deps.records.get(USERS, ada.userId)).toBeUndefined();
    expect((await operate('POST', { user_id: ada.userId })).body.code).toBe('USER_NOT_FOUND');
  });

  test('is allowed to signed-in operators, who confirm as users', async () => {
    const olga = await signIn(suite, 'olga@vendor.example');
    const asked = await ask(olga, { user_id: bob.userId });
    expect(asked.status, asked.text).toBe(200);
    expect((await confirm(ada, asked)).body.code).toBe('CONFIRMATION_INVALID');
    expect((await confirm(olga, asked)).body.erased).toMatchObject({ users: 1 });
    expect((await ask(olga)).body.user_id).toBe(olga.userId);
  });

  test('requires user_id or tenant_id with the operator key, and refuses both', async () => {
    expect((await operate('POST', {})).body.code).toBe('VALIDATION_FAILED');
    expect((await operate('POST', { user_id: ada.userId, tenant_id: labId })).body.code).toBe(
      'VALIDATION_FAILED',
    );
  });

  test('is allowed for a tenant to its owner only, and hides the tenant from others', async () => {
    const admin = await join(ada, shopId, 'admin');
    expect((await ask(bob, { tenant_id: shopId })).body).toMatchObject({
      user_id: null,
      tenants_that_go: [shopId],
    });
    expect((await ask(admin, { tenant_id: shopId })).body.code).toBe('FORBIDDEN');
    const [foreign, unknown] = await Promise.all([
      ask(bob, { tenant_id: labId }),
      ask(bob, { tenant_id: 'ten_01_0000000000000000' }),
    ]);
    for (const { status, body } of [foreign, unknown])
      expect([status, body.code]).toEqual([404, 'TENANT_NOT_FOUND']);
    expect(Object.keys(foreign.body)).toEqual(Object.keys(unknown.body));
  });
});

describe('the owner of a tenant with other members', () => {
  test('is refused with the tenant, until the ownership is transferred', async () => {
    await join(ada, shopId, 'member');
    const asked = await ask(bob);
    expect([asked.status, asked.body.code, asked.body.tenants]).toEqual([409, 'OWNER_MUST_STAY', [shopId]]);
    await bob.call('POST', `/api/v1/tenants/${shopId}/transfer`, { user_id: ada.userId });
    await ada.call('POST', `/api/v1/tenants/${shopId}/transfer/accept`);
    expect((await confirm(bob, await ask(bob))).body.erased).toMatchObject({ users: 1, tenants: 0 });
    expect((await ada.call('GET', `/api/v1/tenants/${shopId}`)).body.owner_id).toBe(ada.userId);
  });

  test('is also refused if members joined between request and confirmation', async () => {
    const asked = await ask(bob);
    await join(ada, shopId, 'member');
    expect((await confirm(bob, asked)).body.code).toBe('OWNER_MUST_STAY');
    expect(await suite.deps.records.get(USERS, bob.userId)).toBeDefined();
  });

  test('can erase the tenant first, which keeps the other users', async () => {
    const member = await join(ada, shopId, 'member');
    const key = await licenseKey(shopId);
    await seat(key, { fingerprint: 'machine', user_id: 'any-user' });
    await suite.settle();
    const { body } = await confirm(bob, await ask(bob, { tenant_id: shopId }));
    expect(body.erased).toEqual({
      sessions: 1,
      session_histories: 1,
      audit_events: 5,
      memberships: 2,
      invitations: 0,
      sign_ins: 0,
      tenants: 1,
      users: 0,
    });
    expect((await member.call('GET', '/api/v1/users/me')).body.tenants).toEqual([
      { tenant_id: labId, name: labId, role: 'owner' },
    ]);
    expect(await factsIn(key)).toEqual([]);
    expect((await ask(bob)).body.tenants_that_go).toEqual([]);
  });

  test('cannot start anything in the erased tenant, nor can operators', async () => {
    await licenseKey(shopId);
    await confirm(bob, await ask(bob, { tenant_id: shopId }));
    const { licenses } = (await suite.operate('GET', `/api/v1/licenses?tenant_id=${shopId}`)).body;
    const license = `/api/v1/licenses/${licenses[0].license_id}`;
    for (const [method, path, body] of [
      ['PATCH', license, { status: 'active' }],
      ['POST', `${license}/rotate-key`, undefined],
      ['POST', '/api/v1/licenses', { tenant_id: shopId, max: 1 }],
      ['POST', `/api/v1/tenants/${shopId}/invitations`, { email: 'x@example.com', role: 'owner' }],
    ] as const) {
      const reply = await suite.operate(method, path, body);
      expect([path, reply.status, reply.body.code]).toEqual([path, 409, 'TENANT_CLOSED']);
    }
    expect((await suite.operate('GET', license)).body.status).toBe('suspended');
  });
});

describe('a confirmation', () => {
  test('is accepted only from the caller who requested it, and from no operator', async () => {
    const asked = await ask(ada);
    expect((await confirm(bob, asked)).body.code).toBe('CONFIRMATION_INVALID');
    const { confirmation_token } = asked.body;
    expect((await operate('DELETE', { confirmation_token })).body.code).toBe('CONFIRMATION_INVALID');
    const byOperator = await operate('POST', { user_id: ada.userId });
    expect((await confirm(ada, byOperator)).body.code).toBe('CONFIRMATION_INVALID');
    expect(await suite.deps.records.get(USERS, ada.userId)).toBeDefined();
  });

  test('that is forged or made for another purpose is refused', async () => {
    const { confirmation_token: valid } = (await ask(ada)).body;
    const [purpose, payload = '', signature] = valid.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const other = Buffer.from(JSON.stringify({ ...claims, userId: bob.userId })).toString('base64url');
    for (const token of [
      'x',
      `${purpose}.${other}.${signature}`,
      suite.deps.refreshTokens.seal(JSON.stringify(claims)),
    ]) {
      const refused = await ada.call('DELETE', ERASE, { confirmation_token: token });
      expect([refused.status, refused.body.code]).toEqual([400, 'CONFIRMATION_INVALID']);
    }
  });

  test('is valid for ten minutes', async () => {
    const [early, late] = [await ask(ada), await ask(bob)];
    clocked.moveClock(600_000 - 1);
    expect((await confirm(ada, early)).status).toBe(200);
    clocked.moveClock(1);
    expect((await confirm(bob, late)).body.code).toBe('CONFIRMATION_INVALID');
    expect((await confirm(ada, early)).status).toBe(200);
  });

  test('does not cover a tenant that was created later', async () => {
    const asked = await ask(ada);
    await ada.call('POST', '/api/v1/tenants', { name: 'Another' });
    expect((await confirm(ada, asked)).body.code).toBe('CONFIRMATION_INVALID');
  });

  test('of a user who was erased by another request is refused, and erases nothing', async () => {
    const [first, second] = [await ask(ada), await ask(ada)];
    const byOperator = await operate('POST', { user_id: ada.userId });
    expect((await confirm(ada, first)).status).toBe(200);
    expect((await confirm(ada, second)).body.code).toBe('CREDENTIALS_INVALID');
    const { confirmation_token } = byOperator.body;
    expect((await operate('DELETE', { confirmation_token })).body.code).toBe('USER_NOT_FOUND');
  });

  test('contains no personal data other than ids', async () => {
    const [, payload = ''] = (await ask(ada)).body.confirmation_token.split('.');
    expect(Buffer.from(payload, 'base64url').toString()).not.toContain(ada.email);
  });

  test('sent three times at once starts one erasure, counted once', async () => {
    const key = await licenseKey(labId);
    for (const machine of ['a', 'b', 'c']) await seat(key, { fingerprint: machine, user_id: ada.email });
    await suite.settle();
    const asked = await ask(ada);
    const both = await Promise.all([confirm(ada, asked), confirm(ada, asked), confirm(ada, asked)]);
    for (const { status, text, body } of both) {
      expect(status, text).toBe(200);
      expect(body.erased).toMatchObject({ sessions: 3, session_histories: 3, audit_events: 11, users: 1 });
      expect(body.erasure_id).toBe(both[0]?.body.erasure_id);
    }
  });
});

test('refuses seats to a valid access token as soon as the erasure of its user starts', async () => {
  const member = await join(ada, shopId, 'member');
  const key = await licenseKey(shopId, { max: 5, unit: 'user' });
  const license_id = licenseOfKey(key);
  const acquire = () =>
    member.call('POST', '/api/v1/licenses/acquire', { fingerprint: 'machine', license_id });
  expect((await acquire()).status).toBe(201);
  const asked = await ask(member);
  let during: Promise<Reply> | undefined;
  onMaintenance = (name) => {
    if (name === 'readFacts') during ??= acquire();
  };
  expect((await confirm(member, asked)).status).toBe(200);
  expect((await during)?.status).toBeGreaterThanOrEqual(400);
  expect((await acquire()).status).toBeGreaterThanOrEqual(400);
  expect(await factsIn(key)).toEqual([]);
});

test('does not revive an erased session by its session token', async () => {
  await join(ada, shopId, 'member');
  const key = await licenseKey(shopId);
  const { session_id, session_token } = (await seat(key, { fingerprint: 'machine', user_id: ada.email }))
    .body;
  await confirm(ada, await ask(ada));
  const beat = await suite.call('PUT', '/api/v1/licenses/heartbeat', {
    authorization: `License ${key}`,
    body: { session_id, session_token },
  });
  expect([beat.status, beat.body.code]).toEqual([404, 'SESSION_NOT_FOUND']);
  expect(await factsIn(key)).toEqual([]);
});

test('is not complete while a session cannot be read, as it may be of the user', async () => {
  await join(ada, shopId, 'member');
  const key = await licenseKey(shopId);
  await seat(key, { fingerprint: 'machine', user_id: ada.email });
  onFacts = ({ sessions }) => ({ sessions: [], unreadable: sessions.map(({ sessionId }) => sessionId) });
  const asked = await ask(ada);
  expect((await confirm(ada, asked)).status).toBe(500);
  onFacts = (page) => page;
  expect(await factsIn(key)).toHaveLength(1);
  expect((await confirm(ada, asked)).body.erased.sessions).toBe(1);
  expect(await factsIn(key)).toEqual([]);
});

test('ends all sessions of the user among many of a license, and no others', async () => {
  await join(ada, shopId, 'member');
  const key = await licenseKey(shopId, { max: 400, requests_per_minute: 100_000 });
  for (let n = 0; n < 70; n += 1) {
    await seat(key, { fingerprint: `machine-${n}`, user_id: n % 2 ? ada.email : `user-${n}` });
  }
  expect((await confirm(ada, await ask(ada))).body.erased.sessions).toBe(35);
  const others = Array.from({ length: 35 }, (_, n) => `user-${2 * n}`);
  expect((await factsIn(key)).toSorted()).toEqual(others.toSorted());
});

test("ends only the user's own program on a machine that others use too, and keeps their history", async () => {
  await join(ada, shopId, 'member');
  const key = await licenseKey(shopId);
  const start = async (userId: string, borrowing: object = {}) => {
    const body = { fingerprint: 'shared', user_id: userId, instance_id: `of ${userId}`, ...borrowing };
    const reply = await suite.call('POST', ACQUIRE, { authorization: `License ${key}`, body });
    expect(reply.status, reply.text).toBeLessThan(300);
    return reply.body;
  };
  const [ofAda, ofBob] = [await start(ada.email), await start(bob.email)];
  expect(ofBob.seats.active).toBe(1);
  await suite.settle();
  const { erased } = (await confirm(ada, await ask(ada))).body;
  expect(erased).toMatchObject({ sessions: 1, session_histories: 1, audit_events: 11 });
  expect(await factsIn(key)).toEqual([bob.email]);
  const { records } = suite.deps;
  expect(await records.get(SESSION_HISTORIES, ofAda.session_id)).toMatchObject({ holder: null });
  const named = { holder: expect.any(String), isOpen: true };
  expect(await records.get(SESSION_HISTORIES, ofBob.session_id)).toMatchObject(named);
  const events = await auditOf(records, licenseOfKey(key) ?? '');
  const withHolder = events.filter(({ detail }) => detail.holder !== undefined);
  expect(withHolder.map(({ sessionId }) => sessionId)).toEqual([ofBob.session_id]);
});

test('finds earlier sessions on the machine of a signed-in user, which is theirs alone', async () => {
  const member = await join(ada, shopId, 'member');
  const license_id = licenseOfKey(await licenseKey(shopId)) ?? '';
  const start = async (instance_id: string) => {
    const reply = await member.call('POST', ACQUIRE, { fingerprint: 'laptop', instance_id, license_id });
    expect(reply.status, reply.text).toBe(201);
    return reply.body.session_id;
  };
  const earlier = await start('one');
  await member.call('POST', '/api/v1/licenses/release', { session_id: earlier });
  const later = await start('two');
  await suite.settle();
  expect((await confirm(ada, await ask(ada))).body.erased).toMatchObject({
    ...{ sessions: 1, session_histories: 2, audit_events: 13 },
  });
  for (const sessionId of [earlier, later])
    expect(await suite.deps.records.get(SESSION_HISTORIES, sessionId)).toMatchObject({ holder: null });
});

test('deletes borrowed seats of the user, and none of others, so that no loss of Redis brings them back', async () => {
  await join(ada, shopId, 'member');
  const terms = { max: 5, borrow: { max_days: 7 } };
  const keys = [await licenseKey(shopId, terms), await licenseKey(shopId, { ...terms, unit: 'user' })];
  const kept: string[] = [];
  for (const key of keys) {
    await seat(key, { fingerprint: 'laptop', user_id: ada.email, borrow_days: 7 });
    const lent = await seat(key, { fingerprint: 'desk', user_id: 'somebody', borrow_days: 7 });
    kept.push(lent.body.session_id);
  }
  await suite.settle();
  // Of the second license, only the records still know the loans.
  await clocked.redis.command(['DEL', ...(await keysOf(licenseOfKey(keys[1] ?? '') ?? ''))]);
  await confirm(ada, await ask(ada));
  const loans = await Array.fromAsync(eachDocument(suite.deps.records, ALL_LOANS, {}));
  const left = loans.filter(({ tenantId }) => tenantId === shopId).map(({ sessionId }) => sessionId);
  expect(left.toSorted()).toEqual(kept.toSorted());
  await clocked.redis.command(['FLUSHALL']);
  for (const key of keys) {
    const { body } = await seat(key, { fingerprint: 'another', user_id: 'another' });
    expect(body.seats.active).toBe(2);
  }
});

test('deletes what was signed in an erased tenant, also for a machine whose session has expired', async () => {
  const key = await licenseKey(labId);
  const { session_id } = (await seat(key, { fingerprint: 'crashed-machine' })).body;
  const authorization = `License ${key}`;
  const signed = await suite.call('POST', '/api/v1/licenses/sign', { authorization, body: { session_id } });
  expect(signed.status, signed.text).toBe(200);
  await suite.settle();
  clocked.moveClock(360_000);
  await suite.settle();
  const findMachine = async () =>
    [...(await readRedisValues(clocked.redis))].filter(([, text]) => text.includes('crashed-machine'));
  expect(await findMachine()).toHaveLength(1);
  await confirm(ada, await ask(ada));
  expect(await findMachine()).toEqual([]);
});

/** Redis' keys of a license. */
async function keysOf(licenseId: string): Promise<string[]> {
  const keys = await clocked.redis.command(['KEYS', `*${licenseId}`]);
  return Array.isArray(keys) ? keys.map(String) : [];
}

/** Writes events and open session histories of one holder. */
async function writeHistories(tenantId: string, key: string, holder: string, many: number): Promise<void> {
  const licenseId = licenseOfKey(key) ?? '';
  const nowMs = clocked.nowMs();
  await suite.deps.records.transact(async (transaction) => {
    for (let n = 0; n < many; n += 1) {
      const event = eventOf({
        type: 'session.acquired',
        tenantId,
        licenseId,
        sessionId: newSessionId(licenseId),
        atMs: nowMs - n,
        position: `${nowMs - n}-0`,
        ...BY,
        detail: { holder },
      });
      const history = addToHistory(undefined, event);
      transaction.set(AUDIT, event.eventId, unsealed(event, nowMs));
      if (history) transaction.set(SESSION_HISTORIES, history.sessionId, history);
    }
  });
}

/** The pseudonym of a seat that a user of the vendor's app once held. Redis no longer knows its session. */
async function formerHolder(key: string, userId: string): Promise<string> {
  const { session_id } = (await seat(key, { fingerprint: 'laptop', user_id: userId })).body;
  const licenseId = licenseOfKey(key) ?? '';
  const { seatMaintenance } = suite.deps;
  const sessions = await Array.fromAsync(eachKnownSession(seatMaintenance, licenseId));
  const session = sessions.find(({ sessionId }) => sessionId === session_id);
  if (!session) throw new Error('no session');
  await seatMaintenance.forgetSessions(licenseId, [session_id]);
  return session.holder;
}

test.each([
  ['id', () => ada.userId],
  ['address', () => ada.email],
])('finds the histories of former seats if the vendor’s app names users by %s', async (_, named) => {
  await join(ada, shopId, 'member');
  const key = await licenseKey(shopId, { max: 50, unit: 'user' });
  clocked.moveClock(1_000);
  const holder = await formerHolder(key, named());
  await writeHistories(shopId, key, holder, 3);
  const { erased } = (await confirm(ada, await ask(ada))).body;
  expect(erased).toMatchObject({ sessions: 0, session_histories: 3, audit_events: 13 });
  const events = await auditOf(suite.deps.records, licenseOfKey(key) ?? '');
  expect(JSON.stringify(events)).not.toContain(holder);
});

test('erases more histories and events than fit into one step, in an erased tenant and in a remaining one', async () => {
  await join(ada, shopId, 'member');
  const [labKey, shopKey] = [await licenseKey(labId), await licenseKey(shopId, { max: 50, unit: 'user' })];
  const holder = await formerHolder(shopKey, ada.userId);
  await writeHistories(shopId, shopKey, holder, 230);
  await writeHistories(shopId, shopKey, 'holder-of-another', 3);
  await writeHistories(labId, labKey, 'holder-of-lab', 230);
  const { erased } = (await confirm(ada, await ask(ada))).body;
  expect(erased).toMatchObject({ session_histories: 460, audit_events: 470 });
  const events = await auditOf(suite.deps.records, licenseOfKey(shopKey) ?? '');
  expect(events.filter(({ detail }) => detail.holder === 'holder-of-another')).toHaveLength(3);
  expect(events.filter(({ detail }) => detail.holder === holder)).toEqual([]);
});

test('admits no users to an erased tenant, neither by invitation nor by domain', async () => {
  await suite.operate('PUT', `/api/v1/tenants/${shopId}/domain`, { domain: `shop${people}.example` });
  await bob.call('POST', `/api/v1/tenants/${shopId}/invitations`, {
    email: 'carl@else.example',
    role: 'admin',
  });
  const invited = (await bob.call('GET', `/api/v1/tenants/${shopId}/invitations`)).body.invitations;
  expect(invited).toHaveLength(1);
  expect((await confirm(bob, await ask(bob))).body.erased).toMatchObject({ tenants: 1, invitations: 1 });
  const dora = await signIn(suite, `dora@shop${people}.example`, { hostedDomain: `shop${people}.example` });
  const carl = await acceptInvitations(suite, await signIn(suite, 'carl@else.example'));
  // The domain is free for another tenant.
  expect(await suite.deps.records.get(DOMAIN_CLAIMS, `shop${people}.example`)).toBeUndefined();
  for (const { tenants } of [dora, carl]) expect([...tenants.keys()]).not.toContain(shopId);
});

test('finds a session that the seat store skipped while others were ended', async () => {
  await join(ada, shopId, 'member');
  const key = await licenseKey(shopId);
  const [, skipped] = [
    await seat(key, { fingerprint: 'seen', user_id: ada.email }),
    await seat(key, { fingerprint: 'skipped', user_id: ada.email }),
  ];
  let isSkipping = true;
  onFacts = (page) => {
    const sessions = page.sessions.filter(
      ({ sessionId }) => !isSkipping || sessionId !== skipped.body.session_id,
    );
    if (page.nextCursor === undefined) isSkipping = false;
    return { ...page, sessions };
  };
  expect((await confirm(ada, await ask(ada))).body.erased.sessions).toBe(2);
  expect(isSkipping).toBe(false);
  expect(await factsIn(key)).toEqual([]);
});

test('restores a license that the seat store has lost, to end its sessions', async () => {
  await join(ada, shopId, 'member');
  const key = await licenseKey(shopId);
  await seat(key, { fingerprint: 'machine', user_id: ada.email });
  await clocked.redis.command(['DEL', poolKey('license', licenseOfKey(key) ?? '')]);
  expect((await confirm(ada, await ask(ada))).body.erased.sessions).toBe(1);
  expect(await factsIn(key)).toEqual([]);
});

test('reports an erasure that exceeds the time of a request as incomplete, and completes it on its own', async () => {
  const key = await licenseKey(labId);
  await seat(key, { fingerprint: 'machine', user_id: ada.email });
  const asked = await ask(ada);
  onMaintenance = (name) => {
    if (name === 'forgetSessions') clocked.moveClock(61_000);
  };
  const unfinished = await confirm(ada, asked);
  expect([unfinished.status, unfinished.body.completed_at]).toEqual([200, null]);
  onMaintenance = () => {};
  clocked.moveClock(60_001);
  expect((await suite.sweep()).body).toMatchObject({ erased: 1, complete: true });
  const receipt = await confirm(ada, asked);
  expect(receipt.body).toMatchObject({
    erasure_id: unfinished.body.erasure_id,
    requested_at: unfinished.body.requested_at,
    completed_at: expect.any(String),
    erased: { users: 1, sessions: 1 },
  });
});

test('limits the requests of each caller separately', async () => {
  const { requests } = contract.endpoints.ask.limit;
  for (let n = 0; n < requests; n += 1) expect((await ask(ada)).status).toBe(200);
  expect((await ask(ada)).body.code).toBe('RATE_LIMITED');
  expect((await ask(bob)).status).toBe(200);
});

test('stores an erasure without personal data other than the id', async () => {
  const asked = await ask(ada);
  onMaintenance = (name) => {
    if (name === 'bar') clocked.moveClock(61_000);
  };
  const { erasure_id } = (await confirm(ada, asked)).body;
  const kept = JSON.stringify(await suite.deps.records.get(ERASURES, erasure_id));
  expect(kept).toContain(ada.userId);
  expect(kept).not.toContain(ada.email);
});
