import { OPERATIONS } from '../../sdk/src/api.ts';

/** Exactly this address: the server sends people nowhere else. */
const RETURN_PATH = '/console/signed-in';
const KEPT_AS = 'seatlease.sign-in';

/** What must be remembered while the browser is away at Google. */
interface UnderWay {
  readonly state: string;
  readonly verifier: string;
  /** Where in the console the person was. */
  readonly returnTo: string;
}

/** What a browser that has come back brings. */
export type Return =
  | { readonly outcome: 'code'; readonly code: string; readonly verifier: string; readonly returnTo: string }
  | { readonly outcome: 'declined'; readonly returnTo: string }
  /** Not the answer to a request of this tab: nobody is signed in by a link that somebody else made. */
  | { readonly outcome: 'stranger' };

export function redirectUri(origin: string): string {
  return `${origin}${RETURN_PATH}`;
}

/** Begins a sign-in with PKCE (RFC 7636): gives the address to send the browser to. */
export async function beginSignIn(storage: Storage, origin: string, returnTo: string): Promise<string> {
  const underWay: UnderWay = { state: randomWord(), verifier: randomWord(), returnTo };
  storage.setItem(KEPT_AS, JSON.stringify(underWay));
  const ask = new URLSearchParams({
    response_type: 'code',
    redirect_uri: redirectUri(origin),
    state: underWay.state,
    code_challenge: await challengeOf(underWay.verifier),
    code_challenge_method: 'S256',
  });
  return `${OPERATIONS.loginGoogle.path}?${ask}`;
}

/** Reads what the browser came back with, once. `undefined` at any other address. */
export function readReturn(storage: Storage, { pathname, searchParams }: URL): Return | undefined {
  if (pathname !== RETURN_PATH) return undefined;
  const kept = storage.getItem(KEPT_AS);
  storage.removeItem(KEPT_AS);
  const underWay = kept === null ? undefined : (JSON.parse(kept) as UnderWay);
  if (!underWay || searchParams.get('state') !== underWay.state) return { outcome: 'stranger' };
  const { verifier, returnTo } = underWay;
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
