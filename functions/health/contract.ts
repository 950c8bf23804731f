import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';

const Part = z.enum(['ok', 'unavailable']);
const Health = z.strictObject({
  status: Part,
  /** Only with `deep=1`. */
  parts: z.optional(z.strictObject({ seats: Part, records: Part, events: Part, signing: Part })),
});

export default defineFunction({
  name: 'health',
  summary: 'Says whether the suite can serve.',
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
      summary: 'Alive, without asking any other part; with deep=1, for operators, each part is asked.',
      auth: accessOf('health.health'),
      query: z.strictObject({ deep: z.optional(z.literal('1')) }),
      answers: {
        well: { status: 200, description: 'All that was asked can serve.', body: Health },
        ailing: { status: 503, description: 'A part cannot serve now; `parts` says which.', body: Health },
      },
      problems: ['AUTHENTICATION_REQUIRED'],
    },
  },
});
