import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { PAGING, TenantId } from '../../shared/http/fields.ts';
import { SubscriptionView } from '../../shared/http/subscription-view.ts';

const SubscriptionPage = z.strictObject({
  subscriptions: z.array(SubscriptionView),
  next_cursor: z.nullable(z.string()),
});

export default defineFunction({
  name: 'subscriptions',
  summary: 'Lists subscriptions.',
  memoryMiB: 256,
  concurrency: 40,
  maxInstances: 10,
  timeoutSeconds: 30,
  roles: ['roles/datastore.user'],
  uses: ['records'],
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
  },
});
