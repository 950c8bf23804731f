import type { IncomingMessage } from 'node:http';

/** Firebase Hosting passes on only this cookie (https://firebase.google.com/docs/hosting/manage-cache). */
const NAME = '__session';

/** The value of our cookie. Of two cookies with its name, the first has the longer path (RFC 6265 section 5.4). */
export function cookieOf(request: IncomingMessage): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${NAME}=`))?.slice(NAME.length + 1);
}

/**
 * A `Set-Cookie` value that binds a sign-in to the browser for `seconds`; 0 removes the cookie. It must be "Lax": the
 * sign-in provider returns the user by a plain link from its site, and browsers send the cookie only with such links.
 */
export function signInCookie(value: string, seconds: number, publicUrl: string): string {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : '';
  return `${NAME}=${value}; Path=/auth; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`;
}
