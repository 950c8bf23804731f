import * as z from 'zod/mini';
import audit from '../../../functions/audit/contract.ts';
import { AUDIT_TYPES } from '../../../shared/domain/audit-event.ts';
import { about, option, optional } from '../../command-line/options.ts';
import { type Command, defineCommand, EXIT } from '../../command-line/program.ts';
import type { AnswerOf, Api } from './api.ts';
import type { Column } from './format.ts';
import { firstRows, formatList } from './lists.ts';
import { License, Limit, Session, Tenant } from './options.ts';

type EventView = AnswerOf<typeof audit.endpoints.list>['events'][number];

const EVENT_COLUMNS: readonly Column<EventView>[] = [
  ['AT', ({ at }) => at],
  ['TYPE', ({ type }) => type],
  ['BY', ({ actor }) => `${actor.type} ${actor.id ?? '(erased)'}`],
  ['LICENSE', ({ license_id }) => license_id],
  ['SESSION', ({ session_id }) => session_id],
  ['SUBJECT', ({ subject }) => subject],
  ['DETAIL', detailOf],
];

export const AUDIT_COMMANDS: readonly Command<Api>[] = [
  defineCommand('audit list', {
    summary:
      'Lists events of a tenant, license or session, newest first. New events appear within two minutes.',
    options: z
      .object({
        tenant: optional(Tenant),
        license: optional(License),
        session: optional(Session),
        type: optional(option('TYPE', z.enum(AUDIT_TYPES, `needs one of ${AUDIT_TYPES.join(', ')}`))),
        actor: optional(
          about(
            'who caused them: the id of a user, a token or a license, or bootstrap',
            option('ID', z.string()),
          ),
        ),
        limit: Limit,
      })
      .check(
        z.refine(
          ({ tenant, license, session, actor }) => (tenant ?? license ?? session ?? actor) !== undefined,
          'Pass --tenant, --license, --session or --actor',
        ),
      ),
    async run({ tenant, license, session, actor, type, limit }, api: Api) {
      const ids = { tenant_id: tenant, license_id: license, session_id: session, actor_id: actor };
      const scope = { ...ids, type };
      const found = await firstRows(
        limit,
        (paging) => api.call(audit, 'list', { query: { ...scope, ...paging } }),
        (page) => page.events,
        (event) => event.event_id,
      );
      return {
        exit: EXIT.ok,
        text: formatList(found, 'events', EVENT_COLUMNS).join('\n'),
        json: { events: found.rows, more: found.more },
      };
    },
  }),
  defineCommand('audit follow', {
    summary:
      "Lists what was added to a tenant's audit log since the last call, oldest first, and the cursor for the next call.",
    options: z.object({
      tenant: Tenant,
      cursor: optional(
        about('that the last call printed; without it, the whole log', option('CURSOR', z.string())),
      ),
      limit: Limit,
    }),
    async run({ tenant: tenant_id, cursor: from, limit }, api: Api) {
      const rows: EventView[] = [];
      let cursor = from;
      for (;;) {
        const wanted = String(Math.min(limit - rows.length, 100));
        const query = { tenant_id, order: 'recorded', cursor, limit: wanted } as const;
        const { events, next_cursor } = await api.call(audit, 'list', { query });
        rows.push(...events);
        const isEnd = next_cursor === cursor || rows.length >= limit;
        cursor = next_cursor ?? cursor;
        if (isEnd) break;
      }
      const lines = formatList({ rows, more: false }, 'new events', EVENT_COLUMNS);
      return {
        exit: EXIT.ok,
        text: [...lines, `Cursor: ${cursor}`].join('\n'),
        json: { events: rows, cursor },
      };
    },
  }),
];

/** Everything that differs by the type of the event, also what a later server adds. */
function detailOf(event: EventView): string {
  const { event_id, tenant_id, recorded_at, seq, position, request_id, holder, acquired_at, seat, ...more } =
    event;
  const { at, type, actor, license_id, session_id, subject, usage, ...detail } = more;
  const used = usage?.map(({ meter, outcome, quantity }) => `${meter}:${quantity}:${outcome}`);
  return Object.entries({ ...detail, usage: used })
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${textOf(value)}`]))
    .join(' ');
}

function textOf(value: unknown): string {
  return typeof value === 'string' && value.includes(' ') ? JSON.stringify(value) : String(value);
}
