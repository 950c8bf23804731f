import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { idTokenVerifier } from '../shared/adapters/identity/id-token.ts';
import { DOORS } from '../shared/testing/door-headers.ts';
import { openTestSuite, type TestSuite } from './testing/suite.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

const HOUR_SECONDS = 3600;

describe('a service call that Cloud Run has checked', () => {
  const sweepWith = (headers: Record<string, string>, door: 'internal' | 'unguarded' = 'internal') =>
    suite.call('POST', '/internal/sweep', { headers, door });

  test('is accepted without the signature of its token', async () => {
    expect((await suite.sweep()).status).toBe(200);
  });

  test('is refused by a function that verifies signatures itself, as all others do', async () => {
    const issuer = { names: ['seatlease-local'], algorithm: 'ES256' as const, keyFor: async () => undefined };
    const identity = idTokenVerifier(issuer, 'seatlease.local', 'signed');
    const strict = await openTestSuite({}, (deps) => ({ ...deps, identity }));
    const authorization = unsigned(suite.serviceToken('scheduler'));
    const refusal = await strict.call('POST', '/internal/sweep', { authorization, door: 'unguarded' });
    expect([refusal.status, refusal.body.code]).toEqual([401, 'CREDENTIALS_INVALID']);
    expect(strict.logged.at(-1)?.because).toBe('the signature of the token was removed');
    await strict.close();
  });

  test('counts by X-Serverless-Authorization, whatever Authorization has', async () => {
    const scheduler = `Bearer ${suite.serviceToken('scheduler')}`;
    const reply = await sweepWith({
      'x-serverless-authorization': scheduler,
      authorization: `Bearer ${suite.serviceToken('pubsub')}`,
    });
    expect(reply.status).toBe(200);
    const unread = await sweepWith(
      { 'x-serverless-authorization': 'Bearer nonsense', authorization: scheduler },
      'unguarded',
    );
    expect(unread.body.code).toBe('CREDENTIALS_INVALID');
  });

  test.each([
    ['for another audience', { aud: 'https://elsewhere.example' }, 401],
    ['of another issuer', { iss: 'https://issuer.example' }, 401],
    ['that has expired', { iat: 0, exp: HOUR_SECONDS }, 401],
    ['of an unverified address', { email_verified: false }, 401],
    ['of another account', { email: 'eve@seatlease.local' }, 403],
  ])('is refused by the function if its token is one %s', async (_, claims, status) => {
    const authorization = unsigned(suite.serviceToken('scheduler', claims));
    expect((await sweepWith({ authorization }, 'unguarded')).status).toBe(status);
  });
});

test('where Google issues the tokens, the edge verifies signatures, and the functions rely on that', async () => {
  const [SCHEDULER_ACCOUNT, PUSH_ACCOUNT] = ['scheduler@project.example', 'push@project.example'];
  const settings = { SERVICE_AUDIENCE: 'https://sweep.example', SCHEDULER_ACCOUNT, PUSH_ACCOUNT };
  const withGoogle = await openTestSuite(settings);
  const sweepAt = (door: 'internal' | 'unguarded') =>
    withGoogle.call('POST', '/internal/sweep', { authorization: `Bearer ${tokenWithoutSignature()}`, door });
  const forged = await sweepAt('internal');
  expect([forged.status, forged.headers.get('content-type')]).toEqual([401, 'text/html; charset=UTF-8']);
  expect((await sweepAt('unguarded')).status).toBe(200);
  await withGoogle.close();

  function tokenWithoutSignature(): string {
    const iat = Math.floor(Date.now() / 1000);
    const times = { iat, exp: iat + HOUR_SECONDS };
    const who = { email: SCHEDULER_ACCOUNT, email_verified: true };
    const claims = { iss: 'https://accounts.google.com', aud: settings.SERVICE_AUDIENCE, ...who, ...times };
    return [{ alg: 'RS256', kid: '1' }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .concat('SIGNATURE_REMOVED_BY_GOOGLE')
      .join('.');
  }
});

test('X-Serverless-Authorization changes nothing at endpoints that no service calls', async () => {
  const license = await suite.createLicense();
  const headers = { 'x-serverless-authorization': `Bearer ${suite.serviceToken('scheduler')}` };
  const acquire = (more: object) =>
    suite.call('POST', '/api/v1/licenses/acquire', { headers, body: { fingerprint: 'f' }, ...more });
  expect((await acquire({ authorization: `License ${license.key}` })).status).toBe(201);
  expect((await acquire({})).body.code).toBe('AUTHENTICATION_REQUIRED');
});

describe('through Hosting', () => {
  const login = `/auth/authorize?${new URLSearchParams({
    response_type: 'code',
    client_id: 'seatlease-sdk',
    redirect_uri: 'http://127.0.0.1:1/callback',
    state: 's',
    code_challenge: 'c'.repeat(43),
    code_challenge_method: 'S256',
  })}`;

  test('the cookie of a sign-in arrives, because its answer is private', async () => {
    const { headers } = await suite.call('GET', login);
    expect(headers.get('set-cookie')).toMatch(/^__session=/);
    expect(headers.get('cache-control')).toBe('private, no-store');
  });

  test.each(DOORS)(
    'headers of $name, plain or forged, do not choose where a sign-in returns',
    async (door) => {
      for (const { host: _, ...headers } of [door.headers, door.forged]) {
        const { status, headers: answer } = await suite.call('GET', login, { headers });
        expect(status).toBe(302);
        const returnTo = new URL(answer.get('location') ?? '').searchParams.get('redirect_uri');
        expect(returnTo).toBe(`${suite.url}/auth/callback`);
      }
    },
  );

  test('no 404 of a function may be cached, so what is created is found at once', async () => {
    const missing = await suite.operate('GET', '/api/v1/licenses/lic_07_0123456789abcdef');
    expect(missing.status).toBe(404);
    expect(missing.headers.get('cache-control')).toContain('no-store');
  });

  test('internal functions have no address', async () => {
    for (const door of ['hosting', 'run.app'] as const) {
      const authorization = `Bearer ${suite.serviceToken('scheduler')}`;
      expect((await suite.call('POST', '/internal/sweep', { authorization, door })).status).toBe(404);
    }
  });
});

function unsigned(token: string): string {
  return `Bearer ${token.replace(/[^.]*$/, 'SIGNATURE_REMOVED_BY_GOOGLE')}`;
}
