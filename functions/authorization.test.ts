import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACCESS, type Action, hasScope, SCOPES, type Scope } from '../shared/domain/authorization.ts';
import { INVITATIONS, LICENSES, MEMBERSHIPS, TENANTS } from '../shared/ports/collections.ts';
import { eachDocument } from '../shared/ports/each-document.ts';
import { MEMBERS_OF_TENANT } from '../shared/ports/queries.ts';
import type { AnyRequest, World } from './example.ts';
import { nowhere, partsOf, SAMPLES, type Sample, sendTo } from './testing/sample-requests.ts';
import { newInvitation, newMember, newOperatorToken, worldFor } from './testing/sample-world.ts';
import {
  type CallOptions,
  OPERATOR_KEY,
  openTestSuite,
  type Reply,
  type TestLicense,
  type TestSuite,
} from './testing/suite.ts';
import { join, signIn, type TestUser } from './testing/users.ts';

type Who =
  | 'stranger'
  | 'license'
  | 'outsider'
  | 'member'
  | 'admin'
  | 'owner'
  | 'operator'
  | 'operator signed in'
  | 'operator token';

let suite: TestSuite;
let license: TestLicense;
/** Credentials of an operator token with all scopes. */
let token: string;
const people = new Map<Who, TestUser>();

beforeAll(async () => {
  suite = await openTestSuite({
    OPERATOR_EMAILS: 'olga@vendor.example',
    TRIALS_PER_DOMAIN: '0',
    TRIALS_PER_MACHINE: '0',
    USAGE_METERS: 'exports',
  });
  license = await suite.createLicense({ max: 1000 });
  for (const role of ['owner', 'admin', 'member'] as const) {
    people.set(role, await join(suite, license.tenantId, `${role}@acme.example`, role));
  }
  people.set('outsider', await signIn(suite, 'owner@other.example'));
  people.set('operator signed in', await signIn(suite, 'olga@vendor.example'));
  token = (await newOperatorToken(suite, ['all'])).authorization;
});
afterAll(() => suite.close());

test('the table has a line for every endpoint, and no unused lines', () => {
  const read = SAMPLES.map(({ action }) => action);
  const internal: Action[] = ['release.evict', 'tenants.removeOther'];
  expect([...read, ...internal].sort()).toEqual(Object.keys(ACCESS).sort());
  for (const { action, endpoint } of SAMPLES) expect(endpoint.auth, action).toBe(ACCESS[action]);
});

const WHO: readonly Who[] = [
  'stranger',
  'license',
  'outsider',
  'member',
  'admin',
  'owner',
  'operator',
  'operator signed in',
  'operator token',
];
/** Endpoints that are not about a tenant, or whose callers are tested elsewhere. */
const NOT_ABOUT_TENANTS = new Set<Action>([
  'authorize.authorize',
  'callback.callback',
  'token.token',
  'token.revoke',
  'token.metadata',
  'device.start',
  'device.page',
  'device.decide',
  'public-key.publicKey',
  'public-key.jwks',
  'public-key.revocations',
  'checkout.plans',
  'stripe-webhook.receive',
  'health.health',
  'sweep.sweep',
  'record-event.record',
  // Only the caller who requested the erasure can confirm it.
  'gdpr-delete.confirm',
]);
const ABOUT_TENANTS = SAMPLES.filter(({ action }) => !NOT_ABOUT_TENANTS.has(action));

/** All allowed callers, written out: the test must not read the table that it tests, nor the order of roles. */
const ALLOWED = {
  'acquire.acquire': 'license member admin owner',
  'heartbeat.heartbeat': 'license member admin owner',
  'release.release': 'license member admin owner',
  'release.end': 'license member admin owner operator',
  'sign.sign': 'license member admin owner',
  'revocations.list': 'operator',
  'revocations.revoke': 'operator',
  'revocations.undo': 'operator',
  'users.me': 'member admin owner',
  'users.list': 'operator',
  'tenants.create': 'member admin owner operator',
  'tenants.list': 'member admin owner operator',
  'tenants.read': 'member admin owner operator',
  'tenants.change': 'owner operator',
  'tenants.claimDomain': 'owner operator',
  'tenants.verifyDomain': 'owner operator',
  'tenants.releaseDomain': 'owner operator',
  'tenants.members': 'admin owner operator',
  'tenants.changeRole': 'owner operator',
  // The sample removes another member. The tests of tenants show that members can remove themselves.
  'tenants.remove': 'admin owner operator',
  'tenants.transfer': 'owner operator',
  'tenants.withdrawTransfer': 'owner operator',
  // Of these, only the one to whom the ownership is offered.
  'tenants.acceptTransfer': 'member admin owner',
  'tenants.declineTransfer': 'member admin owner',
  'tenants.invite': 'admin owner operator',
  'tenants.invitations': 'admin owner operator',
  'tenants.withdraw': 'admin owner operator',
  'tenants.offers': 'member admin owner',
  // Of these, only the one who is invited.
  'tenants.accept': 'member admin owner',
  'tenants.decline': 'member admin owner',
  'licenses.create': 'operator',
  'licenses.list': 'admin owner operator',
  'licenses.read': 'admin owner operator',
  'licenses.change': 'operator',
  'licenses.rotateKey': 'admin owner operator',
  'licenses.usage': 'admin owner operator',
  'checkout.create': 'admin owner operator',
  'checkout.portal': 'admin owner operator',
  'subscriptions.list': 'admin owner operator',
  'subscriptions.holds': 'operator',
  'subscriptions.lift': 'operator',
  'subscriptions.sync': 'operator',
  'subscriptions.preview': 'admin owner operator',
  'subscriptions.change': 'admin owner operator',
  'cancel.cancel': 'admin owner operator',
  'cancel.undo': 'admin owner operator',
  'cancel.pause': 'operator',
  'cancel.resume': 'operator',
  'trial.activate': 'member admin owner',
  'usage.record': 'license member admin owner',
  'usage.totals': 'admin owner operator',
  'usage.records': 'admin owner operator',
  'usage.void': 'operator',
  'usage.errors': 'operator',
  'sessions.list': 'admin owner operator',
  'sessions.history': 'admin owner operator',
  'audit.list': 'admin owner operator',
  'audit.verify': 'admin owner operator',
  'stripe-events.list': 'operator',
  'stripe-events.retry': 'operator',
  'operator-tokens.create': 'operator',
  'operator-tokens.list': 'operator',
  'operator-tokens.read': 'operator',
  'operator-tokens.revoke': 'operator',
  'gdpr-export.person': 'member admin owner',
  'gdpr-export.tenant': 'owner operator',
  'gdpr-delete.ask': 'member admin owner operator',
} as const satisfies Partial<Record<Action, string>>;

test('expects a result for exactly the endpoints of the matrix', () => {
  expect(Object.keys(ALLOWED).toSorted()).toEqual(ABOUT_TENANTS.map(({ action }) => action).toSorted());
});

describe.each(ABOUT_TENANTS)('$action', (sample) => {
  const { action } = sample;
  test.each(WHO)('allows or forbids %s in their own tenant as expected', async (who) => {
    const allowed = isAllowed(action as keyof typeof ALLOWED, who);
    const own = await (allowed ? ownWorld(sample, who) : sharedWorld(sample, await tenantOf(who)));
    const reply = await ask(sample, own, who);
    const message = `${who}: ${reply.status} ${reply.text}`;
    // The ownership cannot be offered to somebody who has it.
    if (reply.body?.code === 'TRANSFER_NOT_FOUND') expect([allowed, isOwner(who)]).toEqual([true, true]);
    else if (allowed) expect(reply.status, message).toBeLessThan(300);
    else expect([401, 403], message).toContain(reply.status);
  });

  test.each(WHO.filter((who) => !who.startsWith('operator')))(
    'returns the same to %s in another tenant as for unknown ids, and changes nothing',
    async (who) => {
      if (!namesSomething(sample)) return;
      const foreign = await foreignWorld(sample);
      const before = await stateOf(foreign);
      const [existing, unknown] = [await ask(sample, foreign, who), await ask(sample, nowhere(), who)];
      const message = `${who}: ${existing.status} ${existing.text} / ${unknown.status} ${unknown.text}`;
      expect(comparable(existing), message).toEqual(comparable(unknown));
      expect(await stateOf(foreign), message).toEqual(before);
    },
  );
});

/** What every action of operators needs, written out. */
const SCOPE_OF = {
  'release.end': 'release:write',
  'users.list': 'users:read',
  'tenants.create': 'tenants:write',
  'tenants.list': 'tenants:read',
  'tenants.read': 'tenants:read',
  'tenants.change': 'tenants:write',
  'tenants.members': 'tenants:read',
  'tenants.changeRole': 'tenants:write',
  'tenants.remove': 'tenants:write',
  'tenants.claimDomain': 'tenants:write',
  'tenants.verifyDomain': 'tenants:write',
  'tenants.releaseDomain': 'tenants:write',
  'tenants.transfer': 'tenants:write',
  'tenants.withdrawTransfer': 'tenants:write',
  'tenants.invite': 'tenants:write',
  'tenants.invitations': 'tenants:read',
  'tenants.withdraw': 'tenants:write',
  'licenses.create': 'licenses:write',
  'licenses.list': 'licenses:read',
  'licenses.read': 'licenses:read',
  'licenses.change': 'licenses:write',
  'licenses.rotateKey': 'licenses:write',
  'licenses.usage': 'licenses:read',
  'checkout.create': 'checkout:write',
  'checkout.portal': 'checkout:write',
  'subscriptions.list': 'subscriptions:read',
  'subscriptions.holds': 'subscriptions:read',
  'subscriptions.lift': 'subscriptions:write',
  'subscriptions.sync': 'subscriptions:write',
  'subscriptions.preview': 'subscriptions:write',
  'subscriptions.change': 'subscriptions:write',
  'cancel.cancel': 'cancel:write',
  'cancel.undo': 'cancel:write',
  'cancel.pause': 'cancel:write',
  'cancel.resume': 'cancel:write',
  'usage.totals': 'usage:read',
  'usage.records': 'usage:read',
  'usage.void': 'usage:write',
  'usage.errors': 'usage:read',
  'sessions.list': 'sessions:read',
  'sessions.history': 'sessions:read',
  'audit.list': 'audit:read',
  'audit.verify': 'audit:read',
  'revocations.list': 'revocations:read',
  'revocations.revoke': 'revocations:write',
  'revocations.undo': 'revocations:write',
  'stripe-events.list': 'stripe-events:read',
  'stripe-events.retry': 'stripe-events:write',
  'operator-tokens.create': 'operator-tokens:write',
  'operator-tokens.list': 'operator-tokens:read',
  'operator-tokens.read': 'operator-tokens:read',
  'operator-tokens.revoke': 'operator-tokens:write',
  'gdpr-export.tenant': 'gdpr-export:read',
  'gdpr-delete.ask': 'gdpr-delete:write',
  'gdpr-delete.confirm': 'gdpr-delete:write',
  'health.health': 'health:read',
} as const satisfies Partial<Record<Action, Scope>>;

describe.each(SAMPLES.filter(({ endpoint }) => endpoint.auth.includes('operator')))(
  'a token at $action',
  (sample) => {
    const scope = SCOPE_OF[sample.action as keyof typeof SCOPE_OF];
    const withScopes = async (scopes: readonly string[]): Promise<Reply> => {
      const { authorization } = await newOperatorToken(suite, scopes);
      // Ids of nothing suffice: scopes are checked before the request is.
      const request =
        sample.action === 'operator-tokens.create'
          ? { body: { name: 'Test', scopes: [scope] } }
          : sample.requestIn(nowhere());
      return sendTo(suite, sample.endpoint, request, { authorization });
    };

    test('needs its scope, or a group that contains it', async () => {
      const groups = scope.endsWith(':read') ? ['read', 'all'] : ['all'];
      for (const held of [scope, ...groups]) {
        const { status, text } = await withScopes([held]);
        expect([401, 403], `${held}: ${status} ${text}`).not.toContain(status);
      }
    });

    test('is refused with all other scopes', async () => {
      const others = SCOPES.filter((other) => other !== scope);
      const reply = await withScopes(scope.endsWith(':read') ? others : [...others, 'read']);
      expect(reply.body).toMatchObject({ status: 403, code: 'INSUFFICIENT_SCOPE', scopes: [scope] });
      expect(reply.headers.get('www-authenticate')).toContain('error="insufficient_scope"');
    });
  },
);

test('no scope contains another, and unknown ones contain nothing', () => {
  for (const held of SCOPES) expect(SCOPES.filter((scope) => hasScope([held], scope))).toEqual([held]);
  for (const held of ['', 'licenses', 'licenses:', ':read', '*', 'write', 'constructor'])
    expect(SCOPES.filter((scope) => hasScope([held], scope))).toEqual([]);
  for (const group of ['read', 'all']) expect(hasScope(SCOPES, group)).toBe(false);
});

test('lets operators into every tenant, with the key and signed in', async () => {
  const sample = sampleOf('licenses.read');
  const foreign = await worldIn((await suite.createLicense({ max: 10 })).tenantId, sample);
  for (const who of ['operator', 'operator signed in', 'operator token'] as const) {
    const reply = await ask(sample, foreign, who);
    expect(reply.status).toBe(200);
  }
});

test('accepts only the tokens of Google Cloud at the endpoints for its services', async () => {
  for (const action of ['sweep.sweep', 'record-event.record'] as const) {
    for (const who of WHO) {
      const reply = await ask(sampleOf(action), nowhere(), who, 'unguarded');
      expect([401, 403], `${action} as ${who}: ${reply.text}`).toContain(reply.status);
    }
  }
});

function sampleOf(action: Action): Sample {
  const found = SAMPLES.find((candidate) => candidate.action === action);
  if (!found) throw new Error(`no endpoint ${action}`);
  return found;
}

/** Whether the action is allowed in the caller's own tenant. The outsider and the signed-in operator own a tenant. */
function isAllowed(action: keyof typeof ALLOWED, who: Who): boolean {
  const roles = {
    outsider: ['owner'],
    'operator signed in': ['operator', 'owner'],
    'operator token': ['operator'],
  };
  const held: readonly string[] = who in roles ? roles[who as keyof typeof roles] : [who];
  return ALLOWED[action].split(' ').some((caller) => held.includes(caller));
}

function isOwner(who: Who): boolean {
  return ['owner', 'outsider', 'operator signed in'].includes(who);
}

/** Operator key and token have no tenant of their own, so they use the shared one. */
async function tenantOf(who: Who): Promise<string> {
  const person = people.get(who);
  const [own] = person && who !== 'member' && who !== 'admin' && who !== 'owner' ? person.tenants.keys() : [];
  return own ?? license.tenantId;
}

async function worldIn(tenantId: string, sample: Sample): Promise<World> {
  const isShared = tenantId === license.tenantId;
  const usedLicense = isShared ? license : await suite.createLicense({ tenant_id: tenantId, max: 1000 });
  const world = await worldFor(suite, sample, { tenantId, license: usedLicense });
  // The user to be erased, if an operator requests it.
  return sample.action === 'gdpr-delete.ask'
    ? { ...world, userId: (await newMember(suite, tenantId)).userId }
    : world;
}

/** A world in the caller's own tenant. If the endpoint accepts only the caller's sessions, it has one. */
async function ownWorld(sample: Sample, who: Who): Promise<World> {
  const tenantId = await tenantOf(who);
  const world = await worldIn(tenantId, sample);
  const person = people.get(who);
  if (person && sample.endpoint.path.startsWith('/api/v1/invitations/'))
    return { ...world, invitationId: await newInvitation(suite, tenantId, person.email) };
  if (person && sample.endpoint.path.includes('/transfer/') && !isOwner(who))
    await suite.operate('POST', `/api/v1/tenants/${tenantId}/transfer`, { user_id: person.userId });
  if (!NAMES_OWN_SESSION.has(sample.action) || !person?.tenants.has(tenantId)) return world;
  const { body } = await person.call('POST', '/api/v1/licenses/acquire', {
    fingerprint: `own ${Math.random()}`,
    license_id: world.licenseId,
  });
  return { ...world, sessionId: body.session_id, sessionToken: body.session_token };
}

const NAMES_OWN_SESSION = new Set<Action>(['heartbeat.heartbeat', 'release.release', 'sign.sign']);
const sharedWorlds = new Map<string, Promise<World>>();

/** Refused requests change nothing, so all of them use the same world. */
function sharedWorld(sample: Sample, tenantId: string): Promise<World> {
  const key = `${sample.action} ${tenantId}`;
  const world = sharedWorlds.get(key) ?? worldIn(tenantId, sample);
  sharedWorlds.set(key, world);
  return world;
}

async function foreignWorld(sample: Sample): Promise<World> {
  foreignTenant ??= suite.createLicense({ max: 10 });
  return sharedWorld(sample, (await foreignTenant).tenantId);
}
let foreignTenant: Promise<TestLicense> | undefined;

function credentials(who: Who): string | undefined {
  if (who === 'stranger') return undefined;
  if (who === 'license') return `License ${license.key}`;
  if (who === 'operator') return `Operator ${OPERATOR_KEY}`;
  if (who === 'operator token') return token;
  return people.get(who)?.authorization;
}

/** Sends the sample request with the ids of `world`. */
async function ask(sample: Sample, world: World, who: Who, door?: CallOptions['door']): Promise<Reply> {
  const authorization = credentials(who);
  const request = sample.action === 'gdpr-delete.ask' ? erasureBy(who, world) : sample.requestIn(world);
  const reply = await sendTo(suite, sample.endpoint, request, {
    ...(authorization === undefined ? {} : { authorization }),
    ...(door === undefined ? {} : { door }),
  });
  if (sample.action === 'tenants.create') await removeMembership(who, reply);
  if (sample.action === 'tenants.acceptTransfer') await handBack(world, reply);
  // Only operators can withdraw what an operator offered.
  if (sample.action === 'tenants.transfer' && reply.status === 200)
    await suite.operate('DELETE', `/api/v1/tenants/${world.tenantId}/transfer`);
  return reply;
}

/** The erasure that each kind of caller can request. */
function erasureBy(who: Who, { tenantId, userId }: World): AnyRequest {
  if (who.startsWith('operator')) return { body: { user_id: userId } };
  // Members and admins request their own erasure. Owners and callers in a foreign tenant request that of the tenant.
  const isOwn = people.get(who)?.tenants.has(tenantId) ?? false;
  return { body: isOwn && (who === 'member' || who === 'admin') ? {} : { tenant_id: tenantId } };
}

const IDS = ['tenantId', 'licenseId', 'boughtId', 'sessionId', 'userId', 'invitationId'] as const;

function namesSomething(sample: Sample): boolean {
  const parts = partsOf(sample);
  return IDS.some((id) => parts.has(id));
}

/** Removes the user from the created tenant: a user can only belong to a limited number of tenants. */
async function removeMembership(who: Who, reply: Reply): Promise<void> {
  const person = people.get(who);
  if (reply.status === 201 && person) {
    const { tenant_id } = reply.body;
    await suite.deps.records.transact(async (transaction) => {
      transaction.delete(MEMBERSHIPS, `${tenant_id}:${person.userId}`);
    });
  }
}

/** Gives the ownership back, and the member their role. */
async function handBack({ tenantId }: World, { status, body }: Reply): Promise<void> {
  const owner = people.get('owner');
  if (status !== 200 || !owner) return;
  const path = `/api/v1/tenants/${tenantId}`;
  await suite.operate('POST', `${path}/transfer`, { user_id: owner.userId });
  await owner.call('POST', `${path}/transfer/accept`);
  const role = body.owner_id === people.get('member')?.userId ? 'member' : 'admin';
  await suite.operate('PATCH', `${path}/members/${body.owner_id}`, { role });
}

/** What a request from outside the tenant must not change. */
async function stateOf({ tenantId, licenseId, invitationId }: World): Promise<unknown> {
  const { records, seats } = suite.deps;
  return {
    tenant: await records.get(TENANTS, tenantId),
    members: await Array.fromAsync(eachDocument(records, MEMBERS_OF_TENANT, { tenantId })),
    invitation: await records.get(INVITATIONS, invitationId),
    license: await records.get(LICENSES, licenseId),
    seats: await seats.listSeats(licenseId, { limit: 10 }),
  };
}

/** An answer without the parts that differ between requests. */
function comparable({ status, body }: Reply): unknown {
  const { request_id: _, ...rest } = body ?? {};
  return { status, rest };
}
