import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { ErasureId, TenantId, Timestamp, UserId } from '../../shared/http/fields.ts';

const count = z.int();

const ErasurePlan = z.strictObject({
  /** Valid for ten minutes, and only for the caller who requested it. */
  confirmation_token: z.string(),
  expires_at: Timestamp,
  /** User to be erased; null if only a tenant is erased. */
  user_id: z.nullable(UserId),
  /** Tenants to be erased: the one in the request, or those whose only member is the user. */
  tenants_that_go: z.array(TenantId),
});

const ErasureReceipt = z.strictObject({
  erasure_id: ErasureId,
  requested_at: Timestamp,
  /** null if one request is too short. The erasure then continues on its own: repeat the request to check. */
  completed_at: z.nullable(Timestamp),
  erased: z.strictObject({
    /** Sessions that were ended and removed, with everything their clients sent about themselves. */
    sessions: count,
    /** Session histories that no longer show who held the seat. */
    session_histories: count,
    /**
     * Audit events that no longer show who held the seat, who caused them or whom they are about. The audit chain stays
     * intact.
     */
    audit_events: count,
    memberships: count,
    invitations: count,
    sign_ins: count,
    /** Tenants that were closed. Their licenses are suspended. */
    tenants: count,
    users: count,
  }),
  /**
   * Audit events that could not be read, at most 100. They may still show who is erased: update the server, then repeat
   * the request.
   */
  unreadable: count,
});

export default defineFunction({
  name: 'gdpr-delete',
  summary: 'Erases a user or a tenant.',
  memoryMiB: 512,
  concurrency: 8,
  maxInstances: 10,
  timeoutSeconds: 120,
  roles: ['roles/datastore.user'],
  uses: [
    'records',
    'seats',
    'seatMaintenance',
    'confirmations',
    'pseudonyms',
    'billing',
    'holdPolicy',
    'usageCaps',
    'retentionDays',
  ],
  endpoints: {
    ask: {
      method: 'POST',
      path: '/api/v1/gdpr/delete',
      summary: 'Request the erasure of a user or a tenant.',
      description:
        'Requests the erasure of yourself, or of a tenant that you own. Operators can name any user or tenant. Nothing is erased until the request is confirmed.',
      auth: accessOf('gdpr-delete.ask'),
      limit: { by: 'caller', requests: 60, windowSeconds: 3600, uncounted: 'serve' },
      body: z
        .strictObject({
          /** User to erase. For operators who received the request outside this API. */
          user_id: z.optional(UserId),
          /** Tenant to erase. Its members keep their user accounts. */
          tenant_id: z.optional(TenantId),
        })
        .check(
          z.refine(
            ({ user_id, tenant_id }) => user_id === undefined || tenant_id === undefined,
            'must not contain both user_id and tenant_id',
          ),
        ),
      answers: {
        asked: {
          status: 200,
          description: 'What would be erased, and the token to confirm it.',
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
      summary: 'Confirm an erasure.',
      description:
        'Erases what was requested, if the caller is still allowed to: you must be signed in, still own each tenant that is erased, or still be an operator. If the erasure stops, the same request resumes it; once complete, it returns the same receipt.',
      auth: accessOf('gdpr-delete.confirm'),
      /**
       * Once the erasure has begun, its confirmation token is enough: an erased user, no longer in the records, can still
       * get the receipt. Before that, the handler reads the standing from the records.
       */
      standing: 'token',
      body: z.strictObject({ confirmation_token: z.string().check(z.minLength(1), z.maxLength(4096)) }),
      answers: {
        receipt: {
          status: 200,
          description: 'The receipt. It contains no personal data.',
          body: ErasureReceipt,
        },
      },
      problems: [
        'CREDENTIALS_INVALID',
        'CONFIRMATION_INVALID',
        'USER_NOT_FOUND',
        'TENANT_NOT_FOUND',
        'FORBIDDEN',
        'OWNER_MUST_STAY',
      ],
    },
  },
});
