import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { LONGEST_REDIRECT_CHARACTERS } from '../../shared/domain/sign-in-clients.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { text } from '../../shared/http/fields.ts';

// Whether it is valid, and given once, is checked after the redirect address, so that the client learns what is wrong.
const parameter = z.optional(z.union([z.string(), z.array(z.string())]));

export default defineFunction({
  name: 'authorize',
  summary: 'Starts a sign-in.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 20,
  timeoutSeconds: 10,
  roles: [],
  uses: ['signInPage', 'signInClients', 'signInState', 'publicUrl'],
  endpoints: {
    authorize: {
      method: 'GET',
      path: '/auth/authorize',
      summary: 'Sign in.',
      description:
        'Open this address in a browser. After the sign-in, the browser is redirected to `redirect_uri` with a code (RFC 6749 section 4.1, with PKCE, RFC 7636). Exchange the code for an access token at `/auth/token`. If the client or its redirect address is not registered, the browser gets a page; all other errors are returned to `redirect_uri`. Unknown parameters are ignored.',
      auth: accessOf('authorize.authorize'),
      limit: { by: 'address', requests: 3_000, windowSeconds: 60, uncounted: 'serve' },
      query: z.object({
        /** A registered program. For your own native programs: `seatlease-sdk`, or an id that the vendor has registered. */
        client_id: text(64),
        /** A loopback address of a native program (RFC 8252), or an address that the vendor has registered. */
        redirect_uri: text(LONGEST_REDIRECT_CHARACTERS),
        /** Must be `code`. */
        response_type: parameter,
        /** 1 to 512 visible ASCII characters, returned with the code: the client matches it to its own request. */
        state: parameter,
        /** Base64url of the SHA-256 of a `code_verifier` that only the client knows (RFC 7636). */
        code_challenge: parameter,
        /** Must be `S256`. */
        code_challenge_method: parameter,
      }),
      refusals: { signInAgainAt: '/console/' },
      answers: {
        provider: { status: 302, description: "Redirects to the sign-in provider's page." },
        back: {
          status: 302,
          description:
            'Redirects to `redirect_uri` with `error` (RFC 6749 section 4.1.2.1), `state` and `iss`.',
        },
      },
      problems: ['CLIENT_UNKNOWN', 'REDIRECT_NOT_ALLOWED', 'RATE_LIMITED'],
    },
  },
});
