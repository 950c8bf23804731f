import * as z from 'zod/mini';
import subscriptions from '../../../functions/subscriptions/contract.ts';
import { option } from '../../command-line/options.ts';
import { type Command, defineCommand, EXIT } from '../../command-line/program.ts';
import type { AnswerOf, Api } from './api.ts';
import { facts } from './format.ts';
import { License } from './options.ts';

type Hold = AnswerOf<typeof subscriptions.endpoints.holds>['holds'][number];

const HoldId = option('HOLD', z.string('needs the id of a hold, as "holds list" shows it'));
const Reason = option('TEXT', z.string('needs a reason'));

export const HOLDS_COMMANDS: readonly Command<Api>[] = [
  defineCommand('holds list', {
    summary: 'Shows what holds a license back: disputes, refunds, unpaid invoices and pauses.',
    options: z.object({ license: License }),
    async run({ license: license_id }, api: Api) {
      const { holds } = await api.call(subscriptions, 'holds', { params: { license_id } });
      return { exit: EXIT.ok, text: formatHolds(holds), json: { holds } };
    },
  }),
  defineCommand('holds lift', {
    summary:
      'Lifts one dispute or refund permanently. The reason goes into the audit log; the tenant does not see it.',
    options: z.object({ license: License, hold: HoldId, reason: Reason }),
    async run({ license: license_id, hold, reason }, api: Api) {
      const { holds } = await api.call(subscriptions, 'lift', {
        params: { license_id },
        body: { hold, reason },
      });
      const others = holds.filter(({ lifted }) => lifted === null).length;
      const left =
        others === 0
          ? 'No payment holds the license back now.'
          : `The license is still held: holds that are not lifted: ${others}.`;
      return { exit: EXIT.ok, text: `${left}\n${formatHolds(holds)}`, json: { holds } };
    },
  }),
];

function formatHolds(holds: readonly Hold[]): string {
  if (holds.length === 0)
    return 'No payment holds the license back. "licenses show" says whether it is suspended or has expired.';
  return holds.map(formatHold).join('\n');
}

function formatHold({ hold_id, kind, status, since, refund_id, ends_when, lifted }: Hold): string {
  return [
    hold_id,
    ...facts([
      ['kind', kind],
      ['at Stripe', status],
      ['since', since ?? 'unknown'],
      ['refund', refund_id ?? 'none'],
      ['ends when', ends_when],
      ['lifted', lifted === null ? 'no' : `${lifted.at} by ${lifted.by.id}: ${lifted.reason}`],
    ]),
  ].join('\n');
}
