import { SIGN_IN_SECONDS } from '../domain/sign-in-progress.ts';
import { COOKIE_NAME } from './cookie.ts';

/**
 * The header that binds sign-ins in progress to the browser; an empty value removes the cookie. It must be "Lax": the
 * sign-in provider returns the user by a plain link from its site, and browsers send the cookie only with such links.
 */
export function signInCookie(value: string, publicUrl: string): { readonly 'set-cookie': string } {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : '';
  const seconds = value === '' ? 0 : SIGN_IN_SECONDS;
  return {
    'set-cookie': `${COOKIE_NAME}=${value}; Path=/auth; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`,
  };
}
