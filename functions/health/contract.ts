import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';

const DependencyStatus = z.enum(['ok', 'unavailable']);

const Dependencies = z.strictObject({
  /** Whether Redis accepts writes; otherwise the limit that it has reached, or that it did not answer. */
  seats: z.enum(['ok', 'unavailable', 'commands', 'memory', 'bandwidth', 'read-only']),
  /** Whether Firestore accepts writes. */
  records: DependencyStatus,
  /** Whether the Pub/Sub topic exists. The backlog shows whether publishing works. */
  events: DependencyStatus,
  /** Whether the signing key can be reached. */
  signing: DependencyStatus,
  /** Whether Stripe answers and accepts our key, as of the last 30 seconds. `off`: payments are not configured. */
  billing: z.enum(['ok', 'unavailable', 'off']),
});

const Sweep = z.strictObject({
  /** `late`: no sweep has succeeded for 10 minutes. `unknown`: the records are unavailable. */
  status: z.enum(['ok', 'late', 'unknown']),
  /** When the last sweep that reached every dependency ended; null if there was none. */
  succeeded_at: z.nullable(z.iso.datetime()),
});

const Backlog = z.strictObject({
  /** `late`: the oldest event has waited for 5 minutes. `unknown`: the seats are unavailable. */
  status: z.enum(['ok', 'late', 'unknown']),
  /** Events in the outbox, not published yet; null if unknown. */
  events: z.nullable(z.int()),
  /** Age of the oldest of them; null if there is none. */
  oldest_age_seconds: z.nullable(z.int()),
});

/** With `deep=1` it has all fields, otherwise only `status`. */
const Health = z.strictObject({
  /**
   * `unavailable` if another status is not `ok`, except that without payments alone it is `degraded`: seats do not depend
   * on Stripe.
   */
  status: z.enum(['ok', 'degraded', 'unavailable']),
  dependencies: z.optional(Dependencies),
  sweep: z.optional(Sweep),
  backlog: z.optional(Backlog),
  /** Version of the release. */
  version: z.optional(z.string()),
  /** Commit that it was bundled from, with `-dirty` if files were changed; null if unknown. */
  commit: z.optional(z.nullable(z.string())),
});

export default defineFunction({
  name: 'health',
  summary: 'Reports whether the service is available.',
  memoryMiB: 512,
  concurrency: 80,
  maxInstances: 10,
  timeoutSeconds: 10,
  roles: ['roles/datastore.user', 'roles/pubsub.viewer', 'roles/cloudkms.publicKeyViewer'],
  uses: ['seatMaintenance', 'records', 'events', 'signer', 'billing', 'shards'],
  endpoints: {
    health: {
      method: 'GET',
      path: '/health',
      summary: 'Check the health of the service.',
      description:
        'Answers without calling any dependency. With `deep=1`, for operators only, it checks each dependency by a small write where the service writes, and reports the backlog of events, the last sweep and the release.',
      auth: accessOf('health.health'),
      query: z.strictObject({ deep: z.optional(z.literal('1')) }),
      answers: {
        well: {
          status: 200,
          description: 'Everything that was checked is ok, except for payments if the status is `degraded`.',
          body: Health,
        },
        ailing: {
          status: 503,
          description: 'Something is not ok; the statuses show what, and the runbook what to do.',
          body: Health,
        },
      },
      problems: ['AUTHENTICATION_REQUIRED'],
    },
  },
});
