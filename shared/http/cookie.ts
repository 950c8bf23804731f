import type { IncomingMessage } from 'node:http';

/** Firebase Hosting passes on only this cookie (https://firebase.google.com/docs/hosting/manage-cache). */
export const COOKIE_NAME = '__session';

/** The value of our cookie. Of two cookies with its name, the first has the longer path (RFC 6265 section 5.4). */
export function cookieOf(request: IncomingMessage): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${COOKIE_NAME}=`))?.slice(COOKIE_NAME.length + 1);
}
