import { execFile } from 'node:child_process';
import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { inspect, promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Unavailable } from '../../errors.ts';
import type { SignInAnswer } from '../../ports/sign-in.ts';
import { cannedServer } from '../../testing/servers/canned-server.ts';
import { openGoogleSignIn, openGoogleSignInPage } from './google-sign-in.ts';

const ISSUER = 'https://provider.example';
const CLIENT_ID = 'client-of-ours';
const CLIENT_SECRET = 'secret-of-ours';
const KEY_ID = 'the-key';
const EMAIL = 'ada@company.example';
const ANSWER: SignInAnswer = {
  code: 'code-of-the-browser',
  codeVerifier: 'verifier-of-the-login',
  redirectUri: 'https://seatlease.example/auth/callback',
  nonce: 'nonce-of-the-login',
};

type Claims = Readonly<Record<string, unknown>>;
type Respond = (response: ServerResponse) => void;

let key: KeyObject;
let otherKey: KeyObject;
beforeAll(() => {
  key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  otherKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
});

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const jwkOf = (privateKey: KeyObject) => ({
  ...createPublicKey(privateKey).export({ format: 'jwk' }),
  kid: KEY_ID,
});
const pemOf = (privateKey: KeyObject): string =>
  createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();

function goodClaims(): Claims {
  const nowSeconds = Math.floor(Date.now() / 1000);
  return {
    iss: ISSUER,
    aud: CLIENT_ID,
    sub: '1234567890',
    email: EMAIL,
    email_verified: true,
    name: 'Ada Lovelace',
    nonce: ANSWER.nonce,
    iat: nowSeconds,
    exp: nowSeconds + 3600,
  };
}

type Signer = (signed: string) => Buffer;
const signedBy =
  (privateKey: KeyObject): Signer =>
  (signed) =>
    sign('sha256', Buffer.from(signed), privateKey);

/** The provider's token with `change` applied to its claims, or a forged token. */
function idToken(change: Claims = {}, header: Claims = {}, by: Signer = signedBy(key)): string {
  const signed = [
    { alg: 'RS256', kid: KEY_ID, typ: 'JWT', ...header },
    { ...goodClaims(), ...change },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${signed}.${by(signed).toString('base64url')}`;
}

const json =
  (body: unknown, status = 200): Respond =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
const answering = (token: unknown): Respond => json({ access_token: 'a', id_token: token });

/** A provider whose token endpoint responds as the test says, with our sign-in configured for it. */
async function providerThat(
  respond: Respond,
  jwks: Respond = json({ keys: [jwkOf(key)] }),
  options: { withinMs?: number } = {},
) {
  const paths: string[] = [];
  const { url, close } = await cannedServer((response, request) => {
    paths.push(request.url ?? '');
    (request.url === '/jwks' ? jwks : respond)(response);
  });
  closers.push(close);
  const endpoints = { authorize: `${url}/authorize`, token: `${url}/token`, jwks: `${url}/jwks` };
  const credentials = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET };
  const all = { ...credentials, endpoints, issuers: [ISSUER], ...options };
  const signIn = { ...openGoogleSignInPage(all), ...openGoogleSignIn(all) };
  return { paths, url, signIn };
}

/** What must never be logged. */
function expectNoSecretIn(value: unknown): void {
  const text = inspect(value, { depth: Number.POSITIVE_INFINITY, showHidden: true });
  const { code, codeVerifier, nonce } = ANSWER;
  for (const secret of [code, codeVerifier, nonce, CLIENT_SECRET, EMAIL, 'company.example', 'eyJ'])
    expect(text).not.toContain(secret);
}

async function expectRefusal(respond: Respond, because: RegExp): Promise<void> {
  const { signIn } = await providerThat(respond);
  const verdict = await signIn.redeem(ANSWER);
  expect(verdict).toEqual({ verdict: 'REFUSED', because: expect.stringMatching(because) });
  expectNoSecretIn(verdict);
}

describe('a token of the provider', () => {
  test('that is valid signs in, so the tokens below are refused for their change', async () => {
    const { signIn } = await providerThat(answering(idToken()));
    expect(await signIn.redeem(ANSWER)).toEqual({
      verdict: 'SIGNED_IN',
      person: {
        issuer: 'https://accounts.google.com',
        subject: '1234567890',
        email: EMAIL,
        name: 'Ada Lovelace',
        hostedDomain: null,
      },
    });
  });

  test.each<[string, Claims, object]>([
    ['capitals in the address', { email: 'Ada@Company.EXAMPLE' }, { email: EMAIL }],
    ['no name', { name: undefined }, { name: 'ada' }],
    ['an empty name', { name: ' ' }, { name: 'ada' }],
    ['capitals in the hosted domain', { hd: 'Company.EXAMPLE' }, { hostedDomain: 'company.example' }],
    ['an empty hosted domain', { hd: '' }, { hostedDomain: null }],
  ])('is accepted with %s', async (_name, change, person) => {
    const { signIn } = await providerThat(answering(idToken(change)));
    expect(await signIn.redeem(ANSWER)).toMatchObject({ verdict: 'SIGNED_IN', person });
  });

  const nowSeconds = Math.floor(Date.now() / 1000);
  test.each<[string, Claims, RegExp]>([
    ['issued for another client', { aud: 'client-of-others' }, /another audience/],
    ['issued for us and others', { aud: [CLIENT_ID, 'client-of-others'] }, /another audience/],
    ['issued for no audience', { aud: undefined }, /another audience/],
    ['issued by another issuer', { iss: 'https://elsewhere.example' }, /another issuer/],
    [
      'issued by Google though another issuer is configured',
      { iss: 'https://accounts.google.com' },
      /another issuer/,
    ],
    ['without an issuer', { iss: undefined }, /another issuer/],
    ['expired', { iat: nowSeconds - 7200, exp: nowSeconds - 3600 }, /has expired/],
    ['without an expiry', { exp: undefined }, /invalid/],
    ['valid for days', { exp: nowSeconds + 200_000 }, /longer than a day/],
    ['issued in the future', { iat: nowSeconds + 3600, exp: nowSeconds + 7200 }, /not valid yet/],
    ['from a sign-in that another browser began', { nonce: 'nonce-of-another' }, /another sign-in/],
    ['with a nonce in other capitals', { nonce: ANSWER.nonce.toUpperCase() }, /another sign-in/],
    ['without a nonce', { nonce: undefined }, /no nonce/],
    ['with an empty nonce', { nonce: '' }, /no nonce/],
    ['with a list of nonces', { nonce: [ANSWER.nonce] }, /no nonce/],
    ['without an e-mail address', { email: undefined }, /no e-mail address/],
    ['with an empty e-mail address', { email: '' }, /no e-mail address/],
    ['with an unverified e-mail address', { email_verified: false }, /not verified/],
    ['with email_verified as text', { email_verified: 'true' }, /not verified/],
    ['without email_verified', { email_verified: undefined }, /not verified/],
    ['without a subject', { sub: undefined }, /no subject/],
    ['with an empty subject', { sub: '' }, /no subject/],
    ['with a name that is not text', { name: { first: 'Ada' } }, /name .* invalid/],
    ['with a hosted domain that is not text', { hd: ['company.example'] }, /hosted domain .* invalid/],
  ])('is refused if it is: %s', (_name, change, because) =>
    expectRefusal(answering(idToken(change)), because),
  );

  const sharedSecret: Signer = (signed) => createHmac('sha256', pemOf(key)).update(signed).digest();
  test.each<[string, () => string, RegExp]>([
    ['signed with another key', () => idToken({}, {}, signedBy(otherKey)), /signature .* wrong/],
    [
      'unsigned, with a signature',
      () => idToken({}, { alg: 'none' }, () => Buffer.of(0)),
      /not signed with RS256/,
    ],
    ['unsigned', () => idToken({}, { alg: 'none' }, () => Buffer.of()), /not a signed token/],
    [
      'signed with the public key as a shared secret',
      () => idToken({}, { alg: 'HS256' }, sharedSecret),
      /not signed with RS256/,
    ],
    [
      'signed with the public key as a shared secret, with the right algorithm in its header',
      () => idToken({}, {}, sharedSecret),
      /signature/,
    ],
    [
      'signed with a key that the provider does not have',
      () => idToken({}, { kid: 'other' }),
      /does not have/,
    ],
    [
      'signed with a key from its own header',
      () => {
        const jwk = createPublicKey(otherKey).export({ format: 'jwk' });
        return idToken({}, { jwk, kid: 'brought' }, signedBy(otherKey));
      },
      /does not have/,
    ],
    ['empty', () => '', /not a signed token/],
    ['not a token', () => 'no token', /not a signed token/],
  ])('is refused if it is: %s', (_name, forge, because) => expectRefusal(answering(forge()), because));
});

describe('a provider that rejects the code', () => {
  test.each(['invalid_grant', 'invalid_request'])('signs no one in: %s', (error) =>
    expectRefusal(
      json({ error, error_description: `Bad ${ANSWER.code} of ${EMAIL}` }, 400),
      new RegExp(`rejected the code: ${error}$`),
    ),
  );
});

describe('sign-in is Unavailable and reveals no secret if the provider', () => {
  const good = (): Respond => answering(idToken());
  test.each<[string, Respond, RegExp]>([
    ['fails', json({ error: 'internal' }, 500), /\(500 internal\)/],
    ['fails with an error about the code', json({ error: 'invalid_grant' }, 503), /\(503 invalid_grant\)/],
    ['is overloaded', json({ error: 'rate_limited' }, 429), /\(429 rate_limited\)/],
    ['rejects our client credentials', json({ error: 'invalid_client' }, 401), /\(401 invalid_client\)/],
    [
      'does not know the redirect address',
      json({ error: 'redirect_uri_mismatch' }, 400),
      /\(400 redirect_uri_/,
    ],
    [
      'returns an error that quotes the request',
      json({ error: `bad ${ANSWER.code} ${ANSWER.codeVerifier} ${CLIENT_SECRET}` }, 400),
      /\(400\)/,
    ],
    [
      'returns an error page that quotes the request',
      (response) => response.writeHead(400).end(`<html>${ANSWER.code} ${CLIENT_SECRET} ${EMAIL}`),
      /\(400\)/,
    ],
    ['returns an HTML page', (response) => response.end('<html>invalid_grant'), /no ID token/],
    ['returns nothing', (response) => response.end(), /no ID token/],
    ['returns null', json(null), /no ID token/],
    ['returns a list', json([{ id_token: 'eyJ.eyJ.AA' }]), /no ID token/],
    ['returns no ID token', json({ access_token: `eyJ ${EMAIL}` }), /no ID token/],
    ['returns an ID token that is not text', answering({ token: 'eyJ' }), /no ID token/],
    ['cuts the connection', (response) => response.destroy(), /did not redeem/],
    [
      'cuts the connection in the middle of its response',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
        response.write('{"id_token":"', () => response.destroy());
      },
      /did not redeem/,
    ],
  ])('%s', async (_name, respond, because) => {
    const { signIn, paths } = await providerThat(respond);
    await expectUnavailable(signIn.redeem(ANSWER), because);
    // A code works once: a provider that accepted it would refuse a second request.
    expect(paths).toEqual(['/token']);
  });

  test('redirects us, and code and secret are not sent there', async () => {
    const elsewhere = await providerThat(good());
    const { signIn } = await providerThat((response) =>
      response.writeHead(307, { location: `${elsewhere.url}/token` }).end(),
    );
    await expectUnavailable(signIn.redeem(ANSWER), /did not redeem/);
    expect(elsewhere.paths).toEqual([]);
  });

  test('is down', async () => {
    const { signIn } = await providerThat(good());
    for (const close of closers.splice(0)) close();
    await expectUnavailable(signIn.redeem(ANSWER), /ECONNREFUSED|ECONNRESET/);
  });

  test('hangs, or stops in the middle of its response, until the deadline', async () => {
    const withinMs = 300;
    const silent = await providerThat(() => {}, undefined, { withinMs });
    const halting = await providerThat(
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"id_token":');
      },
      undefined,
      { withinMs },
    );
    const startedMs = performance.now();
    await Promise.all(
      [silent, halting].map(({ signIn }) => expectUnavailable(signIn.redeem(ANSWER), /did not redeem/)),
    );
    expect(performance.now() - startedMs).toBeGreaterThan(withinMs - 10);
    expect([...silent.paths, ...halting.paths]).toEqual(['/token', '/token']);
  });

  test.each<[string, Respond]>([
    ['cannot be fetched', json({}, 500)],
    ['are invalid', json({ [KEY_ID]: 'no key' })],
  ])('returns a token, but its keys %s', async (_name, jwks) => {
    const { signIn } = await providerThat(good(), jwks);
    await expectUnavailable(signIn.redeem(ANSWER), /keys cannot be read/);
  });
});

test("the library's debug log contains no secret", async () => {
  const { url } = await providerThat(answering(idToken()));
  const options = {
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    endpoints: { authorize: url, token: `${url}/token`, jwks: `${url}/jwks` },
    issuers: [ISSUER],
  };
  const script = `
    const { openGoogleSignIn } = await import(${JSON.stringify(new URL('./google-sign-in.ts', import.meta.url).href)});
    const { verdict } = await openGoogleSignIn(${JSON.stringify(options)}).redeem(${JSON.stringify(ANSWER)});
    process.stdout.write(verdict);
  `;
  const env = { ...process.env, GOOGLE_SDK_NODE_LOGGING: 'all' };
  const running = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { env });
  const { stdout, stderr } = await running;
  expect(stdout).toBe('SIGNED_IN');
  expectNoSecretIn(stderr);
});

test('users are redirected to Google by default, which needs no client secret', async () => {
  const google = openGoogleSignInPage({ clientId: CLIENT_ID });
  const ask = { state: 's', nonce: 'n', codeChallenge: 'c', redirectUri: ANSWER.redirectUri };
  const url = new URL(await google.authorizeUrl(ask));
  expect(url.origin + url.pathname).toBe('https://accounts.google.com/o/oauth2/v2/auth');
  expect(url.searchParams.get('client_id')).toBe(CLIENT_ID);
});

async function expectUnavailable(operation: Promise<unknown>, because: RegExp): Promise<void> {
  const error = await operation.then(
    (value) => ({ value }),
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(Unavailable);
  expect(error).toMatchObject({ part: 'identity', message: expect.stringMatching(because) });
  expectNoSecretIn(error);
}
