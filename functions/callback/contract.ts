import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';

const word = z.string().check(z.minLength(1), z.maxLength(2048));

export default defineFunction({
  name: 'callback',
  summary: 'Completes a sign-in.',
  memoryMiB: 256,
  concurrency: 40,
  maxInstances: 20,
  timeoutSeconds: 30,
  roles: ['roles/datastore.user'],
  uses: ['records', 'signIn', 'signInState', 'publicUrl', 'pseudonymOf', 'shards', 'limits'],
  endpoints: {
    callback: {
      method: 'GET',
      path: '/auth/callback',
      summary: 'Complete a sign-in.',
      description:
        'The sign-in provider redirects the browser here. The browser is then redirected to the client with a code that is valid for one minute. For a device without a browser, the user gets a page that asks whether it may sign in.',
      auth: accessOf('callback.callback'),
      limit: { by: 'address', requests: 3_000, windowSeconds: 60, uncounted: 'serve' },
      /** Providers add more parameters, which are ignored. */
      query: z.object({ state: word, code: z.optional(word), error: z.optional(word) }),
      refusals: { signInAgainAt: '/console/' },
      answers: {
        consent: {
          status: 200,
          description: 'A page that asks the user whether the device may sign in (RFC 8628).',
          body: z.string(),
          isPage: true,
        },
        back: {
          status: 302,
          description:
            'Redirects to the `redirect_uri` of the client, with `code` or `error`, and with `state` and `iss` (RFC 9207).',
        },
      },
      problems: [
        'SIGN_IN_MISMATCH',
        'SIGN_IN_DENIED',
        'USER_CODE_UNKNOWN',
        'SIGN_IN_NOT_SET_UP',
        'RATE_LIMITED',
      ],
    },
  },
});
