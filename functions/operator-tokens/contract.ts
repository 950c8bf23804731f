import * as z from 'zod/mini';
import { accessOf, SCOPE_GROUPS, SCOPES } from '../../shared/domain/authorization.ts';
import { ActorJson } from '../../shared/domain/event-message.ts';
import { LONGEST_TOKEN_DAYS } from '../../shared/domain/operator-token.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import {
  OperatorScope,
  OperatorTokenId,
  PAGING,
  Timestamp,
  text,
  wholeNumber,
} from '../../shared/http/fields.ts';

const OPERATOR_TOKEN = {
  token_id: OperatorTokenId,
  name: z.string(),
  /** Scopes of another release can have other names. */
  scopes: z.array(z.string()),
  /** `expiring`: it expires within 14 days. */
  status: z.enum(['active', 'expiring', 'expired', 'revoked']),
  created_at: Timestamp,
  /** The operator who created it: a user, another operator token, or `bootstrap` for the operator key. */
  created_by: ActorJson,
  expires_at: Timestamp,
  /** Up to an hour before the last call with it; null before the first. */
  last_used_at: z.nullable(Timestamp),
  revoked_at: z.nullable(Timestamp),
};
const OperatorToken = z.strictObject(OPERATOR_TOKEN);
const NewOperatorToken = z.strictObject({
  ...OPERATOR_TOKEN,
  /** The token itself, `slo_…`. It is returned only here: keep it secret. */
  operator_token: z.string(),
});
const OperatorTokenPage = z.strictObject({
  operator_tokens: z.array(OperatorToken),
  next_cursor: z.nullable(z.string()),
});

const Params = z.strictObject({ token_id: OperatorTokenId });

export default defineFunction({
  name: 'operator-tokens',
  summary: 'Creates, lists and revokes the tokens of operators.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 10,
  timeoutSeconds: 30,
  roles: ['roles/datastore.user'],
  uses: ['records'],
  endpoints: {
    create: {
      method: 'POST',
      path: '/api/v1/operator-tokens',
      summary: 'Create an operator token.',
      description:
        'Returns a credential for programs of the vendor, sent as `Authorization: Operator slo_…`. It is shown once. A token can create tokens only with scopes that it has itself, and that expire no later than it does.',
      auth: accessOf('operator-tokens.create'),
      idempotencyKey: 'once',
      body: z.strictObject({
        name: text(100),
        scopes: z
          .array(OperatorScope)
          .check(z.minLength(1), z.maxLength(SCOPES.length + SCOPE_GROUPS.length)),
        /** Days until it expires. By default 90, or until the token that creates it expires. */
        expires_in_days: z.optional(wholeNumber(1, LONGEST_TOKEN_DAYS)),
      }),
      answers: { created: { status: 201, description: 'The token.', body: NewOperatorToken } },
      problems: ['INSUFFICIENT_SCOPE', 'CREDENTIALS_INVALID', 'VALIDATION_FAILED'],
    },
    list: {
      method: 'GET',
      path: '/api/v1/operator-tokens',
      summary: 'List operator tokens.',
      description:
        'Returns tokens, newest first. Revoked and expired ones are among them until they are deleted, `RETENTION_DAYS` after their end.',
      auth: accessOf('operator-tokens.list'),
      query: z.strictObject(PAGING),
      answers: { tokens: { status: 200, description: 'One page of tokens.', body: OperatorTokenPage } },
      problems: ['INVALID_CURSOR'],
    },
    read: {
      method: 'GET',
      path: '/api/v1/operator-tokens/{token_id}',
      summary: 'Get an operator token.',
      auth: accessOf('operator-tokens.read'),
      params: Params,
      answers: { token: { status: 200, description: 'The token, without its secret.', body: OperatorToken } },
      problems: ['OPERATOR_TOKEN_NOT_FOUND'],
    },
    revoke: {
      method: 'DELETE',
      path: '/api/v1/operator-tokens/{token_id}',
      summary: 'Revoke an operator token.',
      description:
        'The token is refused from now on, as are all tokens that were created with it. A token cannot revoke one that has scopes which it lacks.',
      auth: accessOf('operator-tokens.revoke'),
      params: Params,
      answers: { revoked: { status: 204, description: 'The token is revoked, or already was.' } },
      problems: ['OPERATOR_TOKEN_NOT_FOUND', 'INSUFFICIENT_SCOPE'],
    },
  },
});
