import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { accessTokenIssuer, accessTokens } from '../../shared/domain/access-token.ts';
import { sealer } from '../../shared/domain/sealed.ts';
import { challengeOf } from '../../shared/domain/sign-in.ts';
import { Unavailable } from '../../shared/errors.ts';
import { SIGN_INS } from '../../shared/ports/collections.ts';
import { ACCESS_TOKEN_KEY as key, TEST_SECRETS } from '../../shared/testing/secrets.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';
import {
  accountOf,
  CLIENT_ID,
  LOOPBACK_REDIRECT,
  requestTokens,
  signIn,
  signInToCode,
  type TestUser,
} from '../testing/users.ts';

let suite: TestSuite;
let ada: TestUser;
beforeAll(async () => {
  suite = await openTestSuite();
  ada = await signIn(suite, 'ada@example.com');
});
afterAll(() => suite.close());
afterEach(() => {
  vi.useRealTimers();
});

/** Another key than that of the suite. */
const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const publicPem = createPublicKey(key).export({ type: 'spki', format: 'pem' });
const refreshKeys = [TEST_SECRETS.REFRESH_TOKEN_KEYS] as const;

const code = (reply: Reply): string => `${reply.status} ${reply.body?.code}`;

function exchange(form: Record<string, string>): Promise<Reply> {
  return requestTokens(suite, form);
}
function redeem(oneTimeCode: string, verifier: string, redirectUri = LOOPBACK_REDIRECT): Promise<Reply> {
  return exchange({
    grant_type: 'authorization_code',
    code: oneTimeCode,
    code_verifier: verifier,
    redirect_uri: redirectUri,
  });
}
function refresh(refreshToken: string): Promise<Reply> {
  return exchange({ grant_type: 'refresh_token', refresh_token: refreshToken });
}

describe('access tokens that were tampered with', () => {
  const claims = { sid: 'sin_0000000000000000', tenants: {} };
  const kidOf = (token: string): string =>
    JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;
  const real = (): string => ada.authorization.slice('Bearer '.length);
  const jwt = (
    change: (token: SignJWT) => SignJWT = (token) => token,
    header: Record<string, unknown> = {},
  ): SignJWT =>
    change(
      new SignJWT(claims)
        .setIssuer('seatlease')
        .setAudience(suite.url)
        .setSubject(ada.userId)
        .setIssuedAt()
        .setExpirationTime('15m'),
    ).setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: kidOf(real()), ...header });
  const swap = (part: number, text: string): string =>
    real()
      .split('.')
      .map((old, i) => (i === part ? text : old))
      .join('.');

  test('a valid token of an unknown sign-in is refused', async () => {
    // Shows that the claims and the key of `jwt` are valid, so each token below is refused only for its own fault.
    const reply = await suite.call('GET', '/api/v1/users/me', {
      authorization: `Bearer ${await jwt().sign(key)}`,
    });
    expect(code(reply)).toBe('401 CREDENTIALS_INVALID');
    expect(suite.logged.at(-1)?.because).toBe('signed out, or erased');
  });

  test.each<[string, () => Promise<string> | string]>([
    ['signed with another key', () => jwt().sign(other)],
    [
      'signed with another key that claims to be a known one',
      () => jwt((t) => t, { kid: 'AAAAAAAA' }).sign(other),
    ],
    ['without a key id', () => jwt((t) => t, { kid: undefined }).sign(key)],
    ['expired', () => jwt((t) => t.setExpirationTime('-1s')).sign(key)],
    [
      'without an expiry',
      () =>
        new SignJWT(claims)
          .setIssuer('seatlease')
          .setAudience(suite.url)
          .setSubject(ada.userId)
          .setIssuedAt()
          .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: kidOf(real()) })
          .sign(key),
    ],
    ['not yet valid', () => jwt((t) => t.setNotBefore('1h')).sign(key)],
    ['of another deployment', () => jwt((t) => t.setAudience('https://other.example')).sign(key)],
    ['of another issuer', () => jwt((t) => t.setIssuer('https://accounts.google.com')).sign(key)],
    ['of another type', () => jwt((t) => t, { typ: 'JWT' }).sign(key)],
    ['without a subject', () => jwt((t) => t.setSubject('')).sign(key)],
    ['signed with the right key by another algorithm', () => jwt((t) => t, { alg: 'RS512' }).sign(key)],
    [
      'signed with the public key as the secret of an HMAC',
      () => jwt((t) => t, { alg: 'HS256' }).sign(Buffer.from(TEST_SECRETS.ACCESS_TOKEN_PUBLIC_KEYS)),
    ],
    [
      'signed with the public key (PEM) as the secret of an HMAC',
      () => jwt((t) => t, { alg: 'HS256' }).sign(Buffer.from(publicPem)),
    ],
    [
      'alg none',
      () =>
        new UnsecuredJWT(claims)
          .setIssuer('seatlease')
          .setAudience(suite.url)
          .setSubject(ada.userId)
          .setIssuedAt()
          .setExpirationTime('15m')
          .encode(),
    ],
    [
      'alg None over valid claims',
      () => `${Buffer.from('{"alg":"None","typ":"at+jwt"}').toString('base64url')}.${real().split('.')[1]}.`,
    ],
    [
      'claims swapped under a valid signature',
      () =>
        swap(
          1,
          Buffer.from(JSON.stringify({ ...claims, sub: 'usr_0000000000000000' })).toString('base64url'),
        ),
    ],
    [
      'header swapped',
      () => swap(0, Buffer.from('{"alg":"RS256","typ":"at+jwt","kid":"x"}').toString('base64url')),
    ],
    ['signature truncated', () => real().slice(0, -1)],
    ['signature removed', () => `${real().split('.').slice(0, 2).join('.')}.`],
    ['a refresh token', () => ada.refreshToken],
    ['a token of a Google service account', () => suite.serviceToken('scheduler')],
    ['not a token', () => 'a.b.c'],
  ])('%s: refused by all endpoints', async (_, make) => {
    const authorization = `Bearer ${await make()}`;
    for (const [method, path, body] of [
      ['GET', '/api/v1/users/me'],
      ['GET', '/api/v1/licenses'],
      ['POST', '/api/v1/licenses/acquire', { fingerprint: 'f', license_id: 'lic_00_0000000000000000' }],
    ] as const) {
      const reply = await suite.call(method, path, { authorization, body });
      expect(reply.status).toBe(401);
      expect(reply.body.code).toMatch(/^(CREDENTIALS_INVALID|AUTHENTICATION_REQUIRED)$/);
      expect(reply.headers.get('www-authenticate')).toContain('Bearer');
      expect(JSON.stringify(suite.logged.at(-1))).not.toContain(authorization.slice(7));
    }
  });

  test('a token expires exactly 15 minutes after it was issued', async () => {
    const nowMs = Math.floor(Date.now() / 1000) * 1000;
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
    const grace = await signIn(suite, 'clock@example.com');
    vi.setSystemTime(nowMs + 15 * 60_000 - 1);
    expect((await grace.call('GET', '/api/v1/users/me')).status).toBe(200);
    vi.setSystemTime(nowMs + 15 * 60_000);
    expect(code(await grace.call('GET', '/api/v1/users/me'))).toBe('401 CREDENTIALS_INVALID');
  });

  test('a replaced key still verifies its tokens; a removed key does not', async () => {
    const access = { userId: ada.userId, signInId: 'sin_0000000000000000', tenants: {} };
    const [current, old] = [createPublicKey(key), createPublicKey(other)];
    const token = await accessTokenIssuer(other, 'here').issue(access, 0);
    expect(await accessTokens([current, old], 'here').open(token, 1)).toEqual(access);
    expect(await accessTokens([current], 'here').open(token, 1)).toEqual({
      because: 'the access token is signed with an unknown key',
    });
  });
});

describe('one-time codes', () => {
  test('refuses a code that was used, and revokes the sign-in of its first use', async () => {
    const { code: oneTime, verifier } = await signInToCode(suite, accountOf('twice@example.com'));
    const first = await redeem(oneTime, verifier);
    expect(first.status).toBe(200);
    expect(code(await redeem(oneTime, verifier))).toBe('400 GRANT_INVALID');
    expect(code(await refresh(first.body.refresh_token))).toBe('400 GRANT_INVALID');
    const reply = await suite.call('GET', '/api/v1/users/me', {
      authorization: `Bearer ${first.body.access_token}`,
    });
    expect(code(reply)).toBe('401 CREDENTIALS_INVALID');
  });

  test('accepts at most one of 20 concurrent uses, and revokes its sign-in', async () => {
    const { code: oneTime, verifier } = await signInToCode(suite, accountOf('race@example.com'));
    const replies = await Promise.all(Array.from({ length: 20 }, () => redeem(oneTime, verifier)));
    const accepted = replies.filter(({ status }) => status === 200);
    expect(accepted).toHaveLength(1);
    expect(code(await refresh(accepted[0]?.body.refresh_token))).toBe('400 GRANT_INVALID');
  });

  test('refuses a code with a wrong verifier, and uses it up', async () => {
    const { code: oneTime, verifier } = await signInToCode(suite, accountOf('verifier@example.com'));
    expect(code(await redeem(oneTime, randomBytes(32).toString('base64url')))).toBe('400 GRANT_INVALID');
    expect(code(await redeem(oneTime, verifier))).toBe('400 GRANT_INVALID');
  });

  test('refuses the challenge as verifier', async () => {
    const { code: oneTime, verifier } = await signInToCode(suite, accountOf('plain@example.com'));
    expect(code(await redeem(oneTime, challengeOf(verifier)))).toBe('400 GRANT_INVALID');
  });

  test('refuses a code with another redirect_uri', async () => {
    const { code: oneTime, verifier } = await signInToCode(suite, accountOf('elsewhere@example.com'));
    expect(code(await redeem(oneTime, verifier, 'http://127.0.0.1:52112/callback'))).toBe(
      '400 GRANT_INVALID',
    );
  });

  test('refuses a code of another client', async () => {
    const { code: oneTime, verifier } = await signInToCode(suite, accountOf('other-client@example.com'));
    const form = { grant_type: 'authorization_code', code: oneTime, code_verifier: verifier };
    const reply = await exchange({ ...form, redirect_uri: LOOPBACK_REDIRECT, client_id: 'seatlease-cli' });
    expect(code(reply)).toBe('400 GRANT_INVALID');
  });

  test('accepts a code for 60 seconds', async () => {
    const nowMs = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
    const early = await signInToCode(suite, accountOf('early@example.com'));
    const late = await signInToCode(suite, accountOf('late@example.com'));
    vi.setSystemTime(nowMs + 59_999);
    expect((await redeem(early.code, early.verifier)).status).toBe(200);
    vi.setSystemTime(nowMs + 60_000);
    expect(code(await redeem(late.code, late.verifier))).toBe('400 GRANT_INVALID');
  });

  test('refuses an unknown code', async () => {
    expect(code(await redeem('0'.repeat(32), randomBytes(32).toString('base64url')))).toBe(
      '400 GRANT_INVALID',
    );
  });
});

describe('refresh tokens', () => {
  test('refuses a token whose successor was used, and revokes the whole sign-in, including its latest tokens', async () => {
    const person = await signIn(suite, 'rotate@example.com');
    const second = await refresh(person.refreshToken);
    expect(second.status).toBe(200);
    const third = await refresh(second.body.refresh_token);
    expect(third.status).toBe(200);
    expect(code(await refresh(person.refreshToken))).toBe('400 GRANT_INVALID');
    expect(code(await refresh(third.body.refresh_token))).toBe('400 GRANT_INVALID');
    const reply = await suite.call('GET', '/api/v1/users/me', {
      authorization: `Bearer ${third.body.access_token}`,
    });
    expect(code(reply)).toBe('401 CREDENTIALS_INVALID');
  });

  test.each([
    ['at once', 0],
    ['59 seconds later', 59_000],
    ['days later', 29 * 24 * 3600_000],
  ])('accepts a token again %s if the answer with the next one was lost', async (_, ms) => {
    const nowMs = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
    const person = await signIn(suite, 'lost@example.com');
    await refresh(person.refreshToken);
    vi.setSystemTime(nowMs + ms);
    const retry = await refresh(person.refreshToken);
    expect(retry.status).toBe(200);
    expect((await refresh(retry.body.refresh_token)).status).toBe(200);
  });

  test('accepts a token whose request was duplicated by the network', async () => {
    const nowMs = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
    const person = await signIn(suite, 'late@example.com');
    const second = await refresh(person.refreshToken);
    vi.setSystemTime(nowMs + 59_999);
    await refresh(person.refreshToken);
    expect((await refresh(second.body.refresh_token)).status).toBe(200);
  });

  test('revokes the sign-in of a stolen token once both parties have used theirs', async () => {
    const nowMs = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
    const person = await signIn(suite, 'stolen@example.com');
    const second = await refresh(person.refreshToken);
    vi.setSystemTime(nowMs + 60_000);
    const stolen = await refresh(person.refreshToken);
    expect(stolen.status).toBe(200);
    expect(code(await refresh(second.body.refresh_token))).toBe('400 GRANT_INVALID');
    expect(code(await refresh(stolen.body.refresh_token))).toBe('400 GRANT_INVALID');
  });

  test('revokes no other sign-in of the user', async () => {
    const stolen = await signIn(suite, 'two@example.com');
    const safe = await signIn(suite, 'two@example.com');
    const second = await refresh(stolen.refreshToken);
    await refresh(second.body.refresh_token);
    expect(code(await refresh(stolen.refreshToken))).toBe('400 GRANT_INVALID');
    expect((await refresh(safe.refreshToken)).status).toBe(200);
  });

  test('returns tokens of the same generation to 20 concurrent uses', async () => {
    const person = await signIn(suite, 'race2@example.com');
    const replies = await Promise.all(Array.from({ length: 20 }, () => refresh(person.refreshToken)));
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    const generations = replies.map(({ body }) => JSON.parse(opened(body.refresh_token)).generation);
    expect(new Set(generations)).toEqual(new Set([2]));
  });

  test.each<[string, (token: string) => string]>([
    [
      'sealed with another key',
      (token) => sealer('rt1', ['another-key-0123456789-0123456789']).seal(opened(token)),
    ],
    ['sealed for another purpose', (token) => sealer('ct1', refreshKeys).seal(opened(token))],
    [
      'sealed for another purpose and renamed',
      (token) => sealer('ct1', refreshKeys).seal(opened(token)).replace('ct1', 'rt1'),
    ],
    ['of a later generation, without a valid seal', (token) => token.replace(/\.[^.]+$/, '.AAAA')],
    ['an access token', () => ada.authorization.slice(7)],
    ['truncated', (token) => token.slice(0, -2)],
  ])('refuses a token that is %s, and revokes nothing', async (_, forge) => {
    const person = await signIn(suite, 'forge@example.com');
    expect(code(await refresh(forge(person.refreshToken)))).toBe('400 GRANT_INVALID');
    expect((await refresh(person.refreshToken)).status).toBe(200);
  });

  test('expires a token after 30 days without use, and the sign-in after 90 days', async () => {
    const day = 24 * 3600_000;
    const nowMs = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
    const idle = await signIn(suite, 'idle@example.com');
    const busy = await signIn(suite, 'busy@example.com');
    let token = busy.refreshToken;
    for (const days of [25, 50, 75, 89]) {
      vi.setSystemTime(nowMs + days * day);
      const reply = await refresh(token);
      expect(reply.status).toBe(200);
      token = reply.body.refresh_token;
    }
    expect(code(await refresh(idle.refreshToken))).toBe('400 GRANT_INVALID');
    vi.setSystemTime(nowMs + 90 * day);
    expect(code(await refresh(token))).toBe('400 GRANT_INVALID');
  });

  test('refuses refresh and access tokens after signing out, and returns the same answer to a second sign-out', async () => {
    const person = await signIn(suite, 'out@example.com');
    for (const _ of ['first', 'again']) {
      const out = await revoke(person.refreshToken);
      expect([out.status, out.text]).toEqual([200, '']);
    }
    expect(code(await refresh(person.refreshToken))).toBe('400 GRANT_INVALID');
    expect(code(await person.call('GET', '/api/v1/users/me'))).toBe('401 CREDENTIALS_INVALID');
  });

  test('signs no user out by an invalid token', async () => {
    for (const token of ['rt1.e30.AAAA', 'a.b.c', `${ada.authorization.slice(7)}x`])
      expect((await revoke(token)).status).toBe(200);
    expect((await ada.call('GET', '/api/v1/users/me')).status).toBe(200);
  });

  test('signs a user out by the access token too', async () => {
    const person = await signIn(suite, 'by-access@example.com');
    expect((await revoke(person.authorization.slice(7))).status).toBe(200);
    expect(code(await refresh(person.refreshToken))).toBe('400 GRANT_INVALID');
  });

  test('refuses another client to use or revoke a token, and ends nothing', async () => {
    const person = await signIn(suite, 'bound@example.com');
    const theirs = { client_id: 'seatlease-cli' };
    const used = await exchange({
      grant_type: 'refresh_token',
      refresh_token: person.refreshToken,
      ...theirs,
    });
    expect([used.status, used.body.error]).toEqual([400, 'invalid_grant']);
    const revoked = await revoke(person.refreshToken, theirs);
    expect([revoked.status, revoked.body.error]).toEqual([400, 'invalid_grant']);
    expect((await refresh(person.refreshToken)).status).toBe(200);
  });

  function revoke(token: string, more: Record<string, string> = {}): Promise<Reply> {
    return suite.call('POST', '/auth/revoke', {
      body: new URLSearchParams({ client_id: CLIENT_ID, token, ...more }),
    });
  }

  function opened(token: string): string {
    return Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  }
});

test('refuses an access token whose sign-in was deleted', async () => {
  const person = await signIn(suite, 'gone@example.com');
  const [, claims = ''] = person.authorization.split('.');
  const { sid } = JSON.parse(Buffer.from(claims, 'base64url').toString());
  await suite.deps.records.transact(async (transaction) => transaction.delete(SIGN_INS, sid));
  expect(code(await person.call('GET', '/api/v1/users/me'))).toBe('401 CREDENTIALS_INVALID');
});

describe('an OAuth client gets', () => {
  const post = (body: string | URLSearchParams, headers: Record<string, string> = {}): Promise<Reply> =>
    suite.call('POST', '/auth/token', {
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });
  const good = { grant_type: 'refresh_token', client_id: CLIENT_ID, refresh_token: 'x' };
  const form = (change: Record<string, string>): string =>
    new URLSearchParams({ ...good, ...change }).toString();

  test.each<[string, string, number, string]>([
    ['no grant_type', 'client_id=seatlease-sdk', 400, 'invalid_request'],
    ['an empty grant_type', form({ grant_type: '' }), 400, 'invalid_request'],
    ['an unknown grant_type', form({ grant_type: 'password' }), 400, 'unsupported_grant_type'],
    ['a repeated parameter', `${form({})}&refresh_token=y`, 400, 'invalid_request'],
    ['a repeated grant_type', `${form({})}&grant_type=refresh_token`, 400, 'invalid_request'],
    ['no client_id', form({ client_id: '' }), 400, 'invalid_request'],
    ['an unknown client_id', form({ client_id: 'nobody' }), 401, 'invalid_client'],
    ['a wrong token', form({}), 400, 'invalid_grant'],
    ['33 parameters', `${form({})}${'&x=y'.repeat(30)}`, 400, 'invalid_request'],
    ['no parameters', '', 400, 'invalid_request'],
    [
      'a web client with a device grant',
      new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        client_id: 'seatlease-console',
        device_code: 'x',
      }).toString(),
      400,
      'unauthorized_client',
    ],
  ])('for %s: an error of RFC 6749 section 5.2', async (_, body, status, error) => {
    const reply = await post(body);
    expect([reply.status, reply.body.error], reply.text).toEqual([status, error]);
    expect(reply.body.error_description).toMatch(/^[ -!#-[\]-~]+$/);
    expect(reply.headers.get('content-type')).toBe('application/json');
    expect(reply.headers.get('cache-control')).toContain('no-store');
    expect(reply.body).toMatchObject({ status, request_id: expect.any(String), code: expect.any(String) });
  });

  test('invalid_client and a challenge if it sends credentials, which public clients do not have', async () => {
    const authorization = `Basic ${Buffer.from('seatlease-sdk:').toString('base64')}`;
    const reply = await post(form({}), { authorization });
    expect([reply.status, reply.body.error]).toEqual([401, 'invalid_client']);
    expect(reply.headers.get('www-authenticate')).toBe('Basic realm="seatlease"');
  });

  test('invalid_request for JSON, with the status of an unsupported media type', async () => {
    const reply = await post(JSON.stringify(good), { 'content-type': 'application/json' });
    expect([reply.status, reply.body.error]).toEqual([415, 'invalid_request']);
  });

  test('tokens though it sends parameters that we do not know, some of them empty or repeated', async () => {
    const person = await signIn(suite, 'unknown-parameters@example.com');
    const reply = await post(
      `${form({ refresh_token: person.refreshToken })}&scope=openid&audience=a&audience=b&resource=`,
    );
    expect([reply.status, reply.body.scope]).toEqual([200, 'seatlease']);
  });

  test('temporarily_unavailable while records are unavailable', async () => {
    const broken = await openTestSuite({}, (deps) => ({
      ...deps,
      records: Object.assign(Object.create(deps.records), {
        transact: () => Promise.reject(new Unavailable('records', 'down')),
      }),
    }));
    const reply = await requestTokens(broken, {
      grant_type: 'refresh_token',
      refresh_token: ada.refreshToken,
    });
    expect([reply.status, reply.body.error, reply.body.code]).toEqual([
      503,
      'temporarily_unavailable',
      'RECORDS_UNAVAILABLE',
    ]);
    await broken.close();
  });
});

test('publishes its endpoints where RFC 8414 says, for any page to read and caches to keep', async () => {
  const { status, body, headers } = await suite.call('GET', '/.well-known/oauth-authorization-server');
  expect(status).toBe(200);
  expect(body.issuer).toBe(suite.url);
  expect(headers.get('access-control-allow-origin')).toBe('*');
  expect(headers.get('cache-control')).toBe('public, max-age=3600');
  const endpoints = Object.entries<string>(body).filter(([name]) => name.endsWith('_endpoint'));
  expect(endpoints).toHaveLength(4);
  for (const [name, address] of endpoints) {
    expect(address).toMatch(new RegExp(`^${suite.url}/auth/`));
    const path = address.slice(suite.url.length);
    const method = name === 'authorization_endpoint' ? 'GET' : 'POST';
    expect((await suite.call(method, path)).status, name).not.toBe(404);
  }
});

describe('the audit log', () => {
  async function actorsOf(type: string, userId: string): Promise<unknown[]> {
    const { body } = await suite.operate('GET', `/api/v1/audit?type=${type}&limit=100`);
    const events: { tenant_id: string; subject: string; actor: unknown }[] = body.events;
    return events
      .filter(({ subject, tenant_id }) => subject === userId && tenant_id === 'vendor')
      .map(({ actor }) => actor);
  }

  test('has who signed in and out, each once', async () => {
    const person = await signIn(suite, 'audited@example.com');
    for (const _ of ['once', 'again'])
      await suite.call('POST', '/auth/revoke', {
        body: new URLSearchParams({ client_id: CLIENT_ID, token: person.refreshToken }),
      });
    const actor = { type: 'user', id: person.userId };
    expect(await actorsOf('user.signed_in', person.userId)).toEqual([actor]);
    expect(await actorsOf('user.signed_out', person.userId)).toEqual([actor]);
  });

  test('has a sign-in that ended because a token was used twice, by no known user', async () => {
    const person = await signIn(suite, 'audited-theft@example.com');
    const second = await refresh(person.refreshToken);
    await refresh(second.body.refresh_token);
    for (const _ of ['once', 'again']) await refresh(person.refreshToken);
    expect(await actorsOf('user.signed_out', person.userId)).toEqual([{ type: 'system', id: 'token' }]);
  });
});
