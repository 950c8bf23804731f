import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';

const PartStatus = z.enum(['ok', 'unavailable']);
const Health = z.strictObject({
  status: PartStatus,
  /** Present only with `deep=1`. */
  parts: z.optional(
    z.strictObject({ seats: PartStatus, records: PartStatus, events: PartStatus, signing: PartStatus }),
  ),
});

export default defineFunction({
  name: 'health',
  summary: 'Reports whether the service is available.',
  memoryMiB: 512,
  concurrency: 80,
  maxInstances: 10,
  timeoutSeconds: 10,
  roles: ['roles/datastore.viewer', 'roles/pubsub.viewer', 'roles/cloudkms.publicKeyViewer'],
  secrets: COMMON_SECRETS,
  endpoints: {
    health: {
      method: 'GET',
      path: '/health',
      summary: 'Check the health of the service.',
      description:
        'Answers without calling any dependency. With `deep=1`, for operators only, it checks each dependency.',
      auth: accessOf('health.health'),
      query: z.strictObject({ deep: z.optional(z.literal('1')) }),
      answers: {
        well: { status: 200, description: 'Everything that was checked is available.', body: Health },
        ailing: {
          status: 503,
          description: 'A dependency is unavailable; `parts` shows which.',
          body: Health,
        },
      },
      problems: ['AUTHENTICATION_REQUIRED'],
    },
  },
});
