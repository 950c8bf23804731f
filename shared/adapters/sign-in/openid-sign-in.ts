import * as z from 'zod/mini';
import { Unavailable } from '../../errors.ts';
import { lazy } from '../../lazy.ts';
import type { SignIn, SignInPage } from '../../ports/sign-in.ts';
import { IssuerKeys } from '../identity/issuer-keys.ts';
import { personReader } from './person.ts';

export interface OpenIdSignInPageOptions {
  /** As in the provider's metadata, and in `iss` of its tokens. */
  readonly issuer: string;
  readonly clientId: string;
  /** How long the provider may take to answer: 5 s if absent. */
  readonly withinMs?: number | undefined;
}

export interface OpenIdSignInOptions extends OpenIdSignInPageOptions {
  readonly clientSecret: string;
}

const DEFAULT_TIMEOUT_MS = 5_000;

/** What we need of a provider's metadata (OpenID Connect Discovery 1.0 section 3). */
const Metadata = z.object({
  issuer: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  jwks_uri: z.url(),
  token_endpoint_auth_methods_supported: z.optional(z.array(z.string())),
});
type Metadata = z.infer<typeof Metadata>;

const TokenAnswer = z.object({ id_token: z.string() });
const ErrorAnswer = z.object({ error: z.string().check(z.regex(/^[a-z_]{1,40}$/)) });

/** Errors caused by the user or the code (RFC 6749 section 5.2). All others are caused by our configuration. */
const REFUSALS = ['invalid_grant', 'invalid_request'];

/** The sign-in page of any OpenID provider (OpenID Connect, code flow with PKCE). */
export function openOpenIdSignInPage(options: OpenIdSignInPageOptions): SignInPage {
  const discover = discoveryOf(options);
  return {
    async authorizeUrl({ state, nonce, codeChallenge, redirectUri }) {
      const url = new URL((await discover()).authorization_endpoint);
      const parameters = {
        response_type: 'code',
        client_id: options.clientId,
        redirect_uri: redirectUri,
        scope: 'openid email profile',
        prompt: 'select_account',
        state,
        nonce,
        code_challenge: codeChallenge,
        code_challenge_method: 'S256',
      };
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
      return url.href;
    },
  };
}

/**
 * Sign-in with any OpenID provider that signs with RS256, which all must support (OpenID Connect Core section 15.1). No
 * library: `openid-client` 6.9.0 adds 42 kB, and what it does beyond these lines is to check the ID token, which
 * `idTokenCheck` does for Google and for our services as well.
 */
export function openOpenIdSignIn(options: OpenIdSignInOptions): SignIn {
  const { issuer, clientId } = options;
  const discover = discoveryOf(options);
  const keys = lazy(async () => new IssuerKeys((await discover()).jwks_uri));
  const readPerson = personReader(
    { names: [issuer], algorithm: 'RS256', keyFor: async (keyId) => (await keys()).keyFor(keyId) },
    clientId,
    // Only Google says which organisation manages an account.
    () => ({ issuer, hostedDomain: null }),
  );
  return {
    async redeem({ code, codeVerifier, redirectUri, nonce }) {
      const { status, body } = await redeemCode(await discover(), options, {
        grant_type: 'authorization_code',
        code,
        code_verifier: codeVerifier,
        redirect_uri: redirectUri,
      });
      if (status === 200) {
        const { data } = z.safeParse(TokenAnswer, body);
        if (data) return readPerson(data.id_token, nonce);
        throw new Unavailable('identity', 'the response of the sign-in provider has no ID token');
      }
      const error = z.safeParse(ErrorAnswer, body).data?.error;
      if (status >= 400 && status < 500 && error !== undefined && REFUSALS.includes(error))
        return { verdict: 'REFUSED', because: `the provider rejected the code: ${error}` };
      throw outage(`${status}${error === undefined ? '' : ` ${error}`}`);
    },
  };
}

/** Reads the provider's metadata when it is first needed, and once. A failure is not kept. */
function discoveryOf({ issuer, withinMs }: OpenIdSignInPageOptions): () => Promise<Metadata> {
  return lazy(async () => {
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const { status, body } = await askProvider(url, {}, withinMs);
    const { data } = z.safeParse(Metadata, body);
    // Otherwise another issuer's metadata would be taken for this one's (section 4.3).
    if (status !== 200 || data?.issuer !== issuer)
      throw outage(`metadata of another issuer, or none, with status ${status}`);
    return data;
  });
}

/** Authenticates as RFC 6749 section 2.3.1 says: with Basic, unless the provider only takes the secret in the body. */
function redeemCode(
  { token_endpoint: url, token_endpoint_auth_methods_supported: methods = [] }: Metadata,
  { clientId, clientSecret, withinMs }: OpenIdSignInOptions,
  grant: Readonly<Record<string, string>>,
) {
  const inBody = methods.includes('client_secret_post') && !methods.includes('client_secret_basic');
  const credentials = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`;
  const body = new URLSearchParams({
    ...grant,
    ...(inBody && { client_id: clientId, client_secret: clientSecret }),
  });
  const headers = inBody ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
  return askProvider(url, { method: 'POST', headers, body }, withinMs);
}

function formEncoded(text: string): string {
  return new URLSearchParams({ text }).toString().slice('text='.length);
}

/** Sends one request: a code works once, and a redirect would send code and secret to another address. */
async function askProvider(
  url: string,
  request: RequestInit,
  withinMs = DEFAULT_TIMEOUT_MS,
): Promise<{ readonly status: number; readonly body: unknown }> {
  try {
    const signal = AbortSignal.timeout(withinMs);
    const response = await fetch(url, { ...request, redirect: 'error', signal });
    const text = await response.text();
    return { status: response.status, body: jsonOf(text) };
  } catch (error) {
    throw outage(z.safeParse(Cause, error).data?.cause.code ?? 'no answer');
  }
}

const Cause = z.object({ cause: z.object({ code: z.string().check(z.regex(/^\w{1,40}$/)) }) });

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Without the cause: it can contain the request, with code, verifier and secret. */
function outage(facts: string): Unavailable {
  return new Unavailable('identity', `the sign-in provider does not answer as it should (${facts})`);
}
