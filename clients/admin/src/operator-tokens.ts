import * as z from 'zod/mini';
import operatorTokens from '../../../functions/operator-tokens/contract.ts';
import { DEFAULT_TOKEN_DAYS, LONGEST_TOKEN_DAYS } from '../../../shared/domain/operator-token.ts';
import { OperatorScope } from '../../../shared/http/fields.ts';
import { option, optional, wholeNumber } from '../../command-line/options.ts';
import { type Command, defineCommand, EXIT } from '../../command-line/program.ts';
import type { AnswerOf, Api } from './api.ts';
import { type Column, facts } from './format.ts';
import { firstRows, formatList } from './lists.ts';
import { Limit, Name, OperatorToken } from './options.ts';

type TokenView = AnswerOf<typeof operatorTokens.endpoints.list>['operator_tokens'][number];

const NEEDS_SCOPES = `needs scopes, separated by commas: ${OperatorScope.options.join(', ')}`;
const Scopes = option(
  'SCOPE,SCOPE,...',
  z.pipe(
    z.string(NEEDS_SCOPES),
    z.pipe(
      z.transform((text: string) => text.split(',')),
      z.array(z.enum(OperatorScope.options, NEEDS_SCOPES)),
    ),
  ),
);

const COLUMNS: readonly Column<TokenView>[] = [
  ['TOKEN', ({ token_id }) => token_id],
  ['NAME', ({ name }) => name],
  ['STATUS', ({ status }) => status],
  ['SCOPES', ({ scopes }) => scopes.join(',')],
  ['EXPIRES', ({ expires_at }) => expires_at],
  ['LAST USE', ({ last_used_at }) => last_used_at],
  ['CREATED BY', ({ created_by }) => created_by.id],
];

export const OPERATOR_TOKENS_COMMANDS: readonly Command<Api>[] = [
  defineCommand('operator-tokens create', {
    summary: `Creates an operator token, and shows it once. It expires after ${DEFAULT_TOKEN_DAYS} days, or after --days.`,
    options: z.object({ name: Name, scopes: Scopes, days: optional(wholeNumber(1, LONGEST_TOKEN_DAYS)) }),
    async run({ name, scopes, days }, api: Api) {
      const token = await api.call(operatorTokens, 'create', {
        body: { name, scopes, expires_in_days: days },
      });
      return {
        exit: EXIT.ok,
        text: [
          `Created an operator token for ${token.name}. It is shown only now:`,
          ...facts([
            ['id', token.token_id],
            ['scopes', token.scopes.join(',')],
            ['expires', token.expires_at],
            ['token', token.operator_token],
          ]),
        ].join('\n'),
        json: token,
      };
    },
  }),
  defineCommand('operator-tokens list', {
    summary: 'Lists operator tokens, newest first.',
    options: z.object({ limit: Limit }),
    async run({ limit }, api: Api) {
      const found = await firstRows(
        limit,
        (query) => api.call(operatorTokens, 'list', { query }),
        (page) => page.operator_tokens,
        (token) => token.token_id,
      );
      return {
        exit: EXIT.ok,
        text: formatList(found, 'operator tokens', COLUMNS).join('\n'),
        json: { operator_tokens: found.rows, more: found.more },
      };
    },
  }),
  defineCommand('operator-tokens revoke', {
    summary: 'Revokes an operator token, and all tokens that were created with it.',
    options: z.object({ token: OperatorToken }),
    async run({ token: token_id }, api: Api) {
      await api.call(operatorTokens, 'revoke', { params: { token_id } });
      return { exit: EXIT.ok, text: `Revoked ${token_id}.`, json: { token_id } };
    },
  }),
];
