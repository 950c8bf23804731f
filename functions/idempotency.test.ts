import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Deps } from '../shared/ports/deps.ts';
import { eachDocument } from '../shared/ports/each-document.ts';
import { ALL_LICENSES, ALL_TENANTS, IDEMPOTENCY_KEYS_BY_END } from '../shared/ports/queries.ts';
import type { Records } from '../shared/ports/records.ts';
import { runs } from '../shared/testing/runs.ts';
import type { AnyRequest } from './example.ts';
import { type ClockedSuite, openClockedSuite } from './testing/clocked-suite.ts';
import { openCrashes } from './testing/crashes.ts';
import { SAMPLES, type Sample, sendTo } from './testing/sample-requests.ts';
import { credentialsFor, newPlace, type Place, worldFor } from './testing/sample-world.ts';
import { OPERATOR_KEY, type Reply, type TestSuite } from './testing/suite.ts';
import { join, signIn } from './testing/users.ts';

const HOUR_MS = 3_600_000;
const ONCE = SAMPLES.filter(({ endpoint }) => endpoint.idempotencyKey === 'once');

/** Another valid request to the endpoint. */
const OTHER: Readonly<Record<string, (request: AnyRequest) => AnyRequest>> = {
  'operator-tokens.create': (request) => ({ ...request, body: { name: 'Another', scopes: ['all'] } }),
  'licenses.create': withField('max', 6),
  'licenses.rotateKey': withField('overlap_seconds', 60),
  'tenants.create': withField('name', 'Another name'),
  'tenants.invite': withField('role', 'admin'),
  'trial.activate': withField('plan', 'team'),
};

function withField(name: string, value: unknown) {
  return (request: AnyRequest): AnyRequest => ({
    ...request,
    body: { ...Object(request.body), [name]: value },
  });
}

const crashes = openCrashes();
/** Transactions that wrote to a collection. */
let written: Record<string, number> = {};

let clocked: ClockedSuite;
let suite: TestSuite;
let place: Place;
beforeAll(async () => {
  const settings = { TRIALS_PER_DOMAIN: '0', TRIALS_PER_MACHINE: '0' };
  clocked = await openClockedSuite(withCrash, settings);
  suite = clocked.suite;
});
afterAll(() => clocked.close());
beforeEach(async () => {
  crashes.end();
  place = await newPlace(suite);
  written = {};
});

function withCrash(deps: Deps): Deps {
  const { step } = crashes;
  const { seats, seatMaintenance } = deps;
  const records: Records = {
    ...deps.records,
    query: (query, equals, page) => deps.records.query(query, equals, page),
    get: (collection, id) => step(() => deps.records.get(collection, id)),
    create: (collection, id, document) => step(() => deps.records.create(collection, id, document)),
    transact: (work) =>
      step(async () => {
        let sets: string[] = [];
        const result = await deps.records.transact((transaction) => {
          sets = [];
          return work({
            get: (collection, id) => transaction.get(collection, id),
            set(collection, id, document) {
              sets.push(collection.name);
              transaction.set(collection, id, document);
            },
            delete: (collection, id) => transaction.delete(collection, id),
          });
        });
        for (const name of new Set(sets)) written[name] = (written[name] ?? 0) + 1;
        return result;
      }),
  };
  return {
    ...deps,
    records,
    seats: {
      ...seats,
      putLicense: (license, event) => step(() => seats.putLicense(license, event)),
      restore: (lost) => step(() => seats.restore(lost)),
    },
    seatMaintenance: { ...seatMaintenance, probe: (shard) => step(() => seatMaintenance.probe(shard)) },
  };
}

/** Sends the sample request of an endpoint, as a caller who may. */
async function prepare(sample: Sample) {
  const self = await signIn(suite, `${randomUUID()}@gmail.com`);
  const [tenantId = ''] = self.tenants.keys();
  // A trial is for the caller's own tenant.
  const at = sample.action === 'trial.activate' ? { tenantId, owner: self, license: place.license } : place;
  const request = sample.requestIn(await worldFor(suite, sample, at, self));
  const credentials = credentialsFor(suite, sample.endpoint, at, self);
  const send = (key?: string, other: AnyRequest = request): Promise<Reply> =>
    sendTo(suite, sample.endpoint, other, {
      ...credentials,
      headers: key === undefined ? {} : { 'idempotency-key': key },
    });
  const different = OTHER[sample.action];
  if (!different) throw new Error(`add another request for ${sample.action}`);
  return { send, different: different(request) };
}

const answerOf = ({ status, body }: Reply) => ({ status, body });

test('every POST that creates something accepts an Idempotency-Key', () => {
  const without = SAMPLES.filter(
    ({ endpoint: { method, answers, idempotencyKey } }) =>
      method === 'POST' &&
      idempotencyKey === undefined &&
      Object.values(answers).some(({ status }) => status === 201),
  );
  expect(without.map(({ action }) => action).sort()).toEqual([
    // `instance_id` makes its retries safe.
    'acquire.acquire',
    // Creates a page of Stripe, nothing here.
    'checkout.portal',
    // The id of the record makes its retries safe.
    'usage.record',
  ]);
});

describe.each(ONCE.map((sample) => [sample.action, sample] as const))(
  '%s with an Idempotency-Key',
  (_, sample) => {
    test('is done once and answered the same, also for concurrent requests', async () => {
      const { send } = await prepare(sample);
      const key = randomUUID();
      written = {};
      const replies = await Promise.all(Array.from({ length: 5 }, () => send(key)));
      expect(replies[0]?.status, replies[0]?.text).toBeLessThan(300);
      for (const reply of replies) expect(answerOf(reply)).toEqual(answerOf(replies[0] as Reply));
      expect(Math.max(...Object.values(written))).toBe(1);
      clocked.moveClock(1000);
      expect(answerOf(await send(key))).toEqual(answerOf(replies[0] as Reply));
    });

    test('is refused for another request, which is done with another key', async () => {
      const { send, different } = await prepare(sample);
      const key = randomUUID();
      await send(key);
      written = {};
      const reused = await send(key, different);
      expect([reused.status, reused.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
      expect(written).toEqual({});
      expect((await send(randomUUID(), different)).body.code).not.toBe('IDEMPOTENCY_KEY_REUSED');
    });

    test('is done once if the function crashes before or after any call, and answered as if it had not', async () => {
      for (let call = 1; ; call += 1) {
        for (const after of [false, true]) {
          const { send } = await prepare(sample);
          const key = randomUUID();
          crashes.plan(call, after);
          written = {};
          const crashed = await send(key);
          if (!crashes.end()) {
            expect(call).toBeGreaterThanOrEqual(2);
            expect(crashed.status, crashed.text).toBeLessThan(300);
            return;
          }
          expect(crashed.status).toBe(500);
          const retried = await send(key);
          expect(retried.status, retried.text).toBeLessThan(300);
          expect(answerOf(await send(key))).toEqual(answerOf(retried));
          expect(Math.max(...Object.values(written))).toBe(1);
          const { license_key } = retried.body;
          if (license_key) await expectSeat(license_key);
        }
      }
    });

    test('stores neither the key nor the answer in clear', async () => {
      const { send } = await prepare(sample);
      const key = `key-${randomUUID()}`;
      const { body } = await send(key);
      const stored = await Array.fromAsync(eachDocument(suite.deps.records, IDEMPOTENCY_KEYS_BY_END, {}));
      const text = JSON.stringify(
        stored.map(({ sealed, ...rest }) => [rest, sealed, Buffer.from(sealed, 'base64url').toString()]),
      );
      for (const value of [key, ...Object.values(body)]) {
        if (typeof value === 'string' && value.length > 12) expect(text).not.toContain(value);
      }
    });
  },
);

async function expectSeat(key: string): Promise<void> {
  const seat = await suite.call('POST', '/api/v1/licenses/acquire', {
    authorization: `License ${key}`,
    body: { fingerprint: 'laptop' },
  });
  expect(seat.status, seat.text).toBe(201);
}

describe('an Idempotency-Key', () => {
  const create = (key: string, max = 5): Promise<Reply> =>
    suite.call('POST', '/api/v1/licenses', {
      authorization: `Operator ${OPERATOR_KEY}`,
      headers: { 'idempotency-key': key },
      body: { max },
    });

  test('is valid for 24 hours, then deleted', async () => {
    const first = await create('a-day');
    clocked.moveClock(24 * HOUR_MS - 1000);
    expect((await create('a-day')).body).toEqual(first.body);
    clocked.moveClock(1000);
    const second = await create('a-day', 6);
    expect([second.status, second.body.license_id === first.body.license_id]).toEqual([201, false]);
    clocked.moveClock(25 * HOUR_MS);
    await suite.sweep();
    expect(await Array.fromAsync(eachDocument(suite.deps.records, IDEMPOTENCY_KEYS_BY_END, {}))).toEqual([]);
  });

  test('of one caller and endpoint means nothing to another', async () => {
    const [ada, bob] = await Promise.all(
      ['ada', 'bob'].map((name) => signIn(suite, `${name}-${randomUUID()}@gmail.com`)),
    );
    const key = { 'idempotency-key': 'same' };
    const replies = await Promise.all(
      [ada, bob].map((person) => person?.call('POST', '/api/v1/tenants', { name: 'Same' }, key)),
    );
    const ids = replies.map((reply) => reply?.body.tenant_id);
    expect(new Set(ids).size).toBe(2);
    const invited = await ada?.call(
      'POST',
      `/api/v1/tenants/${ids[0]}/invitations`,
      { email: 'carl@example.com', role: 'member' },
      key,
    );
    expect(invited?.status).toBe(201);
  });

  test('of a request that was refused can be used again', async () => {
    const ada = await signIn(suite, `${randomUUID()}@gmail.com`);
    const key = { 'idempotency-key': 'try' };
    const [tenant_id] = ada.tenants.keys();
    const ask = (plan: string) =>
      ada.call(
        'POST',
        '/api/v1/licenses/trial/activate',
        { fingerprint: randomUUID(), plan, tenant_id },
        key,
      );
    expect((await ask('free')).body.code).toBe('PLAN_NOT_FOR_SALE');
    expect((await ask('pro')).status).toBe(201);
  });

  test('returns no stored response to a caller who has lost the permission', async () => {
    const { tenantId } = place;
    const admin = await join(suite, tenantId, `${randomUUID()}@gmail.com`, 'admin');
    const rotate = () =>
      admin.call(
        'POST',
        `/api/v1/licenses/${place.license.licenseId}/rotate-key`,
        {},
        { 'idempotency-key': 'r' },
      );
    expect((await rotate()).status).toBe(200);
    await place.owner.call('DELETE', `/api/v1/tenants/${tenantId}/members/${admin.userId}`);
    expect((await rotate()).body.code).toBe('LICENSE_NOT_FOUND');
  });

  test('puts the stored license back, not the one of the first request, if the seat store was lost in between', async () => {
    const { license_id, license_key } = (await create('restored')).body;
    await suite.operate('PATCH', `/api/v1/licenses/${license_id}`, { status: 'suspended' });
    await clocked.redis.command(['FLUSHALL']);
    expect((await create('restored')).status).toBe(201);
    const seat = await suite.call('POST', '/api/v1/licenses/acquire', {
      authorization: `License ${license_key}`,
      body: { fingerprint: 'laptop' },
    });
    expect(seat.body.code).toBe('LICENSE_SUSPENDED');
  });

  test('gives each request one license, in any order of requests, retries and crashes', async () => {
    const attempt = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      max: fc.constantFrom(1, 2),
      crash: fc.option(fc.record({ call: fc.integer({ min: 1, max: 4 }), after: fc.boolean() }), {
        nil: undefined,
      }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(attempt, { minLength: 2, maxLength: 12 }), async (attempts) => {
        const run = randomUUID();
        const before = await count();
        const known = new Map<string, { max: number; body: unknown }>();
        const committed = new Map<string, number>();
        for (const { key, max, crash } of attempts) {
          if (crash) crashes.plan(crash.call, crash.after);
          written = {};
          const reply = await create(`${run}-${key}`, max);
          crashes.end();
          if (written.licenses) committed.set(key, max);
          const first = committed.get(key);
          if (reply.status === 422) expect(first).toBe(3 - max);
          if (reply.status !== 201) continue;
          expect(first).toBe(max);
          if (known.has(key)) expect(reply.body).toEqual(known.get(key)?.body);
          known.set(key, { max, body: reply.body });
        }
        expect((await count()) - before).toBe(committed.size * 2);
      }),
      { numRuns: runs(8, 200) },
    );

    /** Each license has its own tenant. */
    async function count(): Promise<number> {
      const { records } = suite.deps;
      const licenses = await Array.fromAsync(eachDocument(records, ALL_LICENSES, {}));
      return licenses.length + (await Array.fromAsync(eachDocument(records, ALL_TENANTS, {}))).length;
    }
  });

  test('is refused in another form', async () => {
    for (const key of ['', ' ', 'x'.repeat(256), 'schl\u00fcssel'])
      expect((await create(key)).body.code).toBe('VALIDATION_FAILED');
  });
});
