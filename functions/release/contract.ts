import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';
import { SessionId, SessionToken, wholeNumber } from '../../shared/http/fields.ts';

const DAY_MS = 24 * 3_600_000;

export default defineFunction({
  name: 'release',
  summary: 'Gives seats back.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 100,
  timeoutSeconds: 10,
  roles: ['roles/datastore.viewer'],
  secrets: COMMON_SECRETS,
  endpoints: {
    release: {
      method: 'POST',
      path: '/api/v1/licenses/release',
      summary: 'Give a seat back. Asking again, or for a session that is not yours, answers the same.',
      auth: accessOf('release.release'),
      standing: 'token',
      body: z.strictObject({
        session_id: SessionId,
        session_token: z.optional(SessionToken),
        /**
         * Milliseconds from when `session_token` came to when this is sent, by a clock that nobody sets, rather too few than
         * too many. With it, a release that is long on its way ends nothing where its holder has acquired the session again
         * since.
         */
        sent_after_ms: z.optional(wholeNumber(0, DAY_MS)),
      }),
      answers: {
        ended: {
          status: 204,
          description:
            'The session holds no seat of your license, but for one that was acquired after this was sent.',
        },
      },
      problems: ['CREDENTIALS_INVALID', 'LICENSE_NOT_FOUND', 'RATE_LIMITED'],
    },
    end: {
      method: 'DELETE',
      path: '/api/v1/licenses/sessions/{session_id}',
      summary: 'Give a seat back, as its license; or, as an operator, take it from its holder for good.',
      auth: accessOf('release.end'),
      params: z.strictObject({ session_id: SessionId }),
      answers: { ended: { status: 204, description: 'The session holds no seat any more.' } },
      problems: ['SESSION_NOT_FOUND', 'CREDENTIALS_INVALID', 'LICENSE_NOT_FOUND', 'RATE_LIMITED'],
    },
  },
});
