/** The provider where users sign in, unless another is configured. */
export const GOOGLE_ISSUER = 'https://accounts.google.com';

/** In place of a redirect address: any port of the loopback interface, for native programs (RFC 8252 section 7.3). */
export const LOOPBACK = 'loopback';

/** The redirect addresses of each registered public client (RFC 6749 section 2.1), by its `client_id`. */
export type SignInClients = ReadonlyMap<string, readonly string[]>;

/** Client ids that begin with this are ours. */
export const OWN_CLIENT_PREFIX = 'seatlease-';

/** RFC 6749 appendix A.1 allows more; these need no encoding anywhere. */
export const CLIENT_ID = /^[A-Za-z0-9._~-]{1,64}$/;

/** With the longest `state`, a sign-in for a longer redirect address does not fit into a cookie of 4,096 bytes. */
export const LONGEST_REDIRECT_CHARACTERS = 1_024;

/** Where the console, at the functions' public origin, receives users after they sign in. */
const CONSOLE_RETURN_PATH = '/console/signed-in';

/** Our own clients, and those of the vendor. A client that is listed several times has several addresses. */
export function signInClients(
  registered: readonly { readonly clientId: string; readonly redirect: string }[],
  publicUrl: string,
): SignInClients {
  const clients = new Map<string, string[]>([
    ['seatlease-cli', [LOOPBACK]],
    ['seatlease-sdk', [LOOPBACK]],
    ['seatlease-console', [`${publicUrl}${CONSOLE_RETURN_PATH}`]],
  ]);
  for (const { clientId, redirect } of registered)
    clients.set(clientId, [...(clients.get(clientId) ?? []), redirect]);
  return clients;
}

/** Whether the client is a program on the user's machine. Only such a client can sign in from another device. */
export function isNative(clients: SignInClients, clientId: string): boolean {
  return clients.get(clientId)?.includes(LOOPBACK) ?? false;
}

/**
 * Whether users can be redirected to `uri` after they sign in to a program: to exactly one of its addresses (RFC 9700
 * section 4.1.3), or to a native program on any port, only as an IP literal, since "localhost" can be made to resolve to
 * another machine (RFC 8252 section 8.3). Compared as text: two parsers may read a URL differently.
 */
export function mayRedirectTo(uri: string, addresses: readonly string[]): boolean {
  if (addresses.includes(LOOPBACK) && LOOPBACK_URI.test(uri) && URL.canParse(uri)) return true;
  return uri !== LOOPBACK && addresses.includes(uri);
}

/** Matches the whole URI, so that nothing can be hidden in a part that another parser reads differently. */
const LOOPBACK_URI = /^http:\/\/(127\.0\.0\.1|\[::1\]):([1-9]\d{0,4})(\/[A-Za-z0-9._~-]*)*$/;
