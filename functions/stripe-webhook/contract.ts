import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { BILLING_SECRETS, COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';
import { LARGEST_COLLECTED_BYTES } from '../../shared/http/raw-body.ts';

export default defineFunction({
  name: 'stripe-webhook',
  summary: 'Takes what Stripe tells, and brings seats in line with what is paid for.',
  memoryMiB: 512,
  concurrency: 20,
  maxInstances: 20,
  timeoutSeconds: 60,
  roles: ['roles/datastore.user', 'roles/pubsub.publisher'],
  secrets: [...COMMON_SECRETS, ...BILLING_SECRETS],
  endpoints: {
    receive: {
      method: 'POST',
      path: '/api/v1/webhooks/stripe',
      summary:
        'Take an event, in any order and any number of times. It is on record before it is acknowledged; anything but 200 has Stripe send it again.',
      auth: accessOf('stripe-webhook.receive'),
      // Events of invoices with many lines are larger than what anybody else sends.
      largestBodyBytes: LARGEST_COLLECTED_BYTES,
      answers: {
        received: {
          status: 200,
          description: 'Everything that the event leads to has been done.',
          body: z.strictObject({
            received: z.literal(true),
            /** ignored: it has nothing to do with seats. */
            outcome: z.enum(['done', 'already_done', 'ignored']),
          }),
        },
      },
      problems: ['SIGNATURE_INVALID', 'BILLING_NOT_SET_UP'],
    },
  },
});
