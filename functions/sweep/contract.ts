import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';

const count = z.int();

const Swept = z.strictObject({
  /** Expired leases that were found. */
  expired: count,
  /** Events published to subscribers. */
  published: count,
  /** Events still in the outbox. */
  pending: count,
  /** Age of the oldest event in the outbox; null if it is empty. */
  oldest_age_seconds: z.nullable(count),
  /** Events linked to their tenant's audit chain. */
  sealed: count,
  /** Result of comparing the seat store with the records; null if no comparison was due. */
  reconciled: z.nullable(
    z.strictObject({
      copies: count,
      copies_repaired: count,
      copies_removed: count,
      loans: count,
      /** Borrowed seats that Redis had lost and that were restored. */
      loans_restored: count,
      sessions: count,
      sessions_missing: count,
      sessions_closed: count,
    }),
  ),
  /** Interrupted Stripe events that were completed. */
  billing_events: count,
  /** Stripe events that failed again; they are tried later. */
  billing_events_failed: count,
  /** Stripe events that failed too often; operators can have them tried again. */
  billing_events_set_aside: count,
  /** Subscriptions that were checked without a Stripe event. */
  subscriptions: count,
  /** Usage records that were added to the totals. */
  usage_counted: count,
  /** Usage records beyond the cap of their day: not counted, and not sent to Stripe. */
  usage_over_cap: count,
  /** Usage records that were sent to Stripe. */
  usage_sent: count,
  /** Usage records that Stripe has and bills to no one: no subscription of the tenant has a price for their meter. */
  usage_without_price: count,
  /** Usage records that came too late for the invoice of their period. */
  usage_late: count,
  /** Usage records that Stripe rejected. */
  usage_refused: count,
  /** Usage records that Stripe may have received. Stripe was down for so long that resending might bill them twice. */
  usage_uncertain: count,
  /** Voided usage records that were canceled at Stripe. */
  usage_canceled: count,
  /** Voided usage records that Stripe no longer cancels: their invoices need a credit note. */
  usage_credit_notes: count,
  /** Borrowed seats that Redis had lost and has no free seat for. */
  loans_without_room: count,
  /** Erasures whose first or second round was completed. */
  erased: count,
  /** Records past their retention period that were deleted, or no longer show who held a seat. */
  deleted: count,
  /** False if time ran out or a dependency was unavailable. The next sweep continues from there. */
  complete: z.boolean(),
  /** Dependencies that were unavailable. */
  unavailable: z.array(
    z.enum(['seats', 'records', 'events', 'identity', 'signing', 'limits', 'billing', 'dns']),
  ),
});

export default defineFunction({
  name: 'sweep',
  summary:
    'Expires leases, publishes events, seals the audit log, repairs differences between stores and deletes old data.',
  memoryMiB: 512,
  concurrency: 1,
  maxInstances: 1,
  timeoutSeconds: 120,
  roles: ['roles/datastore.user', 'roles/pubsub.publisher'],
  uses: [
    'records',
    'seats',
    'seatMaintenance',
    'events',
    'billing',
    'holdPolicy',
    'pseudonyms',
    'pseudonymOf',
    'retentionDays',
    'usageCaps',
    'shards',
  ],
  measures: [
    {
      field: 'expired',
      kind: 'counter',
      name: 'seatlease.sweep.expired',
      unit: '{lease}',
      description: 'Expired leases that were found.',
    },
    {
      field: 'published',
      kind: 'counter',
      name: 'seatlease.sweep.published',
      unit: '{event}',
      description: 'Events published to subscribers.',
    },
    {
      field: 'pending',
      kind: 'gauge',
      name: 'seatlease.sweep.pending',
      unit: '{event}',
      description: 'Events in the outbox.',
    },
    {
      field: 'oldest_age_seconds',
      kind: 'gauge',
      name: 'seatlease.sweep.oldest_age',
      unit: 's',
      description: 'Age of the oldest event in the outbox, 0 if it is empty.',
    },
  ],
  endpoints: {
    sweep: {
      method: 'POST',
      path: '/internal/sweep',
      summary: 'Run the periodic maintenance.',
      description:
        'Each run expires leases, publishes events, seals the audit log, counts and bills usage, and resumes erasures and payments. Every hour it compares seats with records. Every day it deletes old data.',
      auth: accessOf('sweep.sweep'),
      answers: {
        swept: { status: 200, description: 'All dependencies were available.', body: Swept },
        partly: { status: 503, description: 'A dependency was unavailable; the rest was done.', body: Swept },
      },
      problems: [],
    },
  },
});
