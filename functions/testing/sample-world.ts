import { randomUUID } from 'node:crypto';
import Stripe from 'stripe';
import { ROLES } from '../../shared/domain/authorization.ts';
import { failedEvent, receivedEvent, type StoredEvent } from '../../shared/domain/billing-event.ts';
import { newSignatureId } from '../../shared/domain/ids.ts';
import { newUsageRecord, usageRecordId } from '../../shared/domain/metering.ts';
import { challengeOf } from '../../shared/domain/sign-in.ts';
import type { EndpointContract } from '../../shared/http/contract.ts';
import { BILLING_EVENTS, TENANTS, USAGE_RECORDS, USERS } from '../../shared/ports/collections.ts';
import { addMember, readJoiner } from '../../shared/use-cases/members.ts';
import type { World } from '../example.ts';
import { beginPurchase } from './purchases.ts';
import { nowhere, partsOf, type Sample } from './sample-requests.ts';
import { OPERATOR_KEY, type Reply, type TestLicense, type TestSuite } from './suite.ts';
import { codeFor } from './trusting-provider.ts';
import {
  accountOf,
  authorizePath,
  openConsent,
  refresh,
  signIn,
  signInToCode,
  type TestUser,
  ticketOn,
} from './users.ts';

/** A tenant with its owner and a license. */
export interface Place {
  readonly tenantId: string;
  readonly owner: TestUser;
  readonly license: TestLicense;
}

export async function newPlace(suite: TestSuite): Promise<Place> {
  const owner = await signIn(suite, `owner-${randomUUID()}@example.com`);
  const [tenantId = ''] = owner.tenants.keys();
  return { tenantId, owner, license: await suite.createLicense({ tenant_id: tenantId, max: 1000 }) };
}

/**
 * Creates the resources that the sample request uses. All other ids do not exist. `self` is the user who signs out and
 * is erased.
 */
export async function worldFor(
  suite: TestSuite,
  sample: Sample,
  {
    tenantId,
    license,
  }: { readonly tenantId: string; readonly license: Pick<TestLicense, 'licenseId' | 'acquire'> },
  self?: TestUser,
): Promise<World> {
  const parts = partsOf(sample);
  // A request that changes a license gets its own: other requests still use the shared license and its key.
  const isChanged = sample.endpoint.path.includes('{license_id}') && sample.endpoint.method !== 'GET';
  const usedLicense = isChanged ? await suite.createLicense({ tenant_id: tenantId, max: 1000 }) : license;
  const { session_id, session_token } = (await usedLicense.acquire(`machine ${randomUUID()}`)).body;
  const isOwn = sample.endpoint.path.startsWith('/api/v1/invitations/');
  const isOffer = sample.endpoint.path.includes('/transfer/');
  if (sample.action === 'tenants.verifyDomain') await approveDomain(suite, tenantId);
  const isBilled = parts.has('boughtId') || sample.action === 'checkout.portal';
  return {
    ...nowhere(),
    tenantId,
    licenseId: usedLicense.licenseId,
    sessionId: session_id,
    sessionToken: session_token,
    stripeSignature: (payload) => stripeSignature(suite, payload),
    ...(parts.has('usageId') && { usageId: await use(suite, usedLicense.licenseId, tenantId) }),
    ...(isBilled && { boughtId: (await buy(suite, tenantId)).licenseId }),
    ...(parts.has('disputedId') && (await buyAndDispute(suite, tenantId))),
    ...(parts.has('userId') && { userId: (await newMember(suite, tenantId)).userId }),
    ...(parts.has('revokedId') && { revokedId: await revoke(suite, usedLicense.licenseId) }),
    ...(parts.has('invitationId') && {
      // Users accept and decline their own invitations.
      invitationId: await newInvitation(suite, tenantId, isOwn ? self?.email : undefined),
    }),
    ...(isOffer && self && { tenantId: await newTransfer(suite, self) }),
    ...(parts.has('stripeEventId') && { stripeEventId: await setAsideEvent(suite) }),
    ...(parts.has('operatorTokenId') && { operatorTokenId: await newOperatorTokenId(suite) }),
    ...(parts.has('signInCode') && (await signedIn(suite))),
    ...(parts.has('providerCode') && (await signingIn(suite))),
    ...((parts.has('userCode') || parts.has('ticket')) && (await waitingDevice(suite, parts))),
    ...(self && { email: self.email, refreshToken: self.refreshToken }),
    ...(self && parts.has('confirmationToken') && { confirmationToken: await askForErasure(self) }),
  };
}

/**
 * Credentials that the endpoint accepts: the license key if possible, else those of `self`, the tenant's owner, a
 * service or an operator, in this order.
 */
export function credentialsFor(
  suite: TestSuite,
  { auth, path }: EndpointContract,
  { license, owner }: { readonly license: Pick<TestLicense, 'key'>; readonly owner: TestUser },
  self: TestUser,
): { readonly authorization?: string } {
  if (auth.includes('license')) return { authorization: `License ${license.key}` };
  if (auth.includes('person') || path.includes('/transfer/')) return { authorization: self.authorization };
  if (ROLES.some((role) => auth.includes(role))) return { authorization: owner.authorization };
  for (const service of ['scheduler', 'pubsub'] as const)
    if (auth.includes(service)) return { authorization: `Bearer ${suite.serviceToken(service)}` };
  return auth.includes('operator') ? { authorization: `Operator ${OPERATOR_KEY}` } : {};
}

async function revoke(suite: TestSuite, license_id: string): Promise<string> {
  const jti = newSignatureId();
  const { status, text } = await suite.operate('POST', '/api/v1/revocations', { jti, license_id });
  if (status !== 200) throw new Error(`not revoked: ${text}`);
  return jti;
}

/** Records usage, which no meter of the suite needs to know. */
async function use(suite: TestSuite, licenseId: string, tenantId: string): Promise<string> {
  const record = newUsageRecord(
    { licenseId, tenantId, recordId: randomUUID(), meter: 'exports', quantity: 1 },
    suite.deps.clock.nowMs(),
  );
  await suite.deps.records.create(USAGE_RECORDS, usageRecordId(record), record);
  return record.recordId;
}

export function invite(suite: TestSuite, tenantId: string, email: string, role: string): Promise<Reply> {
  return suite.operate('POST', `/api/v1/tenants/${tenantId}/invitations`, { email, role });
}

/**
 * A member who can be removed, or made admin or owner, without affecting others. Their access token does not name the
 * tenant. Joins without an invitation: many tests need one for each endpoint.
 */
export async function newMember(suite: TestSuite, tenantId: string): Promise<TestUser> {
  const user = await signIn(suite, `member-${randomUUID()}@example.com`);
  const { records, clock } = suite.deps;
  await records.transact(async (transaction) => {
    const tenant = await transaction.get(TENANTS, tenantId);
    const known = await transaction.get(USERS, user.userId);
    if (!tenant || !known) throw new Error('no tenant, or no user');
    const joiner = await readJoiner(known, transaction);
    const by = { actor: { kind: 'user', id: user.userId } } as const;
    addMember(transaction, { tenant, joiner, role: 'member' }, by, clock.nowMs());
  });
  return refresh(suite, user);
}

export async function newInvitation(
  suite: TestSuite,
  tenantId: string,
  email = `invited-${randomUUID()}@example.com`,
): Promise<string> {
  return (await invite(suite, tenantId, email, 'member')).body.invitation_id;
}

/** A tenant whose ownership is offered to `user`. */
async function newTransfer(suite: TestSuite, user: TestUser): Promise<string> {
  const { tenant_id } = (await suite.operate('POST', '/api/v1/tenants', { name: 'To be transferred' })).body;
  const invitationId = await newInvitation(suite, tenant_id, user.email);
  await user.call('POST', `/api/v1/invitations/${invitationId}/accept`);
  await suite.operate('POST', `/api/v1/tenants/${tenant_id}/transfer`, { user_id: user.userId });
  return tenant_id;
}

/** An operator's claim counts as verified. */
export function approveDomain(suite: TestSuite, tenantId: string): Promise<Reply> {
  return suite.operate('PUT', `/api/v1/tenants/${tenantId}/domain`, { domain: `${randomUUID()}.example` });
}

/** An operator token with these scopes. */
export async function newOperatorToken(
  suite: TestSuite,
  scopes: readonly string[],
): Promise<{ readonly tokenId: string; readonly authorization: string }> {
  const { body, status, text } = await suite.operate('POST', '/api/v1/operator-tokens', {
    name: 'Test',
    scopes,
  });
  if (status !== 201) throw new Error(`no operator token: ${text}`);
  return { tokenId: body.token_id, authorization: `Operator ${body.operator_token}` };
}

async function newOperatorTokenId(suite: TestSuite): Promise<string> {
  return (await newOperatorToken(suite, ['users:read'])).tokenId;
}

/** An event of Stripe for which no try is left. */
export async function setAsideEvent({ deps: { records, clock } }: TestSuite): Promise<string> {
  const nowMs = clock.nowMs();
  const { stripeEventId: eventId } = nowhere();
  const about = { kind: 'subscription', id: 'sub_4711' } as const;
  const type = 'customer.subscription.updated';
  let event: StoredEvent = receivedEvent({ eventId, type, createdAtMs: nowMs, about }, nowMs);
  while (event.state === 'open') event = failedEvent(event, 'Error: it failed', nowMs);
  await records.create(BILLING_EVENTS, eventId, event);
  return eventId;
}

/** A license that a subscription pays for. */
async function buy(suite: TestSuite, tenantId: string) {
  const { pay, licenseId } = await beginPurchase(suite, { tenantId });
  const subscriptionId = await pay();
  await suite.stripe.idle();
  return { licenseId, subscriptionId };
}

async function buyAndDispute(
  suite: TestSuite,
  tenantId: string,
): Promise<Pick<World, 'disputedId' | 'disputeId'>> {
  const { stripe } = suite;
  const { licenseId, subscriptionId } = await buy(suite, tenantId);
  const disputeId = await stripe.dispute(stripe.chargeOf(subscriptionId) ?? '');
  await stripe.idle();
  return { disputedId: licenseId, disputeId };
}

async function askForErasure(self: TestUser): Promise<string> {
  return (await self.call('POST', '/api/v1/gdpr/delete', {})).body.confirmation_token;
}

/** A sign-in up to its code. */
async function signedIn(suite: TestSuite): Promise<Pick<World, 'signInCode' | 'codeVerifier'>> {
  const { code, verifier } = await signInToCode(suite, accountOf(`person-${randomUUID()}@example.com`));
  return { signInCode: code, codeVerifier: verifier };
}

/** A sign-in up to the point where the provider redirects the browser back. */
async function signingIn(
  suite: TestSuite,
): Promise<Pick<World, 'providerCode' | 'providerState' | 'signInCookie'>> {
  const path = authorizePath({ code_challenge: challengeOf(nowhere().codeVerifier) });
  const { headers } = await suite.call('GET', path);
  const { code, state } = codeFor(
    headers.get('location') ?? '',
    accountOf(`person-${randomUUID()}@example.com`),
  );
  const cookie = headers.get('set-cookie')?.split(';')[0] ?? '';
  return { providerCode: code, providerState: state, signInCookie: cookie };
}

/** A device that waits for a user. */
async function waitingDevice(
  suite: TestSuite,
  parts: ReadonlySet<keyof World>,
): Promise<Pick<World, 'userCode'> & Partial<World>> {
  const begun = await suite.call('POST', '/auth/device', {
    body: new URLSearchParams({ client_id: 'seatlease-sdk' }),
  });
  const userCode: string = begun.body.user_code;
  if (!parts.has('ticket')) return { userCode };
  const person = accountOf(`person-${randomUUID()}@example.com`);
  return { userCode, ticket: ticketOn(await openConsent(suite, userCode, person)) };
}

export function stripeSignature({ stripe }: TestSuite, payload: string): string {
  const timestamp = Math.floor(Date.now() / 1000);
  return Stripe.webhooks.generateTestHeaderString({ payload, secret: stripe.webhookSecret, timestamp });
}
