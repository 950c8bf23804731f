import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { PLAN_NAMES } from '../../shared/domain/plans.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { LicenseId, TenantId, Timestamp, text } from '../../shared/http/fields.ts';

const Trial = z.strictObject({
  license_id: LicenseId,
  /** Returned only once; only its hash is stored. */
  license_key: z.string(),
  plan: z.enum(PLAN_NAMES),
  seats: z.strictObject({ max: z.int() }),
  /** When the trial ends. Buying seats for the license, before or after, makes it a regular license. */
  valid_until: Timestamp,
});

export default defineFunction({
  name: 'trial',
  summary: 'Starts trials.',
  memoryMiB: 256,
  concurrency: 40,
  maxInstances: 10,
  timeoutSeconds: 30,
  roles: ['roles/datastore.user'],
  uses: ['records', 'seats', 'seatMaintenance', 'trials', 'pseudonymOf'],
  endpoints: {
    activate: {
      method: 'POST',
      path: '/api/v1/licenses/trial/activate',
      summary: 'Start a trial.',
      description:
        'An account gets one trial. The vendor limits the trials of an organization, by its registered e-mail domain, and those on one machine, for users of public mail providers.',
      auth: accessOf('trial.activate'),
      idempotencyKey: 'once',
      // Each request costs a transaction, and callers must not find unused machines or domains by trial and error.
      limit: { by: 'caller', requests: 10, windowSeconds: 3600, uncounted: 'refuse' },
      body: z.strictObject({
        /** Tenant that gets the license. */
        tenant_id: TenantId,
        /** Identifies the machine. Send the same value as in acquire. */
        fingerprint: text(256),
        /** Default: `pro`. */
        plan: z.optional(z.enum(PLAN_NAMES)),
      }),
      answers: {
        activated: { status: 201, description: 'The trial license and its key.', body: Trial },
        again: {
          status: 200,
          description:
            'The trial is running: the same license with a new key. The previous key stays valid for a week.',
          body: Trial,
        },
      },
      problems: [
        'TENANT_NOT_FOUND',
        'FORBIDDEN',
        'TENANT_CLOSED',
        'TRIAL_NOT_OFFERED',
        'TRIAL_ALREADY_USED',
        'PLAN_NOT_FOR_SALE',
        'RATE_LIMITED',
        'VALIDATION_FAILED',
      ],
    },
  },
});
