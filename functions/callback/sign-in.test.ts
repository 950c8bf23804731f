import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { INVITATIONS, SIGN_IN_CODES, TENANTS, USERS } from '../../shared/ports/collections.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';
import { codeFor } from '../testing/trusting-provider.ts';
import { accountOf, LOOPBACK_REDIRECT, signIn, signInToCode } from '../testing/users.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite({
    SIGN_IN_REDIRECTS: 'https://console.example.com/signed-in',
    OPERATOR_EMAILS: 'olga@vendor.example',
    OPERATOR_DOMAIN: 'vendor.example',
  });
});
afterAll(() => suite.close());
afterEach(() => {
  vi.useRealTimers();
});

const me = async (authorization: string): Promise<Reply> =>
  suite.call('GET', '/api/v1/users/me', { authorization });

describe('signing in', () => {
  test('creates a user with their own tenant at the first sign-in, and returns both at the second', async () => {
    const first = await signIn(suite, 'ada@example.com', { name: 'Ada Lovelace' });
    const profile = (await me(first.authorization)).body;
    expect(profile).toMatchObject({ email: 'ada@example.com', name: 'Ada Lovelace', is_operator: false });
    expect(profile.tenants).toEqual([
      { tenant_id: expect.stringMatching(/^ten_/), name: expect.any(String), role: 'owner' },
    ]);

    const second = await signIn(suite, 'ada@example.com', { name: 'Ada King' });
    expect(second.userId).toBe(first.userId);
    expect(second.tenants).toEqual(first.tenants);
    expect((await me(second.authorization)).body.name).toBe('Ada King');
  });

  test('keeps the user when the e-mail address of the account changes', async () => {
    const before = await signIn(suite, 'old@example.com');
    const account = accountOf('old@example.com');
    const after = await signIn(suite, 'new@example.com', { subject: account.subject });
    expect(after.userId).toBe(before.userId);
    expect((await suite.deps.records.get(USERS, before.userId))?.email).toBe('new@example.com');
  });

  test('creates two users for two accounts with the same e-mail address', async () => {
    const one = await signIn(suite, 'shared@example.com', { subject: '111' });
    const other = await signIn(suite, 'shared@example.com', { subject: '222' });
    expect(other.userId).not.toBe(one.userId);
  });

  test('redirects the browser to the client with state, code and issuer', async () => {
    const parameters = new URLSearchParams({
      redirect_uri: 'https://console.example.com/signed-in',
      state: 'abc.def~1',
      code_challenge: randomBytes(32).toString('base64url'),
      code_challenge_method: 'S256',
    });
    const started = await suite.call('GET', `/auth/login/google?${parameters}`);
    expect(started.status).toBe(302);
    expect(started.headers.get('cache-control')).toBe('private, no-store');
    const cookie = started.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^__session=[^;]+; Path=\/auth; Max-Age=600; HttpOnly; SameSite=Lax$/);
    const provider = started.headers.get('location') ?? '';
    expect(new URL(provider).searchParams.get('redirect_uri')).toBe(`${suite.url}/auth/callback`);

    const query = new URLSearchParams({
      ...codeFor(provider, accountOf('eve@example.com')),
      scope: 'openid',
    });
    const back = await suite.call('GET', `/auth/callback?${query}`, {
      headers: { cookie: String(cookie.split(';')[0]) },
    });
    expect(back.status).toBe(302);
    const target = new URL(back.headers.get('location') ?? '');
    expect(target.origin + target.pathname).toBe('https://console.example.com/signed-in');
    expect(Object.fromEntries(target.searchParams)).toEqual({
      state: 'abc.def~1',
      iss: suite.url,
      code: expect.stringMatching(/^[0-9a-z]{32}$/),
    });
    expect(back.headers.get('set-cookie')).toContain('Max-Age=0');
  });

  test('redirects with an error and no code when the user denies access at the provider', async () => {
    const { cookie, state } = await beginIn(suite);
    const back = await suite.call(
      'GET',
      `/auth/callback?${new URLSearchParams({ state, error: 'access_denied' })}`,
      {
        headers: { cookie },
      },
    );
    expect(back.status).toBe(302);
    const { searchParams } = new URL(back.headers.get('location') ?? '');
    expect(searchParams.get('error')).toBe('access_denied');
    expect(searchParams.has('code')).toBe(false);
  });

  test('sets a Secure cookie if the public URL is https', async () => {
    const secure = await openTestSuite({}, (deps) => ({ ...deps, publicUrl: 'https://seats.example.com' }));
    const { header } = await beginIn(secure);
    expect(header).toContain('; Secure');
    await secure.close();
  });

  test('stores neither codes nor tokens in plain text', async () => {
    const person = await signIn(suite, 'kept@example.com');
    const { code } = await signInToCode(suite, accountOf('kept@example.com'));
    expect(await suite.deps.records.get(SIGN_IN_CODES, code)).toBeUndefined();
    expect(JSON.stringify(suite.logged)).not.toContain(code);
    for (const secret of [person.refreshToken, person.authorization.slice(7), 'kept@example.com']) {
      expect(JSON.stringify(suite.logged)).not.toContain(secret);
    }
  });
});

describe('joining tenants', () => {
  async function invite(tenantId: string, email: string, role: string): Promise<Reply> {
    return suite.operate('POST', `/api/v1/tenants/${tenantId}/invitations`, { email, role });
  }

  test('accepts an invitation once, when a user signs in with its address', async () => {
    const license = await suite.createLicense();
    await invite(license.tenantId, 'Invited@Example.com', 'admin');
    const person = await signIn(suite, 'invited@example.com');
    expect([...person.tenants]).toEqual([[license.tenantId, 'admin']]);
    const { invitations } = (await suite.operate('GET', `/api/v1/tenants/${license.tenantId}/invitations`))
      .body;
    expect(invitations).toEqual([]);
    const again = await signIn(suite, 'invited@example.com', { subject: 'another account' });
    expect(again.tenants.has(license.tenantId)).toBe(false);
  });

  test('lets an existing user join another tenant by invitation at the next sign-in', async () => {
    const before = await signIn(suite, 'both@example.com');
    const license = await suite.createLicense();
    await invite(license.tenantId, 'both@example.com', 'member');
    const after = await signIn(suite, 'both@example.com');
    expect(after.tenants).toEqual(new Map([...before.tenants, [license.tenantId, 'member']]));
  });

  test('accepts an invitation for exactly 14 days', async () => {
    const license = await suite.createLicense();
    const { invitation_id } = (await invite(license.tenantId, 'late@example.com', 'member')).body;
    const invitation = await suite.deps.records.get(INVITATIONS, invitation_id);
    vi.useFakeTimers({ toFake: ['Date'], now: invitation?.expiresAtMs ?? 0 });
    const person = await signIn(suite, 'late@example.com');
    expect(person.tenants.has(license.tenantId)).toBe(false);
  });

  test('makes only the first of two users who were invited as owner the owner', async () => {
    const license = await suite.createLicense();
    for (const email of ['first@example.com', 'second@example.com'])
      await invite(license.tenantId, email, 'owner');
    const first = await signIn(suite, 'first@example.com');
    const second = await signIn(suite, 'second@example.com');
    expect(first.tenants.get(license.tenantId)).toBe('owner');
    expect(second.tenants.get(license.tenantId)).toBe('admin');
    expect((await suite.deps.records.get(TENANTS, license.tenantId))?.ownerId).toBe(first.userId);
  });

  test('lets users of a Workspace domain join its tenant, but not the same address without the domain', async () => {
    const owner = await signIn(suite, 'boss@company.example', { hostedDomain: 'company.example' });
    const [[tenantId = ''] = []] = [...owner.tenants];
    const changed = await owner.call('PATCH', `/api/v1/tenants/${tenantId}`, {
      join_domain: 'company.example',
    });
    expect(changed.status).toBe(200);
    const colleague = await signIn(suite, 'colleague@company.example', { hostedDomain: 'company.example' });
    expect([...colleague.tenants]).toEqual([[tenantId, 'member']]);
    const lookalike = await signIn(suite, 'lookalike@company.example');
    expect(lookalike.tenants.has(tenantId)).toBe(false);
  });

  test('refuses a join domain that is not the owner’s own or belongs to another tenant', async () => {
    const plain = await signIn(suite, 'plain@gmail.example');
    const [[plainTenant = ''] = []] = [...plain.tenants];
    const grab = await plain.call('PATCH', `/api/v1/tenants/${plainTenant}`, {
      join_domain: 'gmail.example',
    });
    expect([grab.status, grab.body.code]).toEqual([403, 'FORBIDDEN']);

    const one = await signIn(suite, 'one@taken.example', { hostedDomain: 'taken.example' });
    const [[oneTenant = ''] = []] = [...one.tenants];
    await one.call('PATCH', `/api/v1/tenants/${oneTenant}`, { join_domain: 'taken.example' });
    const two = await one.call('POST', '/api/v1/tenants', { name: 'Second' });
    const again = await signIn(suite, 'one@taken.example', { hostedDomain: 'taken.example' });
    const taken = await again.call('PATCH', `/api/v1/tenants/${two.body.tenant_id}`, {
      join_domain: 'taken.example',
    });
    expect([taken.status, taken.body.code]).toEqual([409, 'DOMAIN_TAKEN']);
    // Once the first tenant removes its join domain, the second can set it.
    await again.call('PATCH', `/api/v1/tenants/${oneTenant}`, { join_domain: null });
    const free = await again.call('PATCH', `/api/v1/tenants/${two.body.tenant_id}`, {
      join_domain: 'taken.example',
    });
    expect(free.status).toBe(200);
  });

  test('limits a user to twenty tenants', async () => {
    const person = await signIn(suite, 'collector@example.com');
    for (let i = 1; i < 20; i += 1) {
      expect((await person.call('POST', '/api/v1/tenants', { name: `No. ${i}` })).status).toBe(201);
    }
    const more = await person.call('POST', '/api/v1/tenants', { name: 'One too many' });
    expect([more.status, more.body.code]).toEqual([409, 'TOO_MANY_TENANTS']);
    const license = await suite.createLicense();
    await invite(license.tenantId, 'collector@example.com', 'member');
    const again = await signIn(suite, 'collector@example.com');
    expect(again.tenants.size).toBe(20);
    expect(again.tenants.has(license.tenantId)).toBe(false);
    const { invitations } = (await suite.operate('GET', `/api/v1/tenants/${license.tenantId}/invitations`))
      .body;
    expect(invitations).toHaveLength(1);
  });
});

describe('operators', () => {
  test('lets only users on the list or of the domain act as operators', async () => {
    const listed = await signIn(suite, 'olga@vendor.example');
    const ofDomain = await signIn(suite, 'oleg@vendor.example', { hostedDomain: 'vendor.example' });
    const lookalike = await signIn(suite, 'otto@vendor.example');
    expect((await listed.call('GET', '/api/v1/users')).status).toBe(200);
    expect((await ofDomain.call('GET', '/api/v1/users')).status).toBe(200);
    expect((await lookalike.call('GET', '/api/v1/users')).body.code).toBe('FORBIDDEN');
    expect((await me(listed.authorization)).body.is_operator).toBe(true);
  });

  test('requires operators to sign in again after twelve hours', async () => {
    const nowMs = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
    const { refreshToken } = await signIn(suite, 'olga@vendor.example');
    const asOperator = async (refresh: string): Promise<{ status: number; next: string }> => {
      const tokens = await suite.call('POST', '/auth/token', {
        body: { grant_type: 'refresh_token', refresh_token: refresh },
      });
      const authorization = `Bearer ${tokens.body.access_token}`;
      const { status } = await suite.call('GET', '/api/v1/users', { authorization });
      return { status, next: tokens.body.refresh_token };
    };
    vi.setSystemTime(nowMs + 12 * 3600_000 - 1);
    const { status, next } = await asOperator(refreshToken);
    expect(status).toBe(200);
    vi.setSystemTime(nowMs + 12 * 3600_000);
    expect((await asOperator(next)).status).toBe(403);
  });
});

async function beginIn(
  at: TestSuite,
): Promise<{ cookie: string; header: string; state: string; location: string }> {
  const parameters = new URLSearchParams({
    redirect_uri: LOOPBACK_REDIRECT,
    state: 's',
    code_challenge: randomBytes(32).toString('base64url'),
    code_challenge_method: 'S256',
  });
  const started = await at.call('GET', `/auth/login/google?${parameters}`);
  const header = started.headers.get('set-cookie') ?? '';
  const location = started.headers.get('location') ?? '';
  return {
    header,
    location,
    cookie: header.split(';')[0] ?? '',
    state: new URL(location).searchParams.get('state') ?? '',
  };
}
