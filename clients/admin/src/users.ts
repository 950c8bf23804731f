import * as z from 'zod/mini';
import gdprDelete from '../../../functions/gdpr-delete/contract.ts';
import users from '../../../functions/users/contract.ts';
import type { Answered, Api } from './api.ts';
import { type Command, defineCommand, EXIT } from './command.ts';
import { type Column, facts } from './format.ts';
import { firstRows, listed } from './lists.ts';
import { Email, Flag, Limit, maybe, User } from './options.ts';

type UserView = Answered<typeof users.endpoints.list>['users'][number];
type Receipt = Answered<typeof gdprDelete.endpoints.confirm>;

/** Each time the server erases for a minute; after so many, it is left to go on by itself. */
const MOST_CONFIRMATIONS = 10;

const USER_COLUMNS: readonly Column<UserView>[] = [
  ['USER', ({ user_id }) => user_id],
  ['E-MAIL', ({ email }) => email],
  ['NAME', ({ name }) => name],
  ['SINCE', ({ created_at }) => created_at],
  ['LAST SIGN-IN', ({ last_sign_in_at }) => last_sign_in_at],
];

export const USERS_COMMANDS: readonly Command[] = [
  defineCommand({
    name: 'users list',
    summary: 'Lists everybody who has ever signed in, the newest first, or whoever has that address.',
    asked: z.object({ email: maybe(Email), limit: Limit }),
    async run({ email, limit }, { api }) {
      const server = api();
      const found = await firstRows(
        limit,
        (paging) => server.call(users, 'list', { query: { email, ...paging } }),
        (page) => page.users,
        (user) => user.user_id,
      );
      return {
        exit: EXIT.well,
        words: listed(found, 'users', USER_COLUMNS).join('\n'),
        json: { users: found.rows, more: found.more },
      };
    },
  }),
  defineCommand({
    name: 'users erase',
    summary: 'Says what erasing a person would take with it. With --yes it erases them, for good.',
    asked: z.object({ user: User, yes: Flag }),
    async run({ user: user_id, yes }, { api }) {
      const server = api();
      const plan = await server.call(gdprDelete, 'ask', { body: { user_id } });
      const receipt = yes ? await confirm(server, plan.confirmation_token) : null;
      const { tenants_that_go } = plan;
      return {
        exit: EXIT.well,
        words: (receipt ? erased(user_id, receipt) : wouldErase(user_id, tenants_that_go)).join('\n'),
        json: { user_id, tenants_that_go, receipt },
      };
    },
  }),
];

async function confirm(server: Api, confirmation_token: string): Promise<Receipt> {
  const again = (): Promise<Receipt> => server.call(gdprDelete, 'confirm', { body: { confirmation_token } });
  let receipt = await again();
  for (let asked = 1; receipt.completed_at === null && asked < MOST_CONFIRMATIONS; asked++)
    receipt = await again();
  return receipt;
}

function wouldErase(userId: string, tenantsThatGo: readonly string[]): string[] {
  return [
    `Would erase all that is kept of ${userId}, and end their sessions.`,
    ...tenantsThatGo.map(
      (tenantId) => `Would close ${tenantId}, to which nobody else belongs, and suspend its licenses.`,
    ),
    'Nothing was changed, and nothing brings it back: to do it, run this again with --yes.',
  ];
}

function erased(
  userId: string,
  { erasure_id, requested_at, completed_at, erased: counts }: Receipt,
): string[] {
  const head = completed_at
    ? `Erased all that was kept of ${userId}. The receipt, which holds no personal data:`
    : `Erasing ${userId} takes longer, and goes on by itself. So far:`;
  return [
    head,
    ...facts([
      ['erasure', erasure_id],
      ['requested', requested_at],
      ['completed', completed_at ?? 'not yet'],
      ...Object.entries(counts).map(([what, count]) => [what.replaceAll('_', ' '), count] as const),
    ]),
  ];
}
