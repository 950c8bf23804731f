import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { PAGING, StripeEventId, Timestamp } from '../../shared/http/fields.ts';

/** An event that is not done. It is found at Stripe by its id. */
const StripeEvent = z.strictObject({
  event_id: StripeEventId,
  /** Stripe's name, such as `invoice.paid`; null if it could not be read. */
  type: z.nullable(z.string()),
  /** `open`: it is tried again at `next_try_at`. `done`: it was processed completely. */
  status: z.enum(['open', 'set_aside', 'unreadable', 'done']),
  /** The object of Stripe that it is about; null if it could not be read. */
  object_id: z.nullable(z.string()),
  /** How often it failed. Times when a dependency was unavailable are not counted. */
  tries: z.int(),
  /** Why it failed last, or cannot be read. */
  last_error: z.nullable(z.string()),
  /** When the sweep tries it next; null if it does not. */
  next_try_at: z.nullable(Timestamp),
  /** When it happened at Stripe; null if it could not be read. */
  created_at: z.nullable(Timestamp),
  received_at: Timestamp,
});
const StripeEventPage = z.strictObject({
  stripe_events: z.array(StripeEvent),
  next_cursor: z.nullable(z.string()),
});

export default defineFunction({
  name: 'stripe-events',
  summary: 'Shows the Stripe events that could not be processed, and has them tried again.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 10,
  timeoutSeconds: 30,
  roles: ['roles/datastore.user'],
  uses: ['records'],
  endpoints: {
    list: {
      method: 'GET',
      path: '/api/v1/stripe-events',
      summary: 'List Stripe events that are not processed.',
      description:
        'Returns events with one status, newest first: `set_aside` (by default), `unreadable` or `open`. They are deleted 30 days after their end.',
      auth: accessOf('stripe-events.list'),
      query: z.strictObject({ status: z.optional(z.enum(['set_aside', 'unreadable', 'open'])), ...PAGING }),
      answers: { events: { status: 200, description: 'One page of events.', body: StripeEventPage } },
      problems: ['INVALID_CURSOR'],
    },
    retry: {
      method: 'POST',
      path: '/api/v1/stripe-events/{event_id}/retry',
      summary: 'Try a Stripe event again.',
      description:
        'The next sweep, within a minute, tries the event as if it had just arrived. An unreadable event has to be sent again at Stripe, once a release reads it.',
      auth: accessOf('stripe-events.retry'),
      params: z.strictObject({ event_id: StripeEventId }),
      answers: { opened: { status: 200, description: 'The event is open again.', body: StripeEvent } },
      problems: ['STRIPE_EVENT_NOT_FOUND', 'STRIPE_EVENT_NOT_RETRYABLE'],
    },
  },
});
