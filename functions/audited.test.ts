import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Actor } from '../shared/domain/actor.ts';
import type { AuditEvent } from '../shared/domain/audit-chain.ts';
import type { AuditType } from '../shared/domain/audit-event.ts';
import { ACCESS, type Action } from '../shared/domain/authorization.ts';
import { eachDocument } from '../shared/ports/each-document.ts';
import { EVENTS_BY_RECORDING } from '../shared/ports/queries.ts';
import { SAMPLES, type Sample, sendTo } from './testing/sample-requests.ts';
import { credentialsFor, newPlace, type Place, worldFor } from './testing/sample-world.ts';
import { openTestSuite, type TestSuite } from './testing/suite.ts';
import { signIn, type TestUser } from './testing/users.ts';

/** Why a request makes no event. */
type Reason = { readonly none: string };
/** The sample request does not show it; the tests of the endpoint do. */
type Elsewhere = { readonly type: AuditType; readonly because: string };

const OFFERED = 'only the member to whom it is offered can answer';
const reads: Reason = { none: 'changes nothing' };

/**
 * The event of every endpoint, or why it makes none. A new endpoint needs a line here. The sample request of each is sent,
 * and its event must name who sent it and the request.
 */
const EVENTS: Readonly<Record<Action, AuditType | Reason | Elsewhere>> = {
  'acquire.acquire': 'session.acquired',
  'heartbeat.heartbeat': {
    none: 'extends a lease, every few minutes for each program; a revival is an event',
  },
  'release.release': 'session.released',
  'release.end': 'session.released',
  'release.evict': { type: 'session.evicted', because: 'the sample of release.end ends its own session' },
  'sign.sign': 'license.signed',
  'public-key.publicKey': reads,
  'public-key.jwks': reads,
  'public-key.revocations': reads,
  'revocations.list': reads,
  'revocations.revoke': 'signature.revoked',
  'revocations.undo': 'signature.restored',
  'authorize.authorize': { none: 'no user has signed in yet' },
  'callback.callback': { type: 'user.created', because: 'the caller becomes somebody during the request' },
  'token.token': { type: 'user.signed_in', because: 'the caller becomes somebody during the request' },
  'token.revoke': { type: 'user.signed_out', because: 'the token in the body says who signs out' },
  'token.metadata': reads,
  'device.start': { none: 'no user has signed in yet' },
  'device.page': { none: 'no user has signed in yet' },
  'device.decide': { none: 'the sign-in of the device is an event' },
  'users.me': reads,
  'users.list': reads,
  'tenants.create': 'tenant.created',
  'tenants.list': reads,
  'tenants.read': reads,
  'tenants.change': 'tenant.updated',
  'tenants.claimDomain': 'tenant.updated',
  'tenants.verifyDomain': { type: 'domain.claimed', because: 'the domain of the sample is verified' },
  'tenants.releaseDomain': 'tenant.updated',
  'tenants.members': reads,
  'tenants.changeRole': 'member.role_changed',
  'tenants.remove': 'member.removed',
  'tenants.removeOther': 'member.removed',
  'tenants.transfer': 'ownership.offered',
  'tenants.withdrawTransfer': 'ownership.withdrawn',
  'tenants.acceptTransfer': { type: 'ownership.transferred', because: OFFERED },
  'tenants.declineTransfer': { type: 'ownership.declined', because: OFFERED },
  'tenants.invite': 'invitation.created',
  'tenants.invitations': reads,
  'tenants.withdraw': 'invitation.withdrawn',
  'stripe-events.list': reads,
  'stripe-events.retry': 'stripe_event.retried',
  'operator-tokens.create': 'operator_token.created',
  'operator-tokens.list': reads,
  'operator-tokens.read': reads,
  'operator-tokens.revoke': 'operator_token.revoked',
  'tenants.offers': reads,
  'tenants.accept': 'invitation.accepted',
  'tenants.decline': 'invitation.declined',
  'licenses.create': 'license.created',
  'licenses.list': reads,
  'licenses.read': reads,
  'licenses.change': 'license.updated',
  'licenses.rotateKey': 'license.key_rotated',
  'licenses.usage': reads,
  'checkout.plans': reads,
  'checkout.create': 'checkout.created',
  'checkout.portal': { none: 'opens a page of Stripe, which reports what is changed there' },
  'subscriptions.list': reads,
  'subscriptions.holds': reads,
  'subscriptions.lift': 'subscription.hold_lifted',
  'subscriptions.sync': {
    type: 'license.updated',
    because: 'the license of the sample is as Stripe has it; sync.test.ts shows another',
  },
  'subscriptions.preview': { none: 'shows what a change would cost' },
  'subscriptions.change': 'subscription.changed',
  'cancel.cancel': 'subscription.canceled',
  'cancel.undo': 'subscription.kept',
  'cancel.pause': 'subscription.paused',
  'cancel.resume': { type: 'subscription.resumed', because: 'the subscription of the sample is not paused' },
  'stripe-webhook.receive': { none: 'what Stripe reports is recorded when it is fetched, by `stripe`' },
  'trial.activate': 'license.created',
  'usage.record': { none: 'each record of use is a document of its own; a refused one is an event' },
  'usage.totals': reads,
  'usage.records': reads,
  'usage.void': 'usage.voided',
  'usage.errors': reads,
  'sessions.list': reads,
  'sessions.history': reads,
  'audit.list': reads,
  'audit.verify': reads,
  'gdpr-export.person': 'data.exported',
  'gdpr-export.tenant': 'data.exported',
  'gdpr-delete.ask': 'erasure.requested',
  'gdpr-delete.confirm': {
    type: 'erasure.started',
    because: 'the erasure removes who sent it; gdpr-delete/standing.test.ts shows it',
  },
  'health.health': reads,
  'sweep.sweep': { none: 'expired leases are events of the seat store' },
  'record-event.record': { none: 'records the event that another request made' },
};

let suite: TestSuite;
let place: Place;
beforeAll(async () => {
  suite = await openTestSuite({ USAGE_METERS: 'exports', SHARDS: '2' });
  place = await newPlace(suite);
});
afterAll(() => suite.close());

async function eventsOf(requestId: string): Promise<AuditEvent[]> {
  const all = await Array.fromAsync(eachDocument(suite.deps.records, EVENTS_BY_RECORDING, {}));
  return all.filter((event) => event.requestId === requestId);
}

/** Sends the sample request with credentials that it accepts, and returns its events and who sent it. */
async function eventsOfSample(
  sample: Sample,
): Promise<{ events: AuditEvent[]; self: TestUser; world: string }> {
  const self = await signIn(suite, `${sample.action.replace('.', '-')}@${sample.functionName}.example`);
  const world = await worldFor(suite, sample, place, self);
  const { authorization } = credentialsFor(suite, sample.endpoint, place, self);
  const reply = await sendTo(suite, sample.endpoint, sample.requestIn(world), {
    ...(authorization !== undefined && { authorization }),
  });
  expect(reply.status, reply.text).toBeLessThan(300);
  await suite.settle();
  return { events: await eventsOf(reply.headers.get('x-request-id') ?? ''), self, world: world.licenseId };
}

function actorOf({ endpoint }: Sample, self: TestUser): Actor {
  if (endpoint.auth.includes('license')) return { kind: 'license', id: place.license.licenseId };
  if (endpoint.auth.includes('person')) return { kind: 'user', id: self.userId };
  if (endpoint.auth.some((grant) => ['member', 'admin', 'owner'].includes(grant)))
    return { kind: 'user', id: place.owner.userId };
  return { kind: 'operator', id: 'bootstrap' };
}

test('every action has a line that says which event it makes', () => {
  expect(Object.keys(EVENTS).sort()).toEqual(Object.keys(ACCESS).sort());
  for (const [action, event] of Object.entries(EVENTS))
    if (typeof event === 'object' && 'none' in event) expect(event.none.length, action).toBeGreaterThan(9);
});

test('only requests that read make no event without a reason of their own', () => {
  for (const { action, endpoint } of SAMPLES)
    if (EVENTS[action] === reads) expect(endpoint.method, action).toBe('GET');
});

describe.each(
  SAMPLES.flatMap((sample) => {
    const event = EVENTS[sample.action];
    return typeof event === 'string' ? [{ action: sample.action, sample, type: event }] : [];
  }),
)('$action', ({ sample, type }) => {
  test(`records ${type}, with who sent the request and its id`, async () => {
    const { events, self } = await eventsOfSample(sample);
    const event = events.find((each) => each.type === type);
    expect(event?.actor, events.map((each) => each.type).join()).toEqual(actorOf(sample, self));
  });
});

test('names the admin who evicts a session and the request', async () => {
  const { body } = await place.license.acquire('machine to evict');
  const reply = await place.owner.call('DELETE', `/api/v1/licenses/sessions/${body.session_id}`);
  expect(reply.status).toBe(204);
  await suite.settle();
  expect(await eventsOf(reply.headers.get('x-request-id') ?? '')).toMatchObject([
    {
      type: 'session.evicted',
      sessionId: body.session_id,
      actor: { kind: 'user', id: place.owner.userId },
    },
  ]);
});

test('says which fields of a license an update changed, and its new plan and status', async () => {
  const license = await suite.createLicense({ max: 3 });
  const path = `/api/v1/licenses/${license.licenseId}`;
  const reply = await suite.operate('PATCH', path, {
    max: 4,
    plan: 'team',
    status: 'suspended',
  });
  expect(reply.status, reply.text).toBe(200);
  const [event] = await eventsOf(reply.headers.get('x-request-id') ?? '');
  expect(event).toMatchObject({
    type: 'license.updated',
    actor: { kind: 'operator', id: 'bootstrap' },
    detail: { max: 4, plan: 'team', status: 'suspended' },
  });
  expect(event?.detail.fields?.toSorted()).toEqual(expect.arrayContaining(['max', 'plan', 'status']));
  const listed = await suite.operate(
    'GET',
    `/api/v1/audit?license_id=${license.licenseId}&type=license.updated`,
  );
  expect(listed.body.events).toMatchObject([
    { plan: 'team', status: 'suspended', actor: { type: 'operator' } },
  ]);
});
