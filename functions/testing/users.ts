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
  return { subject, email, name: email.split('@')[0] ?? '', hostedDomain: null, ...more };
}

/** Runs a sign-in as the browser and the client, up to the code. */
export async function signInToCode(
  suite: TestSuite,
  person: SignedInUser,
): Promise<{ code: string; verifier: string }> {
  const verifier = randomBytes(32).toString('base64url');
  const parameters = new URLSearchParams({
    redirect_uri: LOOPBACK_REDIRECT,
    state: 'state-of-the-program',
    code_challenge: challengeOf(verifier),
    code_challenge_method: 'S256',
  });
  // Each sign-in has its own IP address, so that rate limits by address do not affect other tests.
  const address = { 'x-forwarded-for': `10.${[...randomBytes(3)].join('.')}` };
  const started = await suite.call('GET', `/auth/login/google?${parameters}`, { headers: address });
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

function refresh(suite: TestSuite, { email, refreshToken }: TestUser): Promise<TestUser> {
  return getTokens(suite, email, { grant_type: 'refresh_token', refresh_token: refreshToken });
}

async function getTokens(suite: TestSuite, email: string, body: Record<string, string>): Promise<TestUser> {
  const tokens = await suite.call('POST', '/auth/token', { body });
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
