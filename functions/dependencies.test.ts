import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROLES } from '../shared/domain/authorization.ts';
import { beginErasure } from '../shared/domain/erasure.ts';
import { newOperatorToken, newPersonalId, newSessionId } from '../shared/domain/ids.ts';
import type { EndpointContract, FunctionContract } from '../shared/http/contract.ts';
import { dependenciesOf } from '../shared/http/dependencies.ts';
import { ERASURES, SUBSCRIPTIONS } from '../shared/ports/collections.ts';
import type { Deps } from '../shared/ports/deps.ts';
import { DEPENDENCIES, type Dependency } from '../shared/settings.ts';
import { recordLoan } from '../shared/use-cases/loans.ts';
import { MANIFEST } from './manifest.ts';
import { buySeats, withoutStripeEvents } from './testing/purchases.ts';
import { SAMPLES, sendTo } from './testing/sample-requests.ts';
import { newMember, newPlace, type Place, worldFor } from './testing/sample-world.ts';
import { OPERATOR_KEY, openTestSuite, type TestSuite } from './testing/suite.ts';
import type { TestUser } from './testing/users.ts';

const FUNCTIONS: readonly FunctionContract[] = MANIFEST;

/** The dependencies that each function has read. */
const read = new Map<string, Set<string>>();
const watchedDeps = new Map<string, Deps>();
let suite: TestSuite;
let calls = 0;

beforeAll(async () => {
  suite = await openTestSuite({ USAGE_METERS: 'exports', FORWARDED_HOPS: '2' }, undefined, {
    redisWithinMs: 10_000,
    // So that no wrong operator key is refused uncompared.
    edge: { addressOf: () => `198.51.100.${calls++}` },
    depsOf({ name }, deps) {
      const watched = watchedDeps.get(name) ?? watch(name, deps);
      watchedDeps.set(name, watched);
      return watched;
    },
  });
  const place = await newPlace(suite);
  await loseLoan(place);
  for (const sample of SAMPLES) {
    const self = await newMember(suite, place.tenantId);
    for (const authorization of credentialsOf(sample.endpoint, place, self)) {
      const world = await worldFor(suite, sample, place, self);
      await sendTo(suite, sample.endpoint, sample.requestIn(world), authorization);
    }
  }
  await readTheRest(place);
  // It sends each endpoint a request for each kind of credentials, one after the other.
}, 120_000);
afterAll(() => suite.close());

/** The records have a loan that the seat store has lost: a sweep restores it. */
async function loseLoan({ license: { licenseId } }: Place): Promise<void> {
  const nowMs = suite.deps.clock.nowMs();
  const names = { sessionId: newSessionId(licenseId), kind: 'loan', holder: 'h', machine: 'm' } as const;
  const times = { acquiredAtMs: nowMs, expiresAtMs: nowMs + 3_600_000 };
  await recordLoan({ ...names, ...times, facts: { fingerprint: 'f' } }, suite.deps);
}

/** Sends what the samples do not: requests in which functions read further dependencies. */
async function readTheRest({ tenantId, owner }: Place): Promise<void> {
  const { records } = suite.deps;
  const erasureId = newPersonalId('era');
  const { userId, tenants } = await newMember(suite, tenantId);
  const goingIds = [...tenants.keys()].filter((id) => id !== tenantId);
  const interrupted = beginErasure(erasureId, { userId, searchedIds: [tenantId], goingIds }, 0);
  await records.create(ERASURES, erasureId, interrupted);
  await suite.sweep();

  await suite.call('POST', '/api/v1/licenses', {
    authorization: `Operator ${OPERATOR_KEY}`,
    headers: { 'idempotency-key': 'key' },
    body: { max: 1 },
  });
  const ofNewTenant = await suite.createLicense({ borrow: { max_days: 1 } });
  await ofNewTenant.acquire('field-laptop', { borrow_days: 1 });
  await buySeats(suite, { tenantId: ofNewTenant.tenantId });
  const { body } = await suite.operate('POST', '/api/v1/gdpr/delete', { tenant_id: ofNewTenant.tenantId });
  const { confirmation_token } = body;
  await suite.operate('DELETE', '/api/v1/gdpr/delete', { confirmation_token });
  await endWithUsage();
  await noticeReview(tenantId);
  await sweepSubscription(tenantId);
  const forOperators = [
    '/health?deep=1',
    '/api/v1/revocations',
    '/api/v1/operator-tokens',
    '/api/v1/stripe-events',
  ];
  for (const path of forOperators) await suite.call('GET', path, { authorization: owner.authorization });
}

/** What ends a subscription sends the usage of its tenant first: a request, and an erasure. */
async function endWithUsage(): Promise<void> {
  const license_id = await licenseWithUsage();
  await suite.operate('POST', '/api/v1/subscriptions/cancel', { license_id, when: 'now' });
  const paying = await suite.operate('GET', `/api/v1/licenses/${await licenseWithUsage()}`);
  const { tenant_id } = paying.body;
  const { body } = await suite.operate('POST', '/api/v1/gdpr/delete', { tenant_id });
  const { confirmation_token } = body;
  await suite.operate('DELETE', '/api/v1/gdpr/delete', { confirmation_token });
}

/** Seats outside the range of their plan are an event, published by each function that reads the subscription. */
async function noticeReview(tenantId: string): Promise<void> {
  const { subscriptionId, licenseId } = await buySeats(suite, { tenantId });
  await withoutStripeEvents(suite, () => suite.stripe.changeSeats(subscriptionId, 51));
  await suite.operate('POST', `/api/v1/subscriptions/${licenseId}/preview`, { seats: 5 });
  await suite.operate('POST', '/api/v1/subscriptions/cancel', { license_id: licenseId });
}

/** A subscription that is due to be fetched, although no event arrived. */
async function sweepSubscription(tenantId: string): Promise<void> {
  const { subscriptionId } = await buySeats(suite, { tenantId });
  await suite.deps.records.transact(async (transaction) => {
    const due = await transaction.get(SUBSCRIPTIONS, subscriptionId);
    if (due) transaction.set(SUBSCRIPTIONS, subscriptionId, { ...due, lookAtMs: 0 });
  });
  await suite.sweep();
}

/** A paid license with usage that was not sent to Stripe. */
async function licenseWithUsage(): Promise<string> {
  const { licenseId, key, acquire } = await buySeats(suite);
  const { session_id, session_token } = (await acquire('laptop')).body;
  const use = { session_id, session_token, id: 'use', meter: 'exports', quantity: 1 };
  await suite.call('POST', '/api/v1/usage/record', { authorization: `License ${key}`, body: use });
  return licenseId;
}

function watch(functionName: string, deps: Deps): Deps {
  const names = new Set<string>();
  read.set(functionName, names);
  const properties = Object.entries(deps).map(([name, value]) => {
    const get = (): unknown => {
      names.add(name);
      return value;
    };
    return [name, { get, enumerable: true }] as const;
  });
  return Object.defineProperties({}, Object.fromEntries(properties)) as Deps;
}

/** One of each kind that the endpoint accepts. */
function credentialsOf(
  { auth }: EndpointContract,
  { license, owner }: Place,
  self: TestUser,
): { readonly authorization?: string }[] {
  const kinds: readonly (readonly [boolean, () => string])[] = [
    [auth.includes('license'), () => `License ${license.key}`],
    [auth.includes('person'), () => self.authorization],
    [ROLES.some((role) => auth.includes(role)), () => owner.authorization],
    ...(['scheduler', 'pubsub'] as const).map(
      (service) => [auth.includes(service), () => `Bearer ${suite.serviceToken(service)}`] as const,
    ),
    [auth.includes('operator'), () => `Operator ${OPERATOR_KEY}`],
    [auth.includes('operator'), () => `Operator ${newOperatorToken(newPersonalId('opt'))}`],
    [auth.includes('operator'), () => 'Operator wrong'],
  ];
  const accepted = kinds.flatMap(([isAccepted, make]) => (isAccepted ? [{ authorization: make() }] : []));
  return auth.includes('anyone') || accepted.length === 0 ? [...accepted, {}] : accepted;
}

test.each(FUNCTIONS.map((contract) => [contract.name, contract] as const))(
  '%s reads every dependency that its contract names, and no other',
  (name, contract) => {
    const own = [...(read.get(name) ?? [])].filter((each) => DEPENDENCIES.has(each as Dependency));
    expect(own.toSorted()).toEqual([...dependenciesOf(contract)].toSorted());
    const faults = suite.logged.filter((line) => line.function === name && line.code === 'INTERNAL');
    expect(faults.map(({ because }) => because)).toEqual([]);
  },
);

test.each(FUNCTIONS.map((contract) => [contract.name, contract] as const))(
  '%s has roles on exactly the services that its dependencies call',
  (_, contract) => {
    const own = dependenciesOf(contract);
    const services = SERVICES.filter(([, ...names]) => names.some((name) => own.has(name)));
    const granted = contract.roles.map((role) => role.replace(/^roles\/|\..*$/g, ''));
    expect(new Set(granted)).toEqual(new Set(services.map(([service]) => service)));
  },
);

/** The services of Google Cloud that functions need a role for, and the dependencies that call them. */
const SERVICES: readonly (readonly [service: string, ...Dependency[]])[] = [
  ['datastore', 'records', 'seats'],
  ['pubsub', 'events'],
  ['cloudkms', 'signer'],
];
