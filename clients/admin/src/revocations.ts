import * as z from 'zod/mini';
import revocations from '../../../functions/revocations/contract.ts';
import { about, flag, option, optional } from '../../command-line/options.ts';
import { type Command, defineCommand, EXIT } from '../../command-line/program.ts';
import type { AnswerOf, Api } from './api.ts';
import { type Column, table } from './format.ts';
import { License, Time, textOf } from './options.ts';

type View = AnswerOf<typeof revocations.endpoints.list>;

const Id = z.string().check(z.regex(/^[\w-]{8,64}$/));
const Key = option('KEY_ID', textOf(Id, 'needs the id of a key (keys list of npm run operate shows it)'));
const Jti = option('JTI', textOf(Id, 'needs the jti of a signed license (audit list shows it)'));

const KEY_COLUMNS: readonly Column<View['keys'][number]>[] = [
  ['KEY', ({ key_id }) => key_id],
  ['SIGNATURES', ({ since }) => (since === null ? 'all' : `since ${since}`)],
  ['REVOKED', ({ revoked_at }) => revoked_at],
  ['BY ITSELF', ({ is_self_signed }) => (is_self_signed ? 'yes' : 'no')],
];
const LICENSE_COLUMNS: readonly Column<View['licenses'][number]>[] = [
  ['SIGNED LICENSE', ({ jti }) => jti],
  ['LICENSE', ({ license_id }) => license_id],
  ['REVOKED', ({ revoked_at }) => revoked_at],
  ['LISTED UNTIL', ({ until }) => until],
];

export const REVOCATIONS_COMMANDS: readonly Command<Api>[] = [
  defineCommand('revocations list', {
    summary: 'Lists the signing keys and signed licenses that are revoked.',
    options: z.object({}),
    async run(_, api: Api) {
      const list = await api.call(revocations, 'list', {});
      return { exit: EXIT.ok, text: format(list), json: list };
    },
  }),
  defineCommand('revocations key', {
    summary:
      'Shows what revoking a signing key means. With --yes, revokes what it has signed. Rotate first: the key that signs cannot be revoked.',
    options: z.object({
      key: Key,
      since: optional(
        about('only what was issued since then; never for a compromised key, which can sign any time', Time),
      ),
      yes: flag(),
    }),
    async run({ key: key_id, since, yes }, api: Api) {
      if (!yes) return { exit: EXIT.ok, text: preview(key_id, since), json: { key_id, applied: false } };
      const list = await api.call(revocations, 'revoke', { body: { key_id, since } });
      return { exit: EXIT.ok, text: format(list), json: { ...list, applied: true } };
    },
  }),
  defineCommand('revocations license', {
    summary: 'Revokes one signed license. Its seat stays, and its program gets a new one.',
    options: z.object({ license: License, jti: Jti }),
    async run({ license: license_id, jti }, api: Api) {
      const list = await api.call(revocations, 'revoke', { body: { jti, license_id } });
      return { exit: EXIT.ok, text: format(list), json: list };
    },
  }),
  defineCommand('revocations undo', {
    summary: 'Removes a key or a signed license from the list.',
    options: z.object({ id: option('ID', textOf(Id, 'needs a key id or a jti of revocations list')) }),
    async run({ id }, api: Api) {
      const list = await api.call(revocations, 'undo', { params: { id } });
      return { exit: EXIT.ok, text: format(list), json: list };
    },
  }),
];

function preview(keyId: string, since: string | undefined): string {
  return [
    `Would revoke ${since === undefined ? 'every license' : `licenses issued since ${since}`} that ${keyId} has signed.`,
    'Clients that are online refuse them within about an hour, and get new ones. Seats, heartbeats and loans continue.',
    'Clients that are offline continue until their license ends: at most 90 days.',
    ...(since === undefined
      ? []
      : [
          'Anyone who could sign could also write an earlier time. If the key is compromised, leave out --since.',
        ]),
    'Nothing was changed. To revoke it, run this again with --yes.',
  ].join('\n');
}

function format({ keys, licenses }: View): string {
  if (keys.length + licenses.length === 0) return 'Nothing is revoked.';
  return [
    ...(keys.length > 0 ? table(KEY_COLUMNS, keys) : []),
    ...(licenses.length > 0 ? table(LICENSE_COLUMNS, licenses) : []),
  ].join('\n');
}
