import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { PLAN_NAMES } from '../../shared/domain/plans.ts';
import { COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';
import { LicenseId, TenantId, Timestamp, text } from '../../shared/http/fields.ts';

const Trial = z.strictObject({
  license_id: LicenseId,
  /** Shown this once; only its hash is stored. */
  license_key: z.string(),
  plan: z.enum(PLAN_NAMES),
  seats: z.strictObject({ max: z.int() }),
  /** When it ends by itself. Buying seats for the license before that, or after, makes it one like any other. */
  valid_until: Timestamp,
});

export default defineFunction({
  name: 'trial',
  summary: 'Gives a license to try the app with, once.',
  memoryMiB: 256,
  concurrency: 40,
  maxInstances: 10,
  timeoutSeconds: 30,
  roles: ['roles/datastore.user'],
  secrets: COMMON_SECRETS,
  endpoints: {
    activate: {
      method: 'POST',
      path: '/api/v1/licenses/trial/activate',
      summary:
        'Begin a trial: one for each account, machine and, unless the vendor allows more, e-mail domain.',
      auth: accessOf('trial.activate'),
      // Asking costs a transaction, and trials must not be found by trying.
      limit: { by: 'caller', requests: 10, windowSeconds: 3600, uncounted: 'refuse' },
      body: z.strictObject({
        /** Whose license it will be. Needed where you belong to more than one tenant. */
        tenant_id: z.optional(TenantId),
        /** What tells this machine from others; the same as in acquire. */
        fingerprint: text(256),
        /** pro unless given. */
        plan: z.optional(z.enum(PLAN_NAMES)),
      }),
      answers: {
        activated: { status: 201, description: 'The license of the trial, and its key.', body: Trial },
        again: {
          status: 200,
          description:
            'You have that trial, and it runs: the same license with a new key. The key before it stays good for a week.',
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
