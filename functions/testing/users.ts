import { createHash, randomBytes } from 'node:crypto';
import { challengeOf } from '../../shared/domain/sign-in.ts';
import type { SignedInUser } from '../../shared/ports/sign-in.ts';
import type { Reply, TestSuite } from './suite.ts';
import { codeFor } from './trusting-provider.ts';

/** A user who signs in in a test. */
export interface TestUser {
  readonly userId: string;
  readonly email: string;
  /** The `Authorization` header with the latest access token. */
  authorization: string;
  refreshToken: string;
  /** Role by tenant, as the token endpoint returned it. */
  readonly tenants: ReadonlyMap<string, string>;
  /** Calls the API as this user. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
}

export const LOOPBACK_REDIRECT = 'http://127.0.0.1:52111/callback';

/** The account of `email` at the provider. The same address always has the same account. */
export function accountOf(email: string, more: Partial<SignedInUser> = {}): SignedInUser {
  const subject = createHash('sha256').update(email).digest('hex').slice(0, 21);
  return {
    issuer: 'https://provider.test',
    subject,
    email,
    name: email.split('@')[0] ?? '',
    hostedDomain: null,
    ...more,
  };
}

/** The client that signs users in in tests. */
export const CLIENT_ID = 'seatlease-sdk';

/** A request for a code, with these parameters in place of good ones; an empty one is left out. */
export function authorizePath(change: Readonly<Record<string, string>> = {}): string {
  const good = {
    response_type: 'code',
    client_id: CLIENT_ID,
    redirect_uri: LOOPBACK_REDIRECT,
    state: 'state-of-the-program',
    // RFC 7636, appendix B.
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  };
  const parameters = Object.entries({ ...good, ...change }).filter(([, value]) => value !== '');
  return `/auth/authorize?${new URLSearchParams(parameters)}`;
}

/** Asks the token endpoint, as the client of tests unless `form` names another. */
export function requestTokens(
  suite: Pick<TestSuite, 'call'>,
  form: Readonly<Record<string, string>>,
): Promise<Reply> {
  return suite.call('POST', '/auth/token', { body: new URLSearchParams({ client_id: CLIENT_ID, ...form }) });
}

/** Enters the code of a device in a browser, signs in there, and returns the page that asks for consent. */
export async function openConsent(suite: TestSuite, userCode: string, person: SignedInUser): Promise<Reply> {
  const page = await suite.call('GET', `/auth/device?${new URLSearchParams({ user_code: userCode })}`);
  const [, link = ''] = /href="(https:[^"]+)"/.exec(page.text) ?? [];
  if (link === '') throw new Error(`no link: ${page.status} ${page.text}`);
  const query = new URLSearchParams(codeFor(link.replaceAll('&#38;', '&'), person));
  const cookie = page.headers.get('set-cookie')?.split(';')[0] ?? '';
  return suite.call('GET', `/auth/callback?${query}`, { headers: { cookie } });
}

/** Decides about a device in a browser, as a user does who sees its code. */
export async function decideOnDevice(
  suite: TestSuite,
  userCode: string,
  person: SignedInUser,
  decision: 'allow' | 'deny',
): Promise<Reply> {
  const consent = await openConsent(suite, userCode, person);
  return suite.call('POST', '/auth/device/decision', {
    body: new URLSearchParams({ ticket: ticketOn(consent), decision }),
  });
}

/** The ticket in the form of a page that asks for consent. */
export function ticketOn({ status, text }: Reply): string {
  const [, ticket] = /name="ticket" value="([^"]+)"/.exec(text) ?? [];
  if (ticket === undefined) throw new Error(`no ticket: ${status} ${text}`);
  return ticket;
}

/** Runs a sign-in as the browser and the client, up to the code. */
export async function signInToCode(
  suite: TestSuite,
  person: SignedInUser,
): Promise<{ code: string; verifier: string }> {
  const verifier = randomBytes(32).toString('base64url');
  // Each sign-in has its own IP address, so that rate limits by address do not affect other tests.
  const address = { 'x-forwarded-for': `10.${[...randomBytes(3)].join('.')}` };
  const started = await suite.call('GET', authorizePath({ code_challenge: challengeOf(verifier) }), {
    headers: address,
  });
  const location = started.headers.get('location');
  if (location === null) throw new Error(`no sign-in: ${started.text}`);
  const cookie = started.headers.get('set-cookie')?.split(';')[0] ?? '';
  const back = await suite.call('GET', `/auth/callback?${new URLSearchParams(codeFor(location, person))}`, {
    headers: { cookie, ...address },
  });
  const code = new URL(back.headers.get('location') ?? 'none:').searchParams.get('code');
  if (code === null) throw new Error(`not signed in: ${back.text} ${back.headers.get('location')}`);
  return { code, verifier };
}

/** Signs a user in, and redeems the code. */
export async function signIn(
  suite: TestSuite,
  email: string,
  more: Partial<SignedInUser> = {},
): Promise<TestUser> {
  const { code, verifier } = await signInToCode(suite, accountOf(email, more));
  return getTokens(suite, email, {
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: LOOPBACK_REDIRECT,
  });
}

/** Invites a user to a tenant, signs them in, and accepts. A new user has a tenant of their own, too. */
export async function join(
  suite: TestSuite,
  tenantId: string,
  email: string,
  role: string,
  more: Partial<SignedInUser> = {},
): Promise<TestUser> {
  const path = `/api/v1/tenants/${tenantId}/invitations`;
  const invited = await suite.operate('POST', path, { email, role });
  if (invited.status !== 201) throw new Error(`not invited: ${invited.text}`);
  const user = await signIn(suite, email, more);
  await accept(user, invited.body.invitation_id);
  return refresh(suite, user);
}

/** Accepts all invitations of a user, and refreshes their tokens, so that these name the tenants. */
export async function acceptInvitations(suite: TestSuite, user: TestUser): Promise<TestUser> {
  const { invitations } = (await user.call('GET', '/api/v1/invitations')).body;
  for (const { invitation_id } of invitations) await accept(user, invitation_id);
  return refresh(suite, user);
}

async function accept(user: TestUser, invitationId: string): Promise<void> {
  const { status, text } = await user.call('POST', `/api/v1/invitations/${invitationId}/accept`);
  if (status !== 200) throw new Error(`not accepted: ${text}`);
}

/** Revokes the sign-in of a user. */
export function signOut(suite: TestSuite, { refreshToken }: TestUser): Promise<Reply> {
  const form = { token: refreshToken, client_id: CLIENT_ID };
  return suite.call('POST', '/auth/revoke', { body: new URLSearchParams(form) });
}

/** Gets tokens that name the user's present tenants. */
export function refresh(suite: TestSuite, { email, refreshToken }: TestUser): Promise<TestUser> {
  return getTokens(suite, email, { grant_type: 'refresh_token', refresh_token: refreshToken });
}

async function getTokens(suite: TestSuite, email: string, form: Record<string, string>): Promise<TestUser> {
  const tokens = await requestTokens(suite, form);
  if (tokens.status !== 200) throw new Error(`no tokens: ${tokens.text}`);
  const { user_id, access_token, refresh_token, tenants } = tokens.body;
  const person: TestUser = {
    userId: user_id,
    email,
    authorization: `Bearer ${access_token}`,
    refreshToken: refresh_token,
    tenants: new Map(
      tenants.map(({ tenant_id, role }: { tenant_id: string; role: string }) => [tenant_id, role]),
    ),
    call: (method, path, body, headers = {}) =>
      suite.call(method, path, { authorization: person.authorization, body, headers }),
  };
  return person;
}
