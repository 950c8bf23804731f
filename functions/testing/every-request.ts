import Stripe from 'stripe';
import { eventOf } from '../../shared/domain/event.ts';
import { messageOf } from '../../shared/domain/event-message.ts';
import { challengeOf } from '../../shared/domain/sign-in.ts';
import type { EndpointContract } from '../../shared/http/contract.ts';
import { INVITATIONS_OF_TENANT } from '../../shared/ports/queries.ts';
import { accountOf, LOOPBACK_REDIRECT, signIn } from './people.ts';
import { ADA, type PersonalWorld } from './personal-world.ts';
import { type CallOptions, OPERATOR_KEY, type TestSuite } from './suite.ts';
import { codeFor } from './trusting-provider.ts';

/** A request that an honest client could send. */
export interface HonestRequest extends CallOptions {
  /** `function.endpoint`. */
  readonly name: string;
  readonly method: EndpointContract['method'];
  /** As the contract has it; `params` stand in its braces. */
  readonly path: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

/** What such requests are about. */
export interface Asked {
  readonly sessionId: string;
  readonly sessionToken: string;
  readonly invitationId: string;
  readonly confirmationToken: string;
  /** Of a sign-in that nothing else needs. */
  readonly refreshToken: string;
  /** Where a browser was sent to sign in, and the cookie that it got. */
  readonly signInLocation: string;
  readonly signInCookie: string;
}

/** Takes a seat, begins a sign-in and asks for an erasure, as far as other requests need. */
export async function prepareRequests(suite: TestSuite, world: PersonalWorld): Promise<Asked> {
  const seat = await suite.call('POST', '/api/v1/licenses/acquire', {
    authorization: `License ${world.keys.machines}`,
    body: SEAT,
  });
  const begun = await suite.call('GET', `/auth/login/google?${new URLSearchParams(SIGN_IN)}`);
  const erasing = await world.carl.call('POST', '/api/v1/gdpr/delete', {});
  const invitations = { tenantId: world.shopId };
  const { documents } = await suite.deps.records.query(INVITATIONS_OF_TENANT, invitations, { limit: 1 });
  return {
    sessionId: seat.body.session_id,
    sessionToken: seat.body.session_token,
    invitationId: documents[0]?.invitationId ?? '',
    confirmationToken: erasing.body.confirmation_token,
    refreshToken: (await signIn(suite, world.bob.email)).refreshToken,
    signInLocation: begun.headers.get('location') ?? '',
    signInCookie: begun.headers.get('set-cookie')?.split(';')[0] ?? '',
  };
}

const SEAT = {
  fingerprint: `${ADA.fingerprint}-again`,
  hostname: `${ADA.hostname}-again`,
  user_id: 'user-id-of-ada',
  process_id: 'process-of-ada',
  app_version: 'version-of-ada',
};
const VERIFIER = 'verifier-of-ada-0123456789-0123456789-0123456789';
const SIGN_IN = {
  redirect_uri: LOOPBACK_REDIRECT,
  state: 'state-of-the-program-of-ada',
  code_challenge: challengeOf(VERIFIER),
  code_challenge_method: 'S256',
};

/** One for each endpoint; those that end something last. */
export function everyRequest(suite: TestSuite, world: PersonalWorld, asked: Asked): HonestRequest[] {
  const { ada, bob, carl, shopId, boughtId, licenseIds } = world;
  const key = { authorization: `License ${world.keys.machines}` };
  const operator = { authorization: `Operator ${OPERATOR_KEY}` };
  const as = ({ authorization }: { authorization: string }) => ({ authorization });
  const license_id = licenseIds[0] ?? '';
  const session = { session_id: asked.sessionId, session_token: asked.sessionToken };
  const shop = { params: { tenant_id: shopId } };
  const member = { params: { tenant_id: shopId, user_id: carl.userId } };
  const license = { params: { license_id } };
  const order = { tenant_id: world.labId, plan: 'pro', seats: 1 };
  const invitation = { email: 'gina.of.ada@example.net', role: 'member' };

  const request = (
    name: string,
    method: HonestRequest['method'],
    path: string,
    more: Partial<HonestRequest> = {},
  ): HonestRequest => ({ name, method, path, ...more });
  return [
    request('acquire.acquire', 'POST', '/api/v1/licenses/acquire', { ...key, body: SEAT }),
    request('heartbeat.heartbeat', 'PUT', '/api/v1/licenses/heartbeat', { ...key, body: session }),
    request('sign.sign', 'POST', '/api/v1/licenses/sign', { ...key, body: { session_id: asked.sessionId } }),
    request('usage.record', 'POST', '/api/v1/usage/record', {
      ...key,
      body: { id: 'usage-record-of-ada', meter: 'exports', quantity: 3 },
    }),
    request('public-key.publicKey', 'GET', '/api/v1/public-key'),
    request('public-key.jwks', 'GET', '/.well-known/jwks.json'),
    request('login.google', 'GET', '/auth/login/google', { query: SIGN_IN }),
    request('callback.callback', 'GET', '/auth/callback', {
      query: codeFor(asked.signInLocation, accountOf(ADA.email, { name: ADA.name, subject: ADA.subject })),
      headers: { cookie: asked.signInCookie },
    }),
    request('token.token', 'POST', '/auth/token', {
      body: {
        grant_type: 'authorization_code',
        code: 'one-time-code-of-ada',
        code_verifier: VERIFIER,
        redirect_uri: LOOPBACK_REDIRECT,
      },
    }),
    request('users.me', 'GET', '/api/v1/users/me', as(ada)),
    request('users.list', 'GET', '/api/v1/users', { ...operator, query: { email: ADA.email } }),
    request('tenants.create', 'POST', '/api/v1/tenants', { ...as(ada), body: { name: 'Firm of Ada' } }),
    request('tenants.list', 'GET', '/api/v1/tenants', as(ada)),
    request('tenants.read', 'GET', '/api/v1/tenants/{tenant_id}', { ...as(bob), ...shop }),
    request('tenants.change', 'PATCH', '/api/v1/tenants/{tenant_id}', {
      ...as(bob),
      ...shop,
      body: { name: 'Shop of Bob and Ada' },
    }),
    request('tenants.members', 'GET', '/api/v1/tenants/{tenant_id}/members', { ...as(bob), ...shop }),
    request('tenants.changeRole', 'PATCH', '/api/v1/tenants/{tenant_id}/members/{user_id}', {
      ...as(bob),
      ...member,
      body: { role: 'admin' },
    }),
    request('tenants.invite', 'POST', '/api/v1/tenants/{tenant_id}/invitations', {
      ...as(bob),
      ...shop,
      body: invitation,
    }),
    request('tenants.invitations', 'GET', '/api/v1/tenants/{tenant_id}/invitations', { ...as(bob), ...shop }),
    request('licenses.create', 'POST', '/api/v1/licenses', { ...operator, body: { max: 2 } }),
    request('licenses.list', 'GET', '/api/v1/licenses', operator),
    request('licenses.read', 'GET', '/api/v1/licenses/{license_id}', { ...as(bob), ...license }),
    request('licenses.change', 'PATCH', '/api/v1/licenses/{license_id}', {
      ...operator,
      ...license,
      body: { max: 61 },
    }),
    request('licenses.usage', 'GET', '/api/v1/licenses/{license_id}/usage', { ...as(bob), ...license }),
    request('trial.activate', 'POST', '/api/v1/licenses/trial/activate', {
      ...as(bob),
      body: { tenant_id: shopId, fingerprint: 'trial-machine-of-bob' },
    }),
    request('checkout.plans', 'GET', '/api/v1/plans'),
    request('checkout.create', 'POST', '/api/v1/checkout/create-session', {
      ...as(ada),
      body: order,
      headers: { 'idempotency-key': 'idempotency-key-of-ada' },
    }),
    request('checkout.portal', 'POST', '/api/v1/checkout/create-portal-session', {
      ...as(ada),
      body: { tenant_id: world.labId },
    }),
    request('subscriptions.list', 'GET', '/api/v1/subscriptions', {
      ...as(ada),
      query: { tenant_id: world.labId },
    }),
    request('cancel.cancel', 'POST', '/api/v1/subscriptions/cancel', {
      ...as(ada),
      body: { license_id: boughtId },
    }),
    request('cancel.undo', 'POST', '/api/v1/subscriptions/cancel/undo', {
      ...as(ada),
      body: { license_id: boughtId },
    }),
    request('stripe-webhook.receive', 'POST', '/api/v1/webhooks/stripe', signedEvent(suite, world)),
    request('usage.totals', 'GET', '/api/v1/usage', { ...as(bob), query: { license_id } }),
    request('sessions.list', 'GET', '/api/v1/sessions', { ...as(bob), query: { license_id } }),
    request('sessions.history', 'GET', '/api/v1/sessions/history', { ...as(bob), query: { license_id } }),
    request('audit.list', 'GET', '/api/v1/audit', { ...as(bob), query: { license_id } }),
    request('audit.verify', 'GET', '/api/v1/audit/verify', { ...operator, query: { tenant_id: shopId } }),
    request('gdpr-export.person', 'GET', '/api/v1/gdpr/export', as(ada)),
    request('gdpr-export.tenant', 'GET', '/api/v1/gdpr/export/tenants/{tenant_id}', { ...as(bob), ...shop }),
    request('health.health', 'GET', '/health', { ...operator, query: { deep: '1' } }),
    request('sweep.sweep', 'POST', '/internal/sweep', serviceToken(suite, 'scheduler')),
    request('record-event.record', 'POST', '/internal/events', {
      ...serviceToken(suite, 'pubsub'),
      body: pushOf(world),
    }),
    request('licenses.rotateKey', 'POST', '/api/v1/licenses/{license_id}/rotate-key', {
      ...operator,
      params: { license_id: boughtId },
    }),
    request('release.release', 'POST', '/api/v1/licenses/release', { ...key, body: session }),
    request('release.end', 'DELETE', '/api/v1/licenses/sessions/{session_id}', {
      ...key,
      params: { session_id: asked.sessionId },
    }),
    request('tenants.withdraw', 'DELETE', '/api/v1/tenants/{tenant_id}/invitations/{invitation_id}', {
      ...as(bob),
      params: { tenant_id: shopId, invitation_id: asked.invitationId },
    }),
    request('tenants.transfer', 'POST', '/api/v1/tenants/{tenant_id}/transfer', {
      ...operator,
      ...shop,
      body: { user_id: bob.userId },
    }),
    request('gdpr-delete.ask', 'POST', '/api/v1/gdpr/delete', { ...as(carl), body: {} }),
    request('gdpr-delete.confirm', 'DELETE', '/api/v1/gdpr/delete', {
      ...as(carl),
      body: { confirmation_token: asked.confirmationToken },
    }),
    request('tenants.remove', 'DELETE', '/api/v1/tenants/{tenant_id}/members/{user_id}', {
      ...as(ada),
      ...member,
    }),
    request('token.signOut', 'POST', '/auth/sign-out', { body: { refresh_token: asked.refreshToken } }),
  ];
}

function serviceToken(suite: TestSuite, account: 'scheduler' | 'pubsub') {
  return { authorization: `Bearer ${suite.serviceToken(account)}` };
}

function pushOf({ shopId, licenseIds }: PersonalWorld) {
  const atMs = Date.now();
  const event = eventOf({
    type: 'seat.denied',
    tenantId: shopId,
    licenseId: licenseIds[0] ?? '',
    sessionId: null,
    atMs,
    position: `${atMs}-9`,
    detail: { count: 1, max: 9 },
  });
  const { data, attributes } = messageOf(event);
  return {
    message: { data: data.toString('base64'), attributes, messageId: 'a-message' },
    subscription: 'projects/p/subscriptions/s',
  };
}

/** What Stripe tells of a subscription, with more about its customer than we ever read. */
function signedEvent({ stripe }: TestSuite, { subscriptionId }: PersonalWorld): CallOptions {
  const body = JSON.stringify({
    id: 'evt_of_ada',
    object: 'event',
    type: 'customer.subscription.updated',
    created: Math.floor(Date.now() / 1000),
    livemode: false,
    data: { object: { id: subscriptionId, object: 'subscription', customer_email: ADA.email } },
  });
  return signedByStripe(stripe.webhookSecret, body);
}

export function signedByStripe(secret: string, body: string): CallOptions {
  const timestamp = Math.floor(Date.now() / 1000);
  const signature = Stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp });
  return { body, headers: { 'stripe-signature': signature } };
}
