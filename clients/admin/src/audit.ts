import * as z from 'zod/mini';
import audit from '../../../functions/audit/contract.ts';
import { EVENT_TYPES } from '../../../shared/domain/event.ts';
import { option, optional } from '../../command-line/options.ts';
import { type Command, defineCommand, EXIT } from '../../command-line/program.ts';
import type { AnswerOf, Api } from './api.ts';
import type { Column } from './format.ts';
import { firstRows, formatList } from './lists.ts';
import { License, Limit, Session, Tenant } from './options.ts';

type EventView = AnswerOf<typeof audit.endpoints.list>['events'][number];

const EVENT_COLUMNS: readonly Column<EventView>[] = [
  ['AT', ({ at }) => at],
  ['TYPE', ({ type }) => type],
  ['LICENSE', ({ license_id }) => license_id],
  ['SESSION', ({ session_id }) => session_id],
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
        type: optional(option('TYPE', z.enum(EVENT_TYPES, `needs one of ${EVENT_TYPES.join(', ')}`))),
        limit: Limit,
      })
      .check(
        z.refine(
          ({ tenant, license, session }) => (tenant ?? license ?? session) !== undefined,
          'Pass --tenant, --license or --session',
        ),
      ),
    async run({ tenant: tenant_id, license: license_id, session: session_id, type, limit }, api: Api) {
      const scope = { tenant_id, license_id, session_id, type };
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
];

function detailOf({
  active,
  max,
  reason,
  count,
  version,
  jti,
  borrowed_until,
  offline_since,
}: EventView): string {
  const detail = { active, max, reason, count, version, jti, borrowed_until, offline_since };
  return Object.entries(detail)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
    .join(' ');
}
