import { beforeAll, describe, expect, test, vi } from 'vitest';
import { MANIFEST } from '../../../functions/manifest.ts';
import { SAMPLES, sendTo } from '../../../functions/testing/sample-requests.ts';
import { credentialsFor, newMember, newPlace, worldFor } from '../../../functions/testing/sample-world.ts';
import { OPERATOR_KEY, openTestSuite, type Reply, type TestSuite } from '../../../functions/testing/suite.ts';
import {
  acceptInvitations,
  accountOf,
  authorizePath,
  CLIENT_ID,
  decideOnDevice,
  requestTokens,
  signIn,
  type TestUser,
} from '../../../functions/testing/users.ts';
import { conformanceTo, type Exchange } from './conformance.ts';
import { type OpenApi, openApi } from './document.ts';

const DOCUMENT = openApi(MANIFEST);
const JSON_BODY = { 'content-type': 'application/json' };

/** Every request and response of the story. */
const exchanges: Exchange[] = [];

beforeAll(async () => {
  const suite = await openTestSuite({ USAGE_METERS: 'exports', SHARDS: '2' });
  const real = globalThis.fetch;
  vi.stubGlobal('fetch', async (input: string, init: RequestInit = {}) => {
    const response = await real(input, init);
    const { origin, pathname, search } = new URL(input);
    if (origin === suite.url) {
      exchanges.push({
        method: init.method ?? 'GET',
        target: `${pathname}${search}`,
        authorization: new Headers(init.headers).get('authorization') ?? undefined,
        body: init.body === undefined || init.body === null ? undefined : String(init.body),
        status: response.status,
        headers: response.headers,
        text: await response.clone().text(),
      });
    }
    return response;
  });
  await play(suite);
  vi.unstubAllGlobals();
  await suite.close();
});

/** Calls every operation successfully at least once, and gets every kind of refusal. */
async function play(suite: TestSuite): Promise<void> {
  const ada = await signIn(suite, 'ada@example.com', { hostedDomain: 'lab.example' });
  const [labId = ''] = ada.tenants.keys();
  const licenseId = await useSeats(suite, ada, labId);
  await keepTenant(suite, ada, labId);
  await buySeats(suite, ada, labId);
  await suite.settle();
  await readEverything(suite, ada, licenseId);
  await getRefusals(suite, licenseId);
  await leave(suite, ada, labId);
  await sendSamples(suite);
}

/** Sends each endpoint's sample request, so that a new endpoint needs no line here. */
async function sendSamples(suite: TestSuite): Promise<void> {
  const place = await newPlace(suite);
  for (const sample of SAMPLES) {
    const self = await newMember(suite, place.tenantId);
    const world = await worldFor(suite, sample, place, self);
    const credentials = credentialsFor(suite, sample.endpoint, place, self);
    await sendTo(suite, sample.endpoint, sample.requestIn(world), credentials);
  }
}

async function useSeats(suite: TestSuite, ada: TestUser, tenantId: string): Promise<string> {
  const license = await suite.createLicense({
    max: 2,
    tenant_id: tenantId,
    borrow: { max_days: 3, low_water: 1 },
  });
  const path = `/api/v1/licenses/${license.licenseId}`;
  const { body: seat } = await license.acquire('a', { hostname: 'host', app_version: '1.0' });
  await license.acquire('a');
  const lent = await license.acquire('b', { borrow_days: 2 });
  await license.acquire('c');
  await license.acquire('c', { borrow_days: 30 });
  await license.acquire('');
  await license.heartbeat({ session_id: seat.session_id, session_token: seat.session_token });
  await license.heartbeat({
    sessions: [seat.session_id, seat.session_id.replace(/.$/, '0')].map((id) => ({ session_id: id })),
  });
  await license.heartbeat({ session_id: seat.session_id.replace(/.$/, '1') });
  await license.sign({ session_id: lent.body.session_id });
  await license.sign({ session_id: lent.body.session_id, license_data: { seats: 99 } });
  await suite.operate('GET', `/api/v1/sessions?license_id=${license.licenseId}&limit=1`);
  await suite.call('DELETE', `/api/v1/licenses/sessions/${lent.body.session_id}`, {
    authorization: `License ${license.key}`,
  });
  await license.release(seat.session_id);
  await suite.operate('GET', `${path}`);
  await suite.operate('PATCH', path, { overdraft: 1, valid_until: '2030-01-01T00:00:00Z' });
  await suite.operate('PATCH', path, {});
  await ada.call('POST', `${path}/rotate-key`, { overlap_seconds: 60 });
  const used = { id: 'export-1', meter: 'exports', quantity: 3, license_id: license.licenseId };
  await ada.call('POST', '/api/v1/usage/record', used);
  await ada.call('POST', '/api/v1/usage/record', used);
  await ada.call('POST', '/api/v1/usage/record', { ...used, quantity: 4 });
  return license.licenseId;
}

async function keepTenant(suite: TestSuite, ada: TestUser, labId: string): Promise<void> {
  const lab = `/api/v1/tenants/${labId}`;
  await suite.operate('POST', '/api/v1/tenants', { name: 'Acme' });
  await suite.operate('GET', '/api/v1/tenants?limit=2');
  await ada.call('GET', lab);
  await ada.call('PATCH', lab, { name: 'The lab' });
  await ada.call('PUT', `${lab}/domain`, { domain: 'lab.example' });
  await ada.call('POST', `${lab}/domain/verify`);
  for (const email of ['bob@example.com', 'eve@example.com'])
    await ada.call('POST', `${lab}/invitations`, { email, role: 'member' });
  const bob = await acceptInvitations(suite, await signIn(suite, 'bob@example.com'));
  const { invitations } = (await ada.call('GET', `${lab}/invitations`)).body;
  await ada.call('DELETE', `${lab}/invitations/${invitations[0].invitation_id}`);
  await ada.call('GET', `${lab}/members?limit=1`);
  await ada.call('PATCH', `${lab}/members/${bob.userId}`, { role: 'admin' });
  await ada.call('POST', `${lab}/transfer`, { user_id: bob.userId });
  await bob.call('GET', '/api/v1/invitations');
  await bob.call('POST', `${lab}/transfer/accept`);
  await bob.call('POST', `${lab}/transfer`, { user_id: ada.userId });
  await ada.call('POST', `${lab}/transfer/accept`);
  await ada.call('DELETE', `${lab}/members/${ada.userId}`);
  await ada.call('DELETE', `${lab}/members/${bob.userId}`);
}

async function buySeats(suite: TestSuite, ada: TestUser, tenantId: string): Promise<void> {
  await suite.call('GET', '/api/v1/plans');
  await ada.call('POST', '/api/v1/licenses/trial/activate', { tenant_id: tenantId, fingerprint: 'a' });
  await ada.call('POST', '/api/v1/checkout/create-portal-session', { tenant_id: tenantId });
  const order = { tenant_id: tenantId, plan: 'pro', seats: 2 };
  const { body } = await ada.call('POST', '/api/v1/checkout/create-session', order, {
    'idempotency-key': 'order-1',
  });
  await suite.stripe.pay(body.checkout_url);
  await suite.stripe.idle();
  await ada.call('POST', '/api/v1/checkout/create-portal-session', { tenant_id: tenantId });
  await ada.call('POST', '/api/v1/subscriptions/cancel', { license_id: body.license_id });
  await ada.call('POST', '/api/v1/subscriptions/cancel/undo', { license_id: body.license_id });
  await ada.call('GET', '/api/v1/subscriptions');
}

async function readEverything(suite: TestSuite, ada: TestUser, licenseId: string): Promise<void> {
  await ada.call('GET', '/api/v1/users/me');
  await suite.operate('GET', '/api/v1/users?email=ada@example.com&limit=5');
  await ada.call('GET', '/api/v1/licenses');
  await ada.call('GET', `/api/v1/licenses/${licenseId}/usage`);
  await ada.call('GET', `/api/v1/usage?license_id=${licenseId}`);
  await ada.call('GET', `/api/v1/sessions/history?license_id=${licenseId}`);
  await ada.call('GET', `/api/v1/audit?license_id=${licenseId}&type=session.borrowed`);
  await suite.operate('GET', '/api/v1/audit?limit=100');
  const verified = await ada.call('GET', '/api/v1/audit/verify');
  await ada.call('GET', `/api/v1/audit/verify?cursor=${verified.body.next_cursor}`);
  await suite.call('GET', '/api/v1/public-key');
  const { headers } = await suite.call('GET', '/.well-known/jwks.json');
  await suite.call('GET', '/.well-known/jwks.json', {
    headers: { 'if-none-match': headers.get('etag') ?? '' },
  });
  await suite.operate('GET', '/health?deep=1');
}

/** One refusal for each step of the server that can refuse. */
async function getRefusals(suite: TestSuite, licenseId: string): Promise<void> {
  const operator = { authorization: `Operator ${OPERATOR_KEY}` };
  await suite.call('GET', '/health?deep=1');
  await suite.call('GET', '/api/v1/licenses');
  await suite.call('GET', '/api/v1/licenses', { authorization: 'Operator wrong' });
  await suite.call('GET', '/api/v1/users/me', operator);
  await suite.operate('GET', '/api/v1/licenses?cursor=nonsense');
  await suite.operate('GET', `/api/v1/licenses/${licenseId.replace(/.$/, '0')}`);
  await suite.call('POST', '/api/v1/licenses', { ...operator, headers: JSON_BODY, body: '{"max":' });
  await suite.call('POST', '/api/v1/licenses', {
    ...operator,
    headers: { 'content-type': 'text/plain' },
    body: '{"max":1}',
  });
  await suite.call('POST', '/api/v1/licenses', {
    ...operator,
    body: { max: 1, features: ['x'.repeat(200_000)] },
  });
  await suite.call('GET', '/auth/callback?state=unknown');
  await requestTokens(suite, { grant_type: 'refresh_token', refresh_token: 'none' });
  await suite.call('GET', authorizePath());
  await suite.call('GET', authorizePath({ redirect_uri: 'https://elsewhere.example/' }));
  await suite.call('GET', '/.well-known/oauth-authorization-server');
  await suite.call('GET', '/auth/device');
  await suite.call('GET', '/auth/device?user_code=BBBB-BBBB');
  const device = await suite.call('POST', '/auth/device', {
    body: new URLSearchParams({ client_id: CLIENT_ID }),
  });
  await decideOnDevice(suite, device.body.user_code, accountOf('device@example.com'), 'allow');
}

async function leave(suite: TestSuite, ada: TestUser, labId: string): Promise<void> {
  await ada.call('GET', '/api/v1/gdpr/export');
  await ada.call('GET', `/api/v1/gdpr/export/tenants/${labId}`);
  const erasure: Reply = await ada.call('POST', '/api/v1/gdpr/delete', {});
  await ada.call('DELETE', '/api/v1/gdpr/delete', { confirmation_token: erasure.body.confirmation_token });
  await suite.call('POST', '/auth/revoke', {
    body: new URLSearchParams({ client_id: 'seatlease-sdk', token: ada.refreshToken }),
  });
}

/** Compares the story's exchanges with paths that begin with `path` with `document`. */
function verdictsBy(document: OpenApi, path = '/') {
  const check = conformanceTo(document);
  return exchanges
    .filter(({ target }) => target.startsWith(path))
    .map((exchange) => {
      const { operationId, differences } = check(exchange);
      const { method, target, status } = exchange;
      return {
        operationId,
        status,
        differences: differences.map((difference) => `${method} ${target} ${status}: ${difference}`),
      };
    });
}

describe('the server and the OpenAPI document', () => {
  test('agree: every operation succeeds, and every request, answer and problem is as described', () => {
    const verdicts = verdictsBy(DOCUMENT);
    expect(verdicts.flatMap(({ differences }) => differences)).toEqual([]);
    const done = new Set(verdicts.flatMap(({ operationId, status }) => (status < 400 ? operationId : [])));
    const all = Object.values(DOCUMENT.paths).flatMap((operations) => Object.values(operations));
    expect(all.map(({ operationId }) => operationId).filter((id) => !done.has(id))).toEqual([]);
    const codes = exchanges.flatMap(({ status, text, headers }) =>
      status >= 400 && headers.get('content-type')?.includes('json') ? JSON.parse(text).code : [],
    );
    expect(new Set(codes).size).toBeGreaterThan(15);
  });

  const ACQUIRE = '/api/v1/licenses/acquire';
  test.each<[string, string, string[], Record<string, unknown>]>([
    ['a field that is never sent', ACQUIRE, ['components', 'schemas', 'Seat'], { required: ['gone'] }],
    [
      'a field of another type',
      ACQUIRE,
      ['components', 'schemas', 'Seat', 'properties', 'ttl'],
      { type: 'string' },
    ],
    [
      'a request without a field',
      ACQUIRE,
      ['components', 'schemas', 'AcquireRequest', 'properties'],
      { hostname: false },
    ],
    [
      'a member of a problem',
      ACQUIRE,
      ['components', 'schemas', 'SeatsExhaustedProblem'],
      { required: ['gone'] },
    ],
    ['one status less', ACQUIRE, ['paths', ACQUIRE, 'post', 'responses'], { 409: undefined }],
    [
      'a member that it does not name',
      ACQUIRE,
      ['components', 'schemas', 'SeatsExhaustedProblem', 'properties'],
      { max: undefined },
    ],
    ['one caller less', ACQUIRE, ['paths', ACQUIRE, 'post', 'security'], { 0: {} }],
    [
      'one header less',
      ACQUIRE,
      [
        'components',
        'responses',
        'SeatsExhausted.SessionEnded.SessionsExhausted.BorrowLimitReached',
        'headers',
      ],
      { 'Retry-After': undefined },
    ],
    ['a parameter of another form', '/api/v1/audit', ['components', 'schemas', 'PageLimit'], { maximum: 99 }],
    [
      'another media type',
      '/api/v1/plans',
      ['paths', '/api/v1/plans', 'get', 'responses', '200', 'content'],
      { 'application/json': undefined },
    ],
  ])('disagree if the document has %s', (_, path, way, change) => {
    const document = structuredClone(DOCUMENT);
    const found = way.reduce<unknown>((value, step) => Object(value)[step], document);
    expect(found).toBeTypeOf('object');
    Object.assign(Object(found), change);
    // Properties that are undefined here are missing in the JSON.
    const asRead: OpenApi = JSON.parse(JSON.stringify(document));
    expect(verdictsBy(asRead, path).flatMap(({ differences }) => differences)).not.toEqual([]);
  });
});
