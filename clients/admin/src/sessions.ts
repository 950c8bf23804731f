import * as z from 'zod/mini';
import release from '../../../functions/release/contract.ts';
import sessions from '../../../functions/sessions/contract.ts';
import { about, flag } from '../../command-line/options.ts';
import { type Command, defineCommand, EXIT } from '../../command-line/program.ts';
import type { AnswerOf, Api } from './api.ts';
import type { Column } from './format.ts';
import { firstRows, formatList } from './lists.ts';
import { License, Limit, Session } from './options.ts';

type Listed = AnswerOf<typeof sessions.endpoints.list>;
type SessionView = Listed['sessions'][number];
type PastSession = AnswerOf<typeof sessions.endpoints.history>['sessions'][number];

const SESSION_COLUMNS: readonly Column<SessionView>[] = [
  ['SEAT', ({ holder }) => holder],
  ['SESSION', ({ session_id }) => session_id],
  ['MACHINE', ({ hostname, fingerprint }) => hostname ?? fingerprint],
  ['USER', ({ user_id }) => user_id],
  ['PROCESS', ({ process_id }) => process_id],
  ['APP', ({ app_version }) => app_version],
  ['SINCE', ({ acquired_at }) => acquired_at],
  [
    'UNTIL',
    ({ expires_at, borrowed_until }) => (borrowed_until ? `${borrowed_until} (borrowed)` : expires_at),
  ],
];
const HISTORY_COLUMNS: readonly Column<PastSession>[] = [
  ['SESSION', ({ session_id }) => session_id],
  ['HOLDER', ({ holder }) => holder],
  ['SINCE', ({ acquired_at }) => acquired_at],
  ['ENDED', ({ ended_at }) => ended_at],
  ['WHY', ({ end_reason }) => end_reason],
  ['SEATED', ({ seated_seconds }) => `${seated_seconds} s`],
  ['REVIVED', ({ revivals }) => revivals],
];

export const SESSIONS_COMMANDS: readonly Command<Api>[] = [
  defineCommand('sessions list', {
    summary: 'Lists the sessions that hold seats of a license now, seat by seat, the first to expire first.',
    options: z.object({ license: License, limit: Limit }),
    async run({ license: license_id, limit }, api: Api) {
      let seats: Listed['seats'] = { active: 0, max: 0, overdraft: 0 };
      const found = await firstRows(
        limit,
        (paging) => api.call(sessions, 'list', { query: { license_id, ...paging } }),
        (page) => {
          seats = page.seats;
          return page.sessions;
        },
        (session) => session.session_id,
      );
      return {
        exit: EXIT.ok,
        text: [
          `${seats.active} of ${seats.max} seats are taken.`,
          ...formatList(found, 'sessions', SESSION_COLUMNS),
        ].join('\n'),
        json: { seats, sessions: found.rows, more: found.more },
      };
    },
  }),
  defineCommand('sessions history', {
    summary: 'Lists past and present sessions of a license, newest first. Changes appear within two minutes.',
    options: z.object({ license: License, limit: Limit }),
    async run({ license: license_id, limit }, api: Api) {
      const found = await firstRows(
        limit,
        (paging) => api.call(sessions, 'history', { query: { license_id, ...paging } }),
        (page) => page.sessions,
        (session) => session.session_id,
      );
      return {
        exit: EXIT.ok,
        text: formatList(found, 'sessions', HISTORY_COLUMNS).join('\n'),
        json: { sessions: found.rows, more: found.more },
      };
    },
  }),
  defineCommand('sessions evict', {
    summary: 'Ends a session permanently: a program, or a loan. Its seat is free if it was the last one.',
    options: z.object({
      session: Session,
      'whole-seat': about('end all sessions of its seat, which is free then', flag()),
    }),
    async run({ session: session_id, 'whole-seat': isWhole }, api: Api) {
      const scope = isWhole ? 'seat' : 'program';
      await api.call(release, 'end', { params: { session_id }, query: { scope } });
      const text = isWhole
        ? `Freed the seat of ${session_id}: its sessions have ended.`
        : `Ended ${session_id}: it no longer holds a seat.`;
      return { exit: EXIT.ok, text, json: { session_id, scope } };
    },
  }),
];
