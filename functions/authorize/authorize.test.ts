import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';
import { authorizePath, LOOPBACK_REDIRECT } from '../testing/users.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite({
    SIGN_IN_CLIENTS: 'acme=https://console.example.com/signed-in,acme=loopback,web=https://web.example/a',
    PUBLIC_URL: 'https://seats.example.com',
  });
});
afterAll(() => suite.close());

describe('open redirects', () => {
  const authorize = (redirectUri: string, clientId: string): Promise<Reply> =>
    suite.call('GET', authorizePath({ client_id: clientId, redirect_uri: redirectUri }));

  test.each([
    'https://evil.example/signed-in',
    'https://console.example.com.evil.example/signed-in',
    'https://console.example.com@evil.example/signed-in',
    'https://evil.example/https://console.example.com/signed-in',
    'https://console.example.com/signed-in/',
    'https://console.example.com/signed-in?next=https://evil.example',
    'https://console.example.com/signed-in#x',
    'https://console.example.com/signed-in/../../evil',
    'https://console.example.com:444/signed-in',
    'https://CONSOLE.example.com/signed-in',
    'http://console.example.com/signed-in',
    'https://seats.example.com/console/',
    'https://seats.example.com/console/signed-in/x',
    'http://seats.example.com/console/signed-in',
    '//evil.example/signed-in',
    '/\\evil.example',
    'https:evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    'http://localhost:5000/callback',
    'http://127.0.0.1/callback',
    'http://127.0.0.1:0/callback',
    'http://127.0.0.1:99999/callback',
    'http://127.0.0.1:5000@evil.example/callback',
    'http://user@127.0.0.1:5000/callback',
    'http://127.0.0.1.evil.example:5000/callback',
    'http://127.0.0.2:5000/callback',
    'http://2130706433:5000/callback',
    'http://0x7f.1:5000/callback',
    'http://[::ffff:127.0.0.1]:5000/callback',
    'http://[::1].evil.example:5000/callback',
    'https://127.0.0.1:5000/callback',
    'http://127.0.0.1:5000/callback?x=1',
    'http://127.0.0.1:5000/callback#x',
    'http://127.0.0.1:5000\\@evil.example/',
    'http://127.0.0.1:5000/%0d%0aLocation:x',
    ' https://console.example.com/signed-in',
    'https://console.example.com/signed-in ',
    'myapp://callback',
  ])('refuses to redirect to %j', async (redirectUri) => {
    for (const clientId of ['acme', 'seatlease-console']) {
      const reply = await authorize(redirectUri, clientId);
      expect(reply.status).toBe(400);
      expect(suite.logged.at(-1)?.code).toBe('REDIRECT_NOT_ALLOWED');
      expect(reply.headers.get('location')).toBeNull();
      expect(reply.headers.get('set-cookie')).toBeNull();
    }
  });

  test.each([
    ['acme', 'http://127.0.0.1:5000'],
    ['seatlease-sdk', 'http://127.0.0.1:65535/a/b'],
    ['seatlease-cli', 'http://[::1]:5000/callback'],
    ['acme', 'https://console.example.com/signed-in'],
    ['seatlease-console', 'https://seats.example.com/console/signed-in'],
  ])('lets %s redirect to %s', async (clientId, redirectUri) => {
    expect((await authorize(redirectUri, clientId)).headers.get('location')).toContain('provider.test');
  });

  test.each([
    ['web', 'http://127.0.0.1:5000/callback'],
    ['web', 'https://console.example.com/signed-in'],
    ['web', 'loopback'],
    ['seatlease-sdk', 'loopback'],
    ['seatlease-sdk', 'https://seats.example.com/console/signed-in'],
    ['seatlease-console', 'http://127.0.0.1:5000/callback'],
  ])('refuses %s the address of another client: %s', async (clientId, redirectUri) => {
    expect((await authorize(redirectUri, clientId)).status).toBe(400);
    expect(suite.logged.at(-1)?.code).toBe('REDIRECT_NOT_ALLOWED');
  });
});

describe('a client whose redirect address is registered', () => {
  test.each<[string, Record<string, string>, string]>([
    ['the plain method', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['no method', { code_challenge_method: '' }, 'invalid_request'],
    ['no challenge', { code_challenge: '' }, 'invalid_request'],
    ['a short challenge', { code_challenge: 'abc' }, 'invalid_request'],
    ['no response type', { response_type: '' }, 'invalid_request'],
    ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
  ])('learns there about %s', async (_, change, error) => {
    const reply = await suite.call('GET', authorizePath({ state: 'of-the-client', ...change }));
    const { searchParams, origin, pathname } = new URL(reply.headers.get('location') ?? '');
    expect([reply.status, origin + pathname]).toEqual([302, LOOPBACK_REDIRECT]);
    expect(Object.fromEntries(searchParams)).toEqual({
      error,
      error_description: expect.stringMatching(/^[ -!#-[\]-~]+$/),
      state: 'of-the-client',
      iss: 'https://seats.example.com',
    });
    expect(reply.headers.get('set-cookie')).toBeNull();
  });

  test.each([
    ['a state with a line break', `${authorizePath({ state: '' })}&state=a%0Ab`],
    ['a state that is too long', authorizePath({ state: 'x'.repeat(513) })],
    ['a repeated state', `${authorizePath()}&state=b`],
  ])('learns there about %s, which is not repeated', async (_, path) => {
    const { searchParams } = new URL((await suite.call('GET', path)).headers.get('location') ?? '');
    expect([searchParams.get('error'), searchParams.has('state')]).toEqual(['invalid_request', false]);
  });

  test('learns there that sign-in is not configured', async () => {
    const bare = await openTestSuite({}, (deps) => ({ ...deps, signInPage: undefined }));
    const reply = await bare.call('GET', authorizePath());
    expect(new URL(reply.headers.get('location') ?? '').searchParams.get('error')).toBe(
      'temporarily_unavailable',
    );
    await bare.close();
  });

  test('can leave out state, and send parameters that we do not know, once or often', async () => {
    const path = `${authorizePath({ state: '' })}&scope=openid&prompt=none&resource=a&resource=b`;
    expect((await suite.call('GET', path)).headers.get('location')).toContain('provider.test');
  });
});

test('the longest request fits into a cookie, which browsers limit to 4,096 bytes; a longer address is refused', async () => {
  const addressOf = (characters: number) => 'http://127.0.0.1:50000/'.padEnd(characters, 'a');
  const request = (characters: number) =>
    suite.call('GET', authorizePath({ redirect_uri: addressOf(characters), state: '"'.repeat(512) }));
  const longest = await request(1_024);
  expect(longest.status).toBe(302);
  expect(longest.headers.get('set-cookie')?.split(';')[0]?.length).toBeLessThan(4_096);
  expect((await request(1_025)).status).toBe(400);
});

describe('a browser gets a page with "Sign in again", and nothing of its request,', () => {
  test.each<[string, string, number]>([
    ['for an unknown client', authorizePath({ client_id: '<b>unknown' }), 401],
    ['without a client', authorizePath({ client_id: '' }), 400],
    ['for two clients', `${authorizePath()}&client_id=seatlease-cli`, 400],
    ['for an unregistered address', authorizePath({ redirect_uri: 'https://evil.example/<b>' }), 400],
    ['at the callback without a cookie', '/auth/callback?state=<b>&code=evil', 400],
    ['at the callback without parameters', '/auth/callback', 400],
  ])('%s', async (_, path, status) => {
    const reply = await suite.call('GET', path);
    expect(reply.status).toBe(status);
    expect(reply.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(reply.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(reply.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(reply.text).toMatch(/<html lang="en">.*<h1>Not signed in<\/h1>.*<a [^>]*>Sign in again<\/a>/s);
    expect(reply.text).not.toMatch(/<b>|evil|<script/);
  });

  test('also when the server fails', async () => {
    const broken = await openTestSuite({}, (deps) => ({
      ...deps,
      signInPage: { authorizeUrl: () => Promise.reject(new Error('a fault')) },
    }));
    const reply = await broken.call('GET', authorizePath());
    expect([reply.status, reply.headers.get('content-type')]).toEqual([500, 'text/html; charset=utf-8']);
    expect(reply.text).not.toContain('a fault');
    await broken.close();
  });
});
