import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { EVENT_TYPES } from '../../shared/domain/event.ts';
import { EventJson } from '../../shared/domain/event-message.ts';
import { COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';
import {
  Cursor,
  LicenseId,
  PAGING,
  PERIOD,
  periodIsInOrder,
  SessionId,
  TenantId,
  Timestamp,
} from '../../shared/http/fields.ts';

/** Read in one call: far from what a function has time for. */
export const EVENTS_A_PART = 1_000;

const AuditEvent = z.strictObject({
  ...EventJson.shape,
  recorded_at: Timestamp,
  /** Place in the tenant's chain; null until the event is sealed, which takes up to a minute. */
  seq: z.nullable(z.int()),
});

const AuditPage = z.strictObject({
  events: z.array(AuditEvent),
  next_cursor: z.nullable(z.string()),
});

const AuditCheck = z.strictObject({
  tenant_id: TenantId,
  /** Events in the chain that were checked in this part. */
  sealed: z.int(),
  /** Events that are not in the chain yet, of which nothing can be said. */
  unsealed: z.int(),
  /** The end of the chain, told with its last events: keep it, and it shows when all of the chain is replaced. */
  head: z.nullable(z.strictObject({ seq: z.int(), hash: z.string() })),
  problems: z.array(
    z.strictObject({
      kind: z.enum(['CHANGED', 'REMOVED', 'INSERTED']),
      /** Place in the chain. */
      seq: z.int(),
      event_id: z.nullable(z.string()),
      detail: z.string(),
    }),
  ),
  /** Ask on with it; null where all was checked. */
  next_cursor: z.nullable(z.string()),
});

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
          ...PAGING,
        })
        .check(periodIsInOrder),
      answers: {
        events: {
          status: 200,
          description:
            'One page. Events that all filters hold for; names that contradict each other find none.',
          body: AuditPage,
        },
      },
      problems: ['INVALID_CURSOR', 'TENANT_NOT_FOUND', 'FORBIDDEN', 'VALIDATION_FAILED'],
    },
    verify: {
      method: 'GET',
      path: '/api/v1/audit/verify',
      summary:
        'Check that no event of a tenant was changed, removed or put in after it was sealed, a part of the log each time.',
      auth: accessOf('audit.verify'),
      limit: { by: 'caller', requests: 600, windowSeconds: 3600, uncounted: 'refuse' },
      query: z.strictObject({
        /** Needed unless there is only one that the caller may ask for. */
        tenant_id: z.optional(TenantId),
        cursor: z.optional(Cursor),
      }),
      answers: {
        part: {
          status: 200,
          description: `What was found in some ${EVENTS_A_PART} events. The log is whole where every part, to the last, found no problem.`,
          body: AuditCheck,
        },
      },
      problems: ['INVALID_CURSOR', 'TENANT_NOT_FOUND', 'FORBIDDEN', 'VALIDATION_FAILED', 'RATE_LIMITED'],
    },
  },
});
