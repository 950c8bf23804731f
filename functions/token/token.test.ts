import { randomBytes } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { accessTokens } from '../../shared/domain/access-token.ts';
import { sealer } from '../../shared/domain/sealed.ts';
import { challengeOf } from '../../shared/domain/sign-in.ts';
import { SIGN_INS } from '../../shared/ports/collections.ts';
import { accountOf, LOOPBACK_REDIRECT, signIn, type TestPerson, throughBrowser } from '../testing/people.ts';
import { ACCESS_TOKEN_KEY, openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';

let suite: TestSuite;
let ada: TestPerson;
beforeAll(async () => {
  suite = await openTestSuite();
  ada = await signIn(suite, 'ada@example.com');
});
afterAll(() => suite.close());
afterEach(() => {
  vi.useRealTimers();
});

const code = (reply: Reply): string => `${reply.status} ${reply.body?.code}`;

function exchange(body: Record<string, string>): Promise<Reply> {
  return suite.call('POST', '/auth/token', { body });
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
    ).setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: kidOf(real()), ...header });
  const key = Buffer.from(ACCESS_TOKEN_KEY);
  const other = Buffer.from('another-key-0123456789-0123456789-0123456789');
  const swap = (part: number, text: string): string =>
    real()
      .split('.')
      .map((old, i) => (i === part ? text : old))
      .join('.');

  test('a token made like ours, with our key, of a sign-in that we do not know', async () => {
    // So that the others below fail for what is wrong with them and for nothing else.
    const reply = await suite.call('GET', '/api/v1/users/me', {
      authorization: `Bearer ${await jwt().sign(key)}`,
    });
    expect(code(reply)).toBe('401 CREDENTIALS_INVALID');
    expect(suite.logged.at(-1)?.because).toBe('signed out, or erased');
  });

  test.each<[string, () => Promise<string> | string]>([
    ['signed with another key', () => jwt().sign(other)],
    [
      'signed with another key that claims to be another',
      () => jwt((t) => t, { kid: 'AAAAAAAA' }).sign(other),
    ],
    ['no key named', () => jwt((t) => t, { kid: undefined }).sign(key)],
    ['run out', () => jwt((t) => t.setExpirationTime('-1s')).sign(key)],
    [
      'without an end',
      () =>
        new SignJWT(claims)
          .setIssuer('seatlease')
          .setAudience(suite.url)
          .setSubject(ada.userId)
          .setIssuedAt()
          .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: kidOf(real()) })
          .sign(key),
    ],
    ['not yet valid', () => jwt((t) => t.setNotBefore('1h')).sign(key)],
    ['of another deployment', () => jwt((t) => t.setAudience('https://other.example')).sign(key)],
    ['of another issuer', () => jwt((t) => t.setIssuer('https://accounts.google.com')).sign(key)],
    ['of another type', () => jwt((t) => t, { typ: 'JWT' }).sign(key)],
    ['for nobody', () => jwt((t) => t.setSubject('')).sign(key)],
    ['signed with our key by another algorithm', () => jwt((t) => t, { alg: 'HS512' }).sign(key)],
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
      'alg None over our claims',
      () => `${Buffer.from('{"alg":"None","typ":"at+jwt"}').toString('base64url')}.${real().split('.')[1]}.`,
    ],
    [
      'claims swapped under our signature',
      () =>
        swap(
          1,
          Buffer.from(JSON.stringify({ ...claims, sub: 'usr_0000000000000000' })).toString('base64url'),
        ),
    ],
    [
      'header swapped',
      () => swap(0, Buffer.from('{"alg":"HS256","typ":"at+jwt","kid":"x"}').toString('base64url')),
    ],
    ['signature cut', () => real().slice(0, -1)],
    ['signature gone', () => `${real().split('.').slice(0, 2).join('.')}.`],
    ['a refresh token', () => ada.refreshToken],
    ['a token of Google for a service', () => suite.serviceToken('scheduler')],
    ['words', () => 'a.b.c'],
  ])('%s: refused everywhere', async (_, make) => {
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

  test('a token stops counting 15 minutes after it was made, on the second', async () => {
    const nowMs = Math.floor(Date.now() / 1000) * 1000;
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
    const grace = await signIn(suite, 'clock@example.com');
    vi.setSystemTime(nowMs + 15 * 60_000 - 1);
    expect((await grace.call('GET', '/api/v1/users/me')).status).toBe(200);
    vi.setSystemTime(nowMs + 15 * 60_000);
    expect(code(await grace.call('GET', '/api/v1/users/me'))).toBe('401 CREDENTIALS_INVALID');
  });

  test('a key that was replaced still verifies what it signed; one that was taken away does not', async () => {
    const old = 'old-key-0123456789-0123456789-0123456789';
    const access = { userId: ada.userId, signInId: 'sin_0000000000000000', tenants: {} };
    const token = await accessTokens([old], 'here').issue(access, 0);
    expect(await accessTokens([ACCESS_TOKEN_KEY, old], 'here').open(token, 1)).toEqual(access);
    expect(await accessTokens([ACCESS_TOKEN_KEY], 'here').open(token, 1)).toHaveProperty('because');
    const newer = await accessTokens([ACCESS_TOKEN_KEY, old], 'here').issue(access, 0);
    expect(await accessTokens([old], 'here').open(newer, 1)).toHaveProperty('because');
  });
});

describe('one-time codes', () => {
  test('a code that is shown again is refused, and what it gave the first time ends', async () => {
    const { code: oneTime, verifier } = await throughBrowser(suite, accountOf('twice@example.com'));
    const first = await redeem(oneTime, verifier);
    expect(first.status).toBe(200);
    expect(code(await redeem(oneTime, verifier))).toBe('400 GRANT_INVALID');
    expect(code(await refresh(first.body.refresh_token))).toBe('400 GRANT_INVALID');
    const reply = await suite.call('GET', '/api/v1/users/me', {
      authorization: `Bearer ${first.body.access_token}`,
    });
    expect(code(reply)).toBe('401 CREDENTIALS_INVALID');
  });

  test('of 20 who show a code at once, at most one gets in, and not for long', async () => {
    const { code: oneTime, verifier } = await throughBrowser(suite, accountOf('race@example.com'));
    const replies = await Promise.all(Array.from({ length: 20 }, () => redeem(oneTime, verifier)));
    const won = replies.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    expect(code(await refresh(won[0]?.body.refresh_token))).toBe('400 GRANT_INVALID');
  });

  test('with the wrong verifier a code is refused, and used up', async () => {
    const { code: oneTime, verifier } = await throughBrowser(suite, accountOf('verifier@example.com'));
    expect(code(await redeem(oneTime, randomBytes(32).toString('base64url')))).toBe('400 GRANT_INVALID');
    expect(code(await redeem(oneTime, verifier))).toBe('400 GRANT_INVALID');
  });

  test('the challenge itself is no verifier', async () => {
    const { code: oneTime, verifier } = await throughBrowser(suite, accountOf('plain@example.com'));
    expect(code(await redeem(oneTime, challengeOf(verifier)))).toBe('400 GRANT_INVALID');
  });

  test('a code is for the redirect_uri that it was sent to', async () => {
    const { code: oneTime, verifier } = await throughBrowser(suite, accountOf('elsewhere@example.com'));
    expect(code(await redeem(oneTime, verifier, 'http://127.0.0.1:52112/callback'))).toBe(
      '400 GRANT_INVALID',
    );
  });

  test('a code is good for 60 seconds', async () => {
    const nowMs = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
    const early = await throughBrowser(suite, accountOf('early@example.com'));
    const late = await throughBrowser(suite, accountOf('late@example.com'));
    vi.setSystemTime(nowMs + 59_999);
    expect((await redeem(early.code, early.verifier)).status).toBe(200);
    vi.setSystemTime(nowMs + 60_000);
    expect(code(await redeem(late.code, late.verifier))).toBe('400 GRANT_INVALID');
  });

  test('a code that nobody gave out is refused', async () => {
    expect(code(await redeem('0'.repeat(32), randomBytes(32).toString('base64url')))).toBe(
      '400 GRANT_INVALID',
    );
  });
});

describe('refresh tokens', () => {
  test('each is good once: shown again, the whole sign-in ends, newest token and access tokens included', async () => {
    const person = await signIn(suite, 'rotate@example.com');
    const second = await refresh(person.refreshToken);
    expect(second.status).toBe(200);
    expect(second.body.refresh_token).not.toBe(person.refreshToken);
    expect(code(await refresh(person.refreshToken))).toBe('400 GRANT_INVALID');
    expect(code(await refresh(second.body.refresh_token))).toBe('400 GRANT_INVALID');
    const reply = await suite.call('GET', '/api/v1/users/me', {
      authorization: `Bearer ${second.body.access_token}`,
    });
    expect(code(reply)).toBe('401 CREDENTIALS_INVALID');
  });

  test('another sign-in of the same person is not touched by that', async () => {
    const stolen = await signIn(suite, 'two@example.com');
    const safe = await signIn(suite, 'two@example.com');
    await refresh(stolen.refreshToken);
    await refresh(stolen.refreshToken);
    expect((await refresh(safe.refreshToken)).status).toBe(200);
  });

  test('of 20 who show one at once, one gets on at most, and then nobody', async () => {
    const person = await signIn(suite, 'race2@example.com');
    const replies = await Promise.all(Array.from({ length: 20 }, () => refresh(person.refreshToken)));
    const won = replies.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    expect(code(await refresh(won[0]?.body.refresh_token))).toBe('400 GRANT_INVALID');
  });

  test.each<[string, (token: string) => string]>([
    [
      'sealed with another key',
      (token) => sealer('rt1', ['another-key-0123456789-0123456789']).seal(opened(token)),
    ],
    ['sealed for another purpose', (token) => sealer('ct1', [ACCESS_TOKEN_KEY]).seal(opened(token))],
    [
      'sealed for another purpose and renamed',
      (token) => sealer('ct1', [ACCESS_TOKEN_KEY]).seal(opened(token)).replace('ct1', 'rt1'),
    ],
    ['of a later number, sealed by nobody', (token) => token.replace(/\.[^.]+$/, '.AAAA')],
    ['an access token', () => ada.authorization.slice(7)],
    ['cut', (token) => token.slice(0, -2)],
  ])('one that is %s is refused, and ends nothing', async (_, forge) => {
    const person = await signIn(suite, 'forge@example.com');
    expect(code(await refresh(forge(person.refreshToken)))).toBe('400 GRANT_INVALID');
    expect((await refresh(person.refreshToken)).status).toBe(200);
  });

  test('one that was not used for 30 days has run out, and after 90 days signing in anew is due', async () => {
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

  test('after signing out, neither refresh nor access tokens count; signing out again answers the same', async () => {
    const person = await signIn(suite, 'out@example.com');
    for (const _ of ['first', 'again']) {
      const out = await suite.call('POST', '/auth/sign-out', {
        body: { refresh_token: person.refreshToken },
      });
      expect(out.status).toBe(204);
    }
    expect(code(await refresh(person.refreshToken))).toBe('400 GRANT_INVALID');
    expect(code(await person.call('GET', '/api/v1/users/me'))).toBe('401 CREDENTIALS_INVALID');
  });

  test('a token that is not ours signs nobody out', async () => {
    const out = await suite.call('POST', '/auth/sign-out', { body: { refresh_token: 'rt1.e30.AAAA' } });
    expect(out.status).toBe(204);
    expect((await ada.call('GET', '/api/v1/users/me')).status).toBe(200);
  });

  function opened(token: string): string {
    return Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  }
});

test('the sign-in that an access token names must be there', async () => {
  const person = await signIn(suite, 'gone@example.com');
  const [, claims = ''] = person.authorization.split('.');
  const { sid } = JSON.parse(Buffer.from(claims, 'base64url').toString());
  await suite.deps.records.transact(async (transaction) => transaction.delete(SIGN_INS, sid));
  expect(code(await person.call('GET', '/api/v1/users/me'))).toBe('401 CREDENTIALS_INVALID');
});
