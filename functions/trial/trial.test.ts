import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PLANS } from '../../shared/domain/plans.ts';
import type { TrialPolicy } from '../../shared/domain/trial.ts';
import { Unavailable } from '../../shared/errors.ts';
import { LICENSES, TENANTS } from '../../shared/ports/collections.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { LICENSES_OF_TENANT } from '../../shared/ports/queries.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';
import { signIn, type TestUser } from '../testing/users.ts';
import contract from './contract.ts';

const DAY_MS = 24 * 3600 * 1000;
const PATH = '/api/v1/licenses/trial/activate';

let clocked: ClockedSuite;
let suite: TestSuite;
/** Overrides the trial policy of the vendor. */
let policy: Partial<TrialPolicy> = {};
/** Whether the function fails before the license reaches the seat store. */
let crashesBeforePut = false;
let people = 0;
beforeAll(async () => {
  clocked = await openClockedSuite((deps) => ({
    ...deps,
    get trials() {
      return { ...deps.trials, ...policy };
    },
    seats: {
      ...deps.seats,
      async putLicense(...args) {
        if (crashesBeforePut) throw new Unavailable('seats', 'unavailable in this test');
        return deps.seats.putLicense(...args);
      },
    },
  }));
  suite = clocked.suite;
});
afterAll(() => clocked.close());
beforeEach(() => {
  policy = {};
  crashesBeforePut = false;
});

/** A new user, with an address of a public domain unless another is given. */
function newUser(domain = 'gmail.com'): Promise<TestUser> {
  people += 1;
  return signIn(suite, `person${people}@${domain}`);
}

function activate(person: TestUser, options: Record<string, unknown> = {}): Promise<Reply> {
  const defaults = { tenant_id: tenantOf(person), fingerprint: `machine of ${person.email}` };
  return person.call('POST', PATH, { ...defaults, ...options });
}

const code = (reply: Reply): string => `${reply.status} ${reply.body?.code ?? ''}`.trim();

const tenantOf = (person: TestUser): string => [...person.tenants.keys()][0] ?? '';

function acquire(key: string, fingerprint: string): Promise<Reply> {
  return suite.call('POST', '/api/v1/licenses/acquire', {
    authorization: `License ${key}`,
    body: { fingerprint },
  });
}

function beat(key: string, session: { session_id: string; session_token: string }): Promise<Reply> {
  const { session_id, session_token } = session;
  return suite.call('PUT', '/api/v1/licenses/heartbeat', {
    authorization: `License ${key}`,
    body: { session_id, session_token },
  });
}

function trialsIn(tenantId: string) {
  return Array.fromAsync(eachDocument(suite.deps.records, LICENSES_OF_TENANT, { tenantId }));
}

describe('a signed-in user', () => {
  test('gets a trial at once, with seats, an end, and the terms of the plan', async () => {
    const ada = await newUser();
    const given = await activate(ada, { plan: 'team' });
    expect(given.status, given.text).toBe(201);
    expect(given.body).toEqual({
      license_id: expect.stringMatching(/^lic_/),
      license_key: expect.stringMatching(/^slk_/),
      plan: 'team',
      seats: { max: PLANS.team.trialSeats },
      valid_until: new Date(clocked.nowMs() + 14 * DAY_MS).toISOString(),
    });
    const seats = await Promise.all(
      Array.from({ length: PLANS.team.trialSeats + 1 }, (_, n) =>
        acquire(given.body.license_key, `machine ${n}`),
      ),
    );
    expect(seats.filter(({ status }) => status === 201)).toHaveLength(PLANS.team.trialSeats);
    expect(seats.map(code)).toContain('409 SEATS_EXHAUSTED');
    const read = await suite.operate('GET', `/api/v1/licenses/${given.body.license_id}`);
    expect(read.body).toMatchObject({ trial: true, status: 'active', hold: null, subscription_id: null });
    expect(read.body.tenant_id).toBe(tenantOf(ada));
  });

  test('gets the pro plan by default, and no plan without a trial', async () => {
    const ada = await newUser();
    expect(code(await activate(ada, { plan: 'free' }))).toBe('409 PLAN_NOT_FOR_SALE');
    expect((await activate(ada)).body).toMatchObject({ plan: 'pro', seats: { max: PLANS.pro.trialSeats } });
  });

  test('can use the trial signed in, without its key', async () => {
    const ada = await newUser();
    const { license_id } = (await activate(ada)).body;
    const seat = await ada.call('POST', '/api/v1/licenses/acquire', { license_id, fingerprint: 'laptop' });
    expect(seat.status).toBe(201);
  });

  test('must name the tenant', async () => {
    const withoutTenant = await activate(await newUser(), { tenant_id: undefined });
    expect([code(withoutTenant), withoutTenant.body.errors]).toEqual([
      '400 VALIDATION_FAILED',
      [{ at: '/tenant_id', detail: expect.any(String) }],
    ]);
  });

  test('gets none in a foreign, unknown or erased tenant', async () => {
    const [ada, bob] = [await newUser(), await newUser()];
    for (const tenant_id of [tenantOf(bob), 'ten_00_0000000000000000'])
      expect(code(await activate(ada, { tenant_id }))).toBe('404 TENANT_NOT_FOUND');
    const tenantId = tenantOf(ada);
    const tenant = await suite.deps.records.get(TENANTS, tenantId);
    if (!tenant) throw new Error('no tenant');
    await suite.deps.records.transact(async (transaction) => {
      transaction.set(TENANTS, tenantId, { ...tenant, closedAtMs: clocked.nowMs() });
    });
    expect(code(await activate(ada))).toBe('409 TENANT_CLOSED');
    expect(await trialsIn(tenantId)).toEqual([]);
  });

  test('can only send a limited number of requests an hour', async () => {
    const ada = await newUser();
    const { requests } = contract.endpoints.activate.limit;
    for (let n = 0; n < requests; n += 1) await activate(ada, { plan: 'free' });
    expect(code(await activate(ada))).toBe('429 RATE_LIMITED');
  });
});

describe('a trial ends on its own', () => {
  test('to the millisecond, for new and running seats, without a sweep or Stripe', async () => {
    const ada = await newUser();
    const { license_key: key, valid_until } = (await activate(ada)).body;
    clocked.moveClock(14 * DAY_MS - 100_000);
    const seat = await acquire(key, 'laptop');
    expect([seat.status, seat.body.expires_at]).toEqual([201, valid_until]);
    clocked.moveClock(99_999);
    expect((await beat(key, seat.body)).status).toBe(200);
    clocked.moveClock(1);
    expect(code(await acquire(key, 'desktop'))).toBe('403 LICENSE_EXPIRED');
    expect(code(await beat(key, seat.body))).toBe('403 LICENSE_EXPIRED');
    expect(suite.stripe.calls).toEqual([]);
  });

  test('and is not granted again', async () => {
    const ada = await newUser();
    await activate(ada);
    clocked.moveClock(15 * DAY_MS);
    expect(code(await activate(await signIn(suite, ada.email)))).toBe('409 TRIAL_ALREADY_USED');
  });
});

describe('a trial is granted once', () => {
  test('per account, machine and domain, and only the vendor learns which one has used it', async () => {
    policy = { perMachine: 1 };
    const ada = await newUser('acme.example');
    await activate(ada);
    await activate(await newUser(), { fingerprint: 'the laptop' });
    const answers = [
      await activate(ada, { fingerprint: 'another laptop' }),
      await activate(await newUser(), { fingerprint: 'the laptop' }),
      await activate(await newUser('acme.example')),
    ];
    const [first, ...others] = answers.map(({ status, body: { request_id: _, ...body } }) => [status, body]);
    expect(first).toMatchObject([409, { code: 'TRIAL_ALREADY_USED' }]);
    for (const other of others) expect(other).toEqual(first);
    const reasons = suite.logged.filter((line) => line.code === 'TRIAL_ALREADY_USED').slice(-3);
    expect(reasons.map(({ because }) => because)).toEqual([
      'the account has already used its trial',
      'the machine has already used its trials',
      'the domain has already used its trials',
    ]);
    expect(JSON.stringify(suite.logged)).not.toMatch(/the laptop|acme\.example/);
  });

  test('per registered domain, whatever subdomains its users have', async () => {
    expect((await activate(await newUser('a.corp.example'))).status).toBe(201);
    for (const domain of ['b.corp.example', 'corp.example', 'x.y.corp.example'])
      expect(code(await activate(await newUser(domain)))).toBe('409 TRIAL_ALREADY_USED');
    for (const domain of ['one.co.uk', 'two.co.uk'])
      expect((await activate(await newUser(domain))).status).toBe(201);
  });

  test('to an organization, although strangers have used up the trials of its machine', async () => {
    const fingerprint = 'laptop of an organization';
    for (let n = 0; n < 4; n += 1) await activate(await newUser(), { fingerprint });
    await activate(await newUser('rogue.example'), { fingerprint });
    expect((await activate(await newUser('honest.example'), { fingerprint })).status).toBe(201);
  });

  test('to several users of one machine, up to the number that the vendor allows, with a WARNING after it', async () => {
    const fingerprint = 'computer of the library';
    const codes: string[] = [];
    for (let n = 0; n < 4; n += 1) codes.push(code(await activate(await newUser(), { fingerprint })));
    expect(codes).toEqual(['201', '201', '201', '409 TRIAL_ALREADY_USED']);
    expect(suite.logged.at(-1)).toMatchObject({ severity: 'WARNING', code: 'TRIAL_ALREADY_USED' });
  });

  test('per Google Workspace organization, whatever the addresses of its users', async () => {
    const own = { hostedDomain: 'org.example' };
    const [ada, bob] = [
      await signIn(suite, 'ada@org.example', own),
      await signIn(suite, 'bob@org-labs.example', own),
    ];
    expect((await activate(ada)).status).toBe(201);
    expect(code(await activate(bob))).toBe('409 TRIAL_ALREADY_USED');
  });

  test('or as often per domain as the vendor allows', async () => {
    policy = { perDomain: 2 };
    const codes: string[] = [];
    for (let n = 0; n < 3; n += 1) codes.push(code(await activate(await newUser('two.example'))));
    expect(codes).toEqual(['201', '201', '409 TRIAL_ALREADY_USED']);
    policy = { perDomain: 0 };
    expect((await activate(await newUser('two.example'))).status).toBe(201);
  });

  test('to as many of eight concurrent requests for a machine, a domain or an account as are allowed', async () => {
    const given = (replies: readonly Reply[]) => replies.filter(({ status }) => status === 201).length;
    const eight = <T>(make: (n: number) => Promise<T>) =>
      Promise.all(Array.from({ length: 8 }, (_, n) => make(n)));
    policy = { perMachine: 3 };
    const sharing = await eight(() => newUser());
    const shared = await eight((n) => activate(sharing[n] ?? fail(), { fingerprint: 'the lab’s machine' }));
    expect(given(shared)).toBe(3);
    const colleagues = await eight(() => newUser('busy.example'));
    expect(given(await eight((n) => activate(colleagues[n] ?? fail())))).toBe(1);
    const ada = await newUser();
    expect(given(await eight((n) => activate(ada, { fingerprint: `machine ${n} of hers` })))).toBe(1);
    expect(await trialsIn(tenantOf(ada))).toHaveLength(1);
  });

  test('to a user who is erased and signs in again, on the same machine or another', async () => {
    const ada = await newUser('gone.example');
    await activate(ada);
    const plan = await ada.call('POST', '/api/v1/gdpr/delete', {});
    const { confirmation_token } = plan.body;
    const erased = await ada.call('DELETE', '/api/v1/gdpr/delete', { confirmation_token });
    expect(erased.body.erased.users).toBe(1);
    policy = { perDomain: 0 };
    const secondUser = await signIn(suite, ada.email);
    expect(secondUser.userId).not.toBe(ada.userId);
    expect(code(await activate(secondUser))).toBe('409 TRIAL_ALREADY_USED');
    expect(code(await activate(secondUser, { fingerprint: 'another machine' }))).toBe(
      '409 TRIAL_ALREADY_USED',
    );
  });
});

describe('no trial is offered', () => {
  test.each([
    ['if the vendor offers none', { days: 0 }],
    ['to users of a domain that the vendor refuses', { refusedDomains: ['gmail.com'] }],
  ])('%s', async (_, rules) => {
    policy = rules;
    expect(code(await activate(await newUser()))).toBe('403 TRIAL_NOT_OFFERED');
  });
});

describe('an answer that was lost', () => {
  test('is repeated with a new key for the same license, and the previous key stays valid for a week', async () => {
    const ada = await newUser();
    const first = (await activate(ada)).body;
    const seat = await acquire(first.license_key, 'laptop');
    const again = await activate(ada);
    expect([again.status, again.body]).toEqual([
      200,
      { ...first, license_key: expect.not.stringMatching(first.license_key) },
    ]);
    expect((await acquire(again.body.license_key, 'desktop')).body.seats).toEqual({ active: 2, max: 3 });
    expect((await beat(first.license_key, seat.body)).status).toBe(200);
    clocked.moveClock(7 * DAY_MS);
    expect(code(await acquire(first.license_key, 'laptop'))).toBe('401 CREDENTIALS_INVALID');
    expect((await acquire(again.body.license_key, 'laptop')).status).toBe(201);
    expect(await trialsIn(tenantOf(ada))).toHaveLength(1);
  });

  test('can be lost again: the license stays the same, and its last two keys are valid', async () => {
    const ada = await newUser();
    const replies = [await activate(ada), await activate(ada), await activate(ada)];
    expect(replies.map(({ status }) => status)).toEqual([201, 200, 200]);
    expect(new Set(replies.map(({ body }) => body.license_id)).size).toBe(1);
    const seats = [];
    for (const { body } of replies) seats.push(code(await acquire(body.license_key, 'laptop')));
    expect(seats).toEqual(['401 CREDENTIALS_INVALID', '201', '200']);
  });

  test('is repeated only for the same request, and not after an admin has rotated the key', async () => {
    const ada = await newUser();
    const { license_id } = (await activate(ada)).body;
    for (const other of [{ plan: 'team' }, { fingerprint: 'another' }])
      expect(code(await activate(ada, other))).toBe('409 TRIAL_ALREADY_USED');
    await suite.operate('POST', `/api/v1/licenses/${license_id}/rotate-key`, {});
    expect(code(await activate(ada))).toBe('409 TRIAL_ALREADY_USED');
  });

  test('because the function crashed does not use up the trial: the license exists, and a retry returns a key', async () => {
    const ada = await newUser();
    crashesBeforePut = true;
    expect(code(await activate(ada))).toBe('503 SEATS_UNAVAILABLE');
    crashesBeforePut = false;
    const [license] = await trialsIn(tenantOf(ada));
    const body = { license_id: license?.licenseId, fingerprint: 'laptop' };
    expect((await ada.call('POST', '/api/v1/licenses/acquire', body)).status).toBe(201);
    const again = await activate(ada);
    expect([again.status, again.body.license_id]).toEqual([200, license?.licenseId]);
    expect((await acquire(again.body.license_key, 'desktop')).status).toBe(201);
  });

  test('because the seat store is unavailable: nothing is recorded or used up', async () => {
    const ada = await newUser();
    const { probe } = suite.deps.seatMaintenance;
    suite.deps.seatMaintenance.probe = async () => {
      throw new Unavailable('seats', 'unavailable in this test');
    };
    expect(code(await activate(ada))).toBe('503 SEATS_UNAVAILABLE');
    suite.deps.seatMaintenance.probe = probe;
    expect(await trialsIn(tenantOf(ada))).toEqual([]);
    expect((await activate(ada)).status).toBe(201);
  });
});

test('stores only a hash of the key', async () => {
  const { license_id, license_key } = (await activate(await newUser())).body;
  const license = await suite.deps.records.get(LICENSES, license_id);
  expect(JSON.stringify(license)).not.toContain(license_key.slice(-32));
  expect(JSON.stringify(suite.logged)).not.toContain(license_key.slice(-32));
});

function fail(): never {
  throw new Error('no such user');
}
