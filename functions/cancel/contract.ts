import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { BILLING_SECRETS, COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';
import { LicenseId } from '../../shared/http/fields.ts';
import { SubscriptionView } from '../../shared/http/subscription-view.ts';

const CHANGING = { by: 'caller', requests: 20, windowSeconds: 60, uncounted: 'serve' } as const;

const answers = {
  subscription: { status: 200, description: 'The subscription as it is now.', body: SubscriptionView },
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
  summary: 'Ends subscriptions.',
  memoryMiB: 512,
  concurrency: 20,
  maxInstances: 10,
  timeoutSeconds: 60,
  roles: ['roles/datastore.user', 'roles/pubsub.publisher'],
  secrets: [...COMMON_SECRETS, ...BILLING_SECRETS],
  endpoints: {
    cancel: {
      method: 'POST',
      path: '/api/v1/subscriptions/cancel',
      summary:
        'End the subscription of a license: with the period that is paid for, or now. Now ends its seats with their next heartbeat; nothing is paid back by that.',
      auth: accessOf('cancel.cancel'),
      limit: CHANGING,
      body: z.strictObject({
        license_id: LicenseId,
        /** period_end unless given. */
        when: z.optional(z.enum(['period_end', 'now'])),
      }),
      answers,
      problems,
    },
    undo: {
      method: 'POST',
      path: '/api/v1/subscriptions/cancel/undo',
      summary: 'Have a subscription go on that was to end with its period.',
      auth: accessOf('cancel.undo'),
      limit: CHANGING,
      body: z.strictObject({ license_id: LicenseId }),
      answers,
      problems,
    },
  },
});
