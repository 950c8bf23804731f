import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ERASURES, MEMBERSHIPS, TENANTS, USERS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { auditQuery, ERASURES_BY_DUE, MEMBERS_OF_TENANT } from '../../shared/ports/queries.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { addMember, handOver, leave } from '../testing/memberships.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';
import { requestTokens, signIn, signOut, type TestUser } from '../testing/users.ts';

/** The second step of an erasure decides again, by the sign-in and the standing of that moment. */

const ERASE = '/api/v1/gdpr/delete';
const HOUR_MS = 3_600_000;

let clocked: ClockedSuite;
let suite: TestSuite;
/** Called before each transaction of the call, with its number; not for what it does itself. */
let onTransact: ((n: number) => Promise<void>) | undefined;
let transactions = 0;
beforeAll(async () => {
  clocked = await openClockedSuite((deps): Deps => {
    const { records } = deps;
    return {
      ...deps,
      operators: { emails: ['olga@vendor.example'] },
      records: {
        get: (...args) => records.get(...args),
        create: (...args) => records.create(...args),
        query: (...args) => records.query(...args),
        ping: () => records.ping(),
        close: () => records.close(),
        async transact(work) {
          const hook = onTransact;
          onTransact = undefined;
          await hook?.(transactions++);
          onTransact = hook;
          return records.transact(work);
        },
      },
    };
  });
  suite = clocked.suite;
});
afterEach(() => {
  onTransact = undefined;
});
afterAll(() => clocked.close());

let people = 0;
let ada: TestUser;
let bob: TestUser;
let labId: string;
let shopId: string;
/** Ada owns the lab, Bob the shop; Ada is an admin of the shop. */
beforeEach(async () => {
  people += 1;
  [ada, bob] = [
    await signIn(suite, `ada${people}@lab.example`),
    await signIn(suite, `bob${people}@shop.example`),
  ];
  [labId = '', shopId = ''] = [ada, bob].map(({ tenants }) => [...tenants.keys()][0]);
  await addMember(shopId, ada.userId, 'admin', suite.deps);
});

const ask = async (person: TestUser, body: object = {}): Promise<string> => {
  const asked = await person.call('POST', ERASE, body);
  expect(asked.status, asked.text).toBe(200);
  return asked.body.confirmation_token;
};
const confirm = (person: TestUser, confirmation_token: string): Promise<Reply> => {
  transactions = 0;
  return person.call('DELETE', ERASE, { confirmation_token });
};
const outcome = async (reply: Promise<Reply>) => {
  const { status, body } = await reply;
  return [status, body.code];
};
/** Nothing was erased, and no erasure is under way. */
async function expectUntouched(): Promise<void> {
  const { records } = suite.deps;
  for (const { userId } of [ada, bob])
    expect(await records.get(USERS, userId)).toMatchObject({ erasureId: null });
  for (const tenantId of [labId, shopId])
    expect(await records.get(TENANTS, tenantId)).toMatchObject({ erasureId: null, closedAtMs: null });
}

describe('a confirmation is refused', () => {
  test('if its caller handed over the tenant since, also while an old access token still names them its owner', async () => {
    const token = await ask(bob, { tenant_id: shopId });
    await handOver(shopId, ada.userId, suite.deps);
    expect(await outcome(confirm(bob, token))).toEqual([403, 'FORBIDDEN']);
    await leave(shopId, bob.userId, suite.deps);
    expect(await outcome(confirm(bob, token))).toEqual([404, 'TENANT_NOT_FOUND']);
    await expectUntouched();
  });

  test('if its caller signed out since, and accepted once they are signed in again', async () => {
    const token = await ask(ada);
    await signOut(suite, ada);
    expect(await outcome(confirm(ada, token))).toEqual([401, 'CREDENTIALS_INVALID']);
    await expectUntouched();
    const again = await signIn(suite, ada.email);
    expect((await confirm(again, token)).body.erased).toMatchObject({ users: 1, tenants: 1 });
  });

  test('if its caller is no longer an operator', async () => {
    const olga = await signIn(suite, 'olga@vendor.example');
    clocked.moveClock(12 * HOUR_MS - 60_000);
    const refreshed = await requestTokens(suite, {
      grant_type: 'refresh_token',
      refresh_token: olga.refreshToken,
    });
    olga.authorization = `Bearer ${refreshed.body.access_token}`;
    const token = await ask(olga, { user_id: ada.userId });
    clocked.moveClock(60_000);
    expect(await outcome(confirm(olga, token))).toEqual([403, 'FORBIDDEN']);
    await expectUntouched();
  });

  test('if another erasure of the user or of the tenant has begun', async () => {
    const [first, second] = [await ask(bob, { tenant_id: shopId }), await ask(bob, { tenant_id: shopId })];
    expect((await confirm(bob, first)).status).toBe(200);
    expect(await outcome(confirm(bob, second))).toEqual([404, 'TENANT_NOT_FOUND']);
    const [mine, again] = [await ask(bob), await ask(bob)];
    expect((await confirm(bob, mine)).status).toBe(200);
    expect(await outcome(confirm(bob, again))).toEqual([401, 'CREDENTIALS_INVALID']);
  });
});

test('the receipt of an erasure that has begun goes by its confirmation token, to its caller alone', async () => {
  const token = await ask(ada);
  const receipt = await confirm(ada, token);
  expect(receipt.status, receipt.text).toBe(200);
  expect((await confirm(ada, token)).body).toEqual(receipt.body);
  expect(await outcome(confirm(bob, token))).toEqual([400, 'CONFIRMATION_INVALID']);
});

describe('between plan and confirmation', () => {
  test.each([
    ['a user joins a tenant that is erased', 0, () => addMember(labId, bob.userId, 'member', suite.deps)],
    ['the user becomes an owner', 0, () => handOver(shopId, ada.userId, suite.deps)],
  ])('%s: nothing is erased, and the marks are removed', async (_, at, act) => {
    const token = await ask(ada);
    let acted: string | undefined = 'not called';
    onTransact = async (n) => {
      if (n === at) acted = await act();
    };
    expect(await outcome(confirm(ada, token))).toEqual([400, 'CONFIRMATION_INVALID']);
    expect(acted).toBeUndefined();
    onTransact = undefined;
    await expectUntouched();
    const { documents } = await suite.deps.records.query(ERASURES_BY_DUE, {}, { limit: 100 });
    expect(documents.filter(({ userId }) => userId === ada.userId)).toEqual([]);
    expect((await ada.call('GET', '/api/v1/users/me')).status).toBe(200);
  });

  test('the tenant is handed over: it is not erased', async () => {
    const token = await ask(bob, { tenant_id: shopId });
    onTransact = async (n) => {
      if (n === 0) await handOver(shopId, ada.userId, suite.deps);
    };
    expect(await outcome(confirm(bob, token))).toEqual([400, 'CONFIRMATION_INVALID']);
    await expectUntouched();
  });
});

describe('once an erasure has begun', () => {
  const whileBegun = async (act: () => Promise<unknown>): Promise<Reply> => {
    const token = await ask(ada);
    onTransact = async (n) => {
      if (n === 1) await act();
    };
    return confirm(ada, token);
  };

  test('no user joins the tenants that are erased, and the user becomes neither member nor owner of any tenant', async () => {
    const refused: unknown[] = [];
    const operate = async (path: string, body: object) =>
      refused.push((await suite.operate('POST', path, body)).body.code);
    const reply = await whileBegun(async () => {
      refused.push(await addMember(labId, bob.userId, 'owner', suite.deps));
      refused.push(await handOver(shopId, ada.userId, suite.deps));
      await operate(`/api/v1/tenants/${labId}/invitations`, { email: 'eve@else.example', role: 'member' });
    });
    expect(reply.status, reply.text).toBe(200);
    expect(refused).toEqual(['TENANT_CLOSED', 'USER_NOT_FOUND', 'TENANT_CLOSED']);
    expect(await suite.deps.records.get(TENANTS, shopId)).toMatchObject({ ownerId: bob.userId });
  });

  test('another erasure of the same user is refused', async () => {
    const asked = await suite.operate('POST', ERASE, { user_id: ada.userId });
    const { confirmation_token } = asked.body;
    const others: Reply[] = [];
    const reply = await whileBegun(async () => {
      others.push(await suite.operate('DELETE', ERASE, { confirmation_token }));
    });
    expect(others.map(({ body }) => body.code)).toEqual(['CONFIRMATION_INVALID']);
    expect(reply.body.erased).toMatchObject({ users: 1, tenants: 1 });
  });

  test('the user can neither sign in nor create a tenant', async () => {
    const replies: Reply[] = [];
    await whileBegun(async () => {
      await expect(signIn(suite, ada.email)).rejects.toThrow(/access_denied/);
      replies.push(await ada.call('POST', '/api/v1/tenants', { name: 'Another' }));
      const refresh = { grant_type: 'refresh_token', refresh_token: ada.refreshToken };
      replies.push(await requestTokens(suite, refresh));
    });
    expect(replies.map(({ status }) => status)).toEqual([401, 400]);
  });
});

test('an erasure that stopped before it was decided is withdrawn by the sweep if a member has joined', async () => {
  const token = await ask(ada);
  onTransact = async (n) => {
    if (n === 0) await addMember(labId, bob.userId, 'member', suite.deps);
    if (n === 1) throw new Error('the function crashed');
  };
  expect((await confirm(ada, token)).status).toBe(500);
  onTransact = undefined;
  expect(await suite.deps.records.get(USERS, ada.userId)).toMatchObject({ erasureId: expect.any(String) });
  clocked.moveClock(60_001);
  expect((await suite.sweep()).status).toBe(200);
  await expectUntouched();
});

test('does not delete the membership of an owner, whatever was decided, and says so', async () => {
  const token = await ask(ada);
  onTransact = async (n) => {
    // After everything was decided: as an operator's script, or a release without this rule, could.
    if (n !== 3) return;
    await suite.deps.records.transact(async (transaction) => {
      const tenant = await transaction.get(TENANTS, shopId);
      if (tenant) transaction.set(TENANTS, shopId, { ...tenant, ownerId: ada.userId });
    });
  };
  expect((await confirm(ada, token)).status).toBe(500);
  expect(suite.logged.at(-1)).toMatchObject({ severity: 'ERROR', because: expect.stringContaining(shopId) });
  const members = await suite.deps.records.query(MEMBERS_OF_TENANT, { tenantId: shopId }, { limit: 9 });
  expect(members.documents.map(({ userId }) => userId)).toContain(ada.userId);
});

test('records who requested, confirmed and completed it, for the vendor and in each tenant concerned', async () => {
  const token = await ask(ada);
  const { erasure_id } = (await confirm(ada, token)).body;
  const typesIn = async (tenantId: string) => {
    const { documents } = await suite.deps.records.query(
      auditQuery('tenantId', false),
      { tenantId },
      { limit: 100 },
    );
    return documents
      .filter(({ subject }) => subject === erasure_id)
      .map(({ type, actor, requestId }) => [type, actor.kind, requestId !== undefined])
      .toSorted();
  };
  const completed = ['erasure.completed', 'system', false];
  const requested = ['erasure.requested', 'user', true];
  const started = ['erasure.started', 'user', true];
  expect(await typesIn('vendor')).toEqual([completed, requested, started]);
  const closed = ['tenant.closed', 'system', false];
  expect(await typesIn(labId)).toEqual([completed, requested, started, closed]);
  expect(await typesIn(shopId)).toEqual([completed, started]);
  expect(await suite.deps.records.get(ERASURES, erasure_id)).toMatchObject({ confirmedBy: null });
  expect(await suite.deps.records.get(MEMBERSHIPS, `${shopId}:${ada.userId}`)).toBeUndefined();
});
