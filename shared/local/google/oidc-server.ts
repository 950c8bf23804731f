import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { OAuth2Issuer } from 'oauth2-mock-server';
import * as z from 'zod/mini';
import { readBody } from '../read-body.ts';
import { type LocalAccount, SAMPLE_ACCOUNTS } from './accounts.ts';
import { choicePage, PAGE_POLICY } from './sign-in-page.ts';

export interface LocalOidc {
  readonly endpoints: { readonly authorize: string; readonly token: string; readonly jwks: string };
  /** What its tokens say in `iss`: its own address, so that they are worth nothing to whoever trusts Google. */
  readonly issuer: string;
  readonly clientId: string;
  /** Another one at each start. */
  readonly clientSecret: string;
  close(): Promise<void>;
}

const CLIENT_ID = 'seatlease-local';
const TOKEN_SECONDS = 3600;
const MOST_CHARACTERS = 16_384;

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

/** What a code that was given out stands for. */
interface Grant {
  readonly account: LocalAccount;
  readonly redirectUri: string;
  readonly codeChallenge: string;
  readonly nonce: string | undefined;
}

/** What a browser has to bring (OpenID Connect Core section 3.1.2.1, with PKCE). */
const Ask = z.object({
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
type Ask = z.infer<typeof Ask>;

/** What a client has to bring (RFC 6749 section 4.1.3, RFC 7636 section 4.5). */
const Redemption = z.object({
  grant_type: z.literal('authorization_code'),
  code: z.string(),
  code_verifier: z.string(),
  redirect_uri: z.string(),
  client_id: z.string(),
  client_secret: z.string(),
});

/**
 * Stands in for Google's sign-in on a developer's machine: whoever comes chooses who to be, on a page or by
 * `login_hint=<e-mail>` (with `name` and `hd` for somebody who is no sample account). It must never be reachable by
 * others, as it vouches for anybody: it listens on 127.0.0.1 alone, sends browsers to this machine alone, and signs
 * with a key of its own under its own name. Throws `EADDRINUSE` where `port` is taken; 0, or none, takes any.
 */
export async function startLocalOidc({ port = 0 }: { port?: number } = {}): Promise<LocalOidc> {
  // Of oauth2-mock-server, the key and the tokens. Its endpoints would let pass what Google refuses: they show no
  // page, know no client and no secret, take a code without verifier or from elsewhere, and have a password grant.
  const issuer = new OAuth2Issuer();
  await issuer.keys.generate('RS256');
  const provider: Provider = {
    issuer,
    clientSecret: randomBytes(24).toString('base64url'),
    grants: new Map(),
  };
  const server = http.createServer((request, response) => {
    replyTo(provider, request).then(
      ({ status, type, body, headers }) => {
        response.writeHead(status, { ...HEADERS, 'content-type': type, ...headers }).end(body);
      },
      // A body that was cut or has no end.
      () => response.destroy(),
    );
  });
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
      return redeem(provider, new URLSearchParams(await readBody(request, MOST_CHARACTERS)));
    case 'GET /jwks':
      return json(200, { keys: provider.issuer.keys.toJSON() });
    default:
      return { status: 404, type: 'text/plain', body: 'There is nothing at this address.' };
  }
}

function authorize({ grants }: Provider, query: URLSearchParams): Reply {
  const { data: ask, error } = z.safeParse(Ask, Object.fromEntries(query));
  // Nobody is redirected with the error: the address may be a stranger's (RFC 6749 section 4.1.2.1).
  if (!ask) return { status: 400, type: 'text/plain', body: z.prettifyError(error) };
  if (ask.login_hint === undefined) {
    const cancelUrl = redirectOf(ask, { error: 'access_denied' });
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
    account: accountOf(ask, ask.login_hint),
    redirectUri: ask.redirect_uri,
    codeChallenge: ask.code_challenge,
    nonce: ask.nonce,
  });
  return { status: 302, type: 'text/plain', body: '', headers: { location: redirectOf(ask, { code }) } };
}

async function redeem(provider: Provider, form: URLSearchParams): Promise<Reply> {
  const { issuer, clientSecret, grants } = provider;
  const { data: redemption } = z.safeParse(Redemption, Object.fromEntries(form));
  if (!redemption) return json(400, { error: 'invalid_request' });
  const { client_id, client_secret, code, code_verifier, redirect_uri } = redemption;
  if (client_id !== CLIENT_ID || client_secret !== clientSecret)
    return json(401, { error: 'invalid_client' });
  const grant = grants.get(code);
  // Whatever it is presented with: it may be in wrong hands.
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

function redirectOf({ redirect_uri, state }: Ask, result: Readonly<Record<string, string>>): string {
  const url = new URL(redirect_uri);
  for (const [key, value] of Object.entries({ ...result, ...(state !== undefined && { state }) }))
    url.searchParams.set(key, value);
  return url.href;
}

function accountOf({ name, hd }: Ask, email: string): LocalAccount {
  const sample = SAMPLE_ACCOUNTS.find((account) => account.email === email.toLowerCase());
  return sample ?? { email, name: name ?? '', hostedDomain: hd || undefined };
}

/** As Google's: a claim that it has nothing to say in is absent. */
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

/** Digits, as Google's are, and the same at every start. */
function subjectOf(email: string): string {
  const digest = createHash('sha256').update(email.toLowerCase()).digest();
  return digest.readBigUInt64BE().toString().padStart(21, '1');
}

function json(status: number, body: unknown): Reply {
  return { status, type: 'application/json', body: JSON.stringify(body) };
}
