import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { STRIPE_OUTCOMES } from '../../shared/domain/billing-event.ts';
import { LARGEST_COLLECTED_BYTES } from '../../shared/http/body.ts';
import { defineFunction } from '../../shared/http/contract.ts';

export default defineFunction({
  name: 'stripe-webhook',
  summary: 'Receives Stripe events and updates seats to what is paid for.',
  memoryMiB: 512,
  concurrency: 20,
  maxInstances: 20,
  timeoutSeconds: 60,
  roles: ['roles/datastore.user', 'roles/pubsub.publisher'],
  uses: ['records', 'billing', 'holdPolicy', 'seats', 'events'],
  endpoints: {
    receive: {
      method: 'POST',
      path: '/api/v1/webhooks/stripe',
      summary: 'Receive a Stripe event.',
      description:
        'Events may arrive more than once and out of order. An event is stored before it is acknowledged. Stripe resends it unless the status is 200. Everything that Stripe signed is acknowledged, except while it can be processed later.',
      auth: accessOf('stripe-webhook.receive'),
      // Events of invoices with many lines exceed the default limit.
      largestBodyBytes: LARGEST_COLLECTED_BYTES,
      answers: {
        received: {
          status: 200,
          description: 'Stripe does not have to send the event again.',
          body: z.strictObject({
            received: z.literal(true),
            /**
             * `ignored`: the event does not concern seats. `ignored_thin`: so does a thin event. `unreadable`: it was kept
             * for operators. `set_aside`: processing it has failed too often; an operator can have it tried again.
             */
            outcome: z.enum(STRIPE_OUTCOMES),
          }),
        },
      },
      problems: ['SIGNATURE_INVALID', 'BILLING_NOT_SET_UP'],
    },
  },
});
