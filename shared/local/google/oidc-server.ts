import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { OAuth2Issuer } from 'oauth2-mock-server';
import * as z from 'zod/mini';
import { forOwnHosts } from '../own-hosts.ts';
import { readBody } from '../read-body.ts';
import { type LocalAccount, SAMPLE_ACCOUNTS } from './accounts.ts';
import { choicePage, PAGE_POLICY } from './sign-in-page.ts';

export interface LocalOidc {
  readonly endpoints: { readonly authorize: string; readonly token: string; readonly jwks: string };
  /** `iss` of its tokens: its own address, so that a server that trusts Google rejects them. */
  readonly issuer: string;
  readonly clientId: string;
  /** A new secret at each start. */
  readonly clientSecret: string;
  close(): Promise<void>;
}

const CLIENT_ID = 'seatlease-local';
const TOKEN_SECONDS = 3600;
const MAX_CHARACTERS = 16_384;

const HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The sign-in that an authorization code was issued for. */
interface Grant {
  readonly account: LocalAccount;
  readonly redirectUri: string;
  readonly codeChallenge: string;
  readonly nonce: string | undefined;
}

/** Parameters of an authorization request (OpenID Connect Core section 3.1.2.1, with PKCE). */
const AuthorizationRequest = z.object({
  client_id: z.literal(CLIENT_ID),
  response_type: z.literal('code'),
  scope: z.string().check(z.regex(/\bopenid\b/)),
  redirect_uri: z.string().check(z.refine(isOnThisMachine, 'must be an http address of this machine')),
  code_challenge: z.string().check(z.regex(/^[\w-]{43}$/)),
  code_challenge_method: z.literal('S256'),
  state: z.optional(z.string()),
  nonce: z.optional(z.string()),
  login_hint: z.optional(z.email()),
  name: z.optional(z.string()),
  hd: z.optional(z.string()),
});
type AuthorizationRequest = z.infer<typeof AuthorizationRequest>;

/** Parameters of a token request (RFC 6749 section 4.1.3, RFC 7636 section 4.5). */
const Redemption = z.object({
  grant_type: z.literal('authorization_code'),
  code: z.string(),
  code_verifier: z.string(),
  redirect_uri: z.string(),
  client_id: z.string(),
  client_secret: z.string(),
});

/**
 * A fake of Google's sign-in for a developer's machine. The user chooses an account, on a page or by
 * `login_hint=<e-mail>` (with `name` and `hd` for an account that is not a sample account). Anyone can sign in as
 * anyone, so other machines must never reach it: it listens only on 127.0.0.1, redirects only to this machine, and
 * signs with its own key under its own issuer name. Throws `EADDRINUSE` if `port` is taken; without a port, or with 0,
 * it uses a free one.
 */
export async function startLocalOidc({ port = 0 }: { port?: number } = {}): Promise<LocalOidc> {
  // oauth2-mock-server provides only the key and the tokens. Its endpoints accept what Google refuses: they show no
  // page, check no client and no secret, accept codes without a verifier, and have a password grant.
  const issuer = new OAuth2Issuer();
  await issuer.keys.generate('RS256');
  const provider: Provider = {
    issuer,
    clientSecret: randomBytes(24).toString('base64url'),
    grants: new Map(),
  };
  const server = http.createServer(
    forOwnHosts((request, response) => {
      replyTo(provider, request).then(
        ({ status, type, body, headers }) => {
          response.writeHead(status, { ...HEADERS, 'content-type': type, ...headers }).end(body);
        },
        // The body was cut off or is too long.
        () => response.destroy(),
      );
    }),
  );
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = z.parse(z.object({ port: z.int() }), server.address());
  const url = `http://127.0.0.1:${address.port}`;
  issuer.url = url;
  return {
    endpoints: { authorize: `${url}/authorize`, token: `${url}/token`, jwks: `${url}/jwks` },
    issuer: url,
    clientId: CLIENT_ID,
    clientSecret: provider.clientSecret,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Provider {
  readonly issuer: OAuth2Issuer;
  readonly clientSecret: string;
  /** By code. */
  readonly grants: Map<string, Grant>;
}

async function replyTo(provider: Provider, request: IncomingMessage): Promise<Reply> {
  const { pathname, searchParams } = new URL(request.url ?? '/', provider.issuer.url);
  switch (`${request.method} ${pathname}`) {
    case 'GET /authorize':
      return authorize(provider, searchParams);
    case 'POST /token':
      return redeem(provider, new URLSearchParams(await readBody(request, MAX_CHARACTERS)));
    case 'GET /.well-known/openid-configuration':
      return json(200, metadataOf(provider.issuer.url ?? ''));
    case 'GET /jwks':
      return json(200, { keys: provider.issuer.keys.toJSON() });
    default:
      return { status: 404, type: 'text/plain', body: 'There is no page at this address.' };
  }
}

/** OpenID Connect Discovery 1.0 section 3. */
function metadataOf(issuer: string): Record<string, unknown> {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: ['client_secret_post'],
  };
}

function authorize({ grants }: Provider, query: URLSearchParams): Reply {
  const { data: request, error } = z.safeParse(AuthorizationRequest, Object.fromEntries(query));
  // Invalid requests are not redirected: an attacker may have chosen the address (RFC 6749 section 4.1.2.1).
  if (!request) return { status: 400, type: 'text/plain', body: z.prettifyError(error) };
  if (request.login_hint === undefined) {
    const cancelUrl = redirectOf(request, { error: 'access_denied' });
    const body = choicePage(SAMPLE_ACCOUNTS, query, cancelUrl);
    return {
      status: 200,
      type: 'text/html; charset=utf-8',
      body,
      headers: { 'content-security-policy': PAGE_POLICY },
    };
  }
  const code = randomBytes(24).toString('base64url');
  grants.set(code, {
    account: accountOf(request, request.login_hint),
    redirectUri: request.redirect_uri,
    codeChallenge: request.code_challenge,
    nonce: request.nonce,
  });
  return { status: 302, type: 'text/plain', body: '', headers: { location: redirectOf(request, { code }) } };
}

async function redeem(provider: Provider, form: URLSearchParams): Promise<Reply> {
  const { issuer, clientSecret, grants } = provider;
  const { data: redemption } = z.safeParse(Redemption, Object.fromEntries(form));
  if (!redemption) return json(400, { error: 'invalid_request' });
  const { client_id, client_secret, code, code_verifier, redirect_uri } = redemption;
  if (client_id !== CLIENT_ID || client_secret !== clientSecret)
    return json(401, { error: 'invalid_client' });
  const grant = grants.get(code);
  // A code is valid for one attempt only, even a wrong one: it may have been stolen.
  grants.delete(code);
  const challenge = createHash('sha256').update(code_verifier).digest('base64url');
  if (!grant || grant.redirectUri !== redirect_uri || grant.codeChallenge !== challenge)
    return json(400, { error: 'invalid_grant' });
  const idToken = await issuer.buildToken({
    expiresIn: TOKEN_SECONDS,
    scopesOrTransform: (_header, payload) => void Object.assign(payload, claimsOf(grant)),
  });
  return json(200, {
    access_token: randomBytes(24).toString('base64url'),
    token_type: 'Bearer',
    expires_in: TOKEN_SECONDS,
    scope: 'openid email profile',
    id_token: idToken,
  });
}

function isOnThisMachine(address: string): boolean {
  const { protocol, hostname } = URL.parse(address) ?? {};
  return protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname ?? '');
}

function redirectOf(
  { redirect_uri, state }: AuthorizationRequest,
  result: Readonly<Record<string, string>>,
): string {
  const url = new URL(redirect_uri);
  for (const [key, value] of Object.entries({ ...result, ...(state !== undefined && { state }) }))
    url.searchParams.set(key, value);
  return url.href;
}

function accountOf({ name, hd }: AuthorizationRequest, email: string): LocalAccount {
  const sample = SAMPLE_ACCOUNTS.find((account) => account.email === email.toLowerCase());
  return sample ?? { email, name: name ?? '', hostedDomain: hd || undefined };
}

/** Like Google, leaves out claims without a value. */
function claimsOf({ account, nonce }: Grant): Record<string, unknown> {
  return {
    aud: CLIENT_ID,
    azp: CLIENT_ID,
    sub: subjectOf(account.email),
    email: account.email,
    email_verified: true,
    ...(account.name && { name: account.name }),
    ...(account.hostedDomain && { hd: account.hostedDomain }),
    ...(nonce !== undefined && { nonce }),
  };
}

/** Digits, like Google's subjects, and the same at every start. */
function subjectOf(email: string): string {
  const digest = createHash('sha256').update(email.toLowerCase()).digest();
  return digest.readBigUInt64BE().toString().padStart(21, '1');
}

function json(status: number, body: unknown): Reply {
  return { status, type: 'application/json', body: JSON.stringify(body) };
}
