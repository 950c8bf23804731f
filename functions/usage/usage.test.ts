import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { buySeats } from '../testing/purchases.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';
import { signIn } from '../testing/users.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let clocked: ClockedSuite;
let suite: TestSuite;
beforeEach(async () => {
  clocked = await openClockedSuite(undefined, {
    USAGE_METERS: 'exports,api_calls',
    USAGE_CAPS: '5000,api_calls=100000',
  });
  suite = clocked.suite;
});
afterEach(() => clocked.close());

interface Total {
  readonly meter: string;
}

interface Client {
  readonly licenseId: string;
  readonly key: string;
  readonly session: { readonly session_id: string; readonly session_token: string };
  /** Records usage with the key and a session. */
  record(use: Record<string, unknown>): Promise<Reply>;
  totals(query?: string): Promise<Reply['body']>;
}

/** A client with the key of a license. With `paying`, the tenant is a customer of Stripe. */
async function client({ paying = true } = {}): Promise<Client> {
  const { licenseId, key } = paying ? await buySeats(suite) : await suite.createLicense();
  const authorization = `License ${key}`;
  const grant = await suite.call('POST', '/api/v1/licenses/acquire', {
    authorization,
    body: { fingerprint: 'laptop' },
  });
  const { session_id, session_token } = grant.body;
  const session = { session_id, session_token };
  return {
    licenseId,
    key,
    session,
    record: (use) =>
      suite.call('POST', '/api/v1/usage/record', { authorization, body: { ...session, ...use } }),
    totals: async (query = '') =>
      (await suite.operate('GET', `/api/v1/usage?license_id=${licenseId}${query}`)).body,
  };
}

/** A member of a tenant with seats, who is signed in and needs no session. */
async function member(): Promise<Pick<Client, 'record' | 'totals'>> {
  const email = 'ada@shop.example';
  const [tenantId = ''] = (await signIn(suite, email)).tenants.keys();
  const { licenseId } = await buySeats(suite, { tenantId });
  return {
    record: async (use) =>
      (await signIn(suite, email)).call('POST', '/api/v1/usage/record', { license_id: licenseId, ...use }),
    totals: async () => (await suite.operate('GET', `/api/v1/usage?license_id=${licenseId}`)).body,
  };
}

/** Everything that was sent to Stripe. */
function billed(): { records: number; quantity: number } {
  const events = [...suite.stripe.meterEvents.values()];
  return { records: events.length, quantity: events.reduce((sum, { value }) => sum + Number(value), 0) };
}

function at(ms: number): string {
  return new Date(ms).toISOString();
}

describe('usage', () => {
  test('is in the totals and at Stripe once after the next sweep, however often it was sent', async () => {
    const app = await client();
    const use = { id: 'run 1', meter: 'exports', quantity: 3 };
    const first = await app.record(use);
    expect([first.status, first.body.status]).toEqual([201, 'recorded']);
    const again = await app.record(use);
    expect([again.status, again.body]).toEqual([200, { ...first.body, status: 'already_recorded' }]);
    await app.record({ id: 'run 2', meter: 'exports', quantity: 4 });
    await app.record({ id: 'run 1 of calls', meter: 'api_calls', quantity: 1000 });
    expect((await suite.sweep()).body).toMatchObject({ usage_counted: 3, usage_sent: 3 });
    await app.record(use);
    expect((await suite.sweep()).body).toMatchObject({ usage_counted: 0, usage_sent: 0 });
    expect(billed()).toEqual({ records: 3, quantity: 1007 });
    const totals = await app.totals();
    expect(totals.meters.toSorted((a: Total, b: Total) => (a.meter < b.meter ? 1 : -1))).toMatchObject([
      { meter: 'exports', quantity: 7, records: 2 },
      { meter: 'api_calls', quantity: 1000, records: 1 },
    ]);
    expect((await app.totals('&meter=exports')).days).toMatchObject([
      { at: expect.any(String), meter: 'exports', quantity: 7, records: 2 },
    ]);
  });

  test('with the id of another record is refused and changes nothing', async () => {
    const app = await client();
    await app.record({ id: 'run', meter: 'exports', quantity: 3 });
    for (const other of [
      { quantity: 4 },
      { meter: 'api_calls' },
      { timestamp: at(clocked.nowMs() - HOUR_MS) },
    ]) {
      const reply = await app.record({ id: 'run', meter: 'exports', quantity: 3, ...other });
      expect([reply.status, reply.body.code]).toEqual([409, 'USAGE_RECORD_CONFLICT']);
    }
    await suite.sweep();
    expect(billed()).toEqual({ records: 1, quantity: 3 });
  });

  test('of two licenses can have the same id', async () => {
    const [one, two] = [await client(), await client()];
    for (const app of [one, two]) await app.record({ id: 'run', meter: 'exports', quantity: 1 });
    await suite.sweep();
    expect(billed()).toEqual({ records: 2, quantity: 2 });
  });

  test.each([
    ['30 days ago', -30 * DAY_MS, 201],
    ['more than 30 days ago', -30 * DAY_MS - 1, 400],
    ['5 minutes ahead', 300_000, 201],
    ['more than 5 minutes ahead', 300_001, 400],
  ])('with a time %s (%i ms) returns %i', async (_, offsetMs, status) => {
    const app = await member();
    const reply = await app.record({
      id: 'run',
      meter: 'exports',
      quantity: 1,
      timestamp: at(clocked.nowMs() + offsetMs),
    });
    expect(reply.status, reply.text).toBe(status);
    if (status === 400) expect(reply.body.code).toBe('USAGE_TIME_REFUSED');
    await suite.sweep();
    expect(billed().records).toBe(status === 201 ? 1 : 0);
  });

  test('is reported as recorded when a client retries after weeks, and counts for the day of use', async () => {
    const app = await member();
    const use = { id: 'run', meter: 'exports', quantity: 1, timestamp: at(clocked.nowMs() - 20 * DAY_MS) };
    await app.record(use);
    await suite.sweep();
    const [day] = (await app.totals()).days;
    expect(Date.parse(day.at)).toBe(Math.floor((clocked.nowMs() - 20 * DAY_MS) / DAY_MS) * DAY_MS);
    clocked.moveClock(15 * DAY_MS);
    const again = await app.record(use);
    expect([again.status, again.body.status]).toEqual([200, 'already_recorded']);
    await suite.sweep();
    expect(billed().records).toBe(1);
  });

  test('is counted but not billed if the tenant is not a customer of Stripe', async () => {
    const app = await client({ paying: false });
    await app.record({ id: 'run', meter: 'exports', quantity: 5 });
    expect((await suite.sweep()).body).toMatchObject({ usage_counted: 1, usage_sent: 0 });
    expect((await app.totals()).meters).toMatchObject([{ meter: 'exports', quantity: 5, records: 1 }]);
    expect(billed().records).toBe(0);
  });

  test('can be sent by a signed-in user with license_id', async () => {
    const ada = await signIn(suite, 'ada@shop.example');
    const [tenantId = ''] = ada.tenants.keys();
    const { licenseId } = await suite.createLicense({ tenant_id: tenantId });
    const use = { id: 'run', meter: 'exports', quantity: 1 };
    const unnamed = await ada.call('POST', '/api/v1/usage/record', use);
    expect(unnamed.body.code).toBe('VALIDATION_FAILED');
    const named = await ada.call('POST', '/api/v1/usage/record', { ...use, license_id: licenseId });
    expect(named.status).toBe(201);
  });

  test.each([
    ['an unknown meter', { meter: 'coffee' }, 'METER_UNKNOWN'],
    ['a quantity of 0', { quantity: 0 }, 'VALIDATION_FAILED'],
    ['a negative quantity', { quantity: -1 }, 'VALIDATION_FAILED'],
    ['a fraction', { quantity: 0.5 }, 'VALIDATION_FAILED'],
    ['a quantity above the limit', { quantity: 1e10 }, 'VALIDATION_FAILED'],
    ['no id', { id: '' }, 'VALIDATION_FAILED'],
  ])('is refused with %s', async (_, wrong, code) => {
    const app = await client({ paying: false });
    const reply = await app.record({ id: 'run', meter: 'exports', quantity: 1, ...wrong });
    expect([reply.status, reply.body.code]).toEqual([400, code]);
  });

  test('is refused for a license that grants no seats', async () => {
    const license = await suite.createLicense();
    await suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'suspended' });
    const reply = await suite.call('POST', '/api/v1/usage/record', {
      authorization: `License ${license.key}`,
      body: { id: 'run', meter: 'exports', quantity: 1 },
    });
    expect(reply.body.code).toBe('LICENSE_SUSPENDED');
  });
});

describe('usage that is sent with a license key', () => {
  const GRACE_MS = 7 * DAY_MS;
  const TTL_MS = 360_000;
  const use = { meter: 'exports', quantity: 1 };

  test('needs a session of that license', async () => {
    const [app, other] = [await client(), await client()];
    const unnamed = await app.record({ id: 'run', ...use, session_id: undefined, session_token: undefined });
    expect([unnamed.status, unnamed.body.errors]).toEqual([
      400,
      [{ at: '/session_id', detail: 'is required with a license key' }],
    ]);
    for (const session of [other.session, { session_id: app.session.session_id.replace(/.{4}$/, '0000') }]) {
      const reply = await app.record({ id: 'run', ...use, session_token: undefined, ...session });
      expect([reply.status, reply.body.code]).toEqual([404, 'SESSION_NOT_FOUND']);
    }
    await suite.sweep();
    expect(billed().records).toBe(0);
  });

  test('needs no token while the session lives, however often it was extended', async () => {
    const app = await client();
    const { session_id } = app.session;
    clocked.moveClock(300_000);
    await suite.call('PUT', '/api/v1/licenses/heartbeat', {
      authorization: `License ${app.key}`,
      body: app.session,
    });
    clocked.moveClock(300_000);
    expect((await app.record({ id: 'run', ...use, session_token: undefined })).status).toBe(201);
    expect((await app.record({ id: 'run 2', ...use, session_id, session_token: 'invalid' })).status).toBe(
      201,
    );
  });

  test('is accepted with the token after the session was released', async () => {
    const app = await client();
    const { session_id } = app.session;
    await suite.call('POST', '/api/v1/licenses/release', {
      authorization: `License ${app.key}`,
      body: { session_id },
    });
    const unproven = await app.record({ id: 'run', ...use, session_token: undefined });
    expect([unproven.status, unproven.body.code]).toEqual([404, 'SESSION_NOT_FOUND']);
    expect((await app.record({ id: 'run', ...use })).status).toBe(201);
  });

  test.each([
    ['a program that ran offline and reports later', TTL_MS + GRACE_MS + HOUR_MS, 201],
    ['a time at which the session had no seat any more', TTL_MS + GRACE_MS + HOUR_MS + 1, 400],
    ['a program that started offline before it acquired', -GRACE_MS - HOUR_MS, 201],
    ['a time before that', -GRACE_MS - HOUR_MS - 1, 400],
  ])('can be of %s (%i ms)', async (_, offsetMs, status) => {
    const app = await client();
    const timestamp = at(clocked.nowMs() + offsetMs);
    clocked.moveClock(12 * DAY_MS);
    const reply = await app.record({ id: 'run', ...use, timestamp });
    expect(reply.status, reply.text).toBe(status);
    if (status === 400) expect(reply.body.code).toBe('USAGE_OUTSIDE_SESSION');
  });

  test('is acknowledged again when it is resent after the session', async () => {
    const app = await client();
    const sent = { id: 'run', ...use, timestamp: at(clocked.nowMs()) };
    await app.record(sent);
    clocked.moveClock(25 * DAY_MS);
    const again = await app.record({ ...sent, session_token: undefined });
    expect([again.status, again.body.status]).toEqual([200, 'already_recorded']);
  });
});

describe('the cap of a meter', () => {
  const use = { meter: 'exports' };

  test('refuses what exceeds it, says how much is left, and warns in the log', async () => {
    const app = await client();
    await app.record({ id: 'run', ...use, quantity: 4000 });
    await suite.sweep();
    const over = await app.record({ id: 'run 2', ...use, quantity: 1001 });
    expect([over.status, over.body.code, over.body.remaining]).toEqual([409, 'USAGE_CAP_REACHED', 1000]);
    expect(suite.logged.at(-1)).toMatchObject({ severity: 'WARNING', license_id: app.licenseId });
    expect((await app.record({ id: 'run 2', ...use, quantity: 1000 })).status).toBe(201);
    await suite.sweep();
    expect(billed()).toEqual({ records: 2, quantity: 5000 });
    const again = await app.record({ id: 'run', ...use, quantity: 4000 });
    expect([again.status, again.body.status]).toEqual([200, 'already_recorded']);
  });

  test('bounds what is counted and billed, also of records that arrive at once', async () => {
    const app = await client();
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, n) => app.record({ id: `run ${n}`, ...use, quantity: 1000 })),
    );
    for (const { status } of replies) expect(status).toBe(201);
    expect((await suite.sweep()).body).toMatchObject({ usage_counted: 5, usage_over_cap: 15, usage_sent: 5 });
    expect(suite.logged.at(-1)).toMatchObject({ severity: 'WARNING', licenses_over_cap: [app.licenseId] });
    expect(billed()).toEqual({ records: 5, quantity: 5000 });
    expect((await app.totals()).meters).toMatchObject([{ meter: 'exports', quantity: 5000, records: 5 }]);
    expect((await suite.sweep()).body).toMatchObject({ usage_counted: 0, usage_over_cap: 0 });
  });

  test('is visible where it was reached later: in the audit log, and to a client that sends a record again', async () => {
    const app = await client();
    const send = (n: number) => app.record({ id: `run ${n}`, ...use, quantity: 2000 });
    await Promise.all([1, 2, 3].map(send));
    await suite.sweep();
    const again = await Promise.all([1, 2, 3].map(send));
    expect(again.map(({ status, body }) => [status, body.code ?? body.status]).sort()).toEqual([
      [200, 'already_recorded'],
      [200, 'already_recorded'],
      [409, 'USAGE_CAP_REACHED'],
    ]);
    const query = `license_id=${app.licenseId}&type=usage.refused`;
    const { events } = (await suite.operate('GET', `/api/v1/audit?${query}`)).body;
    const actor = { type: 'system', id: 'sweep' };
    expect(events).toMatchObject([{ actor, subject: 'exports', count: 1 }]);
  });

  test('applies to each meter, license and day', async () => {
    const [app, other] = [await client(), await client()];
    const full = { quantity: 5000, ...use };
    await app.record({ id: 'run', ...full });
    await suite.sweep();
    expect((await app.record({ id: 'run 2', ...full })).body.code).toBe('USAGE_CAP_REACHED');
    expect((await other.record({ id: 'run', ...full })).status).toBe(201);
    expect((await app.record({ id: 'run 3', meter: 'api_calls', quantity: 100_000 })).status).toBe(201);
    const yesterday = at(clocked.nowMs() - DAY_MS);
    expect((await app.record({ id: 'run 4', ...full, timestamp: yesterday })).status).toBe(201);
    clocked.moveClock(DAY_MS);
    expect((await app.record({ id: 'run 5', ...full })).status).toBe(201);
  });
});

describe('usage is not billed twice', () => {
  async function used(): Promise<Client> {
    const app = await client();
    for (let n = 0; n < 5; n += 1) await app.record({ id: `run ${n}`, meter: 'exports', quantity: 10 });
    return app;
  }

  test('when answers of Stripe are lost', async () => {
    await used();
    suite.stripe.breakApi('reset after doing');
    expect((await suite.sweep()).body).toMatchObject({ unavailable: ['billing'] });
    suite.stripe.breakApi(undefined);
    await suite.sweep();
    expect(billed()).toEqual({ records: 5, quantity: 50 });
  });

  test('when three sweeps run at once', async () => {
    const app = await used();
    await Promise.all([suite.sweep(), suite.sweep(), suite.sweep()]);
    await suite.sweep();
    expect(billed()).toEqual({ records: 5, quantity: 50 });
    expect((await app.totals()).meters).toMatchObject([{ meter: 'exports', quantity: 50, records: 5 }]);
  });

  test('when the records become unavailable while they are marked', async () => {
    const app = await used();
    const { records } = suite.deps;
    const transact = records.transact.bind(records);
    vi.spyOn(records, 'transact').mockImplementation(async (work) => {
      if (billed().records > 0) throw new Error('killed');
      return transact(work);
    });
    expect((await suite.sweep()).status).toBe(500);
    vi.restoreAllMocks();
    await suite.sweep();
    expect(billed()).toEqual({ records: 5, quantity: 50 });
    expect((await app.totals()).meters).toMatchObject([{ meter: 'exports', quantity: 50, records: 5 }]);
  });

  test('after an outage of a day, and the uncertain records are reported', async () => {
    const app = await used();
    suite.stripe.breakApi('status 500');
    await suite.sweep();
    clocked.moveClock(23 * HOUR_MS);
    suite.stripe.breakApi(undefined);
    expect((await suite.sweep()).body).toMatchObject({ usage_sent: 0, usage_uncertain: 5 });
    expect(billed().records).toBe(0);
    expect(suite.logged.some(({ usage_error }) => usage_error !== undefined)).toBe(true);
    expect((await app.totals()).meters).toMatchObject([{ meter: 'exports', quantity: 50, records: 5 }]);
    expect((await suite.sweep()).body).toMatchObject({ usage_uncertain: 0 });
  });

  test('after a shorter outage, and everything is sent', async () => {
    await used();
    suite.stripe.breakApi('status 500');
    await suite.sweep();
    clocked.moveClock(23 * HOUR_MS - 1);
    suite.stripe.breakApi(undefined);
    await suite.sweep();
    expect(billed()).toEqual({ records: 5, quantity: 50 });
  });
});
