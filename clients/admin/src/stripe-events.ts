import * as z from 'zod/mini';
import stripeEvents from '../../../functions/stripe-events/contract.ts';
import { StripeEventId } from '../../../shared/http/fields.ts';
import { choice, option, withDefault } from '../../command-line/options.ts';
import { type Command, defineCommand, EXIT } from '../../command-line/program.ts';
import type { AnswerOf, Api } from './api.ts';
import type { Column } from './format.ts';
import { firstRows, formatList } from './lists.ts';
import { Limit, textOf } from './options.ts';

type EventView = AnswerOf<typeof stripeEvents.endpoints.retry>;

const Event = option('EVENT', textOf(StripeEventId, 'needs the id of an event of Stripe (evt_…)'));
const Status = withDefault(choice(['set_aside', 'unreadable', 'open']), 'set_aside');

const COLUMNS: readonly Column<EventView>[] = [
  ['EVENT', ({ event_id }) => event_id],
  ['TYPE', ({ type }) => type],
  ['OBJECT', ({ object_id }) => object_id],
  ['RECEIVED', ({ received_at }) => received_at],
  ['TRIES', ({ tries }) => tries],
  ['LAST ERROR', ({ last_error }) => last_error],
];

export const STRIPE_EVENTS_COMMANDS: readonly Command<Api>[] = [
  defineCommand('stripe-events list', {
    summary: 'Lists the Stripe events that failed too often, that cannot be read, or that are tried again.',
    options: z.object({ status: Status, limit: Limit }),
    async run({ status, limit }, api: Api) {
      const found = await firstRows(
        limit,
        (paging) => api.call(stripeEvents, 'list', { query: { status, ...paging } }),
        (page) => page.stripe_events,
        (event) => event.event_id,
      );
      return {
        exit: EXIT.ok,
        text: formatList(found, 'events', COLUMNS).join('\n'),
        json: { stripe_events: found.rows, more: found.more },
      };
    },
  }),
  defineCommand('stripe-events retry', {
    summary: 'Has the next sweep try an event again, within a minute. Fix what its last error names first.',
    options: z.object({ event: Event }),
    async run({ event: event_id }, api: Api) {
      const event = await api.call(stripeEvents, 'retry', { params: { event_id } });
      return {
        exit: EXIT.ok,
        text: `${event_id} is tried again within a minute. Then it is in no list, or fails again.`,
        json: event,
      };
    },
  }),
];
