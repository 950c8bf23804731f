import * as z from 'zod/mini';
import gdprDelete from '../../../functions/gdpr-delete/contract.ts';
import users from '../../../functions/users/contract.ts';
import { flag, optional } from '../../command-line/options.ts';
import { type Command, defineCommand, EXIT } from '../../command-line/program.ts';
import type { AnswerOf, Api } from './api.ts';
import { type Column, facts } from './format.ts';
import { firstRows, formatList } from './lists.ts';
import { Email, Limit, User } from './options.ts';

type UserView = AnswerOf<typeof users.endpoints.list>['users'][number];
type Receipt = AnswerOf<typeof gdprDelete.endpoints.confirm>;

/** Each call erases for up to a minute. After this many calls, the server continues by itself. */
const MOST_CONFIRMATIONS = 10;

const USER_COLUMNS: readonly Column<UserView>[] = [
  ['USER', ({ user_id }) => user_id],
  ['E-MAIL', ({ email }) => email],
  ['NAME', ({ name }) => name],
  ['SINCE', ({ created_at }) => created_at],
  ['LAST SIGN-IN', ({ last_sign_in_at }) => last_sign_in_at],
];

export const USERS_COMMANDS: readonly Command<Api>[] = [
  defineCommand('users list', {
    summary: 'Lists all users, newest first, or the one with that address.',
    options: z.object({ email: optional(Email), limit: Limit }),
    async run({ email, limit }, api: Api) {
      const found = await firstRows(
        limit,
        (paging) => api.call(users, 'list', { query: { email, ...paging } }),
        (page) => page.users,
        (user) => user.user_id,
      );
      return {
        exit: EXIT.ok,
        text: formatList(found, 'users', USER_COLUMNS).join('\n'),
        json: { users: found.rows, more: found.more },
      };
    },
  }),
  defineCommand('users erase', {
    summary: 'Shows what erasing a user would remove. With --yes, erases the user permanently.',
    options: z.object({ user: User, yes: flag() }),
    async run({ user: user_id, yes }, api: Api) {
      const plan = await api.call(gdprDelete, 'ask', { body: { user_id } });
      const receipt = yes ? await confirm(api, plan.confirmation_token) : null;
      const { tenants_that_go } = plan;
      return {
        exit: EXIT.ok,
        text: (receipt ? erased(user_id, receipt) : wouldErase(user_id, tenants_that_go)).join('\n'),
        json: { user_id, tenants_that_go, receipt },
      };
    },
  }),
];

async function confirm(api: Api, confirmation_token: string): Promise<Receipt> {
  const sendConfirmation = (): Promise<Receipt> =>
    api.call(gdprDelete, 'confirm', { body: { confirmation_token } });
  let receipt = await sendConfirmation();
  for (
    let confirmations = 1;
    receipt.completed_at === null && confirmations < MOST_CONFIRMATIONS;
    confirmations++
  )
    receipt = await sendConfirmation();
  return receipt;
}

function wouldErase(userId: string, tenantsThatGo: readonly string[]): string[] {
  return [
    `Would erase all data of ${userId} and end the user's sessions.`,
    ...tenantsThatGo.map(
      (tenantId) => `Would close ${tenantId}, which has no other member, and suspend its licenses.`,
    ),
    'Nothing was changed. To erase the user, run this sendConfirmation with --yes: it cannot be undone.',
  ];
}

function erased(
  userId: string,
  { erasure_id, requested_at, completed_at, erased: counts, unreadable }: Receipt,
): string[] {
  const what = unreadable > 0 ? 'the data of' : 'all data of';
  const head = completed_at
    ? `Erased ${what} ${userId}${unreadable > 0 ? ', except what cannot be read' : ''}. The receipt contains no personal data:`
    : `The erasure of ${userId} takes longer and continues by itself. So far:`;
  const left = `Audit events that cannot be read: ${unreadable}. They may still show the user. The log names them: deploy the release that wrote them within an hour, or repeat the erasure afterwards.`;
  return [
    head,
    ...facts([
      ['erasure', erasure_id],
      ['requested', requested_at],
      ['completed', completed_at ?? 'not yet'],
      ...Object.entries(counts).map(([kind, count]) => [kind.replaceAll('_', ' '), count] as const),
    ]),
    ...(unreadable > 0 ? [left] : []),
  ];
}
