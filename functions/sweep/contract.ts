import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { BILLING_SECRETS, COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';

const count = z.int();

const Swept = z.strictObject({
  /** Leases found to have run out. */
  expired: count,
  /** Events handed over to subscribers. */
  published: count,
  /** Events that still wait in the outbox. */
  pending: count,
  /** Age of the oldest of those; null where none waits. */
  oldest_age_seconds: z.nullable(count),
  /** Events linked to their tenant's audit chain. */
  sealed: count,
  /** What was compared, and put right, between seat store and records; null where it was not time for it. */
  reconciled: z.nullable(
    z.strictObject({
      copies: count,
      copies_repaired: count,
      copies_removed: count,
      sessions: count,
      sessions_missing: count,
      /** Seats that are lent, were lost, and are held again. */
      sessions_reseated: count,
      sessions_closed: count,
    }),
  ),
  /** Events of Stripe's that had stopped half-way, and are done. */
  billing_events: count,
  /** Subscriptions that were looked at though Stripe told nothing of them. */
  subscriptions: count,
  /** Records of use that are in the totals from now on. */
  usage_counted: count,
  /** Records of use that Stripe has from now on. */
  usage_sent: count,
  /** Records of use that Stripe did not want. */
  usage_refused: count,
  /** Records of use that Stripe may have, or not: it was away for so long that sending them again might bill them twice. */
  usage_uncertain: count,
  /** Erasures that had stopped half-way, or were due to be gone over once more, and are through. */
  erased: count,
  /** Records that were removed, or no more tell who held a seat, as they were kept as long as they may be. */
  forgotten: count,
  /** False where time ran out or a part was away: the next sweep goes on from there. */
  complete: z.boolean(),
  /** Parts that did not answer. */
  unavailable: z.array(z.enum(['seats', 'records', 'events', 'identity', 'signing', 'limits', 'billing'])),
});

export default defineFunction({
  name: 'sweep',
  summary:
    'Makes known what has ended, publishes events, seals the audit log, puts right what has drifted, forgets what is old.',
  memoryMiB: 512,
  concurrency: 1,
  maxInstances: 1,
  timeoutSeconds: 120,
  roles: ['roles/datastore.user', 'roles/pubsub.publisher'],
  secrets: [...COMMON_SECRETS, ...BILLING_SECRETS],
  measures: [
    {
      field: 'expired',
      kind: 'counter',
      name: 'seatlease.sweep.expired',
      unit: '{lease}',
      description: 'Leases found to have run out.',
    },
    {
      field: 'published',
      kind: 'counter',
      name: 'seatlease.sweep.published',
      unit: '{event}',
      description: 'Events handed over to subscribers.',
    },
    {
      field: 'pending',
      kind: 'gauge',
      name: 'seatlease.sweep.pending',
      unit: '{event}',
      description: 'Events that wait in the outbox.',
    },
    {
      field: 'oldest_age_seconds',
      kind: 'gauge',
      name: 'seatlease.sweep.oldest_age',
      unit: 's',
      description: 'Age of the oldest of those, 0 where none waits.',
    },
  ],
  endpoints: {
    sweep: {
      method: 'POST',
      path: '/internal/sweep',
      summary:
        'Tell what has ended, publish what was told, seal the audit log, count and bill use, go on with erasures and payments; every hour, compare seats with records; every day, forget what is old.',
      auth: accessOf('sweep.sweep'),
      answers: {
        swept: { status: 200, description: 'All parts answered.', body: Swept },
        partly: { status: 503, description: 'A part was away; the rest was done.', body: Swept },
      },
      problems: [],
    },
  },
});
