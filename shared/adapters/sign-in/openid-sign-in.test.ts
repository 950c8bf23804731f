import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Unavailable } from '../../errors.ts';
import type { SignInAnswer } from '../../ports/sign-in.ts';
import { cannedServer } from '../../testing/servers/canned-server.ts';
import { openOpenIdSignIn, openOpenIdSignInPage } from './openid-sign-in.ts';

const CLIENT_ID = 'client of ours';
const CLIENT_SECRET = 'secret:of+ours';
const ANSWER: SignInAnswer = {
  code: 'code-of-the-browser',
  codeVerifier: 'verifier-of-the-login',
  redirectUri: 'https://seatlease.example/auth/callback',
  nonce: 'nonce-of-the-login',
};

let key: KeyObject;
beforeAll(() => {
  key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
});

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Json = Readonly<Record<string, unknown>>;

interface Provider {
  readonly metadata?: Json;
  readonly claims?: Json;
  readonly withinMs?: number;
  readonly respond?: (response: ServerResponse) => void;
}

/** A provider with its own metadata, whose token endpoint responds as the test says. */
async function providerThat({ metadata = {}, claims = {}, respond, withinMs }: Provider) {
  const seen: { path: string; authorization: string | undefined; form: URLSearchParams }[] = [];
  const { url, close } = await cannedServer((response, request, body) => {
    const form = new URLSearchParams(body);
    seen.push({ path: request.url ?? '', authorization: request.headers.authorization, form });
    const send = (answer: unknown) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    if (request.url === '/.well-known/openid-configuration')
      send({
        issuer: url,
        authorization_endpoint: `${url}/authorize?keep=this`,
        token_endpoint: `${url}/token`,
        jwks_uri: `${url}/jwks`,
        ...metadata,
      });
    else if (request.url === '/jwks')
      send({ keys: [{ ...createPublicKey(key).export({ format: 'jwk' }), kid: 'k' }] });
    else if (respond) respond(response);
    else send({ access_token: 'a', id_token: idToken({ iss: url, ...claims }) });
  });
  closers.push(close);
  const options = { issuer: url, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, withinMs };
  return { url, seen, signIn: { ...openOpenIdSignInPage(options), ...openOpenIdSignIn(options) } };
}

function idToken(claims: Json): string {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const all = {
    aud: CLIENT_ID,
    sub: 'ada',
    email: 'Ada@Company.example',
    email_verified: true,
    nonce: ANSWER.nonce,
    iat: nowSeconds,
    exp: nowSeconds + 600,
    ...claims,
  };
  const signed = [{ alg: 'RS256', kid: 'k' }, all]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

test('the browser is redirected to the address in the metadata, which is read once', async () => {
  const { seen, url, signIn } = await providerThat({});
  const ask = { state: 's', nonce: 'n', codeChallenge: 'c', redirectUri: ANSWER.redirectUri };
  for (const _ of ['first', 'second']) {
    const address = new URL(await signIn.authorizeUrl(ask));
    expect(address.origin + address.pathname).toBe(`${url}/authorize`);
    expect(address.searchParams.get('keep')).toBe('this');
    expect(address.searchParams.get('client_id')).toBe(CLIENT_ID);
  }
  expect(seen).toHaveLength(1);
});

test('the user is one of this issuer, and of no organisation, whatever the token says', async () => {
  const { url, signIn } = await providerThat({ claims: { hd: 'company.example', name: ' Ada ' } });
  expect(await signIn.redeem(ANSWER)).toEqual({
    verdict: 'SIGNED_IN',
    person: { issuer: url, subject: 'ada', email: 'ada@company.example', name: 'Ada', hostedDomain: null },
  });
});

test.each<[string, Json, 'header' | 'body']>([
  ['by default', {}, 'header'],
  [
    'if the provider takes both',
    { token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'] },
    'header',
  ],
  [
    'if the provider takes nothing else',
    { token_endpoint_auth_methods_supported: ['client_secret_post'] },
    'body',
  ],
])('the secret is sent in one place: %s', async (_, metadata, place) => {
  const { seen, signIn } = await providerThat({ metadata });
  expect((await signIn.redeem(ANSWER)).verdict).toBe('SIGNED_IN');
  const sent = seen.find(({ path }) => path === '/token');
  // RFC 6749 section 2.3.1: both parts are form-encoded first.
  const basic = `Basic ${Buffer.from('client+of+ours:secret%3Aof%2Bours').toString('base64')}`;
  expect(sent?.authorization).toBe(place === 'header' ? basic : undefined);
  expect(sent?.form.get('client_secret')).toBe(place === 'body' ? CLIENT_SECRET : null);
  expect(sent?.form.get('code_verifier')).toBe(ANSWER.codeVerifier);
});

test.each<[string, Json, RegExp]>([
  ['of another issuer', { iss: 'https://elsewhere.example' }, /another issuer/],
  ['of Google', { iss: 'https://accounts.google.com' }, /another issuer/],
  ['for another client', { aud: 'another' }, /another audience/],
  ['of another sign-in', { nonce: 'another' }, /another sign-in/],
  ['without email_verified', { email_verified: undefined }, /not verified/],
  ['with an unverified address', { email_verified: false }, /not verified/],
])('a token %s signs no one in', async (_, claims, because) => {
  const { signIn } = await providerThat({ claims });
  expect(await signIn.redeem(ANSWER)).toEqual({
    verdict: 'REFUSED',
    because: expect.stringMatching(because),
  });
});

const answering = (status: number, body: string) => (response: ServerResponse) =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(body);

test('a code that the provider rejects signs no one in', async () => {
  const { signIn } = await providerThat({
    respond: answering(400, `{"error":"invalid_grant","error_description":"${ANSWER.code}"}`),
  });
  expect(await signIn.redeem(ANSWER)).toEqual({
    verdict: 'REFUSED',
    because: 'the provider rejected the code: invalid_grant',
  });
});

describe('sign-in is Unavailable, and reveals no secret, if the provider', () => {
  test.each<[string, Provider, RegExp]>([
    [
      'rejects our credentials',
      { respond: answering(401, '{"error":"invalid_client"}') },
      /401 invalid_client/,
    ],
    ['fails', { respond: answering(503, '{"error":"invalid_grant"}') }, /503 invalid_grant/],
    ['returns no ID token', { respond: answering(200, '{"access_token":"a"}') }, /no ID token/],
    ['returns an HTML page', { respond: answering(200, `<html>${ANSWER.code}`) }, /no ID token/],
    ['cuts the connection', { respond: (response) => response.destroy() }, /does not answer/],
    ['does not answer', { respond: () => {}, withinMs: 200 }, /no answer/],
    [
      'has the metadata of another issuer',
      { metadata: { issuer: 'https://elsewhere.example' } },
      /another issuer/,
    ],
    ['has no token endpoint', { metadata: { token_endpoint: undefined } }, /metadata/],
  ])('%s', async (_, provider, because) => {
    const { signIn } = await providerThat(provider);
    const error = await signIn.redeem(ANSWER).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Unavailable);
    expect(error).toMatchObject({ part: 'identity', message: expect.stringMatching(because) });
    const shown = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true });
    for (const secret of [ANSWER.code, ANSWER.codeVerifier, CLIENT_SECRET])
      expect(shown).not.toContain(secret);
  });

  test('redirects us, and code and secret are not sent there', async () => {
    const elsewhere = await providerThat({});
    const { signIn } = await providerThat({
      respond: (response) => response.writeHead(307, { location: `${elsewhere.url}/token` }).end(),
    });
    await expect(signIn.redeem(ANSWER)).rejects.toBeInstanceOf(Unavailable);
    expect(elsewhere.seen).toEqual([]);
  });

  test('was down for a moment, and works again then', async () => {
    let isDown = true;
    const { url, close } = await cannedServer((response) => {
      response.writeHead(isDown ? 503 : 200);
      const endpoints = {
        authorization_endpoint: `${url}/a`,
        token_endpoint: `${url}/t`,
        jwks_uri: `${url}/j`,
      };
      response.end(JSON.stringify({ issuer: url, ...endpoints }));
    });
    closers.push(close);
    const page = openOpenIdSignInPage({ issuer: url, clientId: CLIENT_ID });
    const ask = { state: 's', nonce: 'n', codeChallenge: 'c', redirectUri: ANSWER.redirectUri };
    await expect(page.authorizeUrl(ask)).rejects.toBeInstanceOf(Unavailable);
    isDown = false;
    expect(await page.authorizeUrl(ask)).toMatch(`${url}/a`);
  });
});
