import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACCESS, type Action, type Grant } from '../shared/domain/authorization.ts';
import { newLicenseId, newPersonalId, newSessionId, newTenantId } from '../shared/domain/ids.ts';
import type { EndpointContract, FunctionContract } from '../shared/http/contract.ts';
import { INVITATIONS, LICENSES, MEMBERSHIPS, TENANTS } from '../shared/ports/collections.ts';
import { eachDocument } from '../shared/ports/each-document.ts';
import { MEMBERS_OF_TENANT } from '../shared/ports/queries.ts';
import { MANIFEST } from './manifest.ts';
import { signIn, type TestPerson } from './testing/people.ts';
import { beginPurchase } from './testing/purchases.ts';
import {
  OPERATOR_KEY,
  openTestSuite,
  type Reply,
  type TestLicense,
  type TestSuite,
} from './testing/suite.ts';

const FUNCTIONS: readonly FunctionContract[] = MANIFEST;
const ENDPOINTS = FUNCTIONS.flatMap(({ name, endpoints }) =>
  Object.entries(endpoints).map(([key, endpoint]) => ({ action: `${name}.${key}` as Action, endpoint })),
);

/** A tenant with everything in it that an id can name. */
interface World {
  readonly tenantId: string;
  readonly licenseId: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly invitationId: string;
}

type Who =
  | 'stranger'
  | 'license'
  | 'outsider'
  | 'member'
  | 'admin'
  | 'owner'
  | 'operator'
  | 'operator signed in';

let suite: TestSuite;
let license: TestLicense;
const people = new Map<Who, TestPerson>();

beforeAll(async () => {
  suite = await openTestSuite({
    OPERATOR_EMAILS: 'olga@vendor.example',
    TRIALS_PER_DOMAIN: '0',
    USAGE_METERS: 'exports',
  });
  license = await suite.createLicense({ max: 1000 });
  for (const role of ['owner', 'admin', 'member'] as const) {
    await invite(license.tenantId, `${role}@acme.example`, role);
    people.set(role, await signIn(suite, `${role}@acme.example`));
  }
  people.set('outsider', await signIn(suite, 'owner@other.example'));
  people.set('operator signed in', await signIn(suite, 'olga@vendor.example'));
});
afterAll(() => suite.close());

test('every endpoint has its line in the table, and the table no line that nothing reads', () => {
  const read = ENDPOINTS.map(({ action }) => action);
  const inside: Action[] = ['release.evict', 'tenants.removeOther'];
  expect([...read, ...inside].sort()).toEqual(Object.keys(ACCESS).sort());
  for (const { action, endpoint } of ENDPOINTS) expect(endpoint.auth, action).toBe(ACCESS[action]);
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
];
/** Endpoints that are about nobody's tenant, or of which a test of their own tries who may call. */
const NOT_ABOUT_TENANTS = new Set<Action>([
  'login.google',
  'callback.callback',
  'token.token',
  'token.signOut',
  'public-key.publicKey',
  'public-key.jwks',
  'checkout.plans',
  'stripe-webhook.receive',
  'health.health',
  'sweep.sweep',
  'record-event.record',
  // Whoever asked, by a token that says so.
  'gdpr-delete.confirm',
]);
const ABOUT_TENANTS = ENDPOINTS.filter(({ action }) => !NOT_ABOUT_TENANTS.has(action));

describe.each(ABOUT_TENANTS)('$action', ({ action, endpoint }) => {
  test.each(WHO)('as %s in the own tenant: as the table says', async (who) => {
    const own = await fill(await tenantOf(who), action);
    const reply = await ask(endpoint, action, own, who);
    const told = `${who}: ${reply.status} ${reply.text}`;
    // Others are removed here; that everybody may remove themselves is told in the tenants' own tests.
    const grants = ACCESS[action === 'tenants.remove' ? 'tenants.removeOther' : action];
    if (isAllowed(grants, who)) expect(reply.status, told).toBeLessThan(300);
    else expect([401, 403], told).toContain(reply.status);
  });

  test.each(WHO.filter((who) => !who.startsWith('operator')))(
    'as %s in a stranger’s tenant: nothing, and the same as where there is nothing',
    async (who) => {
      if (!namesSomething(endpoint, action)) return;
      const foreign = await foreignWorld(action);
      const before = await stateOf(foreign);
      const [theirs, unknown] = [
        await ask(endpoint, action, foreign, who),
        await ask(endpoint, action, nowhere(), who),
      ];
      const told = `${who}: ${theirs.status} ${theirs.text} / ${unknown.status} ${unknown.text}`;
      expect(comparable(theirs), told).toEqual(comparable(unknown));
      expect(await stateOf(foreign), told).toEqual(before);
    },
  );
});

test('an operator reaches every tenant, by key and signed in', async () => {
  const foreign = await fill((await suite.createLicense({ max: 10 })).tenantId, 'licenses.read');
  for (const who of ['operator', 'operator signed in'] as const) {
    const reply = await ask(endpointOf('licenses.read'), 'licenses.read', foreign, who);
    expect(reply.status).toBe(200);
  }
});

test('services of the cloud are let in by their own tokens alone', async () => {
  for (const action of ['sweep.sweep', 'record-event.record'] as const) {
    const endpoint = endpointOf(action);
    // The operator key may sweep by hand.
    for (const who of WHO.filter((other) => other !== 'operator')) {
      const reply = await ask(endpoint, action, nowhere(), who);
      expect([401, 403], `${action} as ${who}: ${reply.text}`).toContain(reply.status);
    }
  }
});

function endpointOf(action: Action): EndpointContract {
  const found = ENDPOINTS.find((candidate) => candidate.action === action);
  if (!found) throw new Error(`no endpoint ${action}`);
  return found.endpoint;
}

/** What the table says of a caller in their own tenant. */
function isAllowed(grants: readonly Grant[], who: Who): boolean {
  const held: Record<Who, readonly Grant[]> = {
    stranger: ['anyone'],
    license: ['license'],
    outsider: ['person', 'member', 'admin', 'owner'],
    member: ['person', 'member'],
    admin: ['person', 'member', 'admin'],
    owner: ['person', 'member', 'admin', 'owner'],
    operator: ['operator'],
    'operator signed in': ['operator', 'person', 'member', 'admin', 'owner'],
  };
  return held[who].some((grant) => grants.includes(grant));
}

/** Operators by key have none of their own: any is theirs. */
async function tenantOf(who: Who): Promise<string> {
  const person = people.get(who);
  const [own] = person && who !== 'member' && who !== 'admin' && who !== 'owner' ? person.tenants.keys() : [];
  return own ?? license.tenantId;
}

/** New things in the tenant for one request, which may use them up; of what it does not name, ids alone. */
async function fill(tenantId: string, action: Action): Promise<World> {
  // Others go on using the key of the one that there is.
  const isThere = tenantId === license.tenantId && action !== 'licenses.rotateKey';
  const created = isThere ? license : await suite.createLicense({ tenant_id: tenantId, max: 1000 });
  const { session_id } = (await created.acquire(`machine ${Math.random()}`)).body;
  const { userId, invitationId } = nowhere();
  const namesMember = [
    'tenants.changeRole',
    'tenants.remove',
    'tenants.transfer',
    'gdpr-delete.ask',
  ].includes(action);
  return {
    tenantId,
    licenseId: created.licenseId,
    sessionId: session_id,
    userId: namesMember ? await newMember(tenantId) : userId,
    invitationId: action === 'tenants.withdraw' ? await newInvitation(tenantId) : invitationId,
  };
}

const foreignWorlds = new Map<Action, Promise<World>>();

/** Nobody can change it, so that one does for all. */
function foreignWorld(action: Action): Promise<World> {
  const world =
    foreignWorlds.get(action) ??
    suite.createLicense({ max: 10 }).then(({ tenantId }) => fill(tenantId, action));
  foreignWorlds.set(action, world);
  return world;
}

function nowhere(): World {
  const tenantId = newTenantId(16);
  const licenseId = newLicenseId(tenantId);
  return {
    tenantId,
    licenseId,
    sessionId: newSessionId(licenseId),
    userId: newPersonalId('usr'),
    invitationId: newPersonalId('inv'),
  };
}

/** A member who can be removed, made admin or owner without harm to the others. */
async function newMember(tenantId: string): Promise<string> {
  const email = `spare${Math.random()}@example.com`;
  await invite(tenantId, email, 'member');
  return (await signIn(suite, email)).userId;
}

async function newInvitation(tenantId: string): Promise<string> {
  return (await invite(tenantId, `invited${Math.random()}@example.com`, 'member')).body.invitation_id;
}

function invite(tenantId: string, email: string, role: string): Promise<Reply> {
  return suite.operate('POST', `/api/v1/tenants/${tenantId}/invitations`, { email, role });
}

function credentials(who: Who): string | undefined {
  if (who === 'stranger') return undefined;
  if (who === 'license') return `License ${license.key}`;
  if (who === 'operator') return `Operator ${OPERATOR_KEY}`;
  return people.get(who)?.authorization;
}

/** A request that names the things of `world` wherever the endpoint takes an id. */
async function ask(endpoint: EndpointContract, action: Action, world: World, who: Who): Promise<Reply> {
  const authorization = credentials(who);
  const path = endpoint.path
    .replace('{tenant_id}', world.tenantId)
    .replace('{license_id}', world.licenseId)
    .replace('{session_id}', world.sessionId)
    .replace('{user_id}', world.userId)
    .replace('{invitation_id}', world.invitationId);
  const asking = ASKING[action];
  const body = await asking?.body?.(world, who);
  const query = asking?.query?.(world, who) ?? '';
  const reply = await suite.call(endpoint.method, `${path}${query}`, {
    ...(authorization === undefined ? {} : { authorization }),
    ...(body === undefined ? {} : { body }),
  });
  await asking?.after?.(world, who, reply);
  return reply;
}

interface Asking {
  readonly body?: (world: World, who: Who) => unknown;
  readonly query?: (world: World, who: Who) => string;
  /** Undoes what the next request would stumble over. */
  readonly after?: (world: World, who: Who, reply: Reply) => Promise<unknown>;
}

/** A session of the person's own where they have one to name. */
async function ownSession(world: World, who: Who): Promise<string> {
  const person = people.get(who);
  if (!person?.tenants.has(world.tenantId)) return world.sessionId;
  const seat = await person.call('POST', '/api/v1/licenses/acquire', {
    fingerprint: `own ${Math.random()}`,
    license_id: world.licenseId,
  });
  return seat.body.session_id ?? world.sessionId;
}

const ASKING: Partial<Record<Action, Asking>> = {
  'acquire.acquire': {
    body: ({ licenseId }) => ({ fingerprint: `f ${Math.random()}`, license_id: licenseId }),
  },
  'heartbeat.heartbeat': { body: async (world, who) => ({ session_id: await ownSession(world, who) }) },
  'release.release': { body: async (world, who) => ({ session_id: await ownSession(world, who) }) },
  'sign.sign': { body: async (world, who) => ({ session_id: await ownSession(world, who) }) },
  'tenants.create': { body: () => ({ name: 'New' }), after: forget },
  'tenants.change': { body: () => ({ name: 'Renamed' }) },
  'tenants.changeRole': { body: () => ({ role: 'admin' }) },
  'tenants.transfer': { body: ({ userId }) => ({ user_id: userId }), after: handBack },
  'tenants.invite': { body: () => ({ email: `i${Math.random()}@example.com`, role: 'member' }) },
  'gdpr-delete.ask': {
    body: ({ tenantId, userId }, who) => {
      if (who.startsWith('operator')) return { user_id: userId };
      // Of oneself, but for an owner, whom the tenant needs, and where the tenant is a stranger's.
      const isOwn = people.get(who)?.tenants.has(tenantId) ?? false;
      return isOwn && (who === 'member' || who === 'admin') ? {} : { tenant_id: tenantId };
    },
  },
  'licenses.create': { body: ({ tenantId }) => ({ tenant_id: tenantId, max: 1 }) },
  'licenses.list': { query: ({ tenantId }) => `?tenant_id=${tenantId}` },
  'licenses.change': { body: () => ({ max: 1000 }) },
  'checkout.create': { body: ({ tenantId }) => ({ tenant_id: tenantId, plan: 'pro', seats: 1 }) },
  'checkout.portal': {
    body: async (world) => {
      await boughtIn(world);
      return { tenant_id: world.tenantId };
    },
  },
  'usage.record': {
    body: ({ licenseId }) => ({
      id: `use ${Math.random()}`,
      meter: 'exports',
      quantity: 1,
      license_id: licenseId,
    }),
  },
  'usage.totals': { query: ({ licenseId }) => `?license_id=${licenseId}` },
  'subscriptions.list': { query: ({ tenantId }) => `?tenant_id=${tenantId}` },
  'cancel.cancel': { body: async (world) => ({ license_id: await boughtIn(world) }) },
  'cancel.undo': { body: async (world) => ({ license_id: await boughtIn(world) }) },
  'trial.activate': {
    body: ({ tenantId }) => ({ tenant_id: tenantId, fingerprint: `f ${Math.random()}` }),
  },
  'sessions.list': { query: ({ licenseId }) => `?license_id=${licenseId}` },
  'sessions.history': { query: ({ licenseId }) => `?license_id=${licenseId}` },
  'audit.list': { query: ({ tenantId }) => `?tenant_id=${tenantId}` },
  'audit.verify': { query: ({ tenantId }) => `?tenant_id=${tenantId}` },
};

function namesSomething(endpoint: EndpointContract, action: Action): boolean {
  const { body, query } = ASKING[action] ?? {};
  const marked = { tenantId: '#', licenseId: '#', sessionId: '#', userId: '#', invitationId: '#' };
  const inQuery = query?.(marked, 'stranger').includes('#') ?? false;
  const inBody = [
    'acquire.acquire',
    'heartbeat.heartbeat',
    'release.release',
    'sign.sign',
    'licenses.create',
    'checkout.create',
    'checkout.portal',
    'cancel.cancel',
    'cancel.undo',
    'usage.record',
    'trial.activate',
  ];
  return endpoint.path.includes('{') || inQuery || (body !== undefined && inBody.includes(action));
}

/** A license of the tenant that a subscription pays for; any id where there is no such tenant. */
async function boughtIn({ tenantId, licenseId }: World): Promise<string> {
  if (!(await suite.deps.records.get(TENANTS, tenantId))) return licenseId;
  const purchase = await beginPurchase(suite, { tenantId });
  await purchase.pay();
  await suite.stripe.idle();
  return purchase.licenseId;
}

/** Tenants that somebody makes here would fill up what one may belong to. */
async function forget(_: World, who: Who, reply: Reply): Promise<void> {
  const person = people.get(who);
  if (reply.status === 201 && person) {
    const { tenant_id } = reply.body;
    await suite.deps.records.transact(async (transaction) => {
      transaction.delete(MEMBERSHIPS, `${tenant_id}:${person.userId}`);
    });
  }
}

async function handBack({ tenantId }: World, who: Who, reply: Reply): Promise<void> {
  if (reply.status !== 200) return;
  const heir = people.get(who === 'operator' ? 'owner' : who) ?? people.get('owner');
  if (heir) await suite.operate('POST', `/api/v1/tenants/${tenantId}/transfer`, { user_id: heir.userId });
}

/** What must not change by a stranger's request. */
async function stateOf({ tenantId, licenseId, invitationId }: World): Promise<unknown> {
  const { records, seats } = suite.deps;
  return {
    tenant: await records.get(TENANTS, tenantId),
    members: await Array.fromAsync(eachDocument(records, MEMBERS_OF_TENANT, { tenantId })),
    invitation: await records.get(INVITATIONS, invitationId),
    license: await records.get(LICENSES, licenseId),
    sessions: await seats.listSessions(licenseId, { limit: 10 }),
  };
}

/** Answers without what differs from request to request. */
function comparable({ status, body }: Reply): unknown {
  const { request_id: _, ...rest } = body ?? {};
  return { status, rest };
}
