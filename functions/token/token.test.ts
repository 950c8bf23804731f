import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { accessTokenIssuer, accessTokens } from '../../shared/domain/access-token.ts';
import { sealer } from '../../shared/domain/sealed.ts';
import { challengeOf } from '../../shared/domain/sign-in.ts';
import { SIGN_INS } from '../../shared/ports/collections.ts';
import { ACCESS_TOKEN_KEY as key, TEST_SECRETS } from '../../shared/testing/secrets.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';
import { accountOf, LOOPBACK_REDIRECT, signIn, signInToCode, type TestUser } from '../testing/users.ts';

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
      const out = await suite.call('POST', '/auth/sign-out', {
        body: { refresh_token: person.refreshToken },
      });
      expect(out.status).toBe(204);
    }
    expect(code(await refresh(person.refreshToken))).toBe('400 GRANT_INVALID');
    expect(code(await person.call('GET', '/api/v1/users/me'))).toBe('401 CREDENTIALS_INVALID');
  });

  test('signs no user out by an invalid token', async () => {
    const out = await suite.call('POST', '/auth/sign-out', { body: { refresh_token: 'rt1.e30.AAAA' } });
    expect(out.status).toBe(204);
    expect((await ada.call('GET', '/api/v1/users/me')).status).toBe(200);
  });

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
