import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { EVENT_TYPES } from '../../shared/domain/event.ts';
import { EventJson } from '../../shared/domain/event-message.ts';
import { COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';
import {
  Cursor,
  LicenseId,
  PageLimit,
  PERIOD,
  periodIsInOrder,
  SessionId,
  TenantId,
  Timestamp,
} from '../../shared/http/fields.ts';

export default defineFunction({
  name: 'audit',
  summary: 'Says what happened, from a log that shows when it was tampered with.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 10,
  timeoutSeconds: 30,
  roles: ['roles/datastore.viewer'],
  secrets: COMMON_SECRETS,
  endpoints: {
    list: {
      method: 'GET',
      path: '/api/v1/audit',
      summary:
        'Events, the newest first, of a tenant, license or session. News takes up to two minutes to get here.',
      auth: accessOf('audit.list'),
      query: z
        .strictObject({
          tenant_id: z.optional(TenantId),
          license_id: z.optional(LicenseId),
          session_id: z.optional(SessionId),
          type: z.optional(z.enum(EVENT_TYPES)),
          ...PERIOD,
          limit: z.optional(PageLimit),
          cursor: z.optional(Cursor),
        })
        .check(periodIsInOrder),
      answers: {
        events: {
          status: 200,
          description:
            'One page. Events that all filters hold for; names that contradict each other find none.',
          body: z.strictObject({
            events: z.array(
              z.strictObject({
                ...EventJson.shape,
                recorded_at: Timestamp,
                /** Place in the tenant's chain; null until the event is sealed, which takes up to a minute. */
                seq: z.nullable(z.int()),
              }),
            ),
            next_cursor: z.nullable(z.string()),
          }),
        },
      },
      problems: ['INVALID_CURSOR', 'TENANT_NOT_FOUND', 'FORBIDDEN', 'VALIDATION_FAILED'],
    },
  },
});
