import * as z from 'zod/mini';
import { accessOf, ROLES } from '../../shared/domain/authorization.ts';
import { CODE_VERIFIER } from '../../shared/domain/sign-in.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { TenantId, text, UserId } from '../../shared/http/fields.ts';

const RefreshToken = z.string().check(z.minLength(1), z.maxLength(1024));

const Tokens = z.strictObject({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  /** Seconds until the access token expires. */
  expires_in: z.int(),
  /**
   * Replaces the previous refresh token, which is valid until this one is used: send it again if no answer arrives. After
   * that, its use revokes the sign-in.
   */
  refresh_token: z.string(),
  user_id: UserId,
  tenants: z.array(z.strictObject({ tenant_id: TenantId, role: z.enum(ROLES) })),
});

export default defineFunction({
  name: 'token',
  summary: 'Issues access tokens and signs users out.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 20,
  timeoutSeconds: 10,
  roles: ['roles/datastore.user'],
  uses: ['records', 'accessTokenIssuer', 'refreshTokens'],
  endpoints: {
    token: {
      method: 'POST',
      path: '/auth/token',
      summary: 'Get an access token.',
      description:
        'Exchanges the code of a sign-in, or a refresh token, for an access token. A code can be used once, a refresh token until the one that replaces it is used.',
      auth: accessOf('token.token'),
      limit: { by: 'address', requests: 6_000, windowSeconds: 60, uncounted: 'serve' },
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
          description: 'The tokens.',
          body: Tokens,
        },
      },
      problems: ['GRANT_INVALID', 'RATE_LIMITED'],
    },
    signOut: {
      method: 'POST',
      path: '/auth/sign-out',
      summary: 'Sign out.',
      description: 'Revokes the refresh token. Invalid tokens are ignored.',
      auth: accessOf('token.signOut'),
      limit: { by: 'address', requests: 6_000, windowSeconds: 60, uncounted: 'serve' },
      body: z.strictObject({ refresh_token: RefreshToken }),
      answers: { ended: { status: 204, description: 'Signed out.' } },
      problems: ['RATE_LIMITED'],
    },
  },
});
