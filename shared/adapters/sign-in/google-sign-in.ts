import type { OAuth2Client } from 'google-auth-library';
import * as z from 'zod/mini';
import { GOOGLE_ISSUER } from '../../domain/sign-in-clients.ts';
import { Unavailable } from '../../errors.ts';
import type { SignIn, SignInPage } from '../../ports/sign-in.ts';
import { googleIssuer } from '../identity/google-identity.ts';
import { personReader } from './person.ts';

export interface GoogleSignInPageOptions {
  /** Of the OAuth client at Google, where the redirect addresses are registered. */
  readonly clientId: string;
  /** URLs of a provider that is compatible with Google's; Google's own if absent. */
  readonly endpoints?: SignInEndpoints | undefined;
}

export interface GoogleSignInOptions extends GoogleSignInPageOptions {
  readonly clientSecret: string;
  /** Accepted values of `iss`; Google's two names if absent. */
  readonly issuers?: readonly string[] | undefined;
  /** How long the provider may take to redeem a code: 5 s if absent. */
  readonly withinMs?: number | undefined;
}

export interface SignInEndpoints {
  readonly authorize: string;
  readonly token: string;
  /** A JWKS (RFC 7517). */
  readonly jwks: string;
}

const DEFAULT_TIMEOUT_MS = 5_000;

const TokenAnswer = z.object({ id_token: z.string() });

/** Errors caused by the user or the code (RFC 6749 section 5.2). All others are caused by our configuration. */
const Refusal = z.object({
  status: z.number().check(z.gte(400), z.lt(500)),
  response: z.object({ data: z.object({ error: z.enum(['invalid_grant', 'invalid_request']) }) }),
});

const Failure = z.object({
  status: z.catch(z.optional(z.number()), undefined),
  code: z.catch(z.optional(z.string().check(z.regex(/^\w{1,40}$/))), undefined),
  response: z.catch(
    z.optional(z.object({ data: z.object({ error: z.string().check(z.regex(/^[a-z_]{1,40}$/)) }) })),
    undefined,
  ),
});

/** Google's sign-in page (OpenID Connect, code flow with PKCE). The library is loaded when it is first used. */
export function openGoogleSignInPage(options: GoogleSignInPageOptions): SignInPage {
  const getClient = clientOf(options);
  return {
    async authorizeUrl({ state, nonce, codeChallenge, redirectUri }) {
      const { CodeChallengeMethod } = await import('google-auth-library');
      return (await getClient()).generateAuthUrl({
        scope: ['openid', 'email', 'profile'],
        // Otherwise a user who is signed in to one account cannot choose another.
        prompt: 'select_account',
        state,
        nonce,
        code_challenge: codeChallenge,
        code_challenge_method: CodeChallengeMethod.S256,
        redirect_uri: redirectUri,
      });
    },
  };
}

/** Sign-in with Google. The library is loaded when it is first used. */
export function openGoogleSignIn(options: GoogleSignInOptions): SignIn {
  const { clientId, endpoints, issuers } = options;
  const readPerson = personReader(
    googleIssuer({ jwksUrl: endpoints?.jwks, issuers }),
    clientId,
    (claims) => ({
      issuer: GOOGLE_ISSUER,
      hostedDomain: claims.hd?.toLowerCase() || null,
    }),
  );
  const getClient = clientOf(options);
  return {
    async redeem({ code, codeVerifier, redirectUri, nonce }) {
      const redeemed = await redeemCode(await getClient(), { code, codeVerifier, redirect_uri: redirectUri });
      if (redeemed.verdict === 'REFUSED') return redeemed;
      return readPerson(redeemed.idToken, nonce);
    },
  };
}

/** Opens the client when it is first needed, and once. */
function clientOf(options: ClientOptions): () => Promise<OAuth2Client> {
  let client: Promise<OAuth2Client> | undefined;
  return () => (client ??= openClient(options));
}

type ClientOptions = GoogleSignInPageOptions & Partial<GoogleSignInOptions>;

async function openClient({
  clientId,
  clientSecret,
  endpoints,
  withinMs = DEFAULT_TIMEOUT_MS,
}: ClientOptions): Promise<OAuth2Client> {
  const { OAuth2Client } = await import('google-auth-library');
  return new OAuth2Client({
    clientId,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    ...(endpoints && {
      endpoints: { oauth2AuthBaseUrl: endpoints.authorize, oauth2TokenUrl: endpoints.token },
    }),
    // Otherwise GOOGLE_SDK_NODE_LOGGING writes responses to the log, including users' tokens.
    useAuthRequestParameters: false,
    transporterOptions: {
      timeout: withinMs,
      responseType: 'json',
      // A code works once: a retry after a lost response is refused, though the user did sign in.
      retryConfig: { retry: 0 },
      // A redirect would send code and secret to another address.
      redirect: 'error',
    },
  });
}

type Redeemed =
  | { readonly verdict: 'REDEEMED'; readonly idToken: string }
  | { readonly verdict: 'REFUSED'; readonly because: string };

async function redeemCode(
  client: OAuth2Client,
  grant: { code: string; codeVerifier: string; redirect_uri: string },
): Promise<Redeemed> {
  let tokens: unknown;
  try {
    ({ tokens } = await client.getToken(grant));
  } catch (error) {
    const refusal = z.safeParse(Refusal, error).data;
    if (!refusal) throw outage(error);
    return {
      verdict: 'REFUSED',
      because: `the provider rejected the code: ${refusal.response.data.error}`,
    };
  }
  const answer = z.safeParse(TokenAnswer, tokens).data;
  if (!answer) throw new Unavailable('identity', 'the response of the sign-in provider has no ID token');
  return { verdict: 'REDEEMED', idToken: answer.id_token };
}

/** Without the library's error as cause: it contains the request, with code, verifier and secret. */
function outage(error: unknown): Unavailable {
  const { status, code, response } = z.safeParse(Failure, error).data ?? {};
  const facts = [status, response?.data.error ?? code].filter((fact) => fact !== undefined).join(' ');
  return new Unavailable('identity', `the sign-in provider did not redeem a code (${facts || 'no answer'})`);
}
