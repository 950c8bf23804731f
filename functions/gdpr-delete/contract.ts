import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { BILLING_SECRETS, COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';
import { ErasureId, TenantId, Timestamp, UserId } from '../../shared/http/fields.ts';

const count = z.int();

const ErasurePlan = z.strictObject({
  /** Good for whoever asked, for ten minutes. */
  confirmation_token: z.string(),
  expires_at: Timestamp,
  /** Who would go; null where it is a tenant alone. */
  user_id: z.nullable(UserId),
  /** Tenants that would go: the one named, or those in which the person is alone. */
  tenants_that_go: z.array(TenantId),
});

const ErasureReceipt = z.strictObject({
  erasure_id: ErasureId,
  requested_at: Timestamp,
  /** null where there is so much that it goes on by itself: send the request again to see. */
  completed_at: z.nullable(Timestamp),
  erased: z.strictObject({
    /** Sessions that were ended, with all that their clients said of themselves. */
    sessions: count,
    /** Session histories that no more tell who held the seat. */
    session_histories: count,
    /** Audit events that no more tell who held the seat; the chain stays whole. */
    audit_events: count,
    memberships: count,
    invitations: count,
    sign_ins: count,
    /** Tenants that are closed, their licenses suspended. */
    tenants: count,
    users: count,
  }),
});

export default defineFunction({
  name: 'gdpr-delete',
  summary: 'Erases what is kept of a person, or a whole tenant.',
  memoryMiB: 512,
  concurrency: 8,
  maxInstances: 10,
  timeoutSeconds: 120,
  roles: ['roles/datastore.user'],
  secrets: [...COMMON_SECRETS, ...BILLING_SECRETS],
  endpoints: {
    ask: {
      method: 'POST',
      path: '/api/v1/gdpr/delete',
      summary:
        'Ask to have yourself erased, or a tenant that is yours; operators name anybody. Nothing goes before it is confirmed.',
      auth: accessOf('gdpr-delete.ask'),
      limit: { by: 'caller', requests: 60, windowSeconds: 3600, uncounted: 'serve' },
      body: z
        .strictObject({
          /** Whom to erase, for operators: on a request that did not come through this API. */
          user_id: z.optional(UserId),
          /** A whole tenant, and nobody: its members stay people of their own. */
          tenant_id: z.optional(TenantId),
        })
        .check(
          z.refine(
            ({ user_id, tenant_id }) => user_id === undefined || tenant_id === undefined,
            'names a person and a tenant',
          ),
        ),
      answers: {
        asked: {
          status: 200,
          description: 'What would go, and the token to confirm it with.',
          body: ErasurePlan,
        },
      },
      problems: [
        'VALIDATION_FAILED',
        'USER_NOT_FOUND',
        'TENANT_NOT_FOUND',
        'FORBIDDEN',
        'OWNER_MUST_STAY',
        'RATE_LIMITED',
      ],
    },
    confirm: {
      method: 'DELETE',
      path: '/api/v1/gdpr/delete',
      summary:
        'Erase what was asked for. Sent again it goes on where it stopped, and then gives the same receipt.',
      auth: accessOf('gdpr-delete.confirm'),
      /** Whoever is gone from the records must still learn that all of them is. */
      standing: 'token',
      body: z.strictObject({ confirmation_token: z.string().check(z.minLength(1), z.maxLength(4096)) }),
      answers: {
        receipt: {
          status: 200,
          description: 'The receipt. It holds no personal data.',
          body: ErasureReceipt,
        },
      },
      problems: ['CONFIRMATION_INVALID', 'OWNER_MUST_STAY'],
    },
  },
});
