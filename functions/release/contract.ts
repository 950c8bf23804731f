import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { clientBody } from '../../shared/http/client-body.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { SessionId, SessionToken, wholeNumber } from '../../shared/http/fields.ts';

const DAY_MS = 24 * 3_600_000;

export default defineFunction({
  name: 'release',
  summary: 'Releases seats.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 100,
  timeoutSeconds: 10,
  roles: ['roles/datastore.viewer'],
  uses: ['records', 'seats', 'sessionTokens'],
  endpoints: {
    release: {
      method: 'POST',
      path: '/api/v1/licenses/release',
      summary: 'Release a seat.',
      description: 'Returns 204 even if the seat was already released or the session is not yours.',
      auth: accessOf('release.release'),
      standing: 'token',
      body: clientBody({
        session_id: SessionId,
        session_token: z.optional(SessionToken),
        /**
         * Milliseconds from receiving `session_token` to sending this request, by a monotonic clock, rounded down. With
         * this value, a delayed release does not end a session that its holder has acquired again in the meantime.
         */
        sent_after_ms: z.optional(wholeNumber(0, DAY_MS)),
      }),
      answers: {
        ended: {
          status: 204,
          description:
            'The session no longer holds a seat of your license, unless it was acquired again after you sent this.',
        },
      },
      problems: ['CREDENTIALS_INVALID', 'LICENSE_NOT_FOUND', 'RATE_LIMITED'],
    },
    end: {
      method: 'DELETE',
      path: '/api/v1/licenses/sessions/{session_id}',
      summary: 'End a session.',
      description:
        'Releases the seat if you have the license key or hold the seat. Operators and tenant admins can end any session of the license.',
      auth: accessOf('release.end'),
      params: z.strictObject({ session_id: SessionId }),
      answers: { ended: { status: 204, description: 'The session no longer holds a seat.' } },
      problems: ['SESSION_NOT_FOUND', 'CREDENTIALS_INVALID', 'LICENSE_NOT_FOUND', 'RATE_LIMITED'],
    },
  },
});
