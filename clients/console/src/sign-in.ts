import { OPERATIONS } from '../../sdk/src/api.ts';

/** The console at the server. */
export const CLIENT_ID = 'seatlease-console';
/** The server redirects to exactly this registered address. */
const RETURN_PATH = '/console/signed-in';
const STORED_AS = 'seatlease.sign-in';

/** Stored while the browser is on the pages of the sign-in provider. */
interface PendingSignIn {
  readonly state: string;
  readonly verifier: string;
  /** The console's page that the user came from. */
  readonly returnTo: string;
}

/** The result of the redirect back to the console. */
export type Return =
  | { readonly outcome: 'code'; readonly code: string; readonly verifier: string; readonly returnTo: string }
  | { readonly outcome: 'declined'; readonly returnTo: string }
  /** This tab did not start the sign-in. The link may come from an attacker, so its code is not redeemed. */
  | { readonly outcome: 'foreign' };

export function redirectUri(origin: string): string {
  return `${origin}${RETURN_PATH}`;
}

/** Starts a sign-in with PKCE (RFC 7636). Returns the address to send the browser to. */
export async function beginSignIn(storage: Storage, origin: string, returnTo: string): Promise<string> {
  const pending: PendingSignIn = { state: randomWord(), verifier: randomWord(), returnTo };
  storage.setItem(STORED_AS, JSON.stringify(pending));
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: CLIENT_ID,
    redirect_uri: redirectUri(origin),
    state: pending.state,
    code_challenge: await challengeOf(pending.verifier),
    code_challenge_method: 'S256',
  });
  return `${OPERATIONS.authorize.path}?${query}`;
}

/** Reads the result of the redirect, once. Returns `undefined` at any other address. */
export function readReturn(storage: Storage, { pathname, searchParams }: URL): Return | undefined {
  if (pathname !== RETURN_PATH) return undefined;
  const stored = storage.getItem(STORED_AS);
  storage.removeItem(STORED_AS);
  const pending = stored === null ? undefined : (JSON.parse(stored) as PendingSignIn);
  if (!pending || searchParams.get('state') !== pending.state) return { outcome: 'foreign' };
  const { verifier, returnTo } = pending;
  const code = searchParams.get('code');
  return code === null ? { outcome: 'declined', returnTo } : { outcome: 'code', code, verifier, returnTo };
}

/** 256 random bits. */
function randomWord(): string {
  return base64Url(crypto.getRandomValues(new Uint8Array(32)));
}

/** RFC 7636 section 4.2, method S256. */
async function challengeOf(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  return base64Url(new Uint8Array(digest));
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
