import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite({
    SIGN_IN_REDIRECTS: 'https://console.example.com/signed-in',
    PUBLIC_URL: 'https://seats.example.com',
  });
});
afterAll(() => suite.close());

describe('open redirects', () => {
  const login = (redirectUri: string): Promise<Reply> =>
    suite.call(
      'GET',
      `/auth/login/google?${new URLSearchParams({
        redirect_uri: redirectUri,
        state: 's',
        code_challenge: randomBytes(32).toString('base64url'),
        code_challenge_method: 'S256',
      })}`,
    );

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
    const reply = await login(redirectUri);
    expect(reply.status).toBe(400);
    expect(reply.body.code).toBe('REDIRECT_NOT_ALLOWED');
    expect(reply.headers.get('location')).toBeNull();
    expect(reply.headers.get('set-cookie')).toBeNull();
  });

  test.each([
    'http://127.0.0.1:5000',
    'http://127.0.0.1:65535/a/b',
    'http://[::1]:5000/callback',
    'https://console.example.com/signed-in',
    'https://seats.example.com/console/signed-in',
  ])('redirects to a client at %s', async (redirectUri) => {
    expect((await login(redirectUri)).status).toBe(302);
  });
});

test.each([
  ['the plain method', { code_challenge_method: 'plain' }],
  ['no challenge', { code_challenge: '' }],
  ['a short challenge', { code_challenge: 'abc' }],
  ['a state with a line break', { state: 'a\nb' }],
  ['a state that is too long', { state: 'x'.repeat(513) }],
  ['another response type', { response_type: 'token' }],
])('refuses a request with %s without a redirect', async (_, change) => {
  const parameters = {
    redirect_uri: 'http://127.0.0.1:5000/callback',
    state: 's',
    code_challenge: randomBytes(32).toString('base64url'),
    code_challenge_method: 'S256',
    ...change,
  };
  const reply = await suite.call('GET', `/auth/login/google?${new URLSearchParams(parameters)}`);
  expect([reply.status, reply.body.code]).toEqual([400, 'VALIDATION_FAILED']);
  expect(reply.headers.get('set-cookie')).toBeNull();
});

test('login and callback return SIGN_IN_NOT_SET_UP if sign-in is not configured', async () => {
  const bare = await openTestSuite({}, (deps) => ({
    ...deps,
    signIn: undefined,
    signInPage: undefined,
  }));
  const parameters = {
    redirect_uri: 'http://127.0.0.1:5000/callback',
    state: 's',
    code_challenge: randomBytes(32).toString('base64url'),
    code_challenge_method: 'S256',
  };
  for (const path of [
    `/auth/login/google?${new URLSearchParams(parameters)}`,
    '/auth/callback?state=s&code=c',
  ]) {
    const reply = await bare.call('GET', path);
    expect([reply.status, reply.body.code]).toEqual([503, 'SIGN_IN_NOT_SET_UP']);
  }
  await bare.close();
});
