import * as z from 'zod/mini';
import audit from '../../../functions/audit/contract.ts';
import { EVENT_TYPES } from '../../../shared/domain/event.ts';
import { type ChainReport, verifyChain } from '../../../shared/use-cases/verify-chain.ts';
import type { Answered } from './api.ts';
import { type Command, defineCommand, EXIT } from './command.ts';
import type { Column } from './format.ts';
import { firstRows, listed } from './lists.ts';
import { License, Limit, maybe, option, Session, Tenant } from './options.ts';

type EventView = Answered<typeof audit.endpoints.list>['events'][number];

const EVENT_COLUMNS: readonly Column<EventView>[] = [
  ['AT', ({ at }) => at],
  ['TYPE', ({ type }) => type],
  ['LICENSE', ({ license_id }) => license_id],
  ['SESSION', ({ session_id }) => session_id],
  ['DETAIL', detailOf],
];

export const AUDIT_COMMANDS: readonly Command[] = [
  defineCommand({
    name: 'audit list',
    summary: 'Lists what happened to a tenant, license or session, the newest first, up to two minutes late.',
    asked: z
      .object({
        tenant: maybe(Tenant),
        license: maybe(License),
        session: maybe(Session),
        type: maybe(option('TYPE', z.enum(EVENT_TYPES, `needs one of ${EVENT_TYPES.join(', ')}`))),
        limit: Limit,
      })
      .check(
        z.refine(
          ({ tenant, license, session }) => (tenant ?? license ?? session) !== undefined,
          'Say whose: --tenant, --license or --session',
        ),
      ),
    async run({ tenant: tenant_id, license: license_id, session: session_id, type, limit }, { api }) {
      const server = api();
      const scope = { tenant_id, license_id, session_id, type };
      const found = await firstRows(
        limit,
        (paging) => server.call(audit, 'list', { query: { ...scope, ...paging } }),
        (page) => page.events,
        (event) => event.event_id,
      );
      return {
        exit: EXIT.well,
        words: listed(found, 'events', EVENT_COLUMNS).join('\n'),
        json: { events: found.rows, more: found.more },
      };
    },
  }),
  defineCommand({
    name: 'audit verify',
    summary:
      'Checks that no event of a tenant’s audit log was changed, removed or put in after it was sealed.',
    asked: z.object({ tenant: Tenant }),
    async run({ tenant }, { withRecords }) {
      const report = await withRecords((records) => verifyChain(records, tenant));
      if (!report) return { trouble: `The records know no tenant ${tenant}.` };
      const exit = report.problems.length === 0 ? EXIT.well : EXIT.found;
      return { exit, words: inWords(report), json: toJson(report) };
    },
  }),
];

/** What an event tells beside what happened to whom, and when. */
function detailOf({ active, max, reason, count, version, borrowed_until }: EventView): string {
  const told = { active, max, reason, count, version, borrowed_until };
  return Object.entries(told)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
    .join(' ');
}

function toJson({ tenantId, sealed, unsealed, head, problems }: ChainReport) {
  return {
    tenant_id: tenantId,
    whole: problems.length === 0,
    sealed,
    unsealed,
    head: head && { seq: head.seq, hash: head.hash },
    problems: problems.map(({ eventId, ...problem }) => ({ ...problem, event_id: eventId })),
  };
}

function inWords({ tenantId, sealed, unsealed, head, problems }: ChainReport): string {
  const verdict =
    problems.length === 0
      ? 'whole'
      : `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} found`;
  return [
    `The audit chain of ${tenantId}: ${verdict}.`,
    `  sealed events    ${sealed}`,
    `  not yet sealed   ${unsealed}`,
    `  head             ${head ? `${head.seq} ${head.hash}` : 'none'}`,
    ...problems.map(
      ({ kind, seq, eventId, detail }) =>
        `  ${kind.padEnd(8)} at ${seq}: ${eventId ?? 'the chain'}: ${detail}`,
    ),
  ].join('\n');
}
