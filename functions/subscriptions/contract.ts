import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { LicenseId, PAGING, TenantId } from '../../shared/http/fields.ts';
import { HoldView } from '../../shared/http/hold-view.ts';
import { SubscriptionView } from '../../shared/http/subscription-view.ts';

const SubscriptionPage = z.strictObject({
  subscriptions: z.array(SubscriptionView),
  next_cursor: z.nullable(z.string()),
});

const OfLicense = z.strictObject({ license_id: LicenseId });

const holdAnswers = {
  holds: {
    status: 200,
    description: 'All holds: disputes, refunds, then the others.',
    body: z.strictObject({ holds: z.array(HoldView) }),
  },
} as const;

export default defineFunction({
  name: 'subscriptions',
  summary: 'Lists subscriptions, and lifts holds.',
  memoryMiB: 256,
  concurrency: 40,
  maxInstances: 10,
  timeoutSeconds: 30,
  roles: ['roles/datastore.user'],
  uses: ['records', 'seats', 'holdPolicy'],
  endpoints: {
    list: {
      method: 'GET',
      path: '/api/v1/subscriptions',
      summary: 'List the subscriptions of a tenant.',
      description: 'Returns subscriptions, newest first.',
      auth: accessOf('subscriptions.list'),
      query: z.strictObject({
        /** Required unless your role allows this in exactly one tenant. */
        tenant_id: z.optional(TenantId),
        ...PAGING,
      }),
      answers: {
        subscriptions: {
          status: 200,
          description: 'One page of subscriptions.',
          body: SubscriptionPage,
        },
      },
      problems: ['INVALID_CURSOR', 'TENANT_NOT_FOUND', 'FORBIDDEN', 'VALIDATION_FAILED'],
    },
    holds: {
      method: 'GET',
      path: '/api/v1/subscriptions/{license_id}/holds',
      summary: 'List what holds a license back.',
      description:
        'Returns everything because of which the subscription of a license grants no seats, as last read from Stripe, with what was lifted. Open disputes and refunds are read again daily, and after each event.',
      auth: accessOf('subscriptions.holds'),
      params: OfLicense,
      answers: holdAnswers,
      problems: ['LICENSE_NOT_FOUND', 'SUBSCRIPTION_NOT_FOUND'],
    },
    lift: {
      method: 'POST',
      path: '/api/v1/subscriptions/{license_id}/holds/lift',
      summary: 'Lift a dispute or a refund.',
      description:
        'The license grants seats again, unless something else holds it back. The lift is for this dispute, or for the refund of this invoice, and stays; another one holds again. Lifting it twice changes nothing.',
      auth: accessOf('subscriptions.lift'),
      limit: { by: 'caller', requests: 20, windowSeconds: 60, uncounted: 'serve' },
      params: OfLicense,
      body: z.strictObject({
        /** The `hold_id`. */
        hold: z.string().check(z.regex(/^[\w-]{1,255}$/, 'is not the id of a hold')),
        /** For the audit log and other operators. The tenant does not see it. Name no people. */
        reason: z.string().check(z.trim(), z.minLength(1), z.maxLength(500)),
      }),
      answers: holdAnswers,
      problems: [
        'LICENSE_NOT_FOUND',
        'SUBSCRIPTION_NOT_FOUND',
        'HOLD_NOT_FOUND',
        'HOLD_NOT_LIFTABLE',
        'RATE_LIMITED',
        'VALIDATION_FAILED',
      ],
    },
  },
});
