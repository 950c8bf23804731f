import * as z from 'zod/mini';
import { accessOf, ROLES } from '../../shared/domain/authorization.ts';
import { DEVICE_GRANT, SCOPE } from '../../shared/domain/oauth-metadata.ts';
import { CODE_VERIFIER } from '../../shared/domain/sign-in.ts';
import { LONGEST_REDIRECT_CHARACTERS } from '../../shared/domain/sign-in-clients.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { TenantId, text, UserId } from '../../shared/http/fields.ts';

const ClientId = z.string().check(z.minLength(1), z.maxLength(64));

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
  /** A sign-in always has this scope, whatever the client asked for. */
  scope: z.literal(SCOPE),
  user_id: UserId,
  tenants: z.array(z.strictObject({ tenant_id: TenantId, role: z.enum(ROLES) })),
});

export default defineFunction({
  name: 'token',
  summary: 'Issues access tokens, and revokes them.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 20,
  timeoutSeconds: 10,
  roles: ['roles/datastore.user'],
  uses: [
    'records',
    'accessTokenIssuer',
    'accessTokens',
    'refreshTokens',
    'signInClients',
    'publicUrl',
    'limits',
  ],
  endpoints: {
    token: {
      method: 'POST',
      path: '/auth/token',
      summary: 'Get an access token.',
      description:
        'Exchanges the code of a sign-in, a refresh token, or the code of a device for an access token (RFC 6749 sections 4.1.3 and 6, RFC 8628). A code can be used once, a refresh token until the one that replaces it is used. Unknown parameters are ignored.',
      auth: accessOf('token.token'),
      limit: { by: 'address', requests: 6_000, windowSeconds: 60, uncounted: 'serve' },
      bodyType: 'form',
      body: z.discriminatedUnion('grant_type', [
        z.object({
          grant_type: z.literal('authorization_code'),
          /** The program that began the sign-in. */
          client_id: ClientId,
          code: z.string().check(z.minLength(1), z.maxLength(256)),
          code_verifier: z
            .string()
            .check(z.regex(CODE_VERIFIER, 'must be 43 to 128 letters, digits, "-", ".", "_" or "~"')),
          redirect_uri: text(LONGEST_REDIRECT_CHARACTERS),
        }),
        z.object({
          grant_type: z.literal('refresh_token'),
          client_id: ClientId,
          refresh_token: z.string().check(z.minLength(1), z.maxLength(1024)),
        }),
        z.object({
          grant_type: z.literal(DEVICE_GRANT),
          client_id: ClientId,
          device_code: z.string().check(z.minLength(1), z.maxLength(256)),
        }),
      ]),
      refusals: 'oauth',
      answers: {
        tokens: {
          status: 200,
          description: 'The tokens.',
          body: Tokens,
        },
      },
      problems: [
        'GRANT_INVALID',
        'GRANT_UNSUPPORTED',
        'CLIENT_UNKNOWN',
        'CLIENT_NOT_ALLOWED',
        'AUTHORIZATION_PENDING',
        'SLOW_DOWN',
        'DEVICE_CODE_EXPIRED',
        'SIGN_IN_DENIED',
        'RATE_LIMITED',
      ],
    },
    revoke: {
      method: 'POST',
      path: '/auth/revoke',
      summary: 'Sign out.',
      description:
        'Revokes the sign-in of a refresh or access token (RFC 7009). Invalid tokens are ignored. Unknown parameters, and `token_type_hint`, are ignored.',
      auth: accessOf('token.revoke'),
      limit: { by: 'address', requests: 6_000, windowSeconds: 60, uncounted: 'serve' },
      bodyType: 'form',
      body: z.object({
        /** The program that the token was issued to. */
        client_id: ClientId,
        token: z.string().check(z.minLength(1), z.maxLength(4096)),
      }),
      refusals: 'oauth',
      answers: { revoked: { status: 200, description: 'Signed out.' } },
      problems: ['GRANT_INVALID', 'CLIENT_UNKNOWN', 'RATE_LIMITED'],
    },
    metadata: {
      method: 'GET',
      path: '/.well-known/oauth-authorization-server',
      summary: 'Find the sign-in endpoints.',
      description:
        'Metadata for OAuth clients (RFC 8414). A client needs only this address and its `client_id`.',
      auth: accessOf('token.metadata'),
      answers: {
        metadata: {
          status: 200,
          description: 'The metadata.',
          cacheSeconds: 3_600,
          body: z.strictObject({
            issuer: z.string(),
            authorization_endpoint: z.string(),
            token_endpoint: z.string(),
            revocation_endpoint: z.string(),
            device_authorization_endpoint: z.string(),
            scopes_supported: z.array(z.string()),
            response_types_supported: z.array(z.string()),
            response_modes_supported: z.array(z.string()),
            grant_types_supported: z.array(z.string()),
            token_endpoint_auth_methods_supported: z.array(z.string()),
            revocation_endpoint_auth_methods_supported: z.array(z.string()),
            code_challenge_methods_supported: z.array(z.string()),
            authorization_response_iss_parameter_supported: z.boolean(),
          }),
        },
      },
      problems: [],
    },
  },
});
