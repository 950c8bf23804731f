import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { INVITATIONS, SIGN_IN_CODES, TENANTS, USERS } from '../../shared/ports/collections.ts';
import { countOperations } from '../testing/count-operations.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';
import { codeFor } from '../testing/trusting-provider.ts';
import { accountOf, authorizePath, requestTokens, signIn, signInToCode } from '../testing/users.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite({
    SIGN_IN_CLIENTS: 'acme-web=https://console.example.com/signed-in',
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
    const started = await suite.call(
      'GET',
      authorizePath({
        client_id: 'acme-web',
        redirect_uri: 'https://console.example.com/signed-in',
        state: 'abc.def~1',
      }),
    );
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

describe('the tenant of a new user', () => {
  test('is their own, regardless of invitations', async () => {
    const { tenantId } = await suite.createLicense();
    const path = `/api/v1/tenants/${tenantId}/invitations`;
    await suite.operate('POST', path, { email: 'invited@example.com', role: 'admin' });
    const person = await signIn(suite, 'invited@example.com');
    expect([...person.tenants.values()]).toEqual(['owner']);
    expect(person.tenants.has(tenantId)).toBe(false);
    const { invitations } = (await suite.operate('GET', path)).body;
    expect(invitations).toHaveLength(1);
  });

  test('is read and written without any invitation: sign-in has the same operations with a thousand', async () => {
    const operations: string[] = [];
    const counted = await openTestSuite({}, (deps) => ({
      ...deps,
      records: countOperations(deps.records, (operation) => operations.push(operation)),
    }));
    const operationsOf = async (email: string): Promise<string[]> => {
      operations.length = 0;
      await signInToCode(counted, accountOf(email));
      return [...operations];
    };
    const first = await operationsOf('flooded@example.com');
    expect(first).toEqual([
      'query users-by-email',
      'get accounts',
      'set accounts',
      'set audit',
      'set audit',
      'set tenants',
      'set users',
      'set memberships',
      'set audit',
      'create sign-in-codes',
    ]);
    const { tenantId } = await counted.createLicense();
    const email = 'flooded@example.com';
    await counted.deps.records.transact(async (transaction) => {
      for (let n = 0; n < 1000; n += 1) {
        const invitation = {
          invitationId: `inv-${n}`,
          tenantId,
          email,
          role: 'admin',
          invitedBy: null,
        } as const;
        transaction.set(INVITATIONS, `inv-${n}`, { ...invitation, invitedAtMs: n, expiresAtMs: 9e12 });
      }
    });
    expect(await operationsOf(email)).toEqual([
      'query users-by-email',
      'get accounts',
      'get users',
      'set users',
      'create sign-in-codes',
    ]);
    await counted.close();
  });

  test('is that of their Workspace domain, if it has proved the domain; not for the same address without', async () => {
    const owner = await signIn(suite, 'boss@company.example', { hostedDomain: 'company.example' });
    const [[tenantId = ''] = []] = [...owner.tenants];
    const approved = await suite.operate('PUT', `/api/v1/tenants/${tenantId}/domain`, {
      domain: 'company.example',
    });
    expect(approved.body.join_domain).toBe('company.example');
    const colleague = await signIn(suite, 'colleague@company.example', { hostedDomain: 'company.example' });
    expect([...colleague.tenants]).toEqual([[tenantId, 'member']]);
    const lookalike = await signIn(suite, 'lookalike@company.example');
    expect(lookalike.tenants.has(tenantId)).toBe(false);
  });

  test('is their own if the tenant of their domain is being erased', async () => {
    const owner = await signIn(suite, 'boss@closing.example', { hostedDomain: 'closing.example' });
    const [[tenantId = ''] = []] = [...owner.tenants];
    await suite.operate('PUT', `/api/v1/tenants/${tenantId}/domain`, { domain: 'closing.example' });
    await suite.deps.records.transact(async (transaction) => {
      const tenant = await transaction.get(TENANTS, tenantId);
      if (tenant) transaction.set(TENANTS, tenantId, { ...tenant, erasureId: 'era_0000000000000000' });
    });
    const colleague = await signIn(suite, 'colleague@closing.example', { hostedDomain: 'closing.example' });
    expect([...colleague.tenants.values()]).toEqual(['owner']);
  });

  test('limits a user to twenty tenants, also when they create many at once', async () => {
    const person = await signIn(suite, 'collector@example.com');
    const created = await Promise.all(
      Array.from({ length: 25 }, (_, n) => person.call('POST', '/api/v1/tenants', { name: `No. ${n}` })),
    );
    const codes = created.map(({ status, body }) => `${status} ${body.code ?? ''}`);
    expect(codes.filter((code) => code === '201 ')).toHaveLength(19);
    expect(codes.filter((code) => code === '409 TOO_MANY_TENANTS')).toHaveLength(6);
    expect((await signIn(suite, 'collector@example.com')).tenants.size).toBe(20);
  });

  test('is recorded in the audit log with the user, who caused it', async () => {
    const { userId, tenants } = await signIn(suite, 'recorded@example.com');
    const [tenantId = ''] = tenants.keys();
    const { events } = (await suite.operate('GET', `/api/v1/audit?tenant_id=${tenantId}`)).body;
    const reported = events.map(({ type, actor, subject }: Record<string, unknown>) => ({
      type,
      actor,
      subject,
    }));
    const actor = { type: 'user', id: userId };
    expect(reported).toHaveLength(2);
    expect(reported).toEqual(
      expect.arrayContaining([
        { type: 'tenant.created', actor, subject: null },
        { type: 'member.joined', actor, subject: userId },
      ]),
    );
    const created = (await suite.operate('GET', '/api/v1/audit?type=user.created&limit=100')).body.events;
    expect(created).toContainEqual(expect.objectContaining({ subject: userId, tenant_id: 'vendor', actor }));
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
      const tokens = await requestTokens(suite, { grant_type: 'refresh_token', refresh_token: refresh });
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
  const started = await at.call('GET', authorizePath({ state: 's' }));
  const header = started.headers.get('set-cookie') ?? '';
  const location = started.headers.get('location') ?? '';
  return {
    header,
    location,
    cookie: header.split(';')[0] ?? '',
    state: new URL(location).searchParams.get('state') ?? '',
  };
}
