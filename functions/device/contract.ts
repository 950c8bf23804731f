import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';

const PAGE = { signInAgainAt: '/auth/device' };
const VISITS = { by: 'address', requests: 3_000, windowSeconds: 60, uncounted: 'serve' } as const;

export default defineFunction({
  name: 'device',
  summary: 'Signs in a device that has no browser.',
  memoryMiB: 256,
  concurrency: 40,
  maxInstances: 20,
  timeoutSeconds: 10,
  roles: ['roles/datastore.user'],
  uses: ['records', 'signInPage', 'signInClients', 'signInState', 'publicUrl', 'pseudonymOf'],
  endpoints: {
    start: {
      method: 'POST',
      path: '/auth/device',
      summary: 'Begin a sign-in on a device without a browser.',
      description:
        'Show the user `user_code` and `verification_uri`, and ask `/auth/token` every `interval` seconds with `device_code` (RFC 8628).',
      auth: accessOf('device.start'),
      limit: { by: 'address', requests: 600, windowSeconds: 60, uncounted: 'refuse' },
      bodyType: 'form',
      body: z.object({
        /** A registered native program. For your own: `seatlease-sdk`, or an id that the vendor has registered. */
        client_id: z.string().check(z.minLength(1), z.maxLength(64)),
      }),
      refusals: 'oauth',
      answers: {
        started: {
          status: 200,
          description: 'The codes.',
          body: z.strictObject({
            /** Secret: only the program uses it. */
            device_code: z.string(),
            /** The user enters it at `verification_uri`, or compares it. */
            user_code: z.string(),
            verification_uri: z.string(),
            /** The address with the code, for a QR code. */
            verification_uri_complete: z.string(),
            /** Seconds until both codes expire. */
            expires_in: z.int(),
            /** The fewest seconds between two requests for the token. */
            interval: z.int(),
          }),
        },
      },
      problems: ['CLIENT_UNKNOWN', 'CLIENT_NOT_ALLOWED', 'SIGN_IN_NOT_SET_UP', 'RATE_LIMITED'],
    },
    page: {
      method: 'GET',
      path: '/auth/device',
      summary: 'Enter the code that a device shows.',
      description:
        'For browsers: a page to enter the code on, then one that leads to the sign-in provider. The code is only looked up for users who have signed in, who can try a few.',
      auth: accessOf('device.page'),
      limit: VISITS,
      query: z.object({
        /** The code that the device shows, in any case, with or without its hyphen. */
        user_code: z.optional(z.string().check(z.maxLength(64))),
      }),
      refusals: PAGE,
      answers: { page: { status: 200, description: 'The page.', body: z.string(), isPage: true } },
      problems: ['USER_CODE_UNKNOWN', 'SIGN_IN_NOT_SET_UP', 'RATE_LIMITED'],
    },
    decide: {
      method: 'POST',
      path: '/auth/device/decision',
      summary: 'Allow or deny the sign-in of a device.',
      description: 'For browsers: the form of the page that asks for consent.',
      auth: accessOf('device.decide'),
      limit: VISITS,
      bodyType: 'form',
      body: z.object({
        /** From the page: what the user decides about. */
        ticket: z.string().check(z.minLength(1), z.maxLength(1024)),
        decision: z.enum(['allow', 'deny']),
      }),
      refusals: PAGE,
      answers: { decided: { status: 200, description: 'A page.', body: z.string(), isPage: true } },
      problems: ['SIGN_IN_MISMATCH', 'USER_CODE_UNKNOWN', 'RATE_LIMITED'],
    },
  },
});
