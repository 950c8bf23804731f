import * as z from 'zod/mini';
import cancel from '../../../functions/cancel/contract.ts';
import subscriptions from '../../../functions/subscriptions/contract.ts';
import { PAUSED_COLLECTIONS } from '../../../shared/domain/subscription-ending.ts';
import { choice, option, optional } from '../../command-line/options.ts';
import { type Command, defineCommand, EXIT } from '../../command-line/program.ts';
import type { AnswerOf, Api } from './api.ts';
import { type Column, table } from './format.ts';
import { firstRows, formatList } from './lists.ts';
import { License, Limit, Tenant, Time } from './options.ts';

const StripeSubscription = option(
  'SUBSCRIPTION',
  z.string('needs the id of a subscription at Stripe (sub_…)'),
);

type View = AnswerOf<typeof cancel.endpoints.undo>;
type Canceled = AnswerOf<typeof cancel.endpoints.cancel>;

const COLUMNS: readonly Column<View>[] = [
  ['SUBSCRIPTION', ({ subscription_id }) => subscription_id],
  ['LICENSE', ({ license_id }) => license_id],
  ['PLAN', ({ plan }) => plan],
  ['SEATS', ({ seats }) => seats],
  ['STATUS', ({ status, collection_paused }) => (collection_paused ? `${status}, not collected` : status)],
  ['ENDS', ({ cancel_at, ended_at }) => ended_at ?? cancel_at],
];

export const SUBSCRIPTIONS_COMMANDS: readonly Command<Api>[] = [
  defineCommand('subscriptions list', {
    summary: 'Lists the subscriptions of a tenant, newest first.',
    options: z.object({ tenant: Tenant, limit: Limit }),
    async run({ tenant: tenant_id, limit }, api: Api) {
      const found = await firstRows(
        limit,
        (paging) => api.call(subscriptions, 'list', { query: { tenant_id, ...paging } }),
        (page) => page.subscriptions,
        ({ subscription_id }) => subscription_id,
      );
      return {
        exit: EXIT.ok,
        text: [...formatList(found, 'subscriptions', COLUMNS), ...found.rows.flatMap(pendingLines)].join(
          '\n',
        ),
        json: { subscriptions: found.rows, more: found.more },
      };
    },
  }),
  defineCommand('subscriptions sync', {
    summary:
      'Reads a subscription from Stripe now, and applies what it has: for a payment whose event is missing. --subscription names it if the license does not know it.',
    options: z.object({ license: License, subscription: optional(StripeSubscription) }),
    async run({ license: license_id, subscription: subscription_id }, api: Api) {
      const found = await api.call(subscriptions, 'sync', {
        params: { license_id },
        query: { subscription_id },
      });
      return { exit: EXIT.ok, text: shown(found).join('\n'), json: found };
    },
  }),
  defineCommand('subscriptions cancel', {
    summary:
      'Ends a subscription with its paid period, at a time, or now, which invoices the usage so far. Nothing is refunded.',
    options: z.object({
      license: License,
      when: optional(choice(['period_end', 'at', 'now'])),
      at: optional(Time),
    }),
    async run({ license: license_id, when, at: cancel_at }, api: Api) {
      const canceled = await api.call(cancel, 'cancel', { body: { license_id, when, cancel_at } });
      return {
        exit: EXIT.ok,
        text: [...shown(canceled), ...finalUsage(canceled)].join('\n'),
        json: canceled,
      };
    },
  }),
  defineCommand('subscriptions keep', {
    summary: 'Undoes a planned end, also one that was set in the portal or at Stripe.',
    options: z.object({ license: License }),
    async run({ license: license_id }, api: Api) {
      const kept = await api.call(cancel, 'undo', { body: { license_id } });
      return { exit: EXIT.ok, text: shown(kept).join('\n'), json: kept };
    },
  }),
  defineCommand('subscriptions pause', {
    summary:
      'Pauses the collection of payments, which keeps the seats, or the subscription, which does not. Only the collection has --behavior and --resumes-at.',
    options: z.object({
      license: License,
      kind: choice(['collection', 'subscription']),
      behavior: optional(choice(PAUSED_COLLECTIONS)),
      'resumes-at': optional(Time),
    }),
    async run({ license: license_id, 'resumes-at': resumes_at, ...how }, api: Api) {
      const paused = await api.call(cancel, 'pause', { body: { license_id, ...how, resumes_at } });
      return { exit: EXIT.ok, text: shown(paused).join('\n'), json: paused };
    },
  }),
  defineCommand('subscriptions resume', {
    summary: 'Ends both kinds of pause. A paused subscription begins a new period, which is charged.',
    options: z.object({ license: License }),
    async run({ license: license_id }, api: Api) {
      const resumed = await api.call(cancel, 'resume', { body: { license_id } });
      const { pay_url } = resumed;
      const unpaid = pay_url === null ? [] : [`It stays paused until this invoice is paid: ${pay_url}`];
      return { exit: EXIT.ok, text: [...shown(resumed), ...unpaid].join('\n'), json: resumed };
    },
  }),
];

function shown(subscription: View): string[] {
  return [...table(COLUMNS, [subscription]), ...pendingLines(subscription)];
}

/** What waits for its payment, until when, and where to pay. */
function pendingLines({ subscription_id, pending_change }: View): string[] {
  if (pending_change === null) return [];
  const { plan, seats, interval, until, pay_url } = pending_change;
  const every = interval === null ? '' : `, billed every ${interval}`;
  const terms = plan === null ? '' : ` to ${plan}, ${seats} seats${every},`;
  const page = pay_url === null ? '' : ` Pay on ${pay_url}`;
  return [`${subscription_id}: a change${terms} waits for its payment until ${until}.${page}`];
}

function finalUsage({ final_usage, final_invoice_id }: Canceled): string[] {
  return [
    ...(final_invoice_id === null ? [] : [`Final invoice: ${final_invoice_id}`]),
    ...final_usage.map(
      ({ meter, outcome, records, quantity }) =>
        `Last usage of ${meter}: ${quantity} in ${records} records, ${outcome}`,
    ),
  ];
}
