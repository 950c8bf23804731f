import * as z from 'zod/mini';
import { AUDIT_TYPES, AuditEventJson, VENDOR } from '../../shared/domain/audit-event.ts';
import { accessOf } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';
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

/** Events verified per call, which takes far less than the function's timeout. */
export const EVENTS_A_PART = 1_000;

/** What has a chain of its own. */
const ChainId = z.union([TenantId, z.literal(VENDOR)]);

const AuditEvent = z.strictObject({
  ...AuditEventJson.shape,
  recorded_at: Timestamp,
  /** Position in the tenant's chain; null until the event is sealed, which takes up to a minute. */
  seq: z.nullable(z.int()),
});

const AuditPage = z.strictObject({
  events: z.array(AuditEvent),
  /**
   * Pass it as `cursor` to get the next page; null after the last page. With `order=recorded` it is never null: keep it,
   * and pass it again later. If it is the cursor that you passed, nothing was recorded since.
   */
  next_cursor: z.nullable(z.string()),
});

const AuditCheck = z.strictObject({
  tenant_id: ChainId,
  /** Sealed events verified by this call. */
  sealed: z.int(),
  /** Events that are not sealed yet. They cannot be verified. */
  unsealed: z.int(),
  /** End of the chain, returned with its last events. Keep it to detect later that the whole chain was replaced. */
  head: z.nullable(z.strictObject({ seq: z.int(), hash: z.string() })),
  problems: z.array(
    z.strictObject({
      kind: z.enum(['CHANGED', 'REMOVED', 'INSERTED']),
      /** Position in the chain; 0 if the event has none. */
      seq: z.int(),
      event_id: z.nullable(z.string()),
      detail: z.string(),
    }),
  ),
  /** Pass it as `cursor` to verify the next part; null after the last part. */
  next_cursor: z.nullable(z.string()),
});

export default defineFunction({
  name: 'audit',
  summary: 'Lists audit events and verifies that they were not tampered with.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 10,
  timeoutSeconds: 30,
  roles: ['roles/datastore.user'],
  uses: ['records'],
  endpoints: {
    list: {
      method: 'GET',
      path: '/api/v1/audit',
      summary: 'List audit events.',
      description:
        'Returns the events of a tenant, license or session, newest first. New events appear within two minutes. To follow the log, use `order=recorded`: an event that is recorded late is then listed last, so a cursor never passes it.',
      auth: accessOf('audit.list'),
      query: z
        .strictObject({
          /** For operators, also `vendor`: events that belong to no tenant. */
          tenant_id: z.optional(ChainId),
          license_id: z.optional(LicenseId),
          session_id: z.optional(SessionId),
          type: z.optional(z.enum(AUDIT_TYPES)),
          /**
           * Who caused the events: the id of a user, an operator token or a license, or `bootstrap`. Only a tenant and a
           * time can be given with it.
           */
          actor_id: z.optional(z.string().check(z.minLength(1), z.maxLength(64))),
          /**
           * `newest`, the default: by time, newest first. `recorded`: in the order of the tenant's chain, oldest first, for
           * programs that follow the log. It needs `tenant_id`, unless you have one tenant, and takes no other filter.
           */
          order: z.optional(z.enum(['newest', 'recorded'])),
          ...PERIOD,
          ...PAGING,
        })
        .check(periodIsInOrder),
      answers: {
        events: {
          status: 200,
          description:
            'One page of the events that match all filters. Ids that contradict each other match none.',
          body: AuditPage,
        },
      },
      problems: ['INVALID_CURSOR', 'TENANT_NOT_FOUND', 'FORBIDDEN', 'VALIDATION_FAILED'],
    },
    verify: {
      method: 'GET',
      path: '/api/v1/audit/verify',
      summary: 'Verify the audit log of a tenant.',
      description: `Checks that no event was changed, removed or inserted after the log was sealed. Each call verifies about ${EVENTS_A_PART} events: repeat with \`next_cursor\` until it is null. The log is intact if no part reports a problem.`,
      auth: accessOf('audit.verify'),
      limit: { by: 'caller', requests: 600, windowSeconds: 3600, uncounted: 'refuse' },
      query: z.strictObject({
        /** Required unless your role allows this in exactly one tenant. For operators, also `vendor`. */
        tenant_id: z.optional(ChainId),
        cursor: z.optional(Cursor),
      }),
      answers: {
        part: {
          status: 200,
          description: 'The result for one part of the log.',
          body: AuditCheck,
        },
      },
      problems: ['INVALID_CURSOR', 'TENANT_NOT_FOUND', 'FORBIDDEN', 'VALIDATION_FAILED', 'RATE_LIMITED'],
    },
  },
});
