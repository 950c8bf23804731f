import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { CODE_CHALLENGE } from '../../shared/domain/sign-in.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { text } from '../../shared/http/fields.ts';

export default defineFunction({
  name: 'login',
  summary: 'Starts a sign-in.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 20,
  timeoutSeconds: 10,
  roles: [],
  uses: ['signInPage', 'signInRedirects', 'signInState', 'publicUrl'],
  endpoints: {
    google: {
      method: 'GET',
      path: '/auth/login/google',
      summary: 'Sign in with Google.',
      description:
        'Open this address in a browser. After the sign-in, the browser is redirected to `redirect_uri` with a code. Exchange the code for an access token at `/auth/token`.',
      auth: accessOf('login.google'),
      limit: { by: 'address', requests: 3_000, windowSeconds: 60, uncounted: 'serve' },
      query: z.strictObject({
        response_type: z.optional(z.literal('code')),
        /** A loopback address of a native app (RFC 8252), or an address that the vendor has registered. */
        redirect_uri: text(2048),
        /** Returned with the code, so that the client can match it to its own request. */
        state: z.string().check(z.regex(/^[\x21-\x7e]{1,512}$/, 'must be 1 to 512 visible ASCII characters')),
        /** Base64url of the SHA-256 of a `code_verifier` that only the client knows (RFC 7636). */
        code_challenge: z.string().check(z.regex(CODE_CHALLENGE, 'must be 43 characters of base64url')),
        code_challenge_method: z.literal('S256'),
      }),
      answers: { provider: { status: 302, description: "Redirects to Google's sign-in page." } },
      problems: ['REDIRECT_NOT_ALLOWED', 'SIGN_IN_NOT_SET_UP', 'RATE_LIMITED'],
    },
  },
});
