import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { LicenseId } from '../../shared/http/fields.ts';
import { SubscriptionView } from '../../shared/http/subscription-view.ts';

const CHANGING = { by: 'caller', requests: 20, windowSeconds: 60, uncounted: 'serve' } as const;

const answers = {
  subscription: { status: 200, description: 'The updated subscription.', body: SubscriptionView },
} as const;
const problems = [
  'LICENSE_NOT_FOUND',
  'SUBSCRIPTION_NOT_FOUND',
  'SUBSCRIPTION_ENDED',
  'FORBIDDEN',
  'RATE_LIMITED',
  'BILLING_NOT_SET_UP',
] as const;

export default defineFunction({
  name: 'cancel',
  summary: 'Cancels subscriptions.',
  memoryMiB: 512,
  concurrency: 20,
  maxInstances: 10,
  timeoutSeconds: 60,
  roles: ['roles/datastore.user', 'roles/pubsub.publisher'],
  uses: ['records', 'billing', 'holdPolicy', 'seats', 'events'],
  endpoints: {
    cancel: {
      method: 'POST',
      path: '/api/v1/subscriptions/cancel',
      summary: 'Cancel the subscription of a license.',
      description:
        'By default the subscription ends with the paid period. If `when` is `now`, it ends immediately, and sessions lose their seats at their next heartbeat. Nothing is refunded.',
      auth: accessOf('cancel.cancel'),
      limit: CHANGING,
      body: z.strictObject({
        license_id: LicenseId,
        /** Default: `period_end`. */
        when: z.optional(z.enum(['period_end', 'now'])),
      }),
      answers,
      problems,
    },
    undo: {
      method: 'POST',
      path: '/api/v1/subscriptions/cancel/undo',
      summary: 'Undo a scheduled cancellation.',
      description: 'The subscription then continues after the paid period.',
      auth: accessOf('cancel.undo'),
      limit: CHANGING,
      body: z.strictObject({ license_id: LicenseId }),
      answers,
      problems,
    },
  },
});
