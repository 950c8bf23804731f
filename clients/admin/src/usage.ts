import * as z from 'zod/mini';
import usage from '../../../functions/usage/contract.ts';
import { USAGE_STATES } from '../../../shared/domain/metering.ts';
import { MeterName, text } from '../../../shared/http/fields.ts';
import { about, choice, option, optional } from '../../command-line/options.ts';
import { type Command, defineCommand, EXIT } from '../../command-line/program.ts';
import type { AnswerOf, Api } from './api.ts';
import type { Column } from './format.ts';
import { firstRows, formatList } from './lists.ts';
import { License, Limit, textOf } from './options.ts';

type UsageRecord = AnswerOf<typeof usage.endpoints.records>['records'][number];
type UsageError = AnswerOf<typeof usage.endpoints.errors>['errors'][number];
type Voided = AnswerOf<typeof usage.endpoints.void>['records'][number];

const RECORD_COLUMNS: readonly Column<UsageRecord>[] = [
  ['ID', ({ id }) => id],
  ['METER', ({ meter }) => meter],
  ['QUANTITY', ({ quantity }) => quantity],
  ['USED', ({ timestamp }) => timestamp],
  ['STATE', ({ state }) => state],
  ['WHY', ({ problem, voided }) => voided?.reason ?? problem],
  ['AT STRIPE', ({ sent_at, voided }) => voided?.at_stripe ?? sent_at],
];
const VOIDED_COLUMNS: readonly Column<Voided>[] = [
  ['ID', ({ id }) => id],
  ['STATUS', ({ status }) => status],
  ['AT STRIPE', ({ at_stripe }) => at_stripe],
];
const ERROR_COLUMNS: readonly Column<UsageError>[] = [
  ['AT', ({ at }) => at],
  ['METER', ({ meter }) => meter],
  ['ERROR', ({ code }) => code],
  ['RECORDS', ({ count }) => count],
  ['NAMED', ({ named }) => named],
];

export const USAGE_COMMANDS: readonly Command<Api>[] = [
  defineCommand('usage records', {
    summary: 'Lists usage records of a license, newest first, with what became of each at Stripe.',
    options: z.object({ license: License, state: optional(choice(USAGE_STATES)), limit: Limit }),
    async run({ license: license_id, state, limit }, api: Api) {
      const found = await firstRows(
        limit,
        (paging) => api.call(usage, 'records', { params: { license_id }, query: { state, ...paging } }),
        (page) => page.records,
        (record) => record.id,
      );
      return {
        exit: EXIT.ok,
        text: formatList(found, 'usage records', RECORD_COLUMNS).join('\n'),
        json: { records: found.rows, more: found.more },
      };
    },
  }),
  defineCommand('usage void', {
    summary:
      'Voids one usage record, or all records of a meter on one day (UTC). They no longer count, and are canceled at Stripe within 24 hours.',
    options: z
      .object({
        license: License,
        id: optional(option('ID', textOf(text(100), 'needs the id of a usage record'))),
        meter: optional(option('METER', textOf(MeterName, 'needs the name of a meter'))),
        day: optional(option('DAY', textOf(z.iso.date(), 'needs a day such as 2026-11-30'))),
        reason: about(
          'kept in the audit log',
          option('TEXT', textOf(text(200), 'needs 1 to 200 characters')),
        ),
      })
      .check(
        z.refine(
          ({ id, meter, day }) =>
            id === undefined
              ? meter !== undefined && day !== undefined
              : meter === undefined && day === undefined,
          'Pass --id, or --meter and --day',
        ),
      ),
    async run({ license: license_id, id, meter = '', day = '', reason }, api: Api) {
      const records: Voided[] = [];
      let cursor: string | undefined;
      do {
        const body =
          id === undefined ? { license_id, meter, day, reason, cursor } : { license_id, ids: [id], reason };
        const page = await api.call(usage, 'void', { body });
        records.push(...page.records);
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined);
      return {
        exit: EXIT.ok,
        text: formatList({ rows: records, more: false }, 'usage records', VOIDED_COLUMNS).join('\n'),
        json: { records },
      };
    },
  }),
  defineCommand('usage errors', {
    summary: 'Lists usage that Stripe rejected after accepting it, by meter and error.',
    options: z.object({ limit: Limit }),
    async run({ limit }, api: Api) {
      const found = await firstRows(
        limit,
        (query) => api.call(usage, 'errors', { query }),
        (page) => page.errors,
        ({ event_id, code }) => `${event_id} ${code}`,
      );
      return {
        exit: EXIT.ok,
        text: formatList(found, 'usage errors', ERROR_COLUMNS).join('\n'),
        json: { errors: found.rows, more: found.more },
      };
    },
  }),
];
