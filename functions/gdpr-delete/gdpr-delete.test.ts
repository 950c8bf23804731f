import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { poolKey } from '../../shared/adapters/seats/lua/keys.ts';
import { unsealed } from '../../shared/domain/audit-chain.ts';
import { eventOf } from '../../shared/domain/event.ts';
import { licenseOfKey, newSessionId } from '../../shared/domain/ids.ts';
import { membershipId } from '../../shared/domain/people.ts';
import { addToHistory } from '../../shared/domain/session-history.ts';
import {
  AUDIT,
  DOMAIN_CLAIMS,
  ERASURES,
  MEMBERSHIPS,
  SESSION_HISTORIES,
  USERS,
} from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { FactsPage } from '../../shared/ports/seat-maintenance.ts';
import { eachKnownSession } from '../../shared/ports/seat-maintenance.ts';
import { auditOf } from '../../shared/testing/read-records.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { signIn, type TestPerson } from '../testing/people.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';
import contract from './contract.ts';

const ERASE = '/api/v1/gdpr/delete';

let clocked: ClockedSuite;
let suite: TestSuite;
/** Called with every call of the seat store's seatMaintenance. */
let onMaintenance: (name: string) => void = () => {};
/** What comes of a page of sessions on its way. */
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
let ada: TestPerson;
let bob: TestPerson;
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

const ask = (person: TestPerson, body: object = {}): Promise<Reply> => person.call('POST', ERASE, body);
const confirm = (person: TestPerson, asked: Reply): Promise<Reply> =>
  person.call('DELETE', ERASE, { confirmation_token: asked.body.confirmation_token });
const operate = (method: string, body: object): Promise<Reply> => suite.operate(method, ERASE, body);

/** Makes a person a member of a tenant, and gives them as they are signed in after that. */
async function join(person: TestPerson, tenantId: string, role: 'member' | 'admin'): Promise<TestPerson> {
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

describe('who may ask', () => {
  test('a person for themselves, by their id too, and for nobody else', async () => {
    expect((await ask(ada)).body.user_id).toBe(ada.userId);
    expect((await ask(ada, { user_id: ada.userId })).body.user_id).toBe(ada.userId);
    for (const other of [bob.userId, 'usr_0000000000000000'])
      expect((await ask(ada, { user_id: other })).body.code).toBe('FORBIDDEN');
  });

  test('an operator for anybody who is there', async () => {
    const asked = await operate('POST', { user_id: ada.userId });
    expect(asked.body).toMatchObject({ user_id: ada.userId, tenants_that_go: [labId] });
    const done = await operate('DELETE', { confirmation_token: asked.body.confirmation_token });
    expect(done.body.erased).toMatchObject({ users: 1, tenants: 1 });
    expect(await suite.deps.records.get(USERS, ada.userId)).toBeUndefined();
    expect((await operate('POST', { user_id: ada.userId })).body.code).toBe('USER_NOT_FOUND');
  });

  test('an operator who is signed in too, and confirms as the person that they are', async () => {
    const olga = await signIn(suite, 'olga@vendor.example');
    const asked = await ask(olga, { user_id: bob.userId });
    expect(asked.status, asked.text).toBe(200);
    expect((await confirm(ada, asked)).body.code).toBe('CONFIRMATION_INVALID');
    expect((await confirm(olga, asked)).body.erased).toMatchObject({ users: 1 });
    expect((await ask(olga)).body.user_id).toBe(olga.userId);
  });

  test('the operator key is nobody who could go', async () => {
    expect((await operate('POST', {})).body.code).toBe('VALIDATION_FAILED');
    expect((await operate('POST', { user_id: ada.userId, tenant_id: labId })).body.code).toBe(
      'VALIDATION_FAILED',
    );
  });

  test('for a tenant its owner and no lower role; to strangers it is as if it were not there', async () => {
    const admin = await join(ada, shopId, 'admin');
    expect((await ask(bob, { tenant_id: shopId })).body).toMatchObject({
      user_id: null,
      tenants_that_go: [shopId],
    });
    expect((await ask(admin, { tenant_id: shopId })).body.code).toBe('FORBIDDEN');
    const [strange, unknown] = await Promise.all([
      ask(bob, { tenant_id: labId }),
      ask(bob, { tenant_id: 'ten_01_0000000000000000' }),
    ]);
    for (const { status, body } of [strange, unknown])
      expect([status, body.code]).toEqual([404, 'TENANT_NOT_FOUND']);
    expect(Object.keys(strange.body)).toEqual(Object.keys(unknown.body));
  });
});

describe('whoever owns a tenant that others belong to', () => {
  test('is told which, and stays until it is in other hands', async () => {
    await join(ada, shopId, 'member');
    const asked = await ask(bob);
    expect([asked.status, asked.body.code, asked.body.tenants]).toEqual([409, 'OWNER_MUST_STAY', [shopId]]);
    await bob.call('POST', `/api/v1/tenants/${shopId}/transfer`, { user_id: ada.userId });
    expect((await confirm(bob, await ask(bob))).body.erased).toMatchObject({ users: 1, tenants: 0 });
    expect((await ada.call('GET', `/api/v1/tenants/${shopId}`)).body.owner_id).toBe(ada.userId);
  });

  test('stays as well where the others came between asking and confirming', async () => {
    const asked = await ask(bob);
    await join(ada, shopId, 'member');
    expect((await confirm(bob, asked)).body.code).toBe('OWNER_MUST_STAY');
    expect(await suite.deps.records.get(USERS, bob.userId)).toBeDefined();
  });

  test('may have it erased first, which leaves the others who they are', async () => {
    const member = await join(ada, shopId, 'member');
    const key = await licenseKey(shopId);
    await seat(key, { fingerprint: 'machine', user_id: 'anybody' });
    await suite.settle();
    const { body } = await confirm(bob, await ask(bob, { tenant_id: shopId }));
    expect(body.erased).toEqual({
      sessions: 1,
      session_histories: 1,
      audit_events: 1,
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

  test('and nothing begins in it any more, not by an operator’s hand either', async () => {
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
  test('is good for whoever asked, and nobody else, not even an operator', async () => {
    const asked = await ask(ada);
    expect((await confirm(bob, asked)).body.code).toBe('CONFIRMATION_INVALID');
    const { confirmation_token } = asked.body;
    expect((await operate('DELETE', { confirmation_token })).body.code).toBe('CONFIRMATION_INVALID');
    const byOperator = await operate('POST', { user_id: ada.userId });
    expect((await confirm(ada, byOperator)).body.code).toBe('CONFIRMATION_INVALID');
    expect(await suite.deps.records.get(USERS, ada.userId)).toBeDefined();
  });

  test('that was forged, or made for something else, is none', async () => {
    const { confirmation_token: good } = (await ask(ada)).body;
    const [purpose, payload = '', signature] = good.split('.');
    const said = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const other = Buffer.from(JSON.stringify({ ...said, userId: bob.userId })).toString('base64url');
    for (const token of [
      'x',
      `${purpose}.${other}.${signature}`,
      suite.deps.seals.refresh.seal(JSON.stringify(said)),
    ]) {
      const refused = await ada.call('DELETE', ERASE, { confirmation_token: token });
      expect([refused.status, refused.body.code]).toEqual([400, 'CONFIRMATION_INVALID']);
    }
  });

  test('is good for ten minutes', async () => {
    const [early, late] = [await ask(ada), await ask(bob)];
    clocked.moveClock(600_000 - 1);
    expect((await confirm(ada, early)).status).toBe(200);
    clocked.moveClock(1);
    expect((await confirm(bob, late)).body.code).toBe('CONFIRMATION_INVALID');
    expect((await confirm(ada, early)).status).toBe(200);
  });

  test('does not cover a tenant that came since', async () => {
    const asked = await ask(ada);
    await ada.call('POST', '/api/v1/tenants', { name: 'Another' });
    expect((await confirm(ada, asked)).body.code).toBe('CONFIRMATION_INVALID');
  });

  test('of somebody who is gone by another is none, and ends nothing anew', async () => {
    const [first, second] = [await ask(ada), await ask(ada)];
    expect((await confirm(ada, first)).status).toBe(200);
    expect((await confirm(ada, second)).body.code).toBe('CONFIRMATION_INVALID');
  });

  test('names nobody but by id', async () => {
    const [, payload = ''] = (await ask(ada)).body.confirmation_token.split('.');
    expect(Buffer.from(payload, 'base64url').toString()).not.toContain(ada.email);
  });

  test('shown twice at once is one erasure, counted once', async () => {
    const key = await licenseKey(labId);
    for (const machine of ['a', 'b', 'c']) await seat(key, { fingerprint: machine, user_id: ada.email });
    await suite.settle();
    const asked = await ask(ada);
    const both = await Promise.all([confirm(ada, asked), confirm(ada, asked), confirm(ada, asked)]);
    for (const { status, text, body } of both) {
      expect(status, text).toBe(200);
      expect(body.erased).toMatchObject({ sessions: 3, session_histories: 3, audit_events: 3, users: 1 });
      expect(body.erasure_id).toBe(both[0]?.body.erasure_id);
    }
  });
});

test('an access token that is still good takes no seat where its person is erased, from the first moment on', async () => {
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

test('a session that was ended so is not brought back by the token that its client kept', async () => {
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

test('of many sessions of a license all that are theirs go, and none of the others', async () => {
  await join(ada, shopId, 'member');
  const key = await licenseKey(shopId, { max: 400, requests_per_minute: 100_000 });
  for (let n = 0; n < 70; n += 1) {
    await seat(key, { fingerprint: `machine-${n}`, user_id: n % 2 ? ada.email : `user-${n}` });
  }
  expect((await confirm(ada, await ask(ada))).body.erased.sessions).toBe(35);
  const others = Array.from({ length: 35 }, (_, n) => `user-${2 * n}`);
  expect((await factsIn(key)).toSorted()).toEqual(others.toSorted());
});

/** Events and ended sessions of one holder, as a year of use leaves them. */
async function remember(tenantId: string, key: string, holder: string, many: number): Promise<void> {
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
        detail: { holder },
      });
      const history = addToHistory(undefined, event);
      transaction.set(AUDIT, event.eventId, unsealed(event, nowMs));
      if (history) transaction.set(SESSION_HISTORIES, history.sessionId, history);
    }
  });
}

test('of more histories and events than one step takes all are seen to, in a tenant that goes and in one that stays', async () => {
  await join(ada, shopId, 'member');
  const [mine, theirs] = [await licenseKey(labId), await licenseKey(shopId)];
  const holder = suite.deps.pseudonyms(licenseOfKey(theirs) ?? '', 'user', ada.userId);
  await remember(shopId, theirs, holder, 230);
  await remember(shopId, theirs, 'holder-of-another', 3);
  await remember(labId, mine, 'holder-of-anybody', 230);
  const { erased } = (await confirm(ada, await ask(ada))).body;
  expect(erased).toMatchObject({ session_histories: 460, audit_events: 460 });
  const told = await auditOf(suite.deps.records, licenseOfKey(theirs) ?? '');
  expect(told.filter(({ detail }) => detail.holder === 'holder-of-another')).toHaveLength(3);
  expect(told.filter(({ detail }) => detail.holder === holder)).toEqual([]);
});

test('a tenant that goes takes in nobody any more, by no invitation and by no domain', async () => {
  await suite.operate('PATCH', `/api/v1/tenants/${shopId}`, { join_domain: `shop${people}.example` });
  await bob.call('POST', `/api/v1/tenants/${shopId}/invitations`, {
    email: 'carl@else.example',
    role: 'admin',
  });
  const invited = (await bob.call('GET', `/api/v1/tenants/${shopId}/invitations`)).body.invitations;
  expect(invited).toHaveLength(1);
  expect((await confirm(bob, await ask(bob))).body.erased).toMatchObject({ tenants: 1, invitations: 1 });
  const dora = await signIn(suite, `dora@shop${people}.example`, { hostedDomain: `shop${people}.example` });
  const carl = await signIn(suite, 'carl@else.example');
  // Whoever has the domain may say so of another tenant.
  expect(await suite.deps.records.get(DOMAIN_CLAIMS, `shop${people}.example`)).toBeUndefined();
  for (const { tenants } of [dora, carl]) expect([...tenants.keys()]).not.toContain(shopId);
});

test('a session that the seat store passes over while others are ended is found when all is read anew', async () => {
  await join(ada, shopId, 'member');
  const key = await licenseKey(shopId);
  const [, passedOver] = [
    await seat(key, { fingerprint: 'seen', user_id: ada.email }),
    await seat(key, { fingerprint: 'passed over', user_id: ada.email }),
  ];
  let isPassedOver = true;
  onFacts = (page) => {
    const sessions = page.sessions.filter(
      ({ sessionId }) => !isPassedOver || sessionId !== passedOver.body.session_id,
    );
    if (page.nextCursor === undefined) isPassedOver = false;
    return { ...page, sessions };
  };
  expect((await confirm(ada, await ask(ada))).body.erased.sessions).toBe(2);
  expect(isPassedOver).toBe(false);
  expect(await factsIn(key)).toEqual([]);
});

test('a seat store that has lost the license gets it back, so that the sessions can be ended', async () => {
  await join(ada, shopId, 'member');
  const key = await licenseKey(shopId);
  await seat(key, { fingerprint: 'machine', user_id: ada.email });
  await clocked.redis.command(['DEL', poolKey('license', licenseOfKey(key) ?? '')]);
  expect((await confirm(ada, await ask(ada))).body.erased.sessions).toBe(1);
  expect(await factsIn(key)).toEqual([]);
});

test('what takes longer than a request may is said to go on, and goes on by itself', async () => {
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

test('who asks again and again is told to wait, and others are not', async () => {
  const { requests } = contract.endpoints.ask.limit;
  for (let n = 0; n < requests; n += 1) expect((await ask(ada)).status).toBe(200);
  expect((await ask(ada)).body.code).toBe('RATE_LIMITED');
  expect((await ask(bob)).status).toBe(200);
});

test('what is kept of an erasure names its person by no more than an id', async () => {
  const asked = await ask(ada);
  onMaintenance = (name) => {
    if (name === 'bar') clocked.moveClock(61_000);
  };
  const { erasure_id } = (await confirm(ada, asked)).body;
  const kept = JSON.stringify(await suite.deps.records.get(ERASURES, erasure_id));
  expect(kept).toContain(ada.userId);
  expect(kept).not.toContain(ada.email);
});
