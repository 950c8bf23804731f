import { createHash } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { openGoogleSignIn, openGoogleSignInPage } from '../../adapters/sign-in/google-sign-in.ts';
import { openOpenIdSignIn, openOpenIdSignInPage } from '../../adapters/sign-in/openid-sign-in.ts';
import { type AccountHolder, signInContract } from '../../testing/contracts/sign-in/suite.ts';
import { SAMPLE_ACCOUNTS } from './accounts.ts';
import { type LocalOidc, startLocalOidc } from './oidc-server.ts';

const KeySet = z.object({ keys: z.array(z.object({ kid: z.string() })) });
const VERIFIER = 'v'.repeat(43);
const REDIRECT_URI = 'http://127.0.0.1:8080/auth/callback';

let oidc: LocalOidc;
beforeAll(async () => {
  oidc = await startLocalOidc();
});
afterAll(() => oidc?.close());

type Change = Readonly<Record<string, string | undefined>>;

function changed(parameters: Readonly<Record<string, string>>, change: Change): URLSearchParams {
  const result = new URLSearchParams();
  for (const [key, value] of Object.entries({ ...parameters, ...change }))
    if (value !== undefined) result.set(key, value);
  return result;
}

function authorizeUrl(change: Change = {}): string {
  const parameters = {
    client_id: oidc.clientId,
    response_type: 'code',
    scope: 'openid email profile',
    redirect_uri: REDIRECT_URI,
    code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
    code_challenge_method: 'S256',
    state: 'the state',
  };
  return `${oidc.endpoints.authorize}?${changed(parameters, change)}`;
}

async function locationAfter(url: string): Promise<URL> {
  const response = await fetch(url, { redirect: 'manual' });
  expect(response.status).toBe(302);
  return new URL(response.headers.get('location') ?? '');
}

async function codeFor(email: string): Promise<string> {
  return (await locationAfter(authorizeUrl({ login_hint: email }))).searchParams.get('code') ?? '';
}

function redeem(code: string, change: Change = {}): Promise<Response> {
  const parameters = {
    grant_type: 'authorization_code',
    code,
    code_verifier: VERIFIER,
    redirect_uri: REDIRECT_URI,
    client_id: oidc.clientId,
    client_secret: oidc.clientSecret,
  };
  return fetch(oidc.endpoints.token, { method: 'POST', body: changed(parameters, change) });
}

describe('the Google adapter with the local provider:', () => {
  signInContract(async () => {
    const provider = await startLocalOidc();
    const { endpoints, issuer, clientId, clientSecret, close } = provider;
    const options = { endpoints, issuers: [issuer], clientId, clientSecret };
    return {
      signIn: { ...openGoogleSignInPage(options), ...openGoogleSignIn(options) },
      issuer: 'https://accounts.google.com',
      hasHostedDomains: true,
      signInAs,
      close,
    };
  });
});

describe('the OpenID adapter with the local provider:', () => {
  signInContract(async () => {
    const { issuer, clientId, clientSecret, close } = await startLocalOidc();
    const options = { issuer, clientId, clientSecret };
    const signIn = { ...openOpenIdSignInPage(options), ...openOpenIdSignIn(options) };
    return { signIn, issuer, hasHostedDomains: false, signInAs, close };
  });
});

function signInAs({ email, name, hostedDomain }: AccountHolder, url: string): Promise<URL> {
  const choice = { login_hint: email, name, hd: hostedDomain };
  return locationAfter(`${url}&${changed({}, choice)}`);
}

describe('the sign-in page', () => {
  test('lists every sample account, and each link signs in with that account', async () => {
    const html = await (await fetch(authorizeUrl({ nonce: 'n' }))).text();
    const links = [...html.matchAll(/href="(\?[^"]+)"><strong>([^<]+)</g)];
    expect(links.map(([, , name]) => name)).toEqual(SAMPLE_ACCOUNTS.map(({ name }) => name));
    const { endpoints, issuer, clientId, clientSecret } = oidc;
    const signIn = openGoogleSignIn({ endpoints, issuers: [issuer], clientId, clientSecret });
    for (const [index, [, href = '']] of links.entries()) {
      const back = await locationAfter(new URL(unescaped(href), oidc.endpoints.authorize).href);
      const code = back.searchParams.get('code') ?? '';
      const { email, name, hostedDomain = null } = SAMPLE_ACCOUNTS[index] ?? {};
      expect(back.searchParams.get('state')).toBe('the state');
      expect(
        await signIn.redeem({ code, codeVerifier: VERIFIER, redirectUri: REDIRECT_URI, nonce: 'n' }),
      ).toMatchObject({ verdict: 'SIGNED_IN', person: { email, name, hostedDomain } });
    }
  });

  test('accepts any other e-mail address in its form', async () => {
    const html = await (await fetch(authorizeUrl())).text();
    const fields = [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)];
    const form = new URLSearchParams();
    for (const [, name = '', value = ''] of fields) form.append(name, unescaped(value));
    const filledIn = { login_hint: 'zoe@example.net', name: '', hd: '' };
    const back = await locationAfter(`${oidc.endpoints.authorize}?${form}&${new URLSearchParams(filledIn)}`);
    const { id_token } = (await (await redeem(back.searchParams.get('code') ?? '')).json()) as {
      id_token: string;
    };
    const claims = JSON.parse(Buffer.from(id_token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    expect(claims).toMatchObject({ email: 'zoe@example.net', email_verified: true });
    // Google leaves out claims that it does not know.
    for (const absent of ['name', 'hd', 'nonce']) expect(claims).not.toHaveProperty(absent);
  });

  test('can be canceled, with the error that Google returns', async () => {
    const html = await (await fetch(authorizeUrl())).text();
    const [, href = ''] = /<a href="([^"]+)">Cancel/.exec(html) ?? [];
    const back = new URL(unescaped(href));
    expect(back.href.startsWith(`${REDIRECT_URI}?`)).toBe(true);
    expect(Object.fromEntries(back.searchParams)).toEqual({ error: 'access_denied', state: 'the state' });
  });

  test('runs no script and loads nothing, even for a hostile request', async () => {
    const attack = '"><script>alert(1)</script><a href=\'';
    const response = await fetch(authorizeUrl({ state: attack, nonce: attack }));
    const html = await response.text();
    expect(html).not.toContain('<script');
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\/(?!127\.0\.0\.1)/);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(html) ?? [];
    expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(policy).not.toContain('unsafe');
  });

  test('is shown again at the next sign-in: no choice is stored', async () => {
    await codeFor('ada@example.com');
    const response = await fetch(authorizeUrl());
    expect(response.status).toBe(200);
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(response.headers.get('cache-control')).toBe('no-store');
  });
});

describe('an invalid authorization request gets a 400 and no redirect:', () => {
  test.each<[string, Change]>([
    ['another client', { client_id: 'other' }],
    ['no redirect address', { redirect_uri: undefined }],
    ['a redirect address on another machine', { redirect_uri: 'http://seatlease.example/auth/callback' }],
    [
      'a redirect address that only starts like a local one',
      { redirect_uri: 'http://127.0.0.1.example.com/' },
    ],
    ['a redirect address that hides another machine', { redirect_uri: 'http://127.0.0.1@example.com/' }],
    ['a redirect address that runs a script', { redirect_uri: 'javascript:alert(1)' }],
    ['no code challenge', { code_challenge: undefined }],
    ['a plain code challenge', { code_challenge_method: 'plain' }],
    ['no code challenge method', { code_challenge_method: undefined }],
    ['another flow', { response_type: 'id_token' }],
    ['a scope without openid', { scope: 'email' }],
    ['a login hint that is not an e-mail address', { login_hint: 'ada' }],
  ])('%s', async (_name, change) => {
    const response = await fetch(authorizeUrl({ login_hint: 'ada@example.com', ...change }), {
      redirect: 'manual',
    });
    expect(response.status).toBe(400);
    expect(response.headers.get('location')).toBeNull();
    expect(response.headers.get('content-type')).toBe('text/plain');
  });
});

describe('a token request with a wrong value gets no token and invalidates the code:', () => {
  test.each<[string, Change, string]>([
    ['another verifier', { code_verifier: 'w'.repeat(43) }, 'invalid_grant'],
    ['another redirect address', { redirect_uri: 'http://127.0.0.1:8080/' }, 'invalid_grant'],
  ])('%s', async (_name, change, error) => {
    const code = await codeFor('ada@example.com');
    const response = await redeem(code, change);
    expect([response.status, await response.json()]).toEqual([400, { error }]);
    expect((await redeem(code)).status).toBe(400);
  });
});

describe('an invalid token request gets no token:', () => {
  test.each<[string, Change, number, string]>([
    ['another client', { client_id: 'other' }, 401, 'invalid_client'],
    ['another secret', { client_secret: 'guess' }, 401, 'invalid_client'],
    ['no secret', { client_secret: undefined }, 400, 'invalid_request'],
    ['no verifier', { code_verifier: undefined }, 400, 'invalid_request'],
    ['another grant', { grant_type: 'password' }, 400, 'invalid_request'],
  ])('%s', async (_name, change, status, error) => {
    const response = await redeem(await codeFor('ada@example.com'), change);
    expect([response.status, await response.json()]).toEqual([status, { error }]);
  });
});

describe('the local provider cannot be mistaken for Google:', () => {
  test('other machines cannot reach it', async () => {
    const { port } = new URL(oidc.issuer);
    const outer = Object.values(networkInterfaces()).flatMap((each = []) => each);
    const addresses = outer.filter(({ family, internal }) => family === 'IPv4' && !internal);
    // A second loopback address also covers machines without a network.
    for (const address of ['127.0.0.2', ...addresses.map((each) => each.address)])
      await expect(fetch(`http://${address}:${port}/jwks`), address).rejects.toThrow('fetch failed');
    expect(new URL(oidc.issuer).hostname).toBe('127.0.0.1');
  });

  test('a server that trusts Google rejects its tokens', async () => {
    const { endpoints, clientId, clientSecret } = oidc;
    const code = await codeFor('ada@example.com');
    const signIn = openGoogleSignIn({ endpoints, clientId, clientSecret });
    expect(
      await signIn.redeem({ code, codeVerifier: VERIFIER, redirectUri: REDIRECT_URI, nonce: 'n' }),
    ).toEqual({ verdict: 'REFUSED', because: 'the token was issued by another issuer' });
  });

  test('has a new key and a new client secret at each start', async () => {
    const again = await startLocalOidc();
    const keyIds = await Promise.all(
      [oidc, again].map(async ({ endpoints }) =>
        KeySet.parse(await (await fetch(endpoints.jwks)).json()).keys.map(({ kid }) => kid),
      ),
    );
    expect(new Set(keyIds.flat()).size).toBe(2);
    expect(again.clientSecret).not.toBe(oidc.clientSecret);
    await again.close();
  });

  test('reports a port that is taken as EADDRINUSE', async () => {
    const port = Number(new URL(oidc.issuer).port);
    await expect(startLocalOidc({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

function unescaped(html: string): string {
  return html.replace(/&#(\d+);/g, (_all, number) => String.fromCharCode(Number(number)));
}
