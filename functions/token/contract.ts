import * as z from 'zod/mini';
import { accessOf, ROLES } from '../../shared/domain/authorization.ts';
import { CODE_VERIFIER } from '../../shared/domain/sign-in.ts';
import { COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';
import { TenantId, text, UserId } from '../../shared/http/fields.ts';

const RefreshToken = z.string().check(z.minLength(1), z.maxLength(1024));

const Tokens = z.strictObject({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  /** Seconds. */
  expires_in: z.int(),
  /** Takes the place of the one before: showing that again ends the sign-in. */
  refresh_token: z.string(),
  user_id: UserId,
  tenants: z.array(z.strictObject({ tenant_id: TenantId, role: z.enum(ROLES) })),
});

export default defineFunction({
  name: 'token',
  summary: 'Gives out access tokens, and ends sign-ins.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 20,
  timeoutSeconds: 10,
  roles: ['roles/datastore.user'],
  secrets: COMMON_SECRETS,
  endpoints: {
    token: {
      method: 'POST',
      path: '/auth/token',
      summary: 'Turn the code of a sign-in, or a refresh token, into an access token. Each is good once.',
      auth: accessOf('token.token'),
      limit: { by: 'address', requests: 600, windowSeconds: 60, uncounted: 'serve' },
      body: z.discriminatedUnion('grant_type', [
        z.strictObject({
          grant_type: z.literal('authorization_code'),
          code: z.string().check(z.minLength(1), z.maxLength(256)),
          code_verifier: z
            .string()
            .check(z.regex(CODE_VERIFIER, 'must be 43 to 128 letters, digits, "-", ".", "_" or "~"')),
          redirect_uri: text(2048),
        }),
        z.strictObject({ grant_type: z.literal('refresh_token'), refresh_token: RefreshToken }),
      ]),
      answers: {
        tokens: {
          status: 200,
          description: 'Signed in.',
          body: Tokens,
        },
      },
      problems: ['GRANT_INVALID', 'RATE_LIMITED'],
    },
    signOut: {
      method: 'POST',
      path: '/auth/sign-out',
      summary: 'End a sign-in: none of its tokens gets a new one. A token that is not good ends nothing.',
      auth: accessOf('token.signOut'),
      limit: { by: 'address', requests: 600, windowSeconds: 60, uncounted: 'serve' },
      body: z.strictObject({ refresh_token: RefreshToken }),
      answers: { ended: { status: 204, description: 'Signed out.' } },
      problems: ['RATE_LIMITED'],
    },
  },
});
