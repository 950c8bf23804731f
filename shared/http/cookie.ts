import type { IncomingMessage } from 'node:http';

/** Firebase Hosting lets this cookie through and no other (https://firebase.google.com/docs/hosting/manage-cache). */
const NAME = '__session';

/** The value of our cookie (RFC 6265 section 5.4); of two of the name the first, which is the one of the nearer path. */
export function cookieOf(request: IncomingMessage): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${NAME}=`))?.slice(NAME.length + 1);
}

/**
 * A `Set-Cookie` value that binds a sign-in to the browser for `seconds`; 0 ends that. Other sites' pages make a browser
 * send it with nothing but a plain link ("Lax"), which is how people come back from the provider.
 */
export function signInCookie(value: string, seconds: number, publicUrl: string): string {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : '';
  return `${NAME}=${value}; Path=/auth; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`;
}
